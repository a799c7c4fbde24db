"""The media engine at the other end of an ng socket: asked by datagrams, answered and told of events by call-back."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from math import ceil
from typing import Any

from .engine import Did, Done, Heard, MediaEvent, MediaFailed, MediaKey
from .memory import SessionMemory
from .ng import EVENT, MAX_DATAGRAM, NgError, Value, pack, unpack
from .quality import StreamQuality, Told, from_message
from .relay.settings import parse_control

Replied = Callable[[dict[str, Value] | None], None]
"""Gets the reply, or None when there was none in time."""

_READ_AT_ONCE = 32
_RECALLED = 200
"""Calls that are listed in one answer."""
_HEARTBEAT_SECONDS = 10.0
"""Well below the relay's lease."""
_STUCK_HEARTBEATS = 3
_FULL_RETRY_SECONDS = 0.002
_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Pending:
    cookie: bytes
    datagram: bytes
    replied: Replied
    tries: int = 0
    timer: asyncio.TimerHandle | None = None


class RelayClient:
    """A `MediaEngine` that speaks ng to a relay; its call-backs come from the loop, never from within a call.

    A datagram without an answer is sent again with the same cookie: all commands may be carried out twice. A relay
    that is started again at the same address is found again.
    """

    speaks = True
    """Whether it whispers to parties, presses their keys and hears them."""

    def __init__(self, address: str | tuple[str, int], waits: Sequence[float] = (0.25, 0.5, 1.0)) -> None:
        """`address` as in `RelaySettings.control`, or host and port; `waits` are the seconds to wait after each try."""
        self._where = parse_control(address) if isinstance(address, str) else address
        self._waits = tuple(waits)
        self._prefix = secrets.token_hex(8).encode()
        self.name = "media relay"
        """As an operator knows it."""
        self._count = 0
        self._pending: dict[bytes, _Pending] = {}
        self._outbox: deque[_Pending] = deque()
        self._heard: dict[str, list[Heard]] = {}
        self._heartbeat: asyncio.TimerHandle | None = None
        self._unanswered = 0
        """Words in a row."""
        self._held = False
        self.memory = SessionMemory()
        """Of the sessions that the relay has."""
        self._sock: socket.socket | None = None
        self._flush_timer: asyncio.TimerHandle | None = None
        self.failures = 0
        """Commands that were never answered."""

    def open(self) -> None:
        """Begin, within a running loop; nothing when it has begun."""
        if self._sock is not None:
            return
        self._loop = asyncio.get_running_loop()
        if isinstance(self._where, str):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            sock.bind("")  # a name of the kernel's choice, to be answered at
        else:
            family = socket.AF_INET6 if ":" in self._where[0] else socket.AF_INET
            sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            if ip_address(self._where[0]).is_loopback:
                sock.bind((self._where[0], 0))
        self._sock = sock
        self._loop.add_reader(sock.fileno(), self._read)

    async def recall(self) -> None:
        """Ask the relay, which was another switch's before, what is to be remembered."""
        first = 0
        while True:
            listed = (await self.ask({"command": "list", "limit": _RECALLED, "first": first})).get("calls")
            if not isinstance(listed, list) or not listed:
                return
            first += len(listed)
            for call_id in listed:
                states = (await self.ask({"command": "states", "call-id": call_id})).get("states")
                name = call_id.decode("utf-8", "surrogateescape")
                for pair in states if isinstance(states, list) else ():
                    self.memory.keep(name, pair[0], pair[1])

    def keep_alive(self, stuck: Callable[[], None] = lambda: None) -> None:
        """From now on say a word from time to time, so that the relay knows that its switch lives.

        `stuck` is called when it is there, but has not answered for half a minute.
        """
        self._heartbeat = self._loop.call_later(_HEARTBEAT_SECONDS, self.keep_alive, stuck)

        def answered(reply: dict[str, Value] | None) -> None:
            self._unanswered = 0 if reply is not None or self._held else self._unanswered + 1
            if self._unanswered == _STUCK_HEARTBEATS and self._sock is not None:
                self._unanswered = 0
                stuck()

        self.request({"command": "ping", "owner": os.getpid()}, answered)

    def close(self) -> None:
        """End; whoever still waits is told that there was no answer."""
        if self._sock is None:
            return
        self._loop.remove_reader(self._sock.fileno())
        self._sock.close()
        self._sock = None
        for timer in (self._heartbeat, self._flush_timer):
            if timer is not None:
                timer.cancel()
        self._outbox.clear()
        for pending in list(self._pending.values()):
            self._finish(pending, None)

    def offer(
        self,
        key: MediaKey,
        sdp: bytes,
        to_network: str,
        source: str,
        done: Done,
        transport: str = "",
        music: str = "",
    ) -> None:
        self._place("offer", key, sdp, to_network, source, done, transport=transport, music=music)

    def answer(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done) -> None:
        self._place("answer", key, sdp, to_network, source, done)

    def echo(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done) -> None:
        self._place("offer", key, sdp, to_network, source, done, flags=["echo"])

    def talk(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done, music: str = "") -> None:
        self._place("offer", key, sdp, to_network, source, done, flags=["talk"], music=music)

    def propose(self, key: MediaKey, to_network: str, echoes: bool, done: Done, transport: str = "") -> None:
        flags = ["echo" if echoes else "talk"]
        self._place("offer", key, b"", to_network, "", done, flags=flags, transport=transport)

    def settle(self, key: MediaKey, sdp: bytes, source: str, done: Did) -> None:
        def settled(result: bytes | MediaFailed) -> None:
            done(result if isinstance(result, MediaFailed) else None)

        self._place("answer", key, sdp, "", source, settled, flags=["own"])

    def play(self, key: MediaKey, files: Sequence[str], repeat: bool, done: Did) -> None:
        self._do("play media", key, done, files=[os.fsencode(file) for file in files], repeat=int(repeat))

    def connect(self, key: MediaKey, other: MediaKey, done: Did) -> None:
        whom: dict[str, Value] = {"other-call-id": other.call_id, "other-from-tag": other.from_tag}
        self._do("connect", key, done, **whom)

    def whisper(self, key: MediaKey, sdp: bytes, files: Sequence[str], done: Did) -> None:
        names = [os.fsencode(file) for file in files]
        self._do("whisper", key, done, sdp=sdp, files=names, repeat=1, **_of_branch(key))

    def stop_whisper(self, key: MediaKey) -> None:
        self._do("stop whisper", key, lambda failed: None, **_of_branch(key))

    def press(self, key: MediaKey, digit: str, seconds: float, done: Did) -> None:
        milliseconds, serial = int(seconds * 1000), self._count + 1
        self._do("play DTMF", key, done, code=digit, duration=milliseconds, serial=serial, **_of_branch(key))

    def take_keys(self, key: MediaKey, takes: bool) -> None:
        message: dict[str, Value] = {
            "command": "block DTMF" if takes else "unblock DTMF",
            "call-id": key.call_id,
            "from-tag": key.from_tag,
            **_of_branch(key),
        }

        def did(reply: dict[str, Value] | None) -> None:
            failed = _failure(reply)
            if failed is not None:
                _log.warning("keys are not taken out of the sound: %s", failed.reason)
            elif reply is not None:
                self.memory.keep(key.call_id, reply.get("session"), reply.get("state"))

        self.request(message, did)

    def record(self, key: MediaKey, file: str, seconds: float, done: Did) -> None:
        self._do("start recording", key, done, file=os.fsencode(file), seconds=ceil(seconds))

    def stop_recording(self, key: MediaKey, done: Did) -> None:
        self._do("stop recording", key, done)

    def delete(self, call_id: str, from_tag: str = "", via_branch: str = "", told: Told | None = None) -> None:
        message: dict[str, Value] = {"command": "delete", "call-id": call_id}
        if from_tag:
            message["from-tag"] = from_tag
        if via_branch:
            message["via-branch"] = via_branch
        elif not from_tag:
            self.memory.drop_call(call_id)

        def deleted(reply: dict[str, Value] | None) -> None:
            if reply is not None:
                self.memory.drop(call_id, reply.get("ended"))
                if told is not None:
                    told(_quality(reply))

        self.request(message, deleted)

    @property
    def waits(self) -> bool:
        """Whether the relay is away."""
        return self._held

    def away(self) -> None:
        """The relay has died and is started again: what it is asked meanwhile waits."""
        self._held = True

    def back(self) -> None:
        """The relay is there again, and has forgotten everything: it gets back its sessions before all else."""
        waiting = [*self._outbox]
        self._outbox.clear()
        for state in self.memory:
            self.request({"command": "restore", "state": state}, _restored)
        self._outbox.extend(waiting)
        self._held = False
        if self._flush_timer is None:
            self._flush()

    def query(self, call_id: str, told: Told) -> None:
        def replied(reply: dict[str, Value] | None) -> None:
            sessions = reply.get("sessions") if reply is not None else None
            found = sessions if isinstance(sessions, list) else []
            told([one for session in found if isinstance(session, dict) for one in _quality(session)])

        self.request({"command": "query", "call-id": call_id}, replied)

    def subscribe(self, name: str, heard: Heard) -> None:
        self._heard.setdefault(name, []).append(heard)

    async def ask(self, message: dict[str, Value]) -> dict[str, Value]:
        """Any ng command and its reply, whatever that says; raises TimeoutError without one."""
        future: asyncio.Future[dict[str, Value] | None] = self._loop.create_future()
        self.request(message, lambda reply: None if future.done() else future.set_result(reply))
        reply = await future
        if reply is None:
            raise TimeoutError("the media relay does not answer")
        return reply

    def request(self, message: dict[str, Value], replied: Replied) -> None:
        """Send any ng command."""
        self._count += 1
        cookie = b"%s_%d" % (self._prefix, self._count)
        pending = _Pending(cookie, pack(cookie, message), replied)
        self._pending[cookie] = pending
        if self._sock is None or len(pending.datagram) > MAX_DATAGRAM:
            # Without a relay (`use: never`) there is no socket, and never was.
            asyncio.get_running_loop().call_soon(self._finish, pending, None)
            return
        self._try(pending)

    def _do(self, command: str, key: MediaKey, done: Did, **more: Value) -> None:
        """At an end of our own."""
        self.request(
            {"command": command, "call-id": key.call_id, "from-tag": key.from_tag, **more},
            lambda reply: done(_failure(reply)),
        )

    def _place(
        self,
        command: str,
        key: MediaKey,
        sdp: bytes,
        to_network: str,
        source: str,
        done: Done,
        flags: Sequence[str] = (),
        transport: str = "",
        music: str = "",
    ) -> None:
        message: dict[str, Value] = {
            "command": command,
            "call-id": key.call_id,
            "from-tag": key.from_tag,
            "sdp": sdp,
            "ICE": "remove",
            "replace": ["origin", "session-connection"],
            "to-interface": to_network,
        }
        if key.to_tag:
            message["to-tag"] = key.to_tag
        if key.via_branch:
            message["via-branch"] = key.via_branch
        if source:
            message["received-from"] = ["IP6" if ":" in source else "IP4", source]
        if flags:
            message["flags"] = list(flags)
        if transport:
            self._ask_for(message, transport)
        if music:
            message["music"] = os.fsencode(music)
        self._finished(message, key, transport, sdp)

        def placed(reply: dict[str, Value] | None) -> None:
            if reply is not None:
                self.memory.keep(key.call_id, reply.get("session"), reply.get("state"))
            done(_result(reply))

        self.request(message, placed)

    @staticmethod
    def _ask_for(message: dict[str, Value], transport: str) -> None:
        if transport == "OSRTP":
            message["OSRTP"] = ["offer"]
        else:
            message["transport-protocol"] = transport

    def _finished(self, message: dict[str, Value], key: MediaKey, transport: str, sdp: bytes) -> None:
        """A last look at an offer or answer, for engines that want it otherwise."""

    def _try(self, pending: _Pending) -> None:
        if pending.tries == len(self._waits):
            self.failures += 1
            self._finish(pending, None)
            return
        pending.timer = self._loop.call_later(self._waits[pending.tries], self._try, pending)
        pending.tries += 1
        self._outbox.append(pending)
        if self._flush_timer is None:
            self._flush()

    def _flush(self) -> None:
        self._flush_timer = None
        while self._outbox and self._sock is not None and not self._held:
            pending = self._outbox[0]
            if pending.cookie in self._pending:
                try:
                    self._sock.sendto(pending.datagram, self._where)
                except BlockingIOError:
                    # The relay's queue is full (a unix socket holds ten datagrams by default): soon it is not.
                    self._flush_timer = self._loop.call_later(_FULL_RETRY_SECONDS, self._flush)
                    return
                except OSError as error:
                    _log.debug("the media relay is away: %s", error)  # the next try may find it
            self._outbox.popleft()

    def _read(self) -> None:
        for _ in range(_READ_AT_ONCE):
            if self._sock is None:
                return  # a call-back closed us
            try:
                datagram, sender = self._sock.recvfrom(MAX_DATAGRAM)
            except BlockingIOError:
                return
            except OSError as error:
                _log.debug("the media relay is away: %s", error)
                continue
            if self._is_relay(sender):
                self._receive(datagram)

    def _is_relay(self, sender: Any) -> bool:
        return bool(sender == self._where if isinstance(self._where, str) else sender[:2] == self._where)

    def _receive(self, datagram: bytes) -> None:
        try:
            cookie, reply = unpack(datagram)
        except NgError as error:
            _log.warning("the media relay sent something unreadable: %s", error)
            return
        if cookie == EVENT:
            self._tell(reply)
            return
        pending = self._pending.get(cookie)
        if pending is not None:  # else an answer to an earlier try
            self._finish(pending, reply)

    def _tell(self, message: dict[str, Value]) -> None:
        words = [message.pop(name, b"") for name in ("event", "call-id", "from-tag", "tag")]
        name, call_id, from_tag, tag = (
            word.decode("utf-8", "surrogateescape") if isinstance(word, bytes) else "" for word in words
        )
        if name == "gone":
            self.memory.drop(call_id, [message.get("name")])
        elif name == "state":
            self.memory.keep(call_id, message.get("name"), message.get("state"))
        for heard in self._heard.get(name, ()):
            heard(MediaEvent(name, call_id, from_tag, tag, message))

    def _finish(self, pending: _Pending, reply: dict[str, Value] | None) -> None:
        if pending.timer is not None:
            pending.timer.cancel()
        if self._pending.pop(pending.cookie, None) is not None:
            pending.replied(reply)


