"""Who is not heard a few seconds after an answer, although he should be: the usual sign of a firewall or a NAT.

Every answer puts its session on a list that is looked at when the time has come; packets cost nothing for it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

from .session import Session

FIRST_SECONDS = 2.25
"""After the answer. With the relay's tick and the way to the switch it is noticed within three seconds."""
AGAIN_SECONDS = 0.75
"""After that, as long as somebody is silent: the switch may not yet have had a use for the first notice."""

Tell = Callable[..., None]
"""As `Calls.tell`."""


class Silence:
    """The sessions whose parties are waited for."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._due: list[tuple[float, int, Session, int, frozenset[int]]] = []
        """Heap of: when to look, an order for equal moments, the session, its `watch` then, the sides told of."""
        self._count = 0

    def watch(self, session: Session, now: float) -> None:
        """An answer has come: look a while later, and no longer for the answer before it."""
        session.watch += 1
        if session.is_missing(0) or session.is_missing(1):
            self._put(now + FIRST_SECONDS, session, frozenset())

    def _put(self, due: float, session: Session, told: frozenset[int]) -> None:
        self._count += 1
        heapq.heappush(self._due, (due, self._count, session, session.watch, told))

    def look(self, now: float) -> None:
        """Tell "silence" of each party that is missing still, and "heard" when it comes after all."""
        while self._due and self._due[0][0] <= now:
            _, _, session, watch, told = heapq.heappop(self._due)
            if session.closed or session.watch != watch:
                continue
            missing = frozenset(side for side in (0, 1) if session.is_missing(side))
            for side in missing:
                self._tell("silence", session, session.tag_of(side))
            for side in told - missing:
                # Not so when the other side has put it on hold meanwhile; but that is another answer.
                self._tell("heard", session, session.tag_of(side))
            if missing:
                self._put(now + AGAIN_SECONDS, session, missing)
