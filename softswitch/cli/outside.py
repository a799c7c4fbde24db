"""`softswitch outside`: who has called the public network how much, and whether calls abroad are stopped."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from softswitch.cli.asking import ask_switch
from softswitch.cli.common import DONE, PROBLEMS, config_option, printable
from softswitch.cli.status import show_table, span


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable, complete.")
@config_option
@click.pass_context
def outside(context: click.Context, as_json: bool, config: Path | None) -> int:
    """Show who has called outside how much. Exit code 1 when calls abroad are stopped."""
    if context.invoked_subcommand is not None:
        return DONE
    answer = ask_switch(config, "outside")
    stopped = any(one["stopped"] for one in answer["sites"])
    if as_json:
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
        return PROBLEMS if stopped else DONE
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=160)
    for one in answer["sites"]:
        if one["stopped"]:
            since = span(one["stopped_seconds"])
            click.echo(printable(f"calls abroad of {one['site']} are stopped since {since}: {one['stopped']}"))
    show_table(
        console,
        "Calls outside",
        ("site", "who", "calls within an hour", "minutes within a day"),
        [
            (one["site"], used["who"], str(used["calls_an_hour"]), str(used["minutes_a_day"]))
            for one in answer["sites"]
            for used in one["used"]
        ],
    )
    click.echo(f"calls that strangers tried to make outside, and were refused: {answer['strangers']}")
    return PROBLEMS if stopped else DONE


@outside.command("release")
@click.option("--site", default="", help="Of which site, where there are several.")
@config_option
def outside_release(site: str, config: Path | None) -> int:
    """Let calls abroad pass again that were stopped. Exit code 1 when none were."""
    released = ask_switch(config, "outside release", site=site)["released"]
    for one in released:
        click.echo(printable(f"calls abroad of {one} pass again"))
    if not released:
        click.echo("calls abroad were not stopped")
    return DONE if released else PROBLEMS
