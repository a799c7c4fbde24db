"""`softswitch emergency`: what a call for help would do, and those of the last day."""

from __future__ import annotations

from pathlib import Path

import click

from softswitch.cli.asking import ask_switch
from softswitch.cli.common import DONE, PROBLEMS, config_option, printable
from softswitch.cli.status import span

LONGEST_SECONDS = 180.0


@click.group()
def emergency() -> None:
    """Emergency calls: try out what they would do, and see those that were."""


@emergency.command("test")
@click.argument("who")
@click.option("--site", default="", help="Of which site, where there are several.")
@click.option("--call", is_flag=True, help="Call the number for tests (emergency: test:), from the place of the phone.")
@config_option
def emergency_test(who: str, site: str, call: bool, config: Path | None) -> int:
    """Tell what an emergency call from the phones of WHO would do. The emergency service is never called.

    WHO is a person, by name or number, or a phone. Exit code 1 when something is missing: a trunk that works, the
    place, or a number to call back.
    """
    answer = ask_switch(config, "emergency test", LONGEST_SECONDS, who=who, site=site, call=call)
    for line in answer["lines"]:
        click.echo(printable(line))
    click.echo("all is there" if answer["good"] else "something is missing")
    return DONE if answer["good"] else PROBLEMS


@emergency.command("calls")
@config_option
def emergency_calls(config: Path | None) -> None:
    """Show the emergency calls of the last day."""
    calls = ask_switch(config, "emergency calls")["calls"]
    for one in calls:
        place = one["location"] or "an unknown place"
        ago = span(one["seconds_ago"])
        goes_on = "" if one["over"] else ", it goes on"
        line = f"{one['number']} from {one['account']} of {one['site']}, {place}, {ago} ago{goes_on}"
        click.echo(printable(line))
    if not calls:
        click.echo("there was none")
