"""How much was called outside, and what is too much: the limits of the lines of `outside`.

They are a brake against fraud and mistakes, and count what this switch remembers: after a restart they begin anew.
Emergency calls are not stopped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from softswitch.dialplan.trunk import AN_HOUR, AT_ONCE, Limit, OutsideCall

if TYPE_CHECKING:
    from softswitch.trunks.line import Channel

HOUR_SECONDS = 3600.0
DAY_SECONDS = 86_400.0


class Use(NamedTuple):
    """What a channel is taken for."""

    site: str
    line: int
    """Of `outside`, counted from 1; 0 for calls that come in and emergencies."""
    person: str


class Meter:
    """Of all sites. Moments are wall clock."""

    def __init__(self, wall: Callable[[], float], channels: Callable[[], Iterable[Channel]]) -> None:
        self._wall = wall
        self._channels = channels
        self._begun: dict[Use, deque[float]] = {}
        self._talked: dict[Use, deque[tuple[float, float]]] = {}
        """When each call ended, and how many seconds it had lasted."""

    def refuses(self, site: str, call: OutsideCall) -> str:
        """Why this call is too much, in words; "" when it is not."""
        for limit in call.limits:
            if self._used(limit, Use(site, call.line, call.person)) >= limit.number:
                return f"line {call.line} of outside allows {limit.words}"
        return ""

    def _used(self, limit: Limit, own: Use) -> float:
        wall = self._wall()

        def counts(use: Use) -> bool:
            return _same(use, own, limit.each)

        if limit.kind == AT_ONCE:
            return sum(counts(channel.use) for channel in self._channels())
        if limit.kind == AN_HOUR:
            for begun in self._begun.values():
                while begun and begun[0] <= wall - HOUR_SECONDS:
                    begun.popleft()
            return sum(len(begun) for use, begun in self._begun.items() if counts(use))
        for talked in self._talked.values():
            while talked and talked[0][0] <= wall - DAY_SECONDS:
                talked.popleft()
        seconds = sum(one for use, talked in self._talked.items() if counts(use) for _, one in talked)
        seconds += sum(
            wall - channel.answered_at for channel in self._channels() if channel.answered_at and counts(channel.use)
        )
        return seconds / 60

    def began(self, use: Use) -> None:
        """A call goes out."""
        if use.line:
            self._begun.setdefault(use, deque()).append(self._wall())

    def ended(self, use: Use, answered_at: float) -> None:
        """It is over; `answered_at` is 0 for one that was never answered."""
        if use.line and answered_at:
            wall = self._wall()
            self._talked.setdefault(use, deque()).append((wall, wall - answered_at))


def _same(use: Use, own: Use, each: bool) -> bool:
    return use.site == own.site and use.line == own.line and (not each or use.person == own.person)
