"""A request with one way to go: within a dialog, or to a place that DNS names (RFC 3261 §16.6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from softswitch.proxy.branch import Branch
from softswitch.proxy.forward import forward_response
from softswitch.sip.message import Request, Response
from softswitch.transaction.server_invite import ServerInvite
from softswitch.transaction.server_other import ServerOther

if TYPE_CHECKING:
    from softswitch.proxy.core import Core


class Straight:
    """Forwards one request down one branch and its responses back. For an INVITE it is the transaction's owner."""

    __slots__ = ("branch", "core", "request", "server")

    def __init__(self, core: Core, server: ServerInvite | ServerOther, request: Request) -> None:
        self.core = core
        self.server = server
        self.request = request
        self.branch: Branch | None = None
        if isinstance(server, ServerInvite):
            server.owner = self
            server.reply(100)

    def start(self, branch: Branch) -> None:
        """Send."""
        self.branch = branch
        branch.start()

    def refuse(self, status: int, reason: str = "") -> None:
        """Nowhere to send it."""
        self.server.reply(status, reason)

    def on_branch_response(self, branch: Branch, response: Response, body: bytes | None) -> None:
        status = response.status
        if status != 408 or isinstance(self.server, ServerInvite):
            # A 408 to anything but INVITE comes too late to be of use (RFC 4320 §4.2).
            self.server.respond(status, forward_response(response, body))
        if status >= 200:
            self._done(branch, status)

    def on_branch_gone(self, branch: Branch, status: int) -> None:
        if isinstance(self.server, ServerInvite):
            # A 503 speaks of the next hop, not of us (RFC 3261 §16.7 step 6).
            self.server.reply(500 if status == 503 else status)
        elif status != 408:
            self.server.reply(500 if status == 503 else status)
        self._done(branch, status)

    def _done(self, branch: Branch, status: int) -> None:
        if status >= 300:
            self.core.release_branch(branch)
        self.core.on_straight_done(self.request)
        self.request.let_go()
        self.branch = None  # it knows us: no circle for the collector

    def on_cancel(self, cancel: Request) -> None:
        self._give_up(cancel_reasons(cancel))

    def on_caller_gone(self) -> None:
        self._give_up(())

    def _give_up(self, reasons: Sequence[bytes]) -> None:
        if self.branch is None:
            self.server.reply(487)
            return
        self.branch.cancel(*reasons)
        if self.branch.done:
            self.core.release_branch(self.branch)
            self.server.reply(487)


def cancel_reasons(cancel: Request) -> list[bytes]:
    """The Reason lines of a CANCEL, which go on with it (RFC 3326)."""
    return [line for line, key in zip(cancel.lines, cancel.keys, strict=True) if key == b"reason"]
