"""Timer values of RFC 3261 §17 and a wheel that holds a hundred thousand of them cheaply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from math import ceil
from typing import Protocol

SLOTS_PER_SECOND = 64
"""Timers fire up to 1/64 s late and never early. A power of two, so that slot times are exact floats."""


@dataclass(frozen=True, slots=True)
class TimerValues:
    """Seconds. RFC 3261 §17.1.1.1, table 4."""

    t1: float = 0.5
    """Estimate of the round trip."""
    t2: float = 4.0
    """Longest interval between retransmissions other than of INVITE."""
    t4: float = 5.0
    """How long a message may stay in the network."""
    timer_c: float = 181.0
    """How long a proxied INVITE may ring without any news (RFC 3261 §16.6 step 11: more than 3 minutes)."""

    @property
    def lifetime(self) -> float:
        """64·T1: timers B, F, H, J, L, M."""
        return 64 * self.t1

    @property
    def timer_d(self) -> float:
        """How long answers to an INVITE that failed are absorbed on UDP: at least 32 s."""
        return max(32.0, 64 * self.t1)


class Timed(Protocol):
    """Something that is due once."""

    due: float | None
    """When, in monotonic seconds; None while nothing is awaited."""
    slot: int
    """The wheel's own mark; 0 at first."""

    def fire(self, now: float) -> None: ...


class Timer:
    """A call-back on the wheel."""

    __slots__ = ("_call", "due", "slot")

    def __init__(self, call: Callable[[float], None]) -> None:
        self._call = call
        self.due: float | None = None
        self.slot = 0

    def fire(self, now: float) -> None:
        self._call(now)


class Wheel:
    """Timers in slots of 1/64 s.

    An item lies in one slot at a time and keeps its real due time itself: moving it later, the usual case, changes a
    float; the slot finds out when its time comes. Cancelling is `item.due = None`.
    """

    def __init__(self) -> None:
        self._slots: dict[int, list[Timed]] = {}
        self._order: list[int] = []

    def arm(self, item: Timed, due: float) -> None:
        """Have `item.fire` called at `due`, instead of whenever it was due before."""
        item.due = due
        slot = int(due * SLOTS_PER_SECOND) + 1
        if item.slot and item.slot <= slot:
            return
        item.slot = slot
        waiting = self._slots.get(slot)
        if waiting is None:
            self._slots[slot] = [item]
            heappush(self._order, slot)
        else:
            waiting.append(item)

    def arm_loosely(self, item: Timed, due: float) -> None:
        """The same, up to a second later: what only clears away is done once a second, and not in 64 small wake-ups."""
        self.arm(item, float(ceil(due)))

    def next_due(self) -> float | None:
        """When `advance` has something to look at, or None."""
        return self._order[0] / SLOTS_PER_SECOND if self._order else None

    def advance(self, now: float) -> None:
        """Fire all that is due."""
        limit = int(now * SLOTS_PER_SECOND)
        order = self._order
        while order and order[0] <= limit:
            slot = heappop(order)
            waiting = self._slots[slot]
            try:
                while waiting:
                    item = waiting.pop()
                    if item.slot != slot:
                        continue  # it was moved to an earlier slot, and this is what it left behind
                    item.slot = 0
                    due = item.due
                    if due is None:
                        continue
                    if due > now:
                        self.arm(item, due)
                    else:
                        item.due = None
                        item.fire(now)
            finally:
                # Should one raise, the others of its slot are still there.
                if waiting:
                    heappush(order, slot)
                else:
                    del self._slots[slot]

    def __len__(self) -> int:
        """How many items are waiting; those moved or cancelled may still be counted."""
        return sum(1 for items in self._slots.values() for item in items if item.due is not None)
