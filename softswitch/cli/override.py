"""`softswitch override`: what somebody has set for her calls, seen and changed from here."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import click

from softswitch.cli.asking import ask_switch
from softswitch.cli.common import config_option, printable
from softswitch.dialplan.codes import ACTIONS

_ACTIONS = "\n".join(f"  {name} {what.needs.upper()}".rstrip() for name, what in ACTIONS.items())


@click.command(
    help=f"""Show or change what somebody has set for her calls, in the running switch.

Without WHO: everybody for whom something is set. With WHO alone: what holds for her now. With an ACTION it is carried
out, and holds until it is taken back, or until --until. Actions:

\b
{_ACTIONS}

TARGET is a place of hers, or a person, team or number."""
)
@click.argument("who", default="")
@click.argument("action", default="")
@click.argument("target", default="")
@click.option("--until", default="", help='When it ends: 18:00, "fri 18:00" or "2026-11-27 18:00", on her clocks.')
@click.option("--history", is_flag=True, help="Show also who set what when.")
@config_option
def override(who: str, action: str, target: str, until: str, history: bool, config: Path | None) -> None:
    """See the help above."""
    if action:
        by = f"{getpass.getuser()} by command"
        answer = ask_switch(config, "override", who=who, action=action, target=target, until=until, by=by)
        _show(answer)
        return
    if until:
        raise click.UsageError("--until goes with an ACTION")
    if history and not who:
        raise click.UsageError("--history goes with WHO")
    people = ask_switch(config, "overrides", who=who, history=history)["people"]
    if not people:
        click.echo("nobody has set anything")
    for person in people:
        _show(person)
        if "history" in person:
            click.echo("history:")
            for line in person["history"]:
                click.echo(f"  {printable(line)}")


def _show(person: dict[str, Any]) -> None:
    name = f"{person['display']} ({person['person']}@{person['site']})"
    if not person["lines"]:
        click.echo(f"{printable(name)}: nothing is set, calls go by the rules")
    for line in person["lines"]:
        click.echo(f"{printable(name)}: {printable(line)}")
