"""Which accounts have a binding that ends now: one-second buckets, each account in one of them."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar


class Expiring(Protocol):
    """What is scheduled."""

    wake_at: int
    """The second of its bucket, 0 when it is in none; `Expiry` keeps it."""


T = TypeVar("T", bound=Expiring)


class Expiry(Generic[T]):
    """A refresh costs nothing here: an account keeps its bucket, and is put into a later one when that one is due."""

    def __init__(self, wall: float) -> None:
        self._last = int(wall)
        self._buckets: dict[int, list[T]] = {}

    def schedule(self, item: T, at: float) -> None:
        """See to it that `due` names the item not later than the first call after `at`, seconds since 1970."""
        second = max(int(at) + 1, self._last + 1)
        if item.wake_at and item.wake_at <= second:
            return
        item.wake_at = second
        bucket = self._buckets.get(second)
        if bucket is None:
            self._buckets[second] = [item]
        else:
            bucket.append(item)

    def due(self, wall: float) -> list[T]:
        """Those whose second has passed; they are in no bucket afterwards."""
        now = int(wall)
        last, self._last = self._last, now
        if now <= last:
            return []  # or the clock was set back: nothing was scheduled before `last` that is still here
        if now - last < len(self._buckets):
            seconds = [second for second in range(last + 1, now + 1) if second in self._buckets]
        else:
            seconds = sorted(second for second in self._buckets if second <= now)
        found: list[T] = []
        for second in seconds:
            for item in self._buckets.pop(second):
                # One that was moved to an earlier bucket meanwhile is not to be woken by its old one.
                if item.wake_at == second:
                    item.wake_at = 0
                    found.append(item)
        return found
