"""Asking the running switch, wherever its control socket is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from softswitch.cli.common import NOT_RUNNING, PROBLEMS, Refused, read_settings
from softswitch.ops.control import ControlError, NobodyThere, ask

SERVICE_SOCKET = Path("/run/softswitch/control.sock")
"""Where the systemd unit puts it, by a variable that this shell does not see."""


def ask_switch(config: Path | None, command: str, **arguments: object) -> Any:
    """The switch's answer. Raises Refused with a sentence for the operator."""
    settings, _ = read_settings(config)
    places = [settings.control] if config is not None else [settings.control, SERVICE_SOCKET]
    path = next((place for place in places if place.exists()), settings.control)
    try:
        return ask(path, command, arguments)
    except NobodyThere as error:
        raise Refused(str(error), NOT_RUNNING) from None
    except ControlError as error:
        raise Refused(str(error), PROBLEMS) from None
