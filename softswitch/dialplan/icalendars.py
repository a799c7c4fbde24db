"""What is wrong with an iCalendar file, and in which line (RFC 5545 §3.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from softswitch.dialplan.busy import BusyTimes

if TYPE_CHECKING:
    from icalendar import Component

MAX_LISTED = 50
OLDEST = 1900
MOST_A_LIST = 4
_LINE = re.compile(r"([A-Za-z0-9-]+)((?:;[^:\"]*(?:\"[^\"]*\"[^:\"]*)*)?):(.*)", re.DOTALL)
_OFTEN = ("SECONDLY", "MINUTELY", "HOURLY")
_PARTS = ("VEVENT", "VFREEBUSY")

Mistake = tuple[int, str]
"""The line, counted from 1, and what is wrong in it."""


@dataclass(slots=True)
class _Part:
    """An event or the like, and in which lines its properties stand."""

    name: str
    line: int
    lines: dict[str, int] = field(default_factory=dict)


def mistakes(text: str, zone: ZoneInfo, wall: float | None = None) -> list[Mistake]:
    """Everything that keeps this calendar from being used, in order; empty when it can be.

    What was worked out for the check (the year of `wall` and the next) is not kept: see `ready`.
    """
    found, parts = _by_lines(text)
    if not found:
        found = _by_contents(text, parts)
    if not found:
        try:
            ready(BusyTimes("", text), zone, wall)
        except (ValueError, LookupError, ArithmeticError, TypeError) as error:
            found = [(1, f"the calendar cannot be worked out: {error}")]
    return sorted(found)[:MAX_LISTED]


def ready(busy: BusyTimes, zone: ZoneInfo, wall: float | None) -> None:
    """Work out the year of `wall` (seconds since 1970 UTC) and the next, so that no call has to wait for it.

    Raises what a calendar with mistakes raises.
    """
    year = datetime.fromtimestamp(wall, UTC).year if wall is not None else OLDEST + 126
    edges = [datetime(at, 1, 1, tzinfo=UTC).timestamp() for at in (year, year + 2)]
    busy.during(edges[0], edges[1] - 1, zone)


def _by_lines(text: str) -> tuple[list[Mistake], list[_Part]]:
    """What the form of the lines tells."""
    found: list[Mistake] = []
    parts: list[_Part] = []
    open_parts: list[_Part] = []
    for number, line in _unfolded(text):
        match = _LINE.fullmatch(line)
        if not match:
            found.append((number, f'"{line[:40]}" is no line of a calendar'))
            if not open_parts:
                return [(number, "this is no iCalendar file; it begins with BEGIN:VCALENDAR")], parts
            continue
        name, value = match[1].upper(), match[3].strip()
        if name == "BEGIN":
            if not open_parts and value.upper() != "VCALENDAR":
                return [(number, "this is no iCalendar file; it begins with BEGIN:VCALENDAR")], parts
            open_parts.append(_Part(value.upper(), number))
            if value.upper() in _PARTS:
                parts.append(open_parts[-1])
        elif name == "END":
            if not open_parts or open_parts[-1].name != value.upper():
                return [(number, f"END:{value} ends what did not begin")], parts
            open_parts.pop()
        elif not open_parts:
            return [(number, "this is no iCalendar file; it begins with BEGIN:VCALENDAR")], parts
        else:
            open_parts[-1].lines.setdefault(name, number)
            if name == "RRULE":
                found += ((number, what) for what in _too_often(value))
    if open_parts:
        found.append((open_parts[-1].line, f"{open_parts[-1].name} does not end; is the file cut off?"))
    elif not text.strip():
        found.append((1, "the calendar is empty"))
    found += ((part.line, "an event needs its DTSTART") for part in parts
              if part.name == "VEVENT" and "DTSTART" not in part.lines)  # fmt: skip
    return found, parts


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """The lines, each with where it begins."""
    start, whole = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if line[:1] in (" ", "\t") and whole:
            whole += line[1:]
            continue
        if whole.strip():
            yield start, whole
        start, whole = number, line
    if whole.strip():
        yield start, whole


def _too_often(rule: str) -> Iterator[str]:
    """Series of so many events that working them out would take all day."""
    parts = dict(part.partition("=")[::2] for part in rule.upper().split(";"))
    if parts.get("FREQ") in _OFTEN:
        yield f"a series that repeats {parts['FREQ'].lower()} cannot be meant"
    for key in ("BYHOUR", "BYMINUTE", "BYSECOND"):
        if parts.get(key, "").count(",") >= MOST_A_LIST:
            yield f"{key} with more than {MOST_A_LIST} entries cannot be meant"


def _by_contents(text: str, parts: list[_Part]) -> list[Mistake]:
    import icalendar

    try:
        calendar = icalendar.Calendar.from_ical(text)
    except (ValueError, LookupError) as error:
        return [(1, f"the calendar cannot be read: {str(error)[:80]}")]
    found: list[Mistake] = []
    components = [one for one in calendar.walk() if one.name in _PARTS]
    for part, component in zip(parts, components, strict=True):
        found += ((part.lines.get(name or "", part.line), f"{name}: {what}") for name, what in component.errors)
        if not component.errors:
            found += _times(part, component)
    return found


def _times(part: _Part, component: Component) -> Iterator[Mistake]:
    for name in ("DTSTART", "DTEND"):
        value = component.get(name)
        if value is None:
            continue
        line = part.lines.get(name, part.line)
        if isinstance(value, list):
            yield line, f"{name} is here twice"
            return
        when: date | datetime = value.dt
        zone = value.params.get("TZID")
        if zone and isinstance(when, datetime) and when.tzinfo is None:
            yield line, f'no timezone "{zone}"'
        if not OLDEST <= when.year <= 2200:
            yield line, f"the year {when.year} cannot be meant"
    start, end = component.get("DTSTART"), component.get("DTEND")
    if start is not None and end is not None and type(start.dt) is not type(end.dt):
        yield part.lines["DTEND"], "DTSTART is a day and DTEND is not, or the other way round"
    elif start is not None and end is not None:
        first, last = start.dt, end.dt
        comparable = not isinstance(first, datetime) or (first.tzinfo is None) == (last.tzinfo is None)
        if comparable and last < first:
            yield part.lines["DTEND"], "the event ends before it starts"
