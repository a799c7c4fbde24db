"""Asking the running switch through its control socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from softswitch.cli.common import NOT_RUNNING, PROBLEMS, Refused, read_settings
from softswitch.ops.control import ControlError, NobodyThere, ask


def ask_switch(config: Path | None, command: str, timeout_seconds: float = 5.0, /, **arguments: object) -> Any:
    """The switch's answer. Raises Refused with a sentence for the operator."""
    settings, _ = read_settings(config)
    try:
        return ask(settings.control, command, arguments, timeout_seconds)
    except NobodyThere as error:
        raise Refused(str(error), NOT_RUNNING) from None
    except ControlError as error:
        raise Refused(str(error), PROBLEMS) from None
