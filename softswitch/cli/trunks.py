"""`softswitch trunks`: which lines to the public network work, how many calls they have, what failed last."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from softswitch.cli.asking import ask_switch
from softswitch.cli.common import DONE, PROBLEMS, config_option
from softswitch.cli.status import show_table, span


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Machine-readable, complete.")
@config_option
def trunks(as_json: bool, config: Path | None) -> int:
    """Show the trunks of the running switch. Exit code 1 when one of them does not work."""
    answer = ask_switch(config, "trunks")
    lines = answer["trunks"]
    if as_json:
        click.echo(json.dumps(lines, indent=2, ensure_ascii=False))
    else:
        console = Console(highlight=False)
        if not console.is_terminal:
            console = Console(highlight=False, width=160)
        show_table(
            console,
            "Trunks",
            ("trunk", "site", "at", "state", "", "calls", "out", "in", "failed", "refused", "last failure"),
            [
                (
                    one["name"],
                    one["site"],
                    one["host"],
                    one["state"],
                    one["detail"],
                    f"{one['busy']} of {one['channels']}" if one["channels"] else one["busy"],
                    one["calls_out"],
                    one["calls_in"],
                    one["calls_failed"],
                    one["refused"],
                    f"{one['last_failure']}, {span(one['last_failure_seconds'])} ago" if one["last_failure"] else "",
                )
                for one in lines
            ],
        )
    return PROBLEMS if any(one["state"] == "down" for one in lines) else DONE
