"""What a start runs on: all that is configured, or with a refused dialplan the one that was accepted last."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from softswitch.configuration import Configuration, DialplansRefused, phones_without_secret, read_all
from softswitch.dialplan import holiday
from softswitch.dialplan.load import load_texts
from softswitch.errors import ConfigError
from softswitch.reload.accepted import accepted_file, read_accepted


def read_to_start(
    file: Path, environ: Mapping[str, str], shown_from: Path | None, wall: float | None = None
) -> Configuration:
    """The configuration to run on; its `refused` tells why it isn't the one that is written.

    `wall` is now, for warnings about what is past. Raises ConfigError for bad settings, bad secrets, or a bad dialplan
    with none from before.
    """
    try:
        return read_all(file, environ, shown_from, wall=wall)
    except DialplansRefused as refused:
        before = _last_accepted(refused, shown_from, wall)
        if before is None:
            raise
        return before


def _last_accepted(refused: DialplansRefused, shown_from: Path | None, wall: float | None) -> Configuration | None:
    path = accepted_file(refused.settings)
    kept = read_accepted(path) if path is not None else None
    if kept is None:
        return None
    # Its assertions held with these days, and are to hold with them again.
    holiday.give(kept.holidays)
    try:
        plans, _ = load_texts(kept.texts, copy_of=kept.calendars.get, wall=wall, sounds_needed=False)
    except ConfigError:
        return None  # another version of the switch, which does not take it any more
    warnings = [
        *refused.warnings,
        *(one for one in refused.problems if one.severity != "error"),
        *phones_without_secret(refused.settings, plans, refused.secrets, shown_from),
    ]
    problems = tuple(one for one in refused.problems if one.severity == "error")
    return Configuration(refused.settings, plans, refused.secrets, warnings, kept.texts, problems)
