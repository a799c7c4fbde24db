"""`softswitch trunk test city`: whether a trunk works, tried out now."""

from __future__ import annotations

from pathlib import Path

import click

from softswitch.cli.asking import ask_switch
from softswitch.cli.common import DONE, PROBLEMS, config_option, printable

LONGEST_SECONDS = 60.0


@click.group()
def trunk() -> None:
    """Try out a trunk."""


@trunk.command("test")
@click.argument("name")
@click.option("--site", default="", help="Of which site, where there are several.")
@click.option("--call", "number", default="", help="Call this number, let it ring for three seconds, and hang up.")
@config_option
def trunk_test(name: str, site: str, number: str, config: Path | None) -> int:
    """Look the trunk NAME up, ask it whether it is there, and call a NUMBER over it if one is given.

    Emergency numbers are never called. Exit code 1 when something went wrong.
    """
    answer = ask_switch(config, "trunk test", LONGEST_SECONDS, name=name, site=site, number=number)
    for line in answer["lines"]:
        click.echo(printable(line))
    click.echo("the trunk works" if answer["good"] else "the trunk does not work")
    return DONE if answer["good"] else PROBLEMS
