"""Schedules against an oracle that reads the wall clock of every minute and knows nothing of intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.dialplan.busy import BusyTimes
from softswitch.dialplan.holiday import Holidays
from softswitch.dialplan.hours import WEEKDAYS, parse_line
from softswitch.dialplan.schedule import Days, Hours, Schedule, Span

BERLIN = ZoneInfo("Europe/Berlin")


def schedule(*lines: str, zone: ZoneInfo = BERLIN, holidays: Holidays | None = None) -> Schedule:
    parsed = [parse_line(line) for line in lines]
    return Schedule(
        "test",
        zone,
        tuple(one for one in parsed if isinstance(one, Hours)),
        tuple(one for one in parsed if isinstance(one, Span)),
        tuple(one for one in parsed if isinstance(one, Days)),
        holidays or Holidays(),
    )


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


def reads(t: float, zone: ZoneInfo = BERLIN) -> str:
    return f"{datetime.fromtimestamp(t, UTC).astimezone(zone):%a %Y-%m-%d %H:%M}"


OFFICE = schedule("mon-thu 08:00-12:00 13:00-17:00", "fri 08:00-14:00")


def test_a_range_holds_its_start_and_not_its_end() -> None:
    for clock, inside in [
        ("07:59:59", False),
        ("08:00:00", True),
        ("11:59:59.9", True),
        ("12:00:00", False),
        ("12:59:59", False),
        ("13:00:00", True),
        ("16:59:59", True),
        ("17:00:00", False),
    ]:
        assert OFFICE.contains(at(f"2026-11-23 {clock}")) is inside, clock
    assert not OFFICE.contains(at("2026-11-27 14:00"))
    assert not OFFICE.contains(at("2026-11-28 10:00"))


def test_next_change_tells_the_next_switch_time() -> None:
    expected = ["Fri 2026-11-27 08:00", "Fri 2026-11-27 14:00", "Mon 2026-11-30 08:00", "Mon 2026-11-30 12:00"]
    t = at("2026-11-26 18:00")
    seen = []
    for _ in expected:
        change = OFFICE.next_change(t)
        assert change is not None
        t = change
        seen.append(reads(t))
    assert seen == expected


def test_across_midnight_a_range_belongs_to_the_day_it_starts() -> None:
    night = schedule("fri 22:00-06:00", "except 2026-11-27")
    assert night.contains(at("2026-11-20 23:00"))
    assert night.contains(at("2026-11-21 05:59"))
    assert not night.contains(at("2026-11-21 06:00"))
    assert not night.contains(at("2026-11-20 05:00"))
    assert not night.contains(at("2026-11-28 05:00"))  # the exception took the night that starts on its day
    before = schedule("fri 22:00-06:00", "except 2026-11-28")
    assert before.contains(at("2026-11-28 05:00"))


def test_ranges_that_touch_are_one() -> None:
    assert schedule("daily").next_change(at("2026-11-26 18:00")) is None
    joined = schedule("mon 08:00-12:00 12:00-24:00", "tue 00:00-06:00")
    assert reads(joined.next_change(at("2026-11-23 09:00")) or 0) == "Tue 2026-11-24 06:00"


def test_dates_and_spans() -> None:
    days = schedule("2026-12-27..2026-12-31 10:00-11:00")
    assert [days.contains(at(f"2026-12-{day} 10:30")) for day in (26, 27, 31)] == [False, True, True]
    fair = schedule("2026-11-24 09:00 .. 2026-11-27 18:00")
    assert not fair.contains(at("2026-11-24 08:59"))
    assert fair.contains(at("2026-11-25 03:00"))
    assert fair.next_change(at("2026-11-25 03:00")) == at("2026-11-27 18:00")
    assert fair.next_change(at("2020-01-01 00:00")) == at("2026-11-24 09:00")
    assert fair.next_change(at("2026-11-28 00:00")) is None


def test_holidays_of_a_region_with_own_days_added_and_taken_out() -> None:
    bavaria = Holidays("DE", "BY", frozenset({date(2026, 12, 24)}), frozenset({date(2026, 5, 14)}))
    open_hours = schedule("mon-sun 08:00-17:00", "except holidays", holidays=bavaria)
    closed = [day for day in range(1, 32) if not open_hours.contains(at(f"2026-12-{day:02} 10:00"))]
    assert closed == [24, 25, 26]
    assert not open_hours.contains(at("2027-01-06 10:00"))  # Epiphany, not kept in Berlin
    assert schedule("wed 08:00-17:00", "except holidays", holidays=Holidays("DE", "BE")).contains(
        at("2027-01-06 10:00")
    )
    assert open_hours.contains(at("2026-05-14 10:00"))  # Ascension, worked here
    assert schedule("holidays 10:00-12:00", holidays=bavaria).contains(at("2026-12-25 11:00"))


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        # 2026-03-29: 02:00 to 03:00 is skipped in Berlin
        ("sun 02:30-04:00", ["03:00+02", "04:00+02"]),
        ("sun 02:15-02:45", []),
        ("sun 01:00-02:30", ["01:00+01", "03:00+02"]),
        ("sun 01:00-05:00", ["01:00+01", "05:00+02"]),
    ],
)
def test_a_skipped_hour(line: str, changes: list[str]) -> None:
    assert edges_on(schedule(line), date(2026, 3, 29)) == changes


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        # 2026-10-25: 02:00 to 03:00 comes twice in Berlin
        ("sun 02:00-02:30", ["02:00+02", "02:30+02", "02:00+01", "02:30+01"]),
        ("sun 01:00-02:30", ["01:00+02", "02:30+02", "02:00+01", "02:30+01"]),
        ("sun 02:30-04:00", ["02:30+02", "02:00+01", "02:30+01", "04:00+01"]),
        ("sun 01:00-05:00", ["01:00+02", "05:00+01"]),
    ],
)
def test_a_doubled_hour_is_inside_both_times(line: str, changes: list[str]) -> None:
    assert edges_on(schedule(line), date(2026, 10, 25)) == changes


def edges_on(times: Schedule, day: date) -> list[str]:
    """The changes of one day, as clock and hours east of UTC."""
    t = at(f"{day} 00:00") - 1
    seen = []
    while (change := times.next_change(t)) is not None and (local := local_of(change)).date() == day:
        seen.append(f"{local:%H:%M%z}"[:8])
        t = change
    return seen


def local_of(t: float, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromtimestamp(t, UTC).astimezone(zone)


# The oracle


@dataclass(frozen=True)
class Line:
    """A generated line, and the same as a question about a day and a minute."""

    text: str
    starts_on: Callable[[date], bool]
    ranges: tuple[tuple[int, int], ...]


@st.composite
def weekly_lines(draw: st.DrawFn) -> Line:
    first, length = draw(st.integers(0, 6)), draw(st.integers(0, 6))
    days = {(first + n) % 7 for n in range(length + 1)}
    name = WEEKDAYS[first] if not length else f"{WEEKDAYS[first]}-{WEEKDAYS[(first + length) % 7]}"
    ranges = draw(st.lists(st.tuples(quarter_hours(0), quarter_hours(1)), min_size=1, max_size=3))
    ranges = [(a, b) for a, b in ranges if a != b] or [(600, 720)]
    return Line(f"{name} {times(ranges)}", lambda day: day.weekday() in days, tuple(ranges))


@st.composite
def lines_of_weeks(draw: st.DrawFn) -> Line:
    """A weekly line of some ISO weeks; the week of a day is asked of the C library."""
    line = draw(weekly_lines())
    first, length = draw(st.integers(1, 53)), draw(st.integers(0, 20))
    last = (first + length - 1) % 53 + 1
    words, weeks = draw(
        st.sampled_from(
            [
                ("even weeks", set(range(2, 54, 2))),
                ("odd weeks", set(range(1, 54, 2))),
                (f"week {first}-{last}", {(first + n - 1) % 53 + 1 for n in range(length + 1)}),
            ]
        )
    )
    return Line(
        f"{words} {line.text}", lambda day: line.starts_on(day) and int(day.strftime("%V")) in weeks, line.ranges
    )


@st.composite
def dated_lines(draw: st.DrawFn, first_day: date) -> Line:
    start = first_day + timedelta(days=draw(st.integers(-2, 12)))
    end = start + timedelta(days=draw(st.integers(0, 4)))
    ranges = draw(st.lists(st.tuples(quarter_hours(0), quarter_hours(1)), max_size=2))
    ranges = [(a, b) for a, b in ranges if a != b]
    text = f"{start}..{end} {times(ranges)}".strip()
    return Line(text, lambda day: start <= day <= end, tuple(ranges or [(0, 1440)]))


def quarter_hours(least: int) -> st.SearchStrategy[int]:
    return st.integers(least, 95 + least).map(lambda quarters: quarters * 15)


def times(ranges: list[tuple[int, int]]) -> str:
    return " ".join(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in ranges)


def oracle(lines: list[Line], excepted: set[date], local: datetime) -> bool:
    minute = local.hour * 60 + local.minute
    today, yesterday = local.date(), local.date() - timedelta(days=1)
    for line in lines:
        for a, b in line.ranges:
            wraps = b < a
            if line.starts_on(today) and today not in excepted and a <= minute and (wraps or minute < b):
                return True
            if wraps and line.starts_on(yesterday) and yesterday not in excepted and minute < b:
                return True
    return False


CLOCK_CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2027, 11, 7)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # half an hour
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("America/Santiago", date(2026, 9, 6)),  # at midnight: the day begins at 01:00
    ("Asia/Kathmandu", date(2026, 12, 30)),  # 5:45 east, never changes
    ("Pacific/Apia", date(2011, 12, 30)),  # a day that never was
    ("Africa/Casablanca", date(2026, 2, 15)),
    ("Pacific/Kiritimati", date(2028, 2, 29)),
]


@settings(max_examples=30, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize(("zone_name", "change"), CLOCK_CHANGES)
def test_every_minute_is_as_the_oracle_says(zone_name: str, change: date, data: st.DataObject) -> None:
    zone = ZoneInfo(zone_name)
    first_day = change - timedelta(days=data.draw(st.integers(0, 4)))
    lines = data.draw(st.lists(weekly_lines() | lines_of_weeks() | dated_lines(first_day), min_size=1, max_size=3))
    excepted = data.draw(st.sets(st.integers(-2, 8).map(lambda n: first_day + timedelta(days=n)), max_size=2))
    texts = [line.text for line in lines] + [f"except {day}" for day in excepted]
    tested = schedule(*texts, zone=zone)
    start = int(datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC).timestamp()) - 86400
    minutes = range(start, start + 8 * 86400, 60 * 5)
    inside = [oracle(lines, excepted, local_of(t, zone)) for t in minutes]
    assert [tested.contains(t) for t in minutes] == inside
    # The next change from any minute is where the oracle's answer turns.
    turns = [t for before, after, t in zip(inside, inside[1:], minutes[1:], strict=False) if before != after]
    found = []
    t: float | None = minutes[0]
    while (t := tested.next_change(t or 0)) is not None and t <= minutes[-1]:
        found.append(int(t))
    assert found == turns


# The oracle over the years: whatever a schedule can be made of, in any zone, in any week of four decades

ZONES = [
    *("Europe/Berlin", "Europe/London", "Europe/Lisbon", "Europe/Istanbul", "Europe/Moscow", "UTC"),
    *("America/New_York", "America/Sao_Paulo", "America/St_Johns", "America/Caracas", "America/Havana"),
    *("Asia/Kolkata", "Asia/Tehran", "Asia/Pyongyang", "Asia/Gaza", "Australia/Lord_Howe", "Pacific/Chatham"),
    *("Africa/Casablanca", "Africa/Cairo", "Antarctica/Troll", "Pacific/Apia", "Atlantic/Azores"),
]
WINDOW_DAYS = 9


@dataclass(frozen=True)
class Except:
    """A line that takes days out, and the same as a question about a day."""

    text: str
    takes: Callable[[date], bool]


@st.composite
def exceptions(draw: st.DrawFn, first_day: date, holidays: frozenset[date]) -> Except:
    kind = draw(st.sampled_from(["date", "dates", "weekday", "weeks", "holidays"]))
    day = first_day + timedelta(days=draw(st.integers(-2, WINDOW_DAYS)))
    if kind == "date":
        return Except(f"except {day}", lambda one: one == day)
    if kind == "dates":
        last = day + timedelta(days=draw(st.integers(0, 3)))
        return Except(f"except {day}..{last}", lambda one: day <= one <= last)
    if kind == "weekday":
        name = WEEKDAYS[day.weekday()]
        return Except(f"except {name}", lambda one: one.weekday() == day.weekday())
    if kind == "weeks":
        week = int(day.strftime("%V"))
        return Except(f"except week {week}", lambda one: int(one.strftime("%V")) == week)
    return Except("except holidays", lambda one: one in holidays)


@st.composite
def spans(draw: st.DrawFn, first_day: date) -> tuple[datetime, datetime]:
    start = datetime(first_day.year, first_day.month, first_day.day)
    start += timedelta(minutes=15 * draw(st.integers(-200, 800)))
    return start, start + timedelta(minutes=15 * draw(st.integers(1, 400)))


@st.composite
def events(draw: st.DrawFn, begin: int) -> list[tuple[int, int]]:
    """Busy times in UTC seconds, none touching another."""
    found = []
    at_second = begin + 900 * draw(st.integers(-50, 50))
    for _ in range(draw(st.integers(0, 3))):
        end = at_second + 900 * draw(st.integers(1, 130))
        found.append((at_second, end))
        at_second = end + 900 * draw(st.integers(1, 200))
    return found


def calendar(busy: list[tuple[int, int]]) -> BusyTimes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x"]
    for number, (since, until) in enumerate(busy):
        start, end = (datetime.fromtimestamp(one, UTC).strftime("%Y%m%dT%H%M%SZ") for one in (since, until))
        lines += ["BEGIN:VEVENT", f"UID:{number}", "DTSTAMP:20200101T000000Z", f"DTSTART:{start}", f"DTEND:{end}"]
        lines += ["END:VEVENT"]
    return BusyTimes("c", "\r\n".join([*lines, "END:VCALENDAR", ""]))


@settings(max_examples=70, deadline=None)
@given(data=st.data())
def test_all_that_a_schedule_can_say_over_years_and_zones(data: st.DataObject) -> None:
    zone = ZoneInfo(data.draw(st.sampled_from(ZONES)))
    first_day = date(1995, 1, 1) + timedelta(days=data.draw(st.integers(0, 15_000)))
    days = [first_day + timedelta(days=n) for n in range(-2, WINDOW_DAYS + 1)]
    holidays = frozenset(data.draw(st.sets(st.sampled_from(days), max_size=3)))
    kinds = weekly_lines() | lines_of_weeks() | dated_lines(first_day)
    lines = data.draw(st.lists(kinds, max_size=2))
    if data.draw(st.booleans()):
        lines.append(Line("holidays 10:00-14:30", lambda day: day in holidays, ((600, 870),)))
    through = data.draw(st.lists(spans(first_day), max_size=2))
    excepted = data.draw(st.lists(exceptions(first_day, holidays), max_size=2))
    begin = int(datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC).timestamp()) - 86400
    busy = data.draw(events(begin))
    texts = [line.text for line in lines] + [one.text for one in excepted]
    texts += [f"{start:%Y-%m-%d %H:%M} .. {end:%Y-%m-%d %H:%M}" for start, end in through]
    tested = replace(schedule(*texts, zone=zone, holidays=Holidays(also=holidays)), calendars=(calendar(busy),))

    def out(day: date) -> bool:
        return any(one.takes(day) for one in excepted)

    def expected(t: int) -> bool:
        local = local_of(t, zone)
        if oracle(lines, {day for day in (local.date(), local.date() - timedelta(days=1)) if out(day)}, local):
            return True
        reads_now = local.replace(tzinfo=None)
        if any(start <= reads_now < end and not out(start.date()) for start, end in through):
            return True
        return any(since <= t < until and not out(local_of(since, zone).date()) for since, until in busy)

    minutes = range(begin, begin + (WINDOW_DAYS + 1) * 86400, 60 * 15)
    inside = [expected(t) for t in minutes]
    assert [tested.contains(t) for t in minutes] == inside
    turns = [t for before, after, t in zip(inside, inside[1:], minutes[1:], strict=False) if before != after]
    found, change = [], tested.next_change(minutes[0])
    while change is not None and change <= minutes[-1]:
        found.append(int(change))
        change = tested.next_change(change)
    assert found == turns


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("08:00-12:00", "does not say on which days"),
        ("mon 25:00-26:00", "there is no time 25:00"),
        ("mon 08:60-09:00", "there is no time 08:60"),
        ("mon 08:00-24:01", "there is no time 24:01"),
        ("2026-02-30", "there is no day 2026-02-30"),
        ("2026-12-31..2026-12-27", "ends before it starts"),
        ("2026-11-27 18:00 .. 2026-11-24 09:00", "ends before it starts"),
        ("mon 08:00-08:00", "is empty"),
        ("mon-thu-fri 08:00-09:00", "is no day"),
        ("mon- 08:00-09:00", "is no day"),
        ("monn 08:00-09:00", '"monn" is no day'),
        ("mon 08.00-09.00", '"08.00-09.00" is no day'),
        ("08:00-09:00 mon", "write the days first"),
        ("except mon 08:00-09:00", "an exception takes whole days"),
        ("except", "the days are missing"),
        ("mon 2026-12-24 08:00-09:00", "two ways"),
        ("9999-01-01", "cannot be meant"),
        ("week 54 mon", "there is no week 54"),
        ("week mon 08:00-09:00", "which weeks"),
        ("even mon", 'after "even" comes "weeks"'),
        ("week 49 2026-12-24", "two ways"),
        ("", "does not say on which days"),
    ],
)
def test_what_cannot_be_meant_is_refused(line: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        parse_line(line)


def test_ways_to_write_the_same() -> None:
    same = parse_line("mon-thu 08:00-12:00")
    assert parse_line("mon, tue, wed, thu 8:00-12:00") == same
    assert parse_line("Monday - Thursday 08:00 - 12:00") == same
    assert parse_line("mon 08:00-12:00") != parse_line("even weeks mon 08:00-12:00")
    weeks = parse_line("weeks 51-2 mon-fri 09:00-10:00")
    assert weeks == parse_line("mon-fri week 51, 52, 53, 1, 2 09:00-10:00")
    assert parse_line("except week 52") == parse_line("except daily week 52")
    assert parse_line("sat-tue 22:00-06:00") == Hours(Days(frozenset({5, 6, 0, 1})), ((1320, 1800),))
