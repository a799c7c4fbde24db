"""Where the time comes from: the system's clock, or one that a test moves by hand.

The protocol core never reads a clock: `switch` reads it once for each input and passes on `now` (monotonic
seconds, for timers) and `wall` (seconds since the epoch in UTC, for expiry times and schedules).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Two readings of the same moment; both in seconds."""

    def monotonic(self) -> float:
        """Seconds that only ever go up."""
        ...

    def wall(self) -> float:
        """Seconds since 1970 in UTC; may be set back by an administrator."""
        ...


class SystemClock:
    """The machine's own clocks."""

    monotonic = staticmethod(time.monotonic)
    wall = staticmethod(time.time)


class ShiftedClock:
    """The machine's clock moved so that it reads `start` now; for trying out "what if it were Friday evening"."""

    def __init__(self, start: datetime) -> None:
        self._shift = start.timestamp() - time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time() + self._shift


class VirtualClock:
    """A clock that moves when told to; the laboratory's."""

    def __init__(self, start: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)) -> None:
        self._start = start.timestamp()
        self._elapsed = 0.0

    def monotonic(self) -> float:
        return self._elapsed

    def wall(self) -> float:
        return self._start + self._elapsed

    def advance(self, seconds: float) -> None:
        """Move forward; never back."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self._elapsed += seconds
