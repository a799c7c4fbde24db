"""`softswitch run`: the switch itself, until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from softswitch.cli.common import config_option, find_config
from softswitch.clock import Clock, ShiftedClock, SystemClock
from softswitch.configuration import Configuration
from softswitch.ops.log import configure, log
from softswitch.reload.start import read_to_start

_FORMATS = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"]


class Moment(click.DateTime):
    """A moment; what is none is told by an example and not by a format."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        try:
            return super().convert(value, parameter, context)
        except click.BadParameter:
            self.fail(f'"{value}" is no moment; write it like "2026-11-27 17:59:50"', parameter, context)


at_option = click.option(
    "--at",
    type=Moment(_FORMATS),
    help='Run as if it were this moment now, for trying a dialplan out: "2026-11-27 17:59:50".',
)


@click.command()
@config_option
@at_option
def run(config: Path | None, at: datetime | None) -> int:
    """Run the switch in the foreground; SIGTERM or Ctrl-C ends it.

    With any problem in the configuration nothing is started; except that with one in a dialplan, the dialplan that
    was accepted last is used.
    """
    return start(read_to_start(find_config(config), os.environ, Path.cwd(), time.time()), at)


def start(found: Configuration, at: datetime | None, on_ready: Callable[[float], None] | None = None) -> int:
    """Run the switch to its end; the exit code. `on_ready`: see `serve`."""
    configure(found.settings.log.format, found.settings.log.level)
    for warning in found.warnings:
        log.warning(str(warning).replace(":0:0: ", ": ", 1).replace("warning: ", "", 1))
    prepare(found)
    clock = clock_at(at, found)
    # Here and not above: the other commands do without the whole of the switch.
    from softswitch.serve import serve

    hook = (on_ready,) if on_ready else ()
    return run_loop(serve(found, clock, *hook))


def clock_at(at: datetime | None, found: Configuration) -> Clock:
    """The clock to run by; `at` is read in the time zone of the site, where there is one site."""
    if at is None:
        return SystemClock()
    zones = {plan.timezone for plan in found.plans.values()}
    start = at.replace(tzinfo=ZoneInfo(zones.pop())) if len(zones) == 1 else at.astimezone()
    log.warning("running by a shifted clock", at=start.isoformat(sep=" "))
    return ShiftedClock(start)


def prepare(found: Configuration) -> None:
    """Make the folders that the switch writes to; allow as many open connections as the system lets us."""
    settings = found.settings
    places = [settings.control, settings.tls.certificate, settings.tls.key]
    if settings.sqlite_file is not None:
        places.append(settings.sqlite_file)
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run_loop(main: Coroutine[Any, Any, int]) -> int:
    """Run to the end on uvloop, or on asyncio's own loop where there is none."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
