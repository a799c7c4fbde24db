"""How much was called outside, and what is too much: limits of lines, trunks and people, and sudden calls abroad.

They are a brake against fraud and mistakes. Emergency calls are not stopped.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from softswitch.dialplan.trunk import AN_HOUR, AT_ONCE, MINUTES_A_DAY, Limit, OutsideCall
from softswitch.trunks.usage import OutsideUse, Stop, Use

if TYPE_CHECKING:
    from softswitch.trunks.line import Channel, Line

HOUR_SECONDS = 3600.0
DAY_SECONDS = 86_400.0
USUAL_DAYS = 28
"""What is usual is learnt from so many days."""
SUDDEN_TIMES = 3
"""So many times the busiest hour of these days is sudden."""

_Scope = tuple[str, ...]
"""What a limit counts: ("line", site, number), with a person behind it where it is hers alone, and so on."""


class Meter:
    """Of all sites. Moments are wall clock."""

    def __init__(
        self,
        wall: Callable[[], float],
        channels: Callable[[], Iterable[Channel]],
        write: Callable[[OutsideUse | Stop], None] = lambda what: None,
    ) -> None:
        self._wall = wall
        self._channels = channels
        self._write = write
        self.on_stop: Callable[[Stop], None] = lambda stop: None
        """Told when calls abroad are stopped, and when they are released."""
        self._begun: dict[_Scope, deque[float]] = {}
        self._talked: dict[_Scope, deque[tuple[float, float]]] = {}
        """When each call ended, and how many seconds it had lasted."""
        self._abroad: dict[str, Counter[int]] = {}
        """By site how many calls abroad began in each hour of the clock, counted from 1970."""
        self.stops: dict[str, Stop] = {}
        """By site the latest word about calls abroad."""

    def take_over(self, uses: Sequence[OutsideUse], stops: Iterable[Stop]) -> None:
        """What an earlier run of the switch left. A call that ran then has ended with it, at the latest now."""
        wall = self._wall()
        known: set[str] = set()
        for one in uses:
            self._count_begun(one.use, one.begun_at, one.call_id in known)
            known.add(one.call_id)
            if one.answered_at:
                ended_at = one.ended_at or wall
                self._count_talked(one.use, ended_at, ended_at - one.answered_at)
            if not one.ended_at:
                self._write(one._replace(ended_at=wall))
        self.stops.update((stop.site, stop) for stop in stops)

    # -- may it?

    def refuses(self, line: Line, call: OutsideCall) -> str:
        """Why this call is too much, in words; "" when it is not."""
        if call.emergency:
            return ""
        site, trunk = line.site, line.trunk
        if trunk.countries and call.country not in trunk.countries:
            return f"the trunk {trunk.name} is not for numbers of {call.country or 'no country'}"
        for limit in call.limits:
            if self._used(limit, ("line", site, str(call.line)), call.person) >= limit.number:
                return f"line {call.line} of outside allows {limit.words}"
        for limit in trunk.limits:
            if self._used(limit, ("trunk", site, trunk.name), call.person) >= limit.number:
                return f"the trunk {trunk.name} allows {limit.words}"
        for limit in call.own_limits:
            if self._used(limit, ("person", site, call.person), "") >= limit.number:
                return f"{call.person} may have {limit.words}"
        return self._sudden(site, call) if call.abroad else ""

    def _used(self, limit: Limit, scope: _Scope, person: str) -> float:
        wall = self._wall()
        if limit.each:
            scope = (*scope, person)
        if limit.kind == AT_ONCE:
            return sum(scope in _scopes(channel.use) for channel in self._channels())
        if limit.kind == AN_HOUR:
            begun = self._begun.get(scope, deque())
            while begun and begun[0] <= wall - HOUR_SECONDS:
                begun.popleft()
            return len(begun)
        talked = self._talked.get(scope, deque())
        while talked and talked[0][0] <= wall - DAY_SECONDS:
            talked.popleft()
        seconds = sum(one for _, one in talked)
        seconds += sum(
            wall - channel.answered_at
            for channel in self._channels()
            if channel.answered_at and scope in _scopes(channel.use)
        )
        return seconds / 60

    def _sudden(self, site: str, call: OutsideCall) -> str:
        """Whether calls abroad are stopped, or are to be from now on."""
        stop = self.stops.get(site)
        if stop is not None and stop.why:
            return f"calls abroad are stopped: {stop.why}"
        if not call.sudden:
            return ""
        wall = self._wall()
        released_at = stop.at if stop is not None else 0.0
        hours = self._abroad.get(site, Counter())
        now = int(wall // HOUR_SECONDS)
        for hour in [hour for hour in hours if hour < now - USUAL_DAYS * 24]:
            del hours[hour]
        # What an operator let pass is usual.
        usual = max(
            (count for hour, count in hours.items() if hour < now - 1 or hour * HOUR_SECONDS < released_at), default=0
        )
        begun = [at for at in self._begun.get(("abroad", site), ()) if at > max(wall - HOUR_SECONDS, released_at)]
        most = max(call.sudden, SUDDEN_TIMES * usual)
        if len(begun) < most:
            return ""
        why = f"{len(begun)} within an hour, and the most in any hour of the {USUAL_DAYS} days before was {usual}"
        self._say(Stop(site, wall, why))
        return f"calls abroad are stopped: {why}"

    def release(self, site: str) -> bool:
        """An operator lets calls abroad pass again; False where they were not stopped."""
        stop = self.stops.get(site)
        if stop is None or not stop.why:
            return False
        self._say(Stop(site, self._wall(), ""))
        return True

    def _say(self, stop: Stop) -> None:
        self.stops[stop.site] = stop
        self._write(stop)
        self.on_stop(stop)

    # -- what was used

    def began(self, channel: Channel, call_id: str, again: bool) -> None:
        """A call goes out; `again`: after another trunk was tried for it, so that it counts once for who calls."""
        use = channel.use
        if use.line:
            channel.begun_at, channel.call_id = self._wall(), call_id
            self._count_begun(use, channel.begun_at, again)
            self._write(OutsideUse(use, channel.begun_at, call_id))

    def ended(self, channel: Channel) -> None:
        """It is over."""
        if channel.use.line and channel.begun_at:
            wall = self._wall()
            if channel.answered_at:
                self._count_talked(channel.use, wall, wall - channel.answered_at)
            self._write(OutsideUse(channel.use, channel.begun_at, channel.call_id, channel.answered_at, wall))

    def answered(self, channel: Channel) -> None:
        """Somebody took it."""
        channel.answered_at = self._wall()
        if channel.use.line and channel.begun_at:
            self._write(OutsideUse(channel.use, channel.begun_at, channel.call_id, channel.answered_at))

    def used(self, site: str) -> Iterator[tuple[str, int, float]]:
        """Who has called how often within an hour, and for how many minutes within a day: of each person and trunk."""
        for kind in ("person", "trunk"):
            scopes = {scope for scope in (*self._begun, *self._talked) if scope[:2] == (kind, site) and len(scope) == 3}
            for scope in sorted(scopes):
                calls = int(self._used(Limit(0, AN_HOUR), scope, ""))
                minutes = self._used(Limit(0, MINUTES_A_DAY), scope, "")
                if calls or minutes:
                    yield f"{kind} {scope[2]}", calls, minutes

    def _count_begun(self, use: Use, at: float, again: bool) -> None:
        scopes = [scope for scope in _scopes(use) if not again or scope[0] == "trunk"]
        if use.abroad and not again:
            self._abroad.setdefault(use.site, Counter())[int(at // HOUR_SECONDS)] += 1
            scopes.append(("abroad", use.site))
        for scope in scopes:
            begun = self._begun.setdefault(scope, deque())
            begun.append(at)
            while begun[0] <= at - HOUR_SECONDS:
                begun.popleft()

    def _count_talked(self, use: Use, ended_at: float, seconds: float) -> None:
        for scope in _scopes(use):
            talked = self._talked.setdefault(scope, deque())
            talked.append((ended_at, seconds))
            while talked[0][0] <= ended_at - DAY_SECONDS:
                talked.popleft()


def _scopes(use: Use) -> tuple[_Scope, ...]:
    """Everything whose limits a call counts for."""
    if not use.line:
        return ()
    line, trunk = ("line", use.site, str(use.line)), ("trunk", use.site, use.trunk)
    person = (("person", use.site, use.person),) if use.person else ()
    return (line, (*line, use.person), trunk, (*trunk, use.person), *person)
