"""Provisional responses of ours that the caller insists on being sure of (RFC 3262 §3): sent until a PRACK comes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from softswitch.sip.message import Request
from softswitch.transaction import server_invite
from softswitch.transaction.server_invite import ServerInvite
from softswitch.transaction.server_other import ServerOther

if TYPE_CHECKING:
    from softswitch.bridge.bridges import Bridges

_RACK = re.compile(rb"([0-9]{1,10})[ \t]+([0-9]{1,10})[ \t]+INVITE")


def wants_reliable(request: Request) -> bool:
    """Whether provisional responses to this INVITE have to be reliable."""
    return any(b"100rel" in line.lower() for line in request.all(b"require"))


class Reliable:
    """Of one INVITE that came in. Its timer sends the latest response again."""

    __slots__ = ("_bridges", "_call_id", "_give_up_at", "_interval", "_number", "_server", "_tags", "due", "slot")

    def __init__(self, bridges: Bridges, request: Request, server: ServerInvite) -> None:
        self._bridges = bridges
        self._server = server
        self._call_id = request.call_id
        self._number = 0
        self._tags: set[bytes] = set()
        self._interval = 0.0
        self._give_up_at = 0.0
        self.due: float | None = None
        self.slot = 0

    def lines(self, tag: bytes) -> tuple[bytes, ...]:
        """What the next response, which has this tag of ours and is sent now, bears."""
        layer = self._bridges.layer
        self._number += 1
        if tag not in self._tags:
            self._tags.add(tag)
            self._bridges.early[self._call_id, tag] = self
        self._interval = layer.values.t1
        self._give_up_at = layer.now + layer.values.lifetime
        layer.wheel.arm(self, layer.now + self._interval)
        return b"Require: 100rel", b"RSeq: %d" % self._number

    def receive(self, request: Request) -> None:
        """A request of the caller before there is an answer."""
        server = self._bridges.layer.accept(request)
        match = _RACK.fullmatch(request.get(b"rack") or b"")
        if request.method != b"PRACK" or not isinstance(server, ServerOther):
            server.reply(500, headers=(b"Retry-After: 2",))
        elif match is None or not 0 < int(match[1]) <= self._number:
            server.reply(481)
        else:
            server.reply(200)
            if int(match[1]) == self._number:
                self.due = None

    def fire(self, now: float) -> None:
        """No PRACK yet."""
        if self._server.state is not server_invite.PROCEEDING:
            return
        if now >= self._give_up_at:
            return  # the caller is deaf; its own timers, and ours for the call, end it
        self._server.resend(b"")
        self._interval *= 2
        self._bridges.layer.wheel.arm(self, min(now + self._interval, self._give_up_at))

    def over(self) -> None:
        """There is a final answer."""
        self.due = None
        for tag in self._tags:
            self._bridges.early.pop((self._call_id, tag), None)
