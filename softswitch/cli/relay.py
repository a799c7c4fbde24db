"""`softswitch relay`: one media relay process in the foreground, for a service of its own."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click

from softswitch.cli.common import Refused, config_option, read_settings
from softswitch.ops.systemd import READY, STOPPING, WATCHDOG, notify, watchdog_seconds

_PR_SET_PDEATHSIG = 1
_SHORT_SECONDS = 1.0
"""One that ends sooner would not do better the next time: whoever looks after us decides."""


@click.command()
@config_option
@click.option("--number", type=int, default=1, show_default=True, help="Which of `relay: processes:` this is.")
def relay(config: Path | None, number: int) -> int:
    """Relay sound, as a service of its own; the switch finds it where `relay: service:` is set.

    The switch starts its relays itself where that is not set, and this command is not needed.
    """
    settings, _ = read_settings(config)
    if settings.relay.service is None:
        raise Refused("relay: service: is not set, so the switch would not look for this relay")
    if not 1 <= number <= settings.relay.processes:
        raise Refused(f"relay: processes: is {settings.relay.processes}, and this would be number {number}")
    # Here and not above: the other commands do without the switch, and the relay without most of it.
    from softswitch.media.relay.process import main
    from softswitch.server.errors import CannotStart
    from softswitch.server.families import by_family
    from softswitch.server.relays import relay_settings, service_control

    control = service_control(settings.relay.service, number)
    Path(control.removeprefix("unix:")).parent.mkdir(parents=True, exist_ok=True)
    try:
        told = relay_settings(by_family(settings), number, control)
    except CannotStart as error:
        raise Refused(str(error)) from None
    feed = _feeder()
    return _keep(lambda: main(told, lambda: notify(READY), feed))


def _keep(run: Callable[[], int]) -> int:
    """Have `run` run in a process of its own, and at once in another when that dies: all is loaded here already."""
    child, stopping = 0, False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True
        notify(STOPPING)
        with suppress(ProcessLookupError):  # it may have had the signal too
            os.kill(child, signal.SIGTERM)

    while True:
        began, child = time.monotonic(), os.fork()
        if not child:
            # Ours shall not outlive us: it has the ports that the next one wants.
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            os._exit(run())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if stopping or time.monotonic() - began < _SHORT_SECONDS:
            return abs(code)
        click.echo(f"softswitch: the media relay ended with status {code}, and is started again", err=True)


def _feeder() -> Callable[[float], None]:
    """Tells systemd that the relay's loop goes round, as often as it wants to know."""
    seconds, last = watchdog_seconds(), time.monotonic()

    def feed(now: float) -> None:
        nonlocal last
        if seconds and now - last >= seconds:
            last = now
            notify(WATCHDOG)

    return feed
