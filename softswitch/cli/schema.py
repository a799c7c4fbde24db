"""`softswitch schema`: the JSON Schema of dialplans, for editors."""

from __future__ import annotations

import json

import click

from softswitch.dialplan.schema import schema as made


@click.command()
def schema() -> None:
    """Print the JSON Schema of a dialplan file, for an editor that completes and underlines."""
    click.echo(json.dumps(made(), indent=2))
