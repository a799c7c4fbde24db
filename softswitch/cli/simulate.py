"""`softswitch simulate`: what a call would do at some moment, without calling anyone."""

from __future__ import annotations

import time
from pathlib import Path

import click

from softswitch.cli.common import Refused, choose_plan, config_option, read_configuration
from softswitch.dialplan.explain import parse_outcomes
from softswitch.dialplan.explain import simulate as explain


@click.command()
@click.option("--to", required=True, help="Who is called: a name, a number, a code.")
@click.option("--at", default="now", show_default=True, help='"fri 18:05", "2026-11-27 18:05"; in the site\'s time.')
@click.option("--from", "caller", default="", help="Who calls; nobody known unless said.")
@click.option("--then", default="", help='How it goes on: "busy,no answer" and so on, in order.')
@click.option("--presence", multiple=True, help='How somebody is: "dario is offline"; available unless said.')
@click.option("--site", help="Which site, where there are several.")
@config_option
def simulate(
    to: str, at: str, caller: str, then: str, presence: tuple[str, ...], site: str | None, config: Path | None
) -> None:
    """Show step by step what a call would do, and why; all phones count as registered."""
    found = read_configuration(config)
    plan, user = choose_plan(found.plans, site, to)
    try:
        lines = explain(plan, user, at, caller, parse_outcomes(then), wall=time.time(), presence=presence)
    except ValueError as error:
        raise Refused(str(error)) from None
    for line in lines:
        click.echo(line)
