"""The caller's phone is asked to call somebody else, and tells what came of it (RFC 3515)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from softswitch.sip.message import Request, Response

if TYPE_CHECKING:
    from softswitch.legs.leg import Leg

REFER_SECONDS = 120.0
"""How long a phone may take to tell what came of a call that we asked it to make."""


class Referred:
    """A REFER of ours, until the phone says what came of it. Its timer ends the waiting."""

    __slots__ = ("_leg", "_refused", "due", "slot")

    def __init__(self, leg: Leg, refused: Callable[[], None]) -> None:
        self._leg = leg
        self._refused: Callable[[], None] | None = refused
        self.due: float | None = None
        self.slot = 0
        layer = leg.legs.layer
        layer.wheel.arm(self, layer.now + REFER_SECONDS)

    def on_response(self, response: Response) -> None:
        if response.status >= 300:
            self._finish(False)

    def on_no_answer(self, timed_out: bool) -> None:
        self._finish(False)

    def notified(self, notify: Request) -> None:
        """The start line of what the phone was answered (RFC 3515 §2.4.5)."""
        words = notify.body.split(b" ", 2)
        status = int(words[1]) if len(words) > 1 and words[0] == b"SIP/2.0" and words[1].isdigit() else 100
        if status >= 200:
            self._finish(status < 300)

    def fire(self, now: float) -> None:
        """It rings for long, or the phone tells nothing: it has what it needs."""
        self._finish(True)

    def over(self) -> None:
        self.due = self._refused = None

    def _finish(self, done: bool) -> None:
        refused, leg = self._refused, self._leg
        self.over()
        if refused is not None and not leg.ended:
            leg.referred = None
            if done:
                leg.hang_up()
            else:
                refused()
