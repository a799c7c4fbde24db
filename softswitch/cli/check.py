"""`softswitch check`: every problem of the configuration, without starting anything."""

from __future__ import annotations

from pathlib import Path

import click

from softswitch.cli.common import config_option, read_configuration, show_problems


@click.command()
@config_option
def check(config: Path | None) -> None:
    """List all problems of settings, dialplans and secrets, as file:line:column.

    Warnings do not prevent a start. Exit code 1 when something would.
    """
    found = read_configuration(config)
    show_problems(found.warnings)
    listeners = ", ".join(
        f"{one.transport.lower()} {one.uri.decode().split(';')[0]}" for one in found.settings.listeners
    )
    click.echo(f"listening on {listeners}")
    for plan in found.plans.values():
        click.echo(
            f"{plan.site}: {_counted(len(plan.people), 'person', 'people')}, "
            f"{_counted(len(plan.phones), 'phone', 'phones')}, {_counted(len(plan.teams), 'team', 'teams')}"
        )
    click.echo(f"{_counted(len(found.warnings), 'warning', 'warnings')}, no problem")


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
