"""`softswitch status`: what the running switch listens on, who is registered, which calls there are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from softswitch.cli.asking import ask_switch
from softswitch.cli.common import config_option, printable


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Machine-readable, complete.")
@config_option
def status(as_json: bool, config: Path | None) -> None:
    """Show the running switch: listeners, registrations, calls, alarms."""
    answer = ask_switch(config, "status")
    if as_json:
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=160)
    for alarm in answer["alarms"]:
        console.print(Text(f"ALARM: {alarm}", style="bold red"))
    up = span(answer["uptime_seconds"])
    console.print(Text(f"softswitch {answer['version']}, process {answer['pid']}, up {up}, its time {answer['time']}"))
    show_table(
        console,
        "Listeners",
        ("transport", "address", "advertised", "network", "connections"),
        [
            (one["transport"].lower(), one["bind"], one["advertised"], one["network"], one["connections"])
            for one in answer["listeners"]
        ],
    )
    show_table(
        console,
        "Registrations",
        ("phone", "person", "site", "from", "expires in", "device"),
        [
            (
                one["account"],
                one["person"],
                one["site"],
                one["source"],
                span(one["expires_in_seconds"]),
                one["user_agent"],
            )
            for one in answer["registrations"]
        ],
    )
    show_table(
        console,
        "Calls",
        ("from", "to", "state", "for", "at", "MOS", "Call-ID"),
        [
            (
                one["caller"],
                one["called"],
                one["state"],
                span(one["since_seconds"]),
                one["detail"],
                " ".join(f"{stream['mos']:.1f}" for stream in one["quality"] if stream["mos"]),
                one["call_id"],
            )
            for one in answer["calls"]
        ],
    )
    for one in answer["calls"]:
        for remark in one["remarks"]:
            words = f"call from {one['caller']} to {one['called']}: {remark}"
            console.print(Text(printable(words), style="yellow"))
    for title in ("relay", "messages", "counters"):
        if answer.get(title):
            console.print(Text(f"{title}: " + ", ".join(f"{name} {value}" for name, value in answer[title].items())))


def show_table(console: Console, title: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Rows under columns, or a line that there are none; what others wrote is made printable."""
    if not rows:
        console.print(Text(f"{title}: none"))
        return
    table = Table(title=f"{title}: {len(rows)}", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", header_style="dim")
    for row in rows:
        # Text, not markup; and what phones call themselves is made printable first.
        table.add_row(*(Text(printable(cell)) for cell in row))
    console.print(table)


def span(seconds: float) -> str:
    """Seconds as people say them: "45 s", "1:05 min", "2:03 h", "3 d 4 h"."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    if whole < 86400:
        return f"{whole // 3600}:{whole // 60 % 60:02} h"
    return f"{whole // 86400} d {whole // 3600 % 24} h"
