"""One message on its way to one phone: to all of the phone's contacts at once (RFC 3428 §8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from softswitch.flow import Flow
from softswitch.messaging.verdict import Verdict, together, verdict_of
from softswitch.sip.message import Response
from softswitch.transaction.layer import Layer

Outcome = Callable[["Delivery", Verdict, Response | None], None]
"""Told once: what came of it, and the response that says so where one came."""


class Attempt:
    """What is sent to one contact, ready to go."""

    __slots__ = ("branch", "data", "flow")

    def __init__(self, branch: bytes, data: bytes, flow: Flow) -> None:
        self.branch = branch
        self.data = data
        self.flow = flow


class Delivery:
    """Done at the first 2xx, or when every contact has failed."""

    __slots__ = ("_left", "_outcome", "_verdicts", "as_came", "response", "silent")

    def __init__(self, as_came: bool, outcome: Outcome) -> None:
        """`as_came`: it is the sender's own request that is forwarded, so that responses can go back to the sender."""
        self.as_came = as_came
        self.response: Response | None = None
        """The last response that was none of 2xx."""
        self.silent = True
        """Nothing has come back."""
        self._outcome: Outcome | None = outcome
        self._left = 0
        self._verdicts: list[Verdict] = []

    def start(self, layer: Layer, attempts: Sequence[Attempt]) -> None:
        """Send to each contact."""
        self._left = len(attempts)
        for attempt in attempts:
            layer.send_request(b"MESSAGE", attempt.branch, attempt.data, attempt.flow, self)

    def on_response(self, response: Response) -> None:
        """From a client transaction."""
        if response.status < 200:
            return
        self.silent = False
        verdict = verdict_of(response.status)
        if verdict is not Verdict.TAKEN:
            self.response = response
        self._one_done(verdict, response)

    def on_no_answer(self, timed_out: bool) -> None:
        """From a client transaction."""
        self._one_done(Verdict.LATER, None)

    def _one_done(self, verdict: Verdict, response: Response | None) -> None:
        self._left -= 1
        self._verdicts.append(verdict)
        if self._outcome is not None and (verdict is Verdict.TAKEN or not self._left):
            outcome, self._outcome = self._outcome, None
            outcome(self, together(self._verdicts), response if verdict is Verdict.TAKEN else self.response)
