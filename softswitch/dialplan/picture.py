"""The week as an SVG picture: days side by side, time downwards, readable as wide as a phone and as a desk."""

from __future__ import annotations

import textwrap
from datetime import date
from html import escape

from softswitch.dialplan import spans
from softswitch.dialplan.week import DAYS, Bar, Course, Day, Week

WIDTH = 640
LEFT = 46
HOUR = 25
"""The height of an hour in the units of the picture. A phone shows its 640 in 360 pixels or so, hence large letters."""
TOP = 152
COLUMN = (WIDTH - LEFT - 4) / DAYS
BOTTOM = TOP + 24 * HOUR
LINE = 25
LETTERS_A_LINE = 58
LETTERS_A_BAR = 8

COLOURS = ("#cfe3f7", "#ffe2a8", "#cdebd8", "#f6cfd6", "#e2d6f2", "#d9dfe5", "#f5e9c9", "#c9ecee")
"""Tints that stay apart for the colour-blind too, with dark letters on them; who rings is named beside anyway."""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_STYLE = """
    text { fill: #1c2733; font-size: 18px }
    .title { font-size: 26px; font-weight: 600 }
    .bold { font-weight: 600 }
    .small { font-size: 16px; fill: #44525f }
    .mid { text-anchor: middle }
    .end { text-anchor: end }
    .bar { stroke: #5f7183; stroke-width: 1 }
    .grid { stroke: #c3ccd5; stroke-width: 1 }
    .change { stroke: #b3261e; stroke-width: 2.5; stroke-dasharray: 7 4 }
    .alarm { fill: #b3261e; font-weight: 600 }
"""


def letter_of(number: int) -> str:
    """A, B … Z, A2, B2 …: how a course is called in the picture and in its legend."""
    turn, place = divmod(number, len(LETTERS))
    return LETTERS[place] + (str(turn + 1) if turn else "")


def svg(week: Week, wall: float) -> str:
    """The picture, as the text of an SVG file; `wall` is now."""
    courses = {course: number for number, course in enumerate(week.courses)}
    legend, height = _legend(week, courses)
    first, last = week.days[0].day, week.days[-1].day
    when = f"{first.day} {first:%B} to {last.day} {last:%B %Y}"
    caller = f", calls from {week.caller}" if week.caller else ""
    title = f"{week.display} · {week.called}" if week.display != week.called else week.called
    said = [f"{_named(day.day)}: {_told(day, courses)}" for day in week.days]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="t d"',
        "     font-family=\"system-ui, -apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif\">",
        f'  <title id="t">Who answers {escape(title)}, {when}</title>',
        f'  <desc id="d">{escape("; ".join(said))}</desc>',
        f"  <style>{_STYLE}  </style>",
        '  <defs><pattern id="skipped" width="8" height="8" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width="8" height="8" fill="#ffffff"/>'
        '<path d="M0 0V8" stroke="#b3261e" stroke-width="3"/></pattern></defs>',
        f'  <rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(8, 32, title, "title"),
        _text(8, 60, f"{when} ({week.zone.key}){caller}"),
        _text(8, 86, _next(week, courses, wall), "bold"),
    ]
    for hour in range(0, 25, 3):
        y = TOP + hour * HOUR
        parts.append(f'  <path class="grid" d="M{LEFT - 4} {y}H{WIDTH - 4}"/>')
        parts.append(_text(LEFT - 8, y + 6, f"{hour:02}", "small end"))
    for number, day in enumerate(week.days):
        parts += _column(day, LEFT + number * COLUMN, courses, week.called)
    return "\n".join([*parts, *legend, "</svg>", ""])


def _column(day: Day, x: float, courses: dict[Course, int], called: str) -> list[str]:
    middle = x + COLUMN / 2
    parts = [
        _text(middle, TOP - 34, f"{day.day:%a}", "bold mid"),
        _text(middle, TOP - 12, f"{day.day.day} {day.day:%b}", "small mid"),
    ]
    twice = min((bar.start for bar in day.bars if bar.again), default=24 * 60)
    for bar in day.bars:
        parts += _bar(bar, x, courses[bar.course], twice)
    if day.change is not None:
        hidden = _skipped(day)
        if hidden is not None:
            y, tall = TOP + hidden[0] / 60 * HOUR, (hidden[1] - hidden[0]) / 60 * HOUR
            parts.append(f'  <rect x="{x:.1f}" y="{y:g}" width="{COLUMN:.1f}" height="{tall:g}" fill="url(#skipped)"/>')
        moment = _change_minute(day)
        y = TOP + moment / 60 * HOUR
        parts.append(f'  <path class="change" d="M{x:.1f} {y:g}h{COLUMN:.1f}"/>')
        parts.append(_text(middle, TOP - 56, f"{day.change.seconds / 3600:+g} h", "alarm mid"))
    return parts


