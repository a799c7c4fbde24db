"""The inner side of a call that came in over a trunk: what the fork takes for the caller's transaction.

The fork rings phones for an INVITE of our own making; whatever it answers is told to the provider in our words, in
the other dialog.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.bridge.end import End
from softswitch.flow import Flow
from softswitch.sip.message import Request, Response
from softswitch.sip.parse import parse
from softswitch.transaction.server_invite import ServerInvite

if TYPE_CHECKING:
    from softswitch.bridge.inbound import Inbound

_VIA = b"Via: SIP/2.0/UDP bridge.invalid;branch=z9hG4bKbridge\r\n"


class InnerServer(ServerInvite):
    """Stands in for a server transaction; nothing of it is on the wire."""

    __slots__ = ("_finished", "flows", "inbound", "joined")

    def __init__(self, inbound: Inbound, request: Request) -> None:
        super().__init__(inbound.bridges.layer, b"", request, request.flow)
        self.inbound = inbound
        self.flows: dict[bytes, Flow] = {}
        """By the phone's tag the way to it."""
        self.joined: End | None = None
        """Somebody outside who answered, already an end."""
        self._finished = False

    @property
    def answered(self) -> bool:
        return self._finished

    def near(self, far: End) -> End:
        """The provider's end, for a bridge with somebody outside whom we called ourselves."""
        self.joined = far
        return self.inbound.end()

    def respond(self, status: int, data: bytes) -> None:
        """What the fork sends to its caller."""
        start, _, rest = data.partition(b"\r\n")
        response = parse(start + b"\r\n" + _VIA + rest, self.flow)
        assert isinstance(response, Response)
        if status >= 200 and not self._finished:
            self._finished = True
            self.request = None
        self.inbound.on_inner(response)

    def reply(self, status: int, reason: str = "", headers: tuple[bytes, ...] = ()) -> None:
        if not self._finished and status > 100:
            if status >= 200:
                self._finished = True
                self.request = None
            self.inbound.on_inner_reply(status, reason, headers)
