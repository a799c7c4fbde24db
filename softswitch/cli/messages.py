"""`softswitch messages`: the messages that wait for somebody's phones."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from softswitch.cli.common import DONE, config_option, printable, read_settings
from softswitch.cli.demo import columns
from softswitch.cli.kept import person_meant, plans_if_sound, store_of, zone_of
from softswitch.messaging.form import text_of
from softswitch.messaging.letter import Letter
from softswitch.store.sqlite_messages import content_of, letters_of


@click.command()
@click.argument("person", required=False)
@click.option("--text", "with_text", is_flag=True, help="What they say, too.")
@click.option("--site", help="Which site, where there are several.")
@config_option
def messages(person: str | None, with_text: bool, site: str | None, config: Path | None) -> int:
    """List the messages that wait for PERSON, or for everybody, the oldest first; times are the site's."""
    settings, _ = read_settings(config)
    plans = plans_if_sound(settings)
    domain, key = person_meant(plans, person, site) if person else (site or "", "")
    with store_of(settings) as connection:
        letters = list(letters_of(connection, domain, key))
        said = [text_of(content_of(connection, one) or b"") if with_text else None for one in letters]
    if not letters:
        click.echo("no messages wait")
        return DONE
    rows = []
    for letter in letters:
        zone = zone_of(plans, letter.site)
        when = f"{datetime.fromtimestamp(letter.received_at, zone):%Y-%m-%d %H:%M:%S}"
        until = f"{datetime.fromtimestamp(letter.expires_at, zone):%Y-%m-%d %H:%M}"
        row = (when, letter.sender, letter.person, f"{letter.size_bytes} B", until, _state(letter), letter.call_id)
        rows.append(tuple(printable(cell) for cell in row))
    heads = ("when", "from", "to", "size", "until", "state", "Call-ID")
    for number, line in enumerate(columns([heads, *rows])):
        click.echo(line[2:])
        text = said[number - 1] if number else None
        if text is not None:
            for part in text.splitlines() or [""]:
                click.echo(f"    {printable(part)}")
    return DONE


def _state(letter: Letter) -> str:
    return "delivered; for her other phones" if letter.delivered_at else "waiting"
