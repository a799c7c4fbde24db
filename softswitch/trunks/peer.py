"""A trunk that is known by its address: it is asked once a minute whether it is alive."""

from __future__ import annotations

from softswitch.flow import Flow
from softswitch.sip.message import Response
from softswitch.trunks.keeper import OPTIONS_SECONDS, Keeper
from softswitch.trunks.line import UP

AGAIN_SECONDS = 15.0
"""While it is down."""


class Peer(Keeper):
    """Of one such trunk."""

    __slots__ = ()

    def _reach(self, flow: Flow) -> None:
        self._cseq += 1
        branch = self._ids.branch()
        data = self._question(flow, branch, self._call_id, self._cseq)
        self._hand_over(b"OPTIONS", branch, data, flow, self._answered)

    def _wait(self) -> float:
        return AGAIN_SECONDS

    def _answered(self, response: Response | None) -> None:
        """Any answer is a sign of life; 503 says that it can't."""
        if self.stopped:
            return
        if response is None:
            self._failed(self._silence)
        elif response.status in (408, 503, 504):
            self._failed(f"it answered {response.status} {response.reason.decode('utf-8', 'replace')}")
        else:
            self._failures = 0
            self.world.changed(self.line, UP, "it answers")
            self._plan(OPTIONS_SECONDS + self._chance(), self._begin)
