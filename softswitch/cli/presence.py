"""`softswitch presence`: who is there, as a board that goes on by itself if one likes, and how somebody was."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from softswitch.cli.asking import ask_switch
from softswitch.cli.common import DONE, Refused, config_option, printable, read_settings
from softswitch.cli.demo import columns
from softswitch.cli.kept import person_meant, plans_if_sound, since_moment, store_of, zone_of
from softswitch.cli.status import span
from softswitch.presence.history import CAUSES, StateRecord
from softswitch.store.sqlite_history import states_of

LOOK_SECONDS = 0.5
STYLES = {
    "available": "green",
    "on the phone": "red",
    "busy": "red",
    "do not disturb": "magenta",
    "away": "yellow",
    "offline": "dim",
}


@click.command()
@click.argument("who", required=False)
@click.option("--since", help='How WHO was from then on: 8:00, "2h" ago, today, 2026-11-23, "2026-11-23 09:00".')
@click.option("--watch", is_flag=True, help="A board that goes on by itself, until Ctrl-C.")
@click.option("--site", help="Only this site; with WHO, that person's.")
@config_option
def presence(who: str | None, since: str | None, watch: bool, site: str | None, config: Path | None) -> int:
    """Show who is there, who talks, and where the next call will ring; with --since, how WHO was."""
    if since is not None:
        if not who or watch:
            raise click.UsageError("--since tells about one person: softswitch presence 101 --since 8:00")
        return _history(config, who, since, site)
    asked: dict[str, object] = {}
    if who:
        meant, key = person_meant(plans_if_sound(read_settings(config)[0]), who, site)
        asked = {"site": meant, "person": key}
    elif site:
        asked = {"site": site}

    def ask() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = ask_switch(config, "presence", **asked)
        if who and not found:
            raise Refused(f'nobody is called "{printable(who)}"')
        return found

    if watch:
        watched(ask)
    else:
        _console().print(board(ask(), detailed=bool(who)))
    return DONE


def watched(
    ask: Callable[[], list[dict[str, Any]]], rounds: int = 0, wait: Callable[[float], None] = time.sleep
) -> None:
    """The board on the screen, again and again; `rounds` 0 is until Ctrl-C."""
    count = 0
    try:
        with Live(board(ask()), console=_console(), auto_refresh=False) as live:
            while not rounds or count < rounds:
                count += 1
                wait(LOOK_SECONDS)
                live.update(board(ask()), refresh=True)
    except KeyboardInterrupt:
        return


def board(people: list[dict[str, Any]], detailed: bool = False) -> Group:
    """The people as a table; of one in detail also her phones and who watches her."""
    table = Table(box=None, pad_edge=False)
    for column in ("", "person", "is", "for", "at", "in a call", "next call", "note"):
        table.add_column(column, overflow="fold", header_style="dim")
    for one in people:
        style = STYLES.get(one["availability"], "")
        cells = (one["name"], one["availability"], span(one["since_seconds"]), one["place"], ", ".join(one["calls"]),
                 one["lands"], one["note"])  # fmt: skip
        table.add_row(Text(one["number"]), *(Text(printable(cell), style=style) for cell in cells))
    more = []
    if detailed:
        for one in people:
            more.append(Text(f"phones that are there: {', '.join(one['phones']) or 'none'}"))
            more.append(Text(printable(f"watched by: {', '.join(one['watchers']) or 'nobody'}")))
    return Group(table, *more)


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=160)


def _history(config: Path | None, who: str, since: str, site: str | None) -> int:
    settings, _ = read_settings(config)
    if settings.presence.history == "off":
        raise Refused("it is not kept how somebody was: the settings say presence: history: off")
    if settings.presence.history == "person":
        raise Refused(
            "how somebody was is for that person alone: the settings say presence: history: person; "
            "`softswitch person export` has it"
        )
    plans = plans_if_sound(settings)
    meant, key = person_meant(plans, who, site)
    zone = zone_of(plans, meant)
    with store_of(settings) as connection:
        found = states_of(connection, meant, key, since_moment(since, zone))
    if not found:
        click.echo(f"nothing is kept about {printable(key)}")
        return DONE
    rows = [
        tuple(printable(cell) for cell in (f"{datetime.fromtimestamp(one.at, zone):%Y-%m-%d %H:%M:%S}", *_row(one)))
        for one in found
    ]
    for line in columns([("since", "is", "at", "next call", "because", "note"), *rows]):
        click.echo(line[2:])
    return DONE


def _row(one: StateRecord) -> tuple[str, ...]:
    return one.availability, one.place, one.lands, CAUSES.get(one.cause, f"{one.cause} now"), one.note
