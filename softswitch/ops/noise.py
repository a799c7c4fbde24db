"""The same complaint from the same source, said once in a while instead of every time."""

from __future__ import annotations

REMEMBERED = 10_000


class Quieter:
    """Tells whether a complaint about a source should be said now, and how many were not said since."""

    def __init__(self, every_seconds: float = 10.0) -> None:
        self._every = every_seconds
        self._said: dict[str, tuple[float, int]] = {}

    def ask(self, source: str, now: float) -> int | None:
        """How many complaints were swallowed since the last one; None when this one should be swallowed too."""
        at, count = self._said.get(source, (now - self._every, 0))
        if now - at < self._every:
            self._said[source] = (at, count + 1)
            return None
        if len(self._said) >= REMEMBERED:
            self._said.clear()
        self._said[source] = (now, 0)
        return count
