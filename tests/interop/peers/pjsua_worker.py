"""Runs pjsua2 (the PJSIP project's library) without sound devices; a script, commanded by `worker.Worker`."""

from __future__ import annotations

import json
import os
import select
import sys
from typing import Any

import pjsua2 as pj


def tell(event: str, **fields: Any) -> None:
    """In one write and on a line of its own, whatever the library's threads are logging to the same pipe."""
    os.write(1, f"\n{json.dumps({'event': event, **fields})}\n".encode())


_MEDIA = {
    pj.PJSUA_CALL_MEDIA_ACTIVE: "active",
    pj.PJSUA_CALL_MEDIA_LOCAL_HOLD: "held",
    pj.PJSUA_CALL_MEDIA_REMOTE_HOLD: "held by them",
}


class Call(pj.Call):
    """One call, with a WAV played into it and what comes recorded."""

    def __init__(self, phone: Phone, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(phone, call_id)
        self._phone = phone
        self._media: list[Any] = []

    def onCallState(self, prm: Any) -> None:
        info = self.getInfo()
        tell("state", state=info.stateText, code=info.lastStatusCode, remote=info.remoteUri)
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._media.clear()

    def onCallMediaState(self, prm: Any) -> None:
        info = self.getInfo()  # the list in it lives only as long as it does
        status = next(one.status for one in info.media if one.type == pj.PJMEDIA_TYPE_AUDIO)
        tell("media", status=_MEDIA.get(status, status))
        if status not in (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD):
            return
        sound = self.getAudioMedia(-1)
        if not self._media:
            player, recorder = pj.AudioMediaPlayer(), pj.AudioMediaRecorder()
            player.createPlayer(self._phone.options["wav"])
            recorder.createRecorder(self._phone.options["heard"])
            self._media += [player, recorder]
        # Again after each new offer: one with another address has a new stream.
        player, recorder = self._media
        player.startTransmit(sound)
        sound.startTransmit(recorder)

    def onCallTransferRequest(self, prm: Any) -> None:
        tell("asked to call", target=prm.dstUri)
        self._phone.calls.append(Call(self._phone))
        prm.newCall = self._phone.calls[-1]

    def onCallTransferStatus(self, prm: Any) -> None:
        tell("transfer", code=prm.statusCode, final=prm.finalNotify)

    def onCallReplaced(self, prm: Any) -> None:
        self._phone.calls.append(Call(self._phone, prm.newCallId))
        prm.newCall = self._phone.calls[-1]
        tell("replaced")

    def onDtmfDigit(self, prm: Any) -> None:
        tell("dtmf", digit=prm.digit)


_ACTIVITIES = {pj.PJRPID_ACTIVITY_UNKNOWN: "", pj.PJRPID_ACTIVITY_AWAY: "away", pj.PJRPID_ACTIVITY_BUSY: "busy"}


class Buddy(pj.Buddy):
    """Somebody whose presence is watched."""

    def onBuddyState(self) -> None:
        info = self.getInfo()
        status = info.presStatus
        tell(
            "buddy",
            uri=info.uri,
            subscription=info.subStateName,
            online=status.status == pj.PJSUA_BUDDY_STATUS_ONLINE,
            activity=_ACTIVITIES.get(status.activity, ""),
            note=status.note,
        )


class Phone(pj.Account):
    """The account."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__()
        self.options = options
        self.calls: list[Call] = []
        """The latest one is meant by commands."""
        self.watched: Buddy | None = None
        settings = pj.AccountConfig()
        settings.idUri = options["aor"]
        settings.regConfig.registrarUri = f"sip:{options['domain']}"
        settings.regConfig.timeoutSec = 120
        route = f"<sip:{options['server']};transport={options['transport']};lr>"
        settings.sipConfig.proxies.append(route)
        settings.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", options["account"], 0, options["password"]))
        settings.presConfig.publishEnabled = options.get("publish", False)
        settings.mediaConfig.transportConfig.boundAddress = options["address"]
        settings.mediaConfig.rtcpMuxEnabled = options.get("rtcp_mux", False)
        reliable = {"mandatory": pj.PJSUA_100REL_MANDATORY, "optional": pj.PJSUA_100REL_OPTIONAL}
        if options["prack"]:
            settings.callConfig.prackUse = reliable[options["prack"]]
        if options["timer_seconds"]:
            settings.callConfig.timerUse = pj.PJSUA_SIP_TIMER_ALWAYS
            settings.callConfig.timerSessExpiresSec = options["timer_seconds"]
            settings.callConfig.timerMinSESec = options["timer_seconds"]
        self.create(settings)

    @property
    def call(self) -> Call:
        return self.calls[-1]

    def onRegState(self, prm: Any) -> None:
        info = self.getInfo()
        tell("registration", code=prm.code, active=info.regIsActive)

    def onIncomingCall(self, prm: Any) -> None:
        self.calls.append(Call(self, prm.callId))
        tell("incoming", caller=self.call.getInfo().remoteUri)

    def onInstantMessage(self, prm: Any) -> None:
        tell("message", sender=prm.fromUri, text=prm.msgBody)

    def onInstantMessageStatus(self, prm: Any) -> None:
        tell("sent", code=prm.code)

    def do(self, command: dict[str, Any]) -> None:
        """Carry out one command."""
        match command:
            case {"command": "call", "target": target}:
                self.calls.append(Call(self))
                self.call.makeCall(target, pj.CallOpParam(True))
            case {"command": "answer", "code": code, **more}:
                answer = pj.CallOpParam()
                answer.statusCode = code
                if "contact" in more:
                    header = pj.SipHeader()
                    header.hName, header.hValue = "Contact", f"<{more['contact']}>"
                    answer.txOption.headers.append(header)
                self.call.answer(answer)
            case {"command": "hangup"}:
                self.call.hangup(pj.CallOpParam())
            case {"command": "hold"}:
                self.call.setHold(pj.CallOpParam())
            case {"command": "resume"}:
                again = pj.CallOpParam(True)
                again.opt.flag = pj.PJSUA_CALL_UNHOLD
                self.call.reinvite(again)
            case {"command": "transfer", "target": target}:
                assert self.call is not None
                self.call.xfer(target, pj.CallOpParam(True))
            case {"command": "dtmf", "digits": digits, "info": True}:
                assert self.call is not None
                sent = pj.CallSendDtmfParam()
                sent.method, sent.digits = pj.PJSUA_DTMF_METHOD_SIP_INFO, digits
                self.call.sendDtmf(sent)
            case {"command": "dtmf", "digits": digits}:
                self.call.dialDtmf(digits)
            case {"command": "update"}:
                self.call.update(pj.CallOpParam(True))
            case {"command": "transfer", "target": target}:
                self.call.xfer(target, pj.CallOpParam(True))
            case {"command": "join"}:
                first, second = self.calls[-2:]
                first.xferReplaces(second, pj.CallOpParam(True))
            case {"command": "message", "target": target, "text": text}:
                buddy, settings, message = pj.Buddy(), pj.BuddyConfig(), pj.SendInstantMessageParam()
                settings.uri = target
                buddy.create(self, settings)
                message.content = text
                buddy.sendInstantMessage(message)
            case {"command": "watch", "target": target}:
                self.watched, settings = Buddy(), pj.BuddyConfig()
                settings.uri = target
                settings.subscribe = True
                self.watched.create(self, settings)
            case {"command": "publish", "activity": activity, "note": note}:
                status = pj.PresenceStatus()
                status.status = pj.PJSUA_BUDDY_STATUS_ONLINE
                status.activity = next(one for one, name in _ACTIVITIES.items() if name == activity)
                status.note = note
                self.setOnlineStatus(status)
            case _:
                raise ValueError(f"no command {command}")


_PRIORITY = {"PCMA": 130, "PCMU": 128}
_NOT_NOW = 70013
"""PJ_EINVALIDOP: an offer is under way, such as the one that settles on one codec."""


def try_offer(phone: Phone, command: dict[str, Any]) -> dict[str, Any] | None:
    """Carry out a command that makes an offer; itself where it has to be given once more."""
    try:
        phone.do(command)
    except pj.Error as error:
        if error.status == _NOT_NOW:
            return command
        tell("failed", reason=error.info())
    return None


def main() -> None:
    options: dict[str, Any] = json.loads(sys.argv[1])
    endpoint, settings, transport = pj.Endpoint(), pj.EpConfig(), pj.TransportConfig()
    endpoint.libCreate()
    settings.uaConfig.threadCnt = 0
    settings.uaConfig.mainThreadOnly = True
    settings.logConfig.level = 4
    settings.logConfig.consoleLevel = 4
    settings.medConfig.noVad = True
    settings.medConfig.clockRate = 8000
    settings.medConfig.ecTailLen = 0
    endpoint.libInit(settings)
    endpoint.audDevManager().setNullDev()
    transport.boundAddress = options["address"]
    transport.port = 0
    kinds = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP, "tls": pj.PJSIP_TRANSPORT_TLS}
    if options["transport"] == "tls":
        transport.tlsConfig.CaListFile = options["authority"]
        transport.tlsConfig.verifyServer = True
        transport.tlsConfig.method = pj.PJSIP_TLSV1_2_METHOD
    endpoint.transportCreate(kinds[options["transport"]], transport)
    endpoint.libStart()
    for codec in endpoint.codecEnum2():
        # G.711 only: its samples can be compared with what was sent.
        endpoint.codecSetPriority(codec.codecId, _PRIORITY.get(codec.codecId[:4], 0))
    phone = Phone(options)
    # Unbuffered: a second line read ahead would be invisible to select.
    typed = open(0, "rb", buffering=0)  # noqa: SIM115
    again: dict[str, Any] | None = None
    while True:
        endpoint.libHandleEvents(10)
        if again is not None:
            again = try_offer(phone, again)
            continue
        if not select.select([typed], [], [], 0)[0]:
            continue
        line = typed.readline()
        if not line or json.loads(line)["command"] == "quit":
            break
        command = json.loads(line)
        if command["command"] in ("hold", "resume"):
            again = command
            continue
        try:
            phone.do(command)
        except pj.Error as error:
            tell("failed", reason=error.info())
    phone.shutdown()
    endpoint.libDestroy()


if __name__ == "__main__":
    main()