def _bar(bar: Bar, x: float, number: int, twice: int) -> list[str]:
    """What is read twice, from the minute `twice` on, is drawn half as wide on top of its first reading."""
    wide, left = (COLUMN / 2, x + COLUMN / 2) if bar.again else (COLUMN, x)
    y, tall = TOP + bar.start / 60 * HOUR, (bar.end - bar.start) / 60 * HOUR
    colour = COLOURS[number % len(COLOURS)]
    parts = [
        f'  <rect class="bar" x="{left:.1f}" y="{y:g}" width="{wide:.1f}" height="{tall:g}" fill="{colour}"/>',
    ]
    lines = [letter_of(number)]
    own = bar.course.who.rpartition(" at ")[2]
    words = textwrap.wrap(own, LETTERS_A_BAR, break_long_words=False)
    if not bar.again and all(len(word) <= LETTERS_A_BAR for word in words) and tall >= (len(words) + 1) * 20 + 6:
        lines += words
    if tall < 18:
        return parts
    free = tall if bar.again or not bar.start < twice < bar.end else (twice - bar.start) / 60 * HOUR
    at = y + free / 2 - (len(lines) - 1) * 10 + 6
    for n, line in enumerate(lines):
        style = "small mid" if n else "bold mid"
        parts.append(_text(left + wide / 2, at + n * 20, line, style))
    return parts


def _legend(week: Week, courses: dict[Course, int]) -> tuple[list[str], int]:
    """What the letters mean, with the exact hours; and where the picture ends."""
    y = BOTTOM + 40
    parts: list[str] = []
    for course, number in courses.items():
        own = [(one.start, one.end) for one in week.stretches if one.course == course]
        hours = spans.in_words(own, week.zone, week.days[0].day, len(week.days))
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'  <rect class="bar" x="8" y="{y - 21}" width="34" height="28" rx="5" fill="{colour}"/>')
        parts.append(_text(25, y, letter_of(number), "bold mid"))
        texts = [(course.first, "bold"), (hours, "small"), *((line, "") for line in course.then)]
        for text, style in texts:
            for line in textwrap.wrap(text, LETTERS_A_LINE):
                parts.append(_text(54, y, line, style))
                y += LINE
        y += 14
    for day in week.days:
        if day.change is not None:
            parts.append(f'  <path class="change" d="M8 {y - 6}h34"/>')
            at = f"{week.reads(day.change.at - 1):%H:%M}"
            parts.append(_text(54, y, f"{_named(day.day)}: {day.change_words}, after {at}"))
            y += LINE
    return parts, y


def _next(week: Week, courses: dict[Course, int], wall: float) -> str:
    coming = week.switches(wall)
    if not coming:
        return "no switch in this week" if len(week.stretches) == 1 else "no further switch in this week"
    one = coming[0]
    word = "next" if week.start <= wall < week.end else "first"
    return f"{word} switch: {week.reads(one.start):%a %H:%M} to {letter_of(courses[one.course])}, {one.course.who}"


def _told(day: Day, courses: dict[Course, int]) -> str:
    bars = (f"{bar.start // 60:02}:{bar.start % 60:02} {bar.course.who}" for bar in day.bars)
    return ", ".join([*bars, *([day.change_words] if day.change else [])])


def _skipped(day: Day) -> tuple[int, int] | None:
    """The minutes that no clock reads on this day."""
    reached = 0
    for bar in day.bars:
        if bar.start > reached:
            return reached, bar.start
        reached = max(reached, bar.end)
    return None


def _change_minute(day: Day) -> int:
    """Where on the wall clock the change is drawn: the skipped or doubled time's end."""
    hidden = _skipped(day)
    if hidden is not None:
        return hidden[0]
    return max((bar.end for bar in day.bars if bar.again), default=0)


def _named(day: date) -> str:
    return f"{day:%A} {day.day} {day:%B}"


def _text(x: float, y: float, text: str, style: str = "") -> str:
    style = f' class="{style}"' if style else ""
    return f'  <text{style} x="{x:g}" y="{y:g}">{escape(text)}</text>'
