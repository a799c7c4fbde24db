"""Schedules: sets of instants, written as wall-clock times of a zone.

A moment is inside when the wall clock of the zone reads, at that moment, a time inside one of the ranges. From this
follows what happens when clocks change: a range that starts in the skipped hour starts when that hour is over, and a
doubled hour is inside both times.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from softswitch.dialplan.busy import BusyTimes, merged
from softswitch.dialplan.holiday import Holidays

DAY = 86400
WINDOW = 7 * DAY
HORIZON_WINDOWS = 10 * 53
"""How far `next_change` looks: ten years of weeks."""
KEPT_WINDOWS = 64
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Days:
    """Which days a line speaks of."""

    weekdays: frozenset[int] = frozenset()
    """0 is Monday."""
    dates: tuple[tuple[date, date], ...] = ()
    """From and to, both inside."""
    holidays: bool = False
    weeks: frozenset[int] = frozenset()
    """Only in these ISO weeks of a year, 1 to 53; none means in every week."""

    def includes(self, day: date, holidays: Holidays) -> bool:
        """Whether this is one of the days."""
        if self.weeks and day.isocalendar().week not in self.weeks:
            return False
        if day.weekday() in self.weekdays or any(first <= day <= last for first, last in self.dates):
            return True
        return self.holidays and holidays.includes(day)


@dataclass(frozen=True, slots=True)
class Hours:
    """Times on some days. Each range holds its start and not its end; both are minutes after midnight.

    An end past 1440 lies on the next day: the range belongs to the day it starts.
    """

    days: Days
    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Span:
    """From one wall-clock moment to another, whatever the days between; holds its start and not its end."""

    start: datetime
    """Without zone."""
    end: datetime


@dataclass(frozen=True, slots=True)
class Schedule:
    """A named set of instants. Moments are seconds since 1970 UTC."""

    name: str
    zone: ZoneInfo
    hours: tuple[Hours, ...] = ()
    spans: tuple[Span, ...] = ()
    exceptions: tuple[Days, ...] = ()
    """Days on which no range starts."""
    holidays: Holidays = field(default_factory=Holidays)
    calendars: tuple[BusyTimes, ...] = ()
    """Their busy times are inside too."""
    _windows: dict[int, tuple[float, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Memory of what was worked out: week since 1970 → start, end, start, end … in it."""

    def contains(self, t: float) -> bool:
        """Whether the moment is inside."""
        week = int(t // WINDOW)
        edges = self._windows.get(week)
        if edges is None:
            edges = self._edges(week)
        return bisect_right(edges, t) & 1 == 1

    def next_change(self, t: float) -> float | None:
        """The first moment after `t` at which `contains` changes; None if there is none within ten years."""
        inside = self.contains(t)
        first = int(t // WINDOW)
        for week in range(first, first + HORIZON_WINDOWS):
            for edge in self._edges(week):
                # A range over the end of a week shows as an edge, though nothing changes there.
                if edge > t and self.contains(edge) != inside:
                    return edge
        return None

    def in_zone(self, zone: ZoneInfo) -> Schedule:
        """The same times on the wall clocks of another zone."""
        return self if zone.key == self.zone.key else replace(self, zone=zone)

    def _edges(self, week: int) -> tuple[float, ...]:
        known = self._windows.get(week)
        if known is not None:
            return known
        start, end = week * WINDOW, (week + 1) * WINDOW
        edges: list[float] = []
        # No zone is more than a day from UTC, and no weekly range is longer than a day.
        readings = self._readings(start // DAY - 3, end // DAY + 2)
        for since, until, offset in _offsets(self.zone, start, end):
            for first, last in readings:
                low, high = max(since, first - offset), min(until, last - offset)
                if low < high:
                    if edges and edges[-1] == low:
                        edges[-1] = high
                    else:
                        edges += (low, high)
        if self.calendars:
            edges = self._with_calendars(edges, start, end)
        if len(self._windows) >= KEPT_WINDOWS:
            self._windows.clear()
        self._windows[week] = tuple(edges)
        return self._windows[week]

    def _with_calendars(self, edges: list[float], start: float, end: float) -> list[float]:
        spans = list(zip(edges[::2], edges[1::2], strict=True))
        for calendar in self.calendars:
            for since, until in calendar.during(start, end, self.zone):
                if not self.excepts(datetime.fromtimestamp(since, UTC).astimezone(self.zone).date()):
                    spans.append((max(since, start), min(until, end)))
        return [edge for span in merged(spans) for edge in span]

    def _readings(self, first_day: int, last_day: int) -> list[tuple[int, int]]:
        """The ranges of these days (counted from 1970) as wall-clock seconds, in order, none touching another."""
        ranges: list[tuple[int, int]] = []
        for number in range(first_day, last_day + 1):
            day = date.fromordinal(number + _EPOCH)
            if self.excepts(day):
                continue
            for line in self.hours:
                if line.days.includes(day, self.holidays):
                    ranges += ((number * DAY + a * 60, number * DAY + b * 60) for a, b in line.ranges)
        for span in self.spans:
            if not self.excepts(span.start.date()):
                ranges.append((_reading(span.start), _reading(span.end)))
        return merged(ranges)

    def excepts(self, day: date) -> bool:
        """Whether an exception takes this day out."""
        return any(days.includes(day, self.holidays) for days in self.exceptions)


def clock_changes(zone: ZoneInfo, start: float, end: float) -> list[tuple[float, int]]:
    """When the clocks of a zone jump between two moments, and by how many seconds; forward is positive."""
    parts = list(_offsets(zone, int(start), int(end)))
    return [(float(b[0]), b[2] - a[2]) for a, b in pairwise(parts)]


def _reading(moment: datetime) -> int:
    return (moment.toordinal() - _EPOCH) * DAY + moment.hour * 3600 + moment.minute * 60


def _offset(zone: ZoneInfo, t: int) -> int:
    shift = datetime.fromtimestamp(t, UTC).astimezone(zone).utcoffset()
    return round((shift or timedelta()).total_seconds())


def _offsets(zone: ZoneInfo, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Cut the time from `start` to `end` where the zone's clocks change: (since, until, seconds east of UTC).

    `zoneinfo` doesn't tell its changes, so they are searched; no zone changes twice within half a day.
    """
    since, offset = start, _offset(zone, start)
    for probe in range(start, end, DAY // 2):
        low, high = probe, min(probe + DAY // 2, end)
        after = _offset(zone, high)
        if after == offset:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            if _offset(zone, middle) == offset:
                low = middle
            else:
                high = middle
        yield since, high, offset
        since, offset = high, after
    if since < end:
        yield since, end, offset
