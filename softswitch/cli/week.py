"""`softswitch week 101`: who answers when over a week, drawn in the terminal or as a picture."""

from __future__ import annotations

import textwrap
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.text import Text

from softswitch.cli.common import Refused, choose_plan, config_option, printable, read_configuration
from softswitch.dialplan import spans
from softswitch.dialplan.explain import caller_meant
from softswitch.dialplan.hours import parse_date
from softswitch.dialplan.picture import letter_of, svg
from softswitch.dialplan.week import Course, Day, Week, week_of

COLOURS = ("blue", "yellow", "green", "red", "magenta", "cyan", "bright_black", "white")
MARGIN = 13
"""The width of "Mon 23 Nov " and what stands after the bars."""
SHOWN_SWITCHES = 8


@click.command()
@click.argument("who")
@click.option("--from", "first", help="The first of the seven days, e.g. 2026-11-23; today unless said.")
@click.option("--caller", default="", help="Who calls; nobody known unless said.")
@click.option("--svg", "file", type=click.Path(path_type=Path), help="Write a picture to this file.")
@click.option("--site", help="Which site, where there are several.")
@config_option
def week(who: str, first: str | None, caller: str, file: Path | None, site: str | None, config: Path | None) -> None:
    """Draw who answers when WHO is called, over a week; all phones count as registered.

    WHO is a name, a number or a team. The decisions are those that live calls get.
    """
    found = read_configuration(config)
    plan, user = choose_plan(found.plans, site, who)
    wall = time.time()
    try:
        today = datetime.fromtimestamp(wall, UTC).astimezone(ZoneInfo(plan.timezone)).date()
        day = parse_date(first) if first else today
        drawn = week_of(plan, user, day, caller_meant(plan, caller))
    except ValueError as error:
        raise Refused(str(error)) from None
    if file is not None:
        file.write_text(svg(drawn, wall), encoding="utf-8")
        click.echo(f"written to {file}")
        return
    show(drawn, wall, Console(highlight=False, soft_wrap=False))


def show(week: Week, wall: float, console: Console) -> None:
    """Draw on a terminal; each time has its letter, so that colours are a help and no need."""
    courses = {course: number for number, course in enumerate(week.courses)}
    title = f"{week.display} ({week.called})" if week.display != week.called else week.called
    caller = f", calls from {week.caller}" if week.caller else ""
    console.print(Text(f"{printable(title)}: who answers, {week.zone.key}{printable(caller)}", style="bold"))
    cells = next((n for n in (96, 48) if console.width >= n + MARGIN), 24)
    hour = cells // 24
    console.print(Text(" " * 11 + "".join(f"{n:02}".ljust(3 * hour) for n in range(0, 24, 3)).rstrip()))
    for day in week.days:
        line = Text(f"{day.day:%a} {day.day.day:2} {day.day:%b} ")
        for cell in range(cells):
            line.append_text(_cell(day, cell * 1440 // cells, 1440 // cells, courses))
        if day.change is not None:
            line.append(f" {day.change_words}", style="bold red")
        console.print(line, overflow="fold")
    console.print()
    for course, number in courses.items():
        _explain(week, course, number, console)
    _switches(week, wall, courses, console)


def _cell(day: Day, start: int, length: int, courses: dict[Course, int]) -> Text:
    """What most of these minutes show; a skipped time is dots, a doubled one shows its second reading."""
    most, shown = 0, None
    for bar in day.bars:
        share = min(bar.end, start + length) - max(bar.start, start)
        if share > 0 and (share > most or bar.again):
            most, shown = share, bar.course
    if shown is None:
        return Text("·")
    number = courses[shown]
    return Text(letter_of(number)[0], style=f"black on {COLOURS[number % len(COLOURS)]}")


def _explain(week: Week, course: Course, number: int, console: Console) -> None:
    own = [(one.start, one.end) for one in week.stretches if one.course == course]
    hours = spans.in_words(own, week.zone, week.days[0].day, len(week.days))
    head = Text(f" {letter_of(number)} ", style=f"black on {COLOURS[number % len(COLOURS)]}")
    console.print(head + Text(" " + printable(course.first), style="default on default"))
    for text in (hours, *course.then):
        for line in textwrap.wrap(printable(text), console.width - 4):
            console.print(Text(f"    {line}"))


def _switches(week: Week, wall: float, courses: dict[Course, int], console: Console) -> None:
    coming = week.switches(wall)
    if not coming:
        console.print("\nno switch is to come in these days")
        return
    console.print("\nnext switch times:")
    for one in coming[:SHOWN_SWITCHES]:
        when = f"{week.reads(one.start):%a %Y-%m-%d %H:%M}"
        console.print(Text(f"    {when}  {letter_of(courses[one.course])}  {printable(one.course.who)}"))
    if len(coming) > SHOWN_SWITCHES:
        console.print(f"    and {len(coming) - SHOWN_SWITCHES} more")
