"""The words for times: lines such as "mon-thu 08:00-12:00 13:00-17:00" or "except holidays"."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from softswitch.dialplan.schedule import Days, Hours, Span

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FULL_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MINUTES_A_DAY = 1440
LAST_WEEK = 53
MAX_RING_SECONDS = 600

_DATE = r"\d{4}-\d{1,2}-\d{1,2}"
_TIME = r"\d{1,2}:\d{2}"
_SPAN = re.compile(rf"({_DATE}) ({_TIME})\.\.({_DATE}) ({_TIME})")
_DATES = re.compile(rf"({_DATE})(?:\.\.({_DATE}))?")
_WEEKS = re.compile(r"(\d{1,2})(?:-(\d{1,2}))?")
_TIMES = re.compile(rf"({_TIME})-({_TIME})")
_DURATION = re.compile(r"(?:(\d{1,4}) ?m(?:in)?)? ?(?:(\d{1,5}) ?s)?")


def parse_line(text: str) -> Hours | Span | Days:
    """What one line of a schedule says; Days stand for an exception.

    Raises ValueError in an operator's words.
    """
    line = re.sub(r"\s*\.\.\s*", "..", " ".join(text.replace(",", " ").split()))
    line = re.sub(r"(?<=[\w]) ?- ?(?=[\w])", "-", line)
    if span := _SPAN.fullmatch(line):
        return _span(*span.groups())
    words = line.split()
    if words[:1] == ["except"]:
        if any(_TIMES.fullmatch(word) for word in words):
            raise ValueError("an exception takes whole days out; leave its times away")
        return parse_days(words[1:])
    times = [match for word in words if (match := _TIMES.fullmatch(word))]
    day_words = [word for word in words if not _TIMES.fullmatch(word)]
    if not day_words:
        raise ValueError(f'"{text}" does not say on which days, e.g. mon-fri {text}'.rstrip())
    if words[: len(day_words)] != day_words:
        raise ValueError(f'in "{text}" write the days first, then the times')
    days = parse_days(day_words)
    if not times:
        return Hours(days, ((0, MINUTES_A_DAY),))
    return Hours(days, tuple(_range(*match.groups()) for match in times))


def parse_days(words: list[str]) -> Days:
    """Days from words such as "mon-thu", "sat", "2026-12-24", "2026-12-27..2026-12-31", "holidays", "daily".

    "even weeks", "odd weeks" or "week 49-51" among them leaves the days of these ISO weeks only; alone it is all
    of their days. Raises ValueError in an operator's words.
    """
    if not words:
        raise ValueError("the days are missing")
    words, weeks = _weeks(words)
    if weeks and not words:
        words = ["daily"]
    weekdays: set[int] = set()
    dates: list[tuple[date, date]] = []
    holidays = False
    for word in words:
        if word == "holidays":
            holidays = True
        elif word == "daily":
            weekdays.update(range(7))
        elif match := _DATES.fullmatch(word):
            dates.append(_dates(*match.groups()))
        else:
            weekdays.update(_weekdays(word))
    if dates and weeks:
        raise ValueError("dates and weeks on one line can be read in two ways; write two lines")
    if weekdays and dates:
        raise ValueError("weekdays and dates on one line can be read in two ways; write two lines")
    return Days(frozenset(weekdays), tuple(dates), holidays, weeks)


def parse_dates(text: str) -> list[date]:
    """Each day of "2026-12-24" or "2026-12-27..2026-12-31"; a year of days at most.

    Raises ValueError in an operator's words.
    """
    match = _DATES.fullmatch(re.sub(r"\s*\.\.\s*", "..", text.strip()))
    if not match:
        raise ValueError(f'"{text}" is no date; write 2026-12-24 or 2026-12-27..2026-12-31')
    first, last = _dates(*match.groups())
    if (last - first).days > 366:
        raise ValueError(f'"{text}" is longer than a year')
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def parse_date(text: str) -> date:
    """A date that exists.

    Raises ValueError in an operator's words.
    """
    try:
        year, month, day = (int(part) for part in text.split("-"))
        found = date(year, month, day)
    except ValueError:
        raise ValueError(f"there is no day {text}") from None
    if not 1980 <= found.year <= 2200:
        raise ValueError(f"the year of {text} cannot be meant")
    return found


def parse_time(text: str) -> int:
    """Minutes after midnight; "24:00" is the end of the day.

    Raises ValueError in an operator's words.
    """
    hours, minutes = (int(part) for part in text.split(":"))
    if minutes > 59 or hours * 60 + minutes > MINUTES_A_DAY:
        raise ValueError(f"there is no time {text}")
    return hours * 60 + minutes


def parse_duration(text: str) -> float:
    """Seconds from "15s", "2m" or "1m 30s".

    Raises ValueError in an operator's words.
    """
    match = _DURATION.fullmatch(text.strip())
    if not match or not (match[1] or match[2]):
        raise ValueError(f'"{text}" is no time to ring; write 15s or 2m')
    seconds = int(match[1] or 0) * 60 + int(match[2] or 0)
    if not 1 <= seconds <= MAX_RING_SECONDS:
        raise ValueError(f"{text} cannot be meant; a phone may ring between 1s and {MAX_RING_SECONDS // 60}m")
    return float(seconds)


def weekday_named(word: str) -> int | None:
    """0 for "mon", "Monday" and so on; None for any other word."""
    low = word.lower()
    for number, name in enumerate(FULL_NAMES):
        if low == name.lower() or low == WEEKDAYS[number]:
            return number
    return None


def _weeks(words: list[str]) -> tuple[list[str], frozenset[int]]:
    """The words without those about ISO weeks, and the weeks."""
    rest: list[str] = []
    weeks: set[int] = set()
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word in ("even", "odd"):
            if waiting[:1] not in (["weeks"], ["week"]):
                raise ValueError(f'after "{word}" comes "weeks"')
            waiting.pop(0)
            weeks.update(range(2 if word == "even" else 1, LAST_WEEK + 1, 2))
        elif word in ("week", "weeks"):
            if not (waiting and _WEEKS.fullmatch(waiting[0])):
                raise ValueError("which weeks? write week 49, weeks 49-51, even weeks or odd weeks")
            while waiting and (match := _WEEKS.fullmatch(waiting[0])):
                waiting.pop(0)
                weeks.update(_week_range(int(match[1]), int(match[2] or match[1])))
        else:
            rest.append(word)
    return rest, frozenset(weeks)


def _week_range(first: int, last: int) -> range | list[int]:
    """Over the turn of the year where the last is before the first."""
    for week in (first, last):
        if not 1 <= week <= LAST_WEEK:
            raise ValueError(f"there is no week {week}; a year has weeks 1 to {LAST_WEEK}")
    if first <= last:
        return range(first, last + 1)
    return [*range(first, LAST_WEEK + 1), *range(1, last + 1)]


def _weekdays(word: str) -> list[int]:
    first, dash, last = word.partition("-")
    start, end = weekday_named(first), weekday_named(last or first)
    if start is None or end is None or (dash and not last):
        raise ValueError(f'"{word}" is no day; write mon, mon-fri, daily, holidays or a date such as 2026-12-24')
    return [(start + n) % 7 for n in range((end - start) % 7 + 1)]


def _dates(first: str, last: str | None) -> tuple[date, date]:
    start = parse_date(first)
    end = parse_date(last) if last else start
    if end < start:
        raise ValueError(f"{first}..{last} ends before it starts")
    return start, end


def _range(first: str, last: str) -> tuple[int, int]:
    start, end = parse_time(first), parse_time(last)
    if start in (end, MINUTES_A_DAY):
        raise ValueError(f"{first}-{last} is empty; a whole day is 00:00-24:00")
    return (start, end) if start < end else (start, end + MINUTES_A_DAY)


def _span(first_day: str, first_time: str, last_day: str, last_time: str) -> Span:
    start, end = _moment(first_day, first_time), _moment(last_day, last_time)
    if end <= start:
        raise ValueError(f"{first_day} {first_time} .. {last_day} {last_time} ends before it starts")
    return Span(start, end)


def _moment(day: str, clock: str) -> datetime:
    return datetime.combine(parse_date(day), time()) + timedelta(minutes=parse_time(clock))
