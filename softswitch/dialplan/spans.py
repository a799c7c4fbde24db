"""Stretches of time in the operators' words: "mon-thu 08:00-12:00 13:00-17:00, fri 08:00-14:00"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from softswitch.dialplan.hours import WEEKDAYS

ALWAYS = "always"
Range = tuple[str, str]
"""Wall-clock times of a day, as ("08:00", "24:00")."""


def in_words(spans: Iterable[tuple[float, float]], zone: ZoneInfo, first: date, days: int) -> str:
    """The hours that these spans (seconds since 1970 UTC, in order) cover of the days from `first` on.

    Weekdays where the hours are the same on each such day, else dates; "always" when nothing is left out.
    """
    hours = _by_day(spans, zone)
    every_day = [first + timedelta(days=n) for n in range(days)]
    if all(hours.get(day) == (("00:00", "24:00"),) for day in every_day):
        return ALWAYS
    weekly: list[tuple[tuple[Range, ...], int]] = []
    alone: list[date] = []
    for weekday in range(len(WEEKDAYS)):
        same = [day for day in every_day if day.weekday() == weekday]
        ranges = {hours.get(day, ()) for day in same}
        if len(ranges) == 1 and (found := ranges.pop()):
            weekly.append((found, weekday))
        else:
            alone += (day for day in same if day in hours)
    parts = [f"{_days(run)} {_times(ranges)}" for ranges, run in _runs(weekly)]
    parts += (f"{day} {_times(hours[day])}" for day in sorted(alone))
    return ", ".join(parts)


def _by_day(spans: Iterable[tuple[float, float]], zone: ZoneInfo) -> dict[date, tuple[Range, ...]]:
    hours: dict[date, tuple[Range, ...]] = {}
    for start, end in spans:
        while start < end:
            local = datetime.fromtimestamp(start, UTC).astimezone(zone)
            midnight = datetime.combine(local.date() + timedelta(days=1), time(), zone).timestamp()
            until = min(end, midnight)
            last = "24:00" if until == midnight else f"{datetime.fromtimestamp(until, UTC).astimezone(zone):%H:%M}"
            hours[local.date()] = (*hours.get(local.date(), ()), (f"{local:%H:%M}", last))
            start = until
    return hours


def _runs(weekly: Sequence[tuple[tuple[Range, ...], int]]) -> list[tuple[tuple[Range, ...], list[int]]]:
    """Days with the same hours that follow one another, together."""
    runs: list[tuple[tuple[Range, ...], list[int]]] = []
    for ranges, weekday in weekly:
        if runs and runs[-1][0] == ranges and runs[-1][1][-1] == weekday - 1:
            runs[-1][1].append(weekday)
        else:
            runs.append((ranges, [weekday]))
    return runs


def _days(run: list[int]) -> str:
    if len(run) == len(WEEKDAYS):
        return "daily"
    return WEEKDAYS[run[0]] if len(run) == 1 else f"{WEEKDAYS[run[0]]}-{WEEKDAYS[run[-1]]}"


def _times(ranges: tuple[Range, ...]) -> str:
    return "all day" if ranges == (("00:00", "24:00"),) else " ".join(f"{start}-{end}" for start, end in ranges)
