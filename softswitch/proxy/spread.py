"""A request other than INVITE to several contacts at once (RFC 3261 §16.7, RFC 4320)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from softswitch.proxy.best import best_of, merged_challenges
from softswitch.proxy.branch import Branch
from softswitch.proxy.forward import forward_response
from softswitch.sip.message import Response
from softswitch.transaction.server_other import ServerOther

if TYPE_CHECKING:
    from softswitch.proxy.core import Core


class Spread:
    """Forwards one request to several; the first 2xx, or else the best of the other answers, goes back."""

    __slots__ = ("branches", "core", "server")

    def __init__(self, core: Core, server: ServerOther) -> None:
        self.core = core
        self.server = server
        self.branches: Sequence[Branch] = ()

    def start(self, branches: Sequence[Branch]) -> None:
        """Send to all."""
        self.branches = branches
        for branch in branches:
            branch.start()

    def on_branch_response(self, branch: Branch, response: Response, body: bytes | None) -> None:
        if response.status < 200 or self.server.answered:
            return
        if response.status < 300 or response.status >= 600:
            self.server.respond(response.status, forward_response(response, body))
        else:
            self._perhaps_all()

    def on_branch_gone(self, branch: Branch, status: int) -> None:
        self._perhaps_all()

    def _perhaps_all(self) -> None:
        if self.server.answered or not all(branch.done for branch in self.branches):
            return
        responses = [branch.response for branch in self.branches if branch.response is not None]
        best = best_of(responses)
        if best is not None and best.status != 408:
            if best.status == 503:
                self.server.reply(500)
            else:
                extra = merged_challenges(best, responses)
                self.server.respond(best.status, forward_response(best, None, extra))
        elif any(branch.status != 408 for branch in self.branches):
            self.server.reply(480)
