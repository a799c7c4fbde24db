"""Busy times: an iCalendar file as a set of instants (RFC 5545 §3.6.1, §3.6.4)."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from icalendar import Calendar, Component

Time = TypeVar("Time", int, float)
Span = tuple[float, float]
"""From and to, seconds since 1970 UTC; the end is not included."""
MAX_SPANS = 20_000
"""More busy times in one year can't be meant."""
_FREE_STATUS = frozenset({"FREE", "WORKINGELSEWHERE"})


@dataclass(frozen=True, slots=True)
class BusyTimes:
    """What a calendar holds. Events shown as free, or cancelled, don't count; tentative ones do."""

    name: str
    """As written: a file or an address."""
    text: str
    """The calendar itself; "" while none could be fetched yet."""
    _years: dict[tuple[int, str], tuple[Span, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Memory of what was worked out, by year and zone."""

    def during(self, start: float, end: float, zone: ZoneInfo) -> list[Span]:
        """The busy times that touch these, in order, none overlapping another.

        Whole days, and times without a zone, are read in `zone`. Raises ValueError for a calendar that can't be used.
        """
        years = range(datetime.fromtimestamp(start, UTC).year, datetime.fromtimestamp(end, UTC).year + 1)
        return merged(span for year in years for span in self._year(year, zone) if span[0] < end and span[1] > start)

    def _year(self, year: int, zone: ZoneInfo) -> tuple[Span, ...]:
        known = self._years.get((year, zone.key))
        if known is None:
            known = tuple(merged(_spans(self.text, year, zone))) if self.text else ()
            self._years[year, zone.key] = known
        return known


def merged(spans: Iterable[tuple[Time, Time]]) -> list[tuple[Time, Time]]:
    """The same times in order, those that overlap or touch in one."""
    found: list[tuple[Time, Time]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _spans(text: str, year: int, zone: ZoneInfo) -> list[Span]:
    """All busy times that touch the year, in no order."""
    # Large packages that only a plan with calendars needs.
    import recurring_ical_events

    calendar = _parsed(text)
    # Two days more on either side: times without a zone are compared with some care only.
    since, until = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    around = since - timedelta(days=2), until + timedelta(days=2)
    spans: list[Span] = []
    for event in recurring_ical_events.of(calendar, skip_bad_series=True).between(*around):
        if _counts(event):
            spans.append((_moment(event.start, zone), _moment(event.end, zone)))
            if len(spans) > MAX_SPANS:
                raise ValueError(f"there are more than {MAX_SPANS} busy times in a year")
    for component in calendar.walk("VFREEBUSY"):
        spans += _periods(component, zone)
    return [(a, b) for a, b in spans if a < b and a < until.timestamp() and b > since.timestamp()]


@functools.lru_cache(maxsize=8)
def _parsed(text: str) -> Calendar:
    import icalendar

    return icalendar.Calendar.from_ical(text)


def _counts(event: Component) -> bool:
    if str(event.get("TRANSP", "")).upper() == "TRANSPARENT" or str(event.get("STATUS", "")).upper() == "CANCELLED":
        return False
    # COMPAT: Outlook says it here too, and leaves TRANSP away in some exports.
    return str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")).upper() not in _FREE_STATUS


def _periods(component: Component, zone: ZoneInfo) -> Iterator[Span]:
    found = component.get("FREEBUSY", [])
    for period in found if isinstance(found, list) else [found]:
        if str(period.params.get("FBTYPE", "BUSY")).upper() != "FREE":
            start, end = period.dt
            if isinstance(end, timedelta):
                end = start + end
            yield _moment(start, zone), _moment(end, zone)


def _moment(when: date | datetime, zone: ZoneInfo) -> float:
    if not isinstance(when, datetime):
        when = datetime.combine(when, time())
    return (when if when.tzinfo else when.replace(tzinfo=zone)).timestamp()
