"""`softswitch why 101`: can she be reached now, and if not, why."""

from __future__ import annotations

from pathlib import Path

import click

from softswitch.cli.asking import ask_switch
from softswitch.cli.common import DONE, PROBLEMS, config_option, printable


@click.command()
@click.argument("who")
@config_option
def why(who: str, config: Path | None) -> int:
    """Tell whether a call to WHO would ring anywhere now, and if not, why.

    WHO is a name, a number or a phone, with @site where there are several sites. Exit code 1 when nothing rings.
    """
    answer = ask_switch(config, "why", who=who)
    for line in answer["lines"]:
        click.echo(printable(line))
    click.echo("can be reached" if answer["reachable"] else "cannot be reached")
    return DONE if answer["reachable"] else PROBLEMS
