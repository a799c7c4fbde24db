"""`softswitch reload`: the running switch takes over changed dialplans and secrets, or says why not."""

from __future__ import annotations

from pathlib import Path

import click

from softswitch.cli.asking import ask_switch
from softswitch.cli.common import DONE, PROBLEMS, config_option, printable
from softswitch.reload.apart import LONGEST_SECONDS


@click.command()
@config_option
def reload(config: Path | None) -> int:
    """Take over changed dialplans and secrets, and show what changes for callers.

    With any problem nothing is changed. Calls that run or ring go on as they began; phones stay registered.
    """
    answer = ask_switch(config, "reload", LONGEST_SECONDS + 10, shown_from=str(Path.cwd()))
    for line in (*answer["warnings"], *answer["problems"]):
        click.echo(printable(line), err=True)
    if answer["problems"]:
        click.echo("refused: nothing was changed, calls go as before", err=True)
        return PROBLEMS
    for line in answer["changes"]:
        click.echo(printable(line))
    if not answer["changes"]:
        click.echo("no call goes another way than before")
    if answer["restart"]:
        click.echo(f"needs a restart: {', '.join(answer['restart'])}")
    click.echo(f"reloaded in {answer['seconds']:.1f} s")
    return DONE
