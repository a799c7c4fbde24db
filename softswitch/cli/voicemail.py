"""`softswitch voicemail`: the messages that callers left."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from softswitch.cli.asking import ask_switch
from softswitch.cli.common import DONE, PROBLEMS, Refused, config_option, printable, read_settings
from softswitch.cli.kept import person_meant, plans_if_sound, store_of, zone_of
from softswitch.settings import Settings
from softswitch.sound.wav import alaw_of, pcm_file
from softswitch.store.sqlite_voicemail import all_voicemails
from softswitch.voicemail.files import Files
from softswitch.voicemail.message import Message


@click.group()
def voicemail() -> None:
    """Messages that callers left."""


@voicemail.command("list")
@click.argument("who", required=False)
@click.option("--site", help="Which site, where there are several.")
@config_option
def list_(who: str | None, site: str | None, config: Path | None) -> int:
    """The messages of WHO, or of everybody; the oldest first."""
    settings, _ = read_settings(config)
    plans = plans_if_sound(settings)
    meant, key = person_meant(plans, who, site) if who else (site or "", "")
    found = [
        message
        for message in _messages(settings)
        if (not meant or message.site == meant) and (not key or message.person == key)
    ]
    for message in found:
        received = datetime.fromtimestamp(message.received_at, zone_of(plans, message.site))
        cells = (
            f"{received:%Y-%m-%d %H:%M}",
            "heard" if message.heard_at else "new",
            f"{message.person}@{message.site}",
            f"from {message.caller or '(hidden)'}",
            f"{message.seconds:.0f} s",
            message.id,
        )
        click.echo("  ".join(printable(cell) for cell in cells))
    return DONE if found else PROBLEMS


@voicemail.command()
@click.argument("message")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@config_option
def save(message: str, file: Path, config: Path | None) -> None:
    """Write the sound of MESSAGE (as `list` names it) into FILE, a WAV file that every program plays."""
    settings, _ = read_settings(config)
    found = next((one for one in _messages(settings) if one.id == message), None)
    if found is None:
        raise Refused(f'there is no message "{printable(message)}"; `softswitch voicemail list` has those that are')
    sound = alaw_of(Files(settings.voicemail.folder).path(found).read_bytes())
    with file.open("xb") as out:
        out.write(pcm_file(sound))


@voicemail.command()
@click.argument("message")
@config_option
def delete(message: str, config: Path | None) -> None:
    """Delete MESSAGE (as `list` names it). The switch must be running."""
    ask_switch(config, "delete voicemail", message=message)


def _messages(settings: Settings) -> list[Message]:
    with store_of(settings) as connection:
        return all_voicemails(connection)
