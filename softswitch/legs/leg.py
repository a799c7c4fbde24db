"""A call leg of our own: the switch as the phone that was called (RFC 3261 §12.1.1, §13.3.1.4, §15.1.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from softswitch.dialog.dialog import Dialog
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.plan import Plan
from softswitch.errors import PeerError
from softswitch.flow import Flow
from softswitch.legs.keys import key_of
from softswitch.legs.referred import Referred
from softswitch.legs.script import Script
from softswitch.legs.scripts import SCRIPTS
from softswitch.media.anchor import sdp_of
from softswitch.media.engine import MediaEvent, MediaFailed, MediaKey
from softswitch.proxy.encryption import srtp_of, transports
from softswitch.sip.build import respond
from softswitch.sip.message import Request, Response
from softswitch.sound.library import Sound, said
from softswitch.transaction.layer import reply_flow
from softswitch.transaction.server_invite import ServerInvite
from softswitch.transaction.server_other import ServerOther
from softswitch.transaction.timers import Timer

if TYPE_CHECKING:
    from softswitch.legs.legs import Legs

LONGEST_SECONDS = 3600.0
"""A leg that lasts longer is hung up: nobody talks to an echo for an hour, but a phone may have lost its power."""
_SPARE_SECONDS = 2.0
"""How much longer than its sound we wait for the engine to say that it is played; the word may be lost."""

ALLOW = b"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO"


class Leg:
    """One call that the switch answered. Its timer sends the 200 again until the ACK comes, then ends it some day."""

    __slots__ = (
        "_begins",
        "_give_up_at",
        "_interval",
        "_offers",
        "_ok",
        "_ok_cseq",
        "_played",
        "_player",
        "acknowledged",
        "call_id",
        "dialog",
        "due",
        "ended",
        "facts",
        "flow",
        "invite",
        "legs",
        "local_tag",
        "plan",
        "referred",
        "remote_tag",
        "script",
        "server",
        "slot",
        "what",
    )

    def __init__(
        self,
        legs: Legs,
        invite: Request,
        server: ServerInvite,
        what: str,
        plan: Plan,
        facts: Facts,
        dialog: Dialog | None = None,
    ) -> None:
        """`dialog` is given for a call of our own that was answered and acknowledged already."""
        self.legs = legs
        self.what = what
        self.plan = plan
        self.facts = facts
        self.invite = invite
        self.server = server
        self.call_id = invite.call_id
        if dialog is None:
            flow = reply_flow(invite)
            user = invite.uri.partition(b":")[2].partition(b"@")[0] if b"@" in invite.uri else b"switch"
            dialog = Dialog.as_server(invite, server.to_tag, b"<sip:%b@%b>" % (user, flow.listener.uri), flow)
            self.acknowledged = False
            server.owner = self
        else:
            self.acknowledged = True
        self.dialog = dialog
        self.flow: Flow = dialog.flow
        self.local_tag, self.remote_tag = dialog.local_tag, dialog.remote_tag
        self._begins = not self.acknowledged
        self.ended = False
        self.due: float | None = None
        self.slot = 0
        self._ok = b""
        """The 200 that waits for its ACK."""
        self._ok_cseq = 0
        self._offers = False
        """It has an offer of ours, which the ACK answers."""
        self._interval = 0.0
        self._give_up_at = 0.0
        self._player = Timer(self._must_be_played)
        self.referred: Referred | None = None
        self._played: Callable[[], None] | None = None
        """What follows when the sound is over."""
        self.script = self._script()

    def _script(self) -> Script:
        kind, _, about = self.what.partition(" ")
        return SCRIPTS[kind](self, about)

    @property
    def _contact(self) -> bytes:
        return b"Contact: " + self.dialog.contact

    # -- answering

    def answer(self) -> None:
        """Ask the engine for an answer, then send 200."""
        sdp = sdp_of(self.invite.get(b"content-type") or b"", self.invite.body)
        self._ask(self.invite, sdp, self._accepted)

    def _ask(self, request: Request, sdp: bytes | None, done: Callable[[bytes | MediaFailed], None]) -> None:
        """Have the engine answer an offer of theirs, or make one where there is none (RFC 3261 §13.2.1, §14.2)."""
        media, network = self.legs.media, request.flow.listener.network
        if sdp is None:
            srtp = srtp_of(self.plan, self.facts.caller_account)
            media.propose(self.media_key, network, self.script.echoes, done, transports(srtp, "").to_caller)
            return
        ask = media.echo if self.script.echoes else media.talk
        ask(self.media_key, sdp, network, request.flow.host, done)

    @property
    def media_key(self) -> MediaKey:
        """By which the engine knows us."""
        return MediaKey(text_of(self.call_id), text_of(self.remote_tag), text_of(self.local_tag))

    def _accepted(self, result: bytes | MediaFailed) -> None:
        if self.ended:
            return
        if isinstance(result, MediaFailed):
            self.end()
            self.server.reply(result.status, headers=(b"Retry-After: 5",) if result.status == 503 else ())
            return
        headers = [b"Content-Type: application/sdp", self._contact, ALLOW]
        routes = [line for line, key in zip(self.invite.lines, self.invite.keys, strict=True) if key == b"record-route"]
        self._send_ok(self.invite, self.server, [*routes, *headers], result)
        self.legs.answered(self)

    def _send_ok(self, invite: Request, server: ServerInvite, headers: list[bytes], sdp: bytes) -> None:
        """Send a 200 to an INVITE, again and again until its ACK comes: over streams too (RFC 3261 §13.3.1.4)."""
        offers = sdp_of(invite.get(b"content-type") or b"", invite.body) is None
        self._ok = respond(invite, 200, "", headers, sdp, self.local_tag)
        self._ok_cseq = invite.cseq[0]
        self._offers = offers
        self.acknowledged = False
        self.flow = reply_flow(invite)
        server.respond(200, self._ok)
        layer = self.legs.layer
        self._interval = layer.values.t1
        self._give_up_at = layer.now + layer.values.lifetime
        layer.wheel.arm(self, layer.now + self._interval)

    def fire(self, now: float) -> None:
        """The 200 was not acknowledged yet, or the leg has lasted too long."""
        layer = self.legs.layer
        if self.acknowledged or now >= self._give_up_at:
            self.hang_up()
            return
        layer.send(self._ok, self.flow)
        self._interval = min(2 * self._interval, layer.values.t2)
        layer.wheel.arm(self, min(now + self._interval, self._give_up_at))

    def on_cancel(self, cancel: Request) -> None:
        """Before we could answer."""
        self.on_caller_gone()

    def on_caller_gone(self) -> None:
        """The connection closed before we could answer."""
        self.end()
        self.server.reply(487)

    # -- for the script

    def sound(self, name: str) -> Sound | None:
        """An announcement of this firm, or what comes with the switch in its language; None where it can't be had."""
        own = self.plan.announcements.get(name)
        return self.legs.own_sound(own) if own is not None else said(name, self.plan.language)

    def play(self, sounds: Sequence[Sound], then: Callable[[], None], repeat: bool = False) -> None:
        """Say this instead of what is being said; `then` follows when it is over, if nothing else is played before."""
        if self.ended:
            return
        self._played = then
        seconds = sum(sound.seconds for sound in sounds)
        layer = self.legs.layer
        if repeat:
            self._player.due = None
        else:
            layer.wheel.arm(self._player, layer.now + seconds + _SPARE_SECONDS)
        self.legs.media.play(self.media_key, [sound.file for sound in sounds], repeat, self._plays)

    def become(self, what: str) -> None:
        """Go on with another script."""
        self.script.over()
        self.what = what
        self.script = self._script()
        self.script.begin()

    def stop_playing(self) -> None:
        """Whatever was being said, nothing follows it."""
        self._played = None
        self._player.due = None

    def last(self, seconds: float) -> None:
        """Hang up after so long, instead of LONGEST_SECONDS."""
        self.legs.layer.wheel.arm(self, self.legs.layer.now + seconds)

    def _plays(self, failed: MediaFailed | None) -> None:
        if failed is not None and not self.ended:
            self.legs.note(self.call_id, "nothing is played", reason=failed.reason)
            self._must_be_played(self.legs.layer.now)

    def _must_be_played(self, now: float) -> None:
        then, self._played = self._played, None
        if then is not None and not self.ended:
            self._player.due = None
            then()

    def heard(self, event: MediaEvent) -> None:
        """Something happened in the sound."""
        if event.name == "played":
            self._must_be_played(self.legs.layer.now)
        else:
            key = event.details.get("key")
            self.script.key(key.decode("ascii", "replace") if isinstance(key, bytes) else "")

    # -- within the dialog

    def receive(self, request: Request) -> None:
        """A request of the caller within this dialog."""
        method = request.method
        layer = self.legs.layer
        if method == b"ACK":
            if not self.acknowledged and request.cseq[0] == self._ok_cseq:
                self.acknowledged = True
                self._ok = b""
                layer.wheel.arm(self, layer.now + LONGEST_SECONDS)
                if self._offers:
                    self._settle(request)
                else:
                    self._begin()
            return
        server = layer.accept(request)
        try:
            self.dialog.accept(request)
        except PeerError as error:
            server.reply(error.status, error.reason)
            return
        if isinstance(server, ServerInvite):
            self._reinvite(request, server)
        elif method == b"BYE":
            self.script.hung_up(lambda: self._let_go(server))
        elif method == b"NOTIFY" and self.referred is not None:
            server.reply(200)
            self.referred.notified(request)
        elif method in (b"INFO", b"OPTIONS"):
            server.reply(200, headers=(ALLOW,))
            key = key_of(request.get(b"content-type") or b"", request.body) if method == b"INFO" else ""
            if key:
                self.script.key(key)
        elif method == b"UPDATE":
            self._update(request, server)
        else:
            server.reply(405, headers=(ALLOW,))

    def _begin(self) -> None:
        if self._begins and not self.ended:
            self._begins = False
            self.script.begin()

    def _settle(self, ack: Request) -> None:
        """The ACK answers an offer of ours (RFC 3264 §5). Without an answer there is no call, or it stays as it is."""
        sdp = sdp_of(ack.get(b"content-type") or b"", ack.body)

        def done(failed: MediaFailed | None) -> None:
            if failed is None:
                self._begin()
            elif not self.ended:
                self.legs.note(self.call_id, "no media", status=failed.status, reason=failed.reason)
                self.hang_up()

        if sdp is None:
            failed = MediaFailed(488, "the ACK has no answer to our offer")
            done(failed if self._begins else None)
        else:
            self.legs.media.settle(self.media_key, sdp, ack.flow.host, done)

    def _let_go(self, bye: ServerOther) -> None:
        bye.reply(200)
        self.end()

    def _reinvite(self, request: Request, server: ServerInvite) -> None:
        """Hold, resume, another codec or address: answered anew."""
        if not self.acknowledged:
            server.reply(491)
            return
        sdp = sdp_of(request.get(b"content-type") or b"", request.body)

        def done(result: bytes | MediaFailed) -> None:
            if isinstance(result, MediaFailed):
                server.reply(result.status)
            elif not self.ended:
                headers = [b"Content-Type: application/sdp", self._contact, ALLOW]
                self._send_ok(request, server, headers, result)

        self._ask(request, sdp, done)

    def _update(self, request: Request, server: ServerOther) -> None:
        sdp = sdp_of(request.get(b"content-type") or b"", request.body)
        if sdp is None:
            server.reply(200, headers=(self._contact, ALLOW))
            return

        def done(result: bytes | MediaFailed) -> None:
            if isinstance(result, MediaFailed):
                server.reply(result.status)
            else:
                server.reply(200, "", (b"Content-Type: application/sdp", self._contact, ALLOW), result)

        self._ask(request, sdp, done)

    # -- sent elsewhere

    def refer(self, target: bytes, refused: Callable[[], None]) -> None:
        """Have the caller's phone call this URI instead (RFC 3515); `refused` when it doesn't, else we hang up."""
        known = [value for line in self.invite.all(b"allow") for value in line.upper().replace(b",", b" ").split()]
        if known and b"REFER" not in known:
            refused()
            return
        layer = self.legs.layer
        branch = layer.ids.branch()
        self.dialog.flow = self.flow
        lines = (b"Refer-To: <%b>" % target, b"Referred-By: " + self.dialog.local.partition(b";tag=")[0])
        self.referred = Referred(self, refused)
        data = self.dialog.request(b"REFER", branch, lines)
        layer.send_request(b"REFER", branch, data, self.flow, self.referred)

    # -- the end

    def hang_up(self) -> None:
        """Send BYE (RFC 3261 §15.1.1); also to a caller who never acknowledged."""
        if self.ended:
            return
        self.end()
        layer = self.legs.layer
        branch = layer.ids.branch()
        self.dialog.flow = self.flow
        layer.send_request(b"BYE", branch, self.dialog.request(b"BYE", branch), self.flow, self)

    def on_response(self, response: Response) -> None:
        """To our BYE: whatever it says, the leg is over."""

    def on_no_answer(self, timed_out: bool) -> None:
        """To our BYE."""

    def end(self) -> None:
        """Free what the leg holds."""
        if not self.ended:
            self.ended = True
            self.due = self._player.due = None
            if self.referred is not None:
                self.referred.over()
            self.script.over()
            self.legs.forget(self)


def text_of(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
