"""The week of a person or team: who answers when, from one switch time to the next.

It is asked of the very function that decides live calls, once for each stretch of time in which no schedule changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from softswitch.dialplan import reach
from softswitch.dialplan.decide import next_step
from softswitch.dialplan.explain import followed, in_words
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.plan import Code, Destination, Plan
from softswitch.dialplan.schedule import clock_changes
from softswitch.dialplan.step import Answer, Command, Reject, Ring, Step

DAYS = 7


@dataclass(frozen=True, slots=True)
class Course:
    """What becomes of a call, in words."""

    who: str
    """Short: "anna at office", "refused", "echo"."""
    first: str
    """The first step, e.g. "anna at office rings for 15 s (anna-desk)"."""
    then: tuple[str, ...]
    """What follows, e.g. "if busy: carla rings for 30 s (carla-home)"."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which every call takes the same course; seconds since 1970 UTC, the end not included."""

    start: float
    end: float
    course: Course


@dataclass(frozen=True, slots=True)
class ClockChange:
    """The clocks of the zone jump at this moment."""

    at: float
    seconds: int
    """How far: 3600 is forward, an hour is skipped; -3600 is back, an hour comes twice."""


@dataclass(frozen=True, slots=True)
class Bar:
    """The part of a stretch that one day shows, in minutes of its wall clock."""

    start: int
    end: int
    course: Course
    again: bool = False
    """Whether these minutes are read a second time, after the clocks went back."""


@dataclass(frozen=True, slots=True)
class Day:
    """One row or column of the picture."""

    day: date
    bars: tuple[Bar, ...]
    change: ClockChange | None

    @property
    def change_words(self) -> str:
        """E.g. "clocks go back 1 h"; "" where they don't change."""
        if self.change is None:
            return ""
        hours = f"{abs(self.change.seconds) / 3600:g} h"
        return f"clocks go forward {hours}" if self.change.seconds > 0 else f"clocks go back {hours}"


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days of calls to somebody."""

    called: str
    display: str
    """E.g. "Anna Berger"."""
    caller: str
    zone: ZoneInfo
    days: tuple[Day, ...]
    stretches: tuple[Stretch, ...]
    """All of the week, without gaps; neighbours differ."""

    @property
    def courses(self) -> tuple[Course, ...]:
        """Each once, in the order of appearance."""
        return tuple(dict.fromkeys(stretch.course for stretch in self.stretches))

    @property
    def start(self) -> float:
        """The first midnight."""
        return self.stretches[0].start

    @property
    def end(self) -> float:
        """The midnight after the last day."""
        return self.stretches[-1].end

    def switches(self, wall: float) -> tuple[Stretch, ...]:
        """The stretches that begin within the week: those after `wall` when the week runs then, else all."""
        after = wall if self.start <= wall < self.end else self.start
        return tuple(stretch for stretch in self.stretches[1:] if stretch.start > after)

    def reads(self, moment: float) -> datetime:
        """What the wall clock reads then."""
        return datetime.fromtimestamp(moment, UTC).astimezone(self.zone)


def week_of(plan: Plan, called: str, first: date, caller: str = "") -> Week:
    """The seven days from `first` on, all phones being registered.

    Raises ValueError in an operator's words when nobody is called so, or for a date at the edge of the calendar.
    """
    destination = plan.lookup(called)
    if destination is None:
        raise ValueError(f'nobody at {plan.site} is called "{called}"')
    zone = ZoneInfo(plan.timezone)
    edges = [_midnight(first, n, zone) for n in range(DAYS + 1)]
    found = stretches(plan, destination, called, edges[0], edges[-1], caller)
    jumps = [ClockChange(at, seconds) for at, seconds in clock_changes(zone, edges[0], edges[-1])]
    days = tuple(
        _day(first + timedelta(days=n), edges[n], edges[n + 1], found, jumps, zone) for n in range(DAYS)
    )  # fmt: skip
    display = called if isinstance(destination, Code) else destination.display
    return Week(called, display, caller, zone, days, tuple(found))


def stretches(
    plan: Plan, destination: Destination, called: str, start: float, end: float, caller: str = ""
) -> list[Stretch]:
    """The time from `start` to `end`, cut where calls begin to take another course."""
    moments = [start, *reach.changes(reach.schedules(plan, destination), start, end)]
    account = caller if caller in plan.phones else ""
    found: list[Stretch] = []
    for moment, until in zip(moments, [*moments[1:], end], strict=True):
        course = course_of(plan, Facts(plan.site, called, caller, account, moment))
        if found and found[-1].course == course:
            found[-1] = Stretch(found[-1].start, until, course)
        else:
            found.append(Stretch(moment, until, course))
    return found


def course_of(plan: Plan, facts: Facts) -> Course:
    """The first step and what follows it."""
    step = next_step(plan, facts, ())
    if not isinstance(step, Ring):
        return Course(_who(step), in_words(step), ())
    cases = followed(plan, facts)
    return Course(_who(step), in_words(step), tuple(f"{case or 'then'}: {in_words(after)}" for case, after in cases))


def _who(step: Step) -> str:
    match step:
        case Ring():
            return step.label
        case Reject():
            return "refused"
        case Answer():
            return step.what
        case Command():
            return step.action


def _midnight(first: date, days: int, zone: ZoneInfo) -> float:
    try:
        return datetime.combine(first + timedelta(days=days), time(), zone).timestamp()
    except (OverflowError, ValueError):
        raise ValueError(f"{first} is too near to the end of the calendar") from None


def _day(
    day: date, start: float, end: float, found: list[Stretch], jumps: list[ClockChange], zone: ZoneInfo
) -> Day:  # fmt: skip
    change = next((jump for jump in jumps if start <= jump.at < end), None)
    cut = change.at if change else end
    bars: list[Bar] = []
    for since, until in ((start, cut), (cut, end)):
        for one in found:
            low, high = max(one.start, since), min(one.end, until)
            if low >= high:
                continue
            first = _minute(low, day, zone)
            last = first + round((high - low) / 60)
            # What is read twice goes from the first reading's end back by the jump.
            if change and change.seconds < 0 and since == cut:
                twice = _minute(cut, day, zone) - change.seconds // 60
                if first < twice:
                    bars.append(Bar(first, min(last, twice), one.course, again=True))
                    first = min(last, twice)
            if first < last:
                bars.append(Bar(first, last, one.course))
    return Day(day, tuple(bars), change)


def _minute(moment: float, day: date, zone: ZoneInfo) -> int:
    local = datetime.fromtimestamp(moment, UTC).astimezone(zone)
    return (local.date() - day).days * 1440 + local.hour * 60 + local.minute