def _restored(reply: dict[str, Value] | None) -> None:
    if reply is None or reply.get("result") != b"ok":
        reason = reply.get("error-reason") if reply is not None else "no answer"
        _log.warning("the media relay could not take up a call again: %r", reason)


def _quality(reply: dict[str, Value]) -> list[StreamQuality]:
    """What a reply says of it; an engine of another make says it otherwise, or not at all."""
    given = reply.get("quality")
    try:
        return [from_message(one) for one in given] if isinstance(given, list) else []
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        _log.warning("the media relay sent figures that make no sense: %r", error)
        return []


def _result(reply: dict[str, Value] | None) -> bytes | MediaFailed:
    """What `done` gets for this reply."""
    if reply is None:
        return MediaFailed(503, "the media relay does not answer")
    sdp = reply.get("sdp")
    if reply.get("result") == b"ok" and isinstance(sdp, bytes):
        return sdp
    return _refusal(reply)


def _of_branch(key: MediaKey) -> dict[str, Value]:
    """What tells an offer from its caller's others."""
    return {name: value for name, value in (("to-tag", key.to_tag), ("via-branch", key.via_branch)) if value}


def _failure(reply: dict[str, Value] | None) -> MediaFailed | None:
    """What `did` gets for this reply."""
    if reply is None:
        return MediaFailed(503, "the media relay does not answer")
    return None if reply.get("result") == b"ok" else _refusal(reply)


def _refusal(reply: dict[str, Value]) -> MediaFailed:
    reason = reply.get("error-reason")
    text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else "the media relay refused"
    return MediaFailed(488 if reply.get("status") == 488 else 503, text)
