"""The switch as a service: from its start to the signal that ends it."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack

from softswitch.clock import Clock
from softswitch.configuration import Configuration
from softswitch.ops.control import ControlError
from softswitch.ops.log import log
from softswitch.ops.systemd import READY, STOPPING, notify
from softswitch.server.errors import CannotStart
from softswitch.server.opening import open_server
from softswitch.server.running import Server
from softswitch.server.texts import reason, shown
from softswitch.store.errors import StoreError

UNAVAILABLE = 69
"""Exit code when an address, the store or the relay is not to be had (EX_UNAVAILABLE): another try may do."""


async def serve(
    found: Configuration,
    clock: Clock,
    on_ready: Callable[[float], None] = lambda wall: None,
) -> int:
    """Run until SIGTERM or SIGINT; the exit code. Nothing stays open when it cannot start. SIGHUP reloads.

    `on_ready` is called once, when phones can reach the switch, with the wall clock of that moment.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with AsyncExitStack() as stack:
            server = await open_server(stack, found, clock)
            loop.add_signal_handler(signal.SIGHUP, hung_up, server, stop, os.isatty(2))
            # What is here now stays: the collector need not walk it again and again.
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 20, 50)
            notify(READY)
            log.info("ready", listeners=", ".join(map(shown, found.settings.listeners)), sites=", ".join(found.plans))
            server.start_task(server.reloader.keep())
            on_ready(clock.wall())
            await stop.wait()
            notify(STOPPING)
            log.info("stopping", calls=len(server.switch.core.calls))
            await server.drain()
    except (CannotStart, StoreError, ControlError, OSError) as error:
        log.error("cannot start", reason=reason(error))
        return UNAVAILABLE
    log.info("stopped")
    return 0


def hung_up(server: Server, stop: asyncio.Event, had_terminal: bool) -> None:
    """SIGHUP: reload; but when it says that our terminal was closed, end with it."""
    if had_terminal and not os.isatty(2):
        stop.set()
    else:
        server.start_task(server.reload_unasked())
