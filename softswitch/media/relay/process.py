"""The relay process: its loop from the first command to the last packet."""

from __future__ import annotations

import gc
import logging
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping

from ..ng import Value
from .calls import Calls
from .commands import Commands
from .control import Control, open_control
from .kernel.offload import Offload
from .pairs import Pairs
from .plane import Plane
from .pool import PortPool
from .settings import GO, RelaySettings, parse_control

_TICK_SECONDS = 0.25
_TIDY_SECONDS = 60.0
_TAKEN_OVER_SECONDS = 15.0
"""So long an orphan without streams waits for a new switch."""
_NICE = -10
"""Before signalling and whatever else runs here: a packet that waits 50 ms is a gap in the sound."""
_log = logging.getLogger(__name__)


def _nothing(now: float) -> None:
    """Nobody wants to know."""


class Relay:
    """Everything in the process, and its loop."""

    def __init__(self, settings: RelaySettings, alive: Callable[[float], object] = _nothing) -> None:
        """Opens the control socket; raises OSError when it can't. `alive` is called a few times a second."""
        self._alive = alive
        self._settings = settings
        self._plane = Plane(settings.max_packets_per_second)
        if settings.kernel:
            self._plane.offload = Offload(
                self._plane,
                settings.first_port,
                settings.last_port,
                settings.max_packets_per_second,
                self._kernel_changed,
            )
        pool = PortPool(settings.first_port, settings.last_port)
        self._calls = Calls(
            settings, Pairs(self._plane, pool, settings.networks), lambda event: self._control.tell(event)
        )
        self._sock = open_control(settings.control)
        self._tidy_at = time.monotonic() + _TIDY_SECONDS
        self._longest = 0.0
        """The longest time between two waits for packets, in seconds, since it was told."""
        commands = Commands(self._calls, self._plane.added, self._pinged, self._tell_longest)
        self._control = Control(self._sock, commands.run)
        self._plane.watch(self._sock.fileno(), self._control.ready)
        self._running = True
        self._owned: bool | None = None
        """Whether the process that started us lives; None where we are nobody's."""
        self._owner = 0
        """The process that said so in its last ping."""
        self._refused = 0
        self._used_up = False
        where = parse_control(settings.control)
        self._inode = os.stat(where).st_ino if isinstance(where, str) else 0

    def stop(self) -> None:
        """End the loop after this round."""
        self._running = False

    def keep_to(self, fd: int) -> None:
        """We are of the process at the other end of this descriptor, which nothing is written to, until it closes."""

        def ready() -> None:
            if not os.read(fd, 1024):
                self._plane.unwatch(fd)
                self._owned = False

        self._owned = True
        self._plane.watch(fd, ready)

    def _kernel_changed(self, reason: str) -> None:
        """Whether the kernel forwards for us."""
        if reason:
            _log.warning("kernel forwarding is off, packets pass through this process: %s", reason)
        else:
            _log.info("kernel forwarding is on")
        self._control.tell({"event": "kernel", "reason": reason})

    def _pinged(self, message: Mapping[str, Value]) -> dict[str, Value]:
        """Hear whose we are, and tell a switch that would take us over what it wants to know."""
        owner = message.get("owner")
        if isinstance(owner, int):
            self._owner = owner
        owned = bool(self._owned) or (self._owner > 0 and os.path.exists(f"/proc/{self._owner}"))
        return {"pid": os.getpid(), "owned": int(owned), "arguments": " ".join(self._settings.arguments())}

    def _tell_longest(self) -> int:
        """In whole microseconds; from now on it is counted anew."""
        longest, self._longest = self._longest, 0.0
        return int(1e6 * longest)

    def _look_after(self, now: float) -> None:
        """A few times a second: what is due, who is gone, what the switch should know."""
        calls, quiet = self._calls, now - self._control.heard_at
        self._plane.resume(now)
        self._alive(now)
        if calls.sessions:
            self._tidy_at = now + _TIDY_SECONDS
        elif now > self._tidy_at:
            # Nobody talks: what some mistake of ours has left behind may be collected now.
            gc.collect()
            self._tidy_at = now + _TIDY_SECONDS
        if self._plane.offload is not None:
            self._plane.offload.look(now)
        calls.look(now)
        for session in calls.sweep(now):
            _log.warning("silent call given up: %r", session.call_id.decode("utf-8", "replace"))
        if quiet > self._settings.lease_seconds and calls.sessions:
            _log.warning("no word from the switch for %.0f s: %d streams freed", quiet, calls.sessions)
            calls.close()
        if (
            self._owned is False
            and not calls.sessions
            and quiet > min(_TAKEN_OVER_SECONDS, self._settings.lease_seconds)
        ):
            self.stop()
        self._tell_ports()

    def _tell_ports(self) -> None:
        """That the ports are used up, once; and that there are some again."""
        pairs = self._calls.pairs
        free, total = pairs.pool.free, pairs.pool.free + pairs.pool.taken
        if pairs.refused > self._refused and not self._used_up:
            self._used_up = True
            self._control.tell({"event": "ports", "free": 0, "all": total})
        elif self._used_up and free > total // 20:
            self._used_up = False
            self._control.tell({"event": "ports", "free": free, "all": total})
        self._refused = pairs.refused

    def stop_on_wakeup(self, sock: socket.socket) -> None:
        """End when a signal writes to this socket."""
        self._plane.watch(sock.fileno(), self.stop)

    def run(self) -> None:
        """Serve until told to stop, then free everything."""
        plane, control, calls = self._plane, self._control, self._calls
        tick_at = time.monotonic() + _TICK_SECONDS
        try:
            while self._running:
                now = time.monotonic()
                if now - plane.woke_at > self._longest:
                    self._longest = now - plane.woke_at
                if now >= tick_at:
                    tick_at = now + _TICK_SECONDS
                    self._look_after(now)
                if control.has_waiting:
                    control.flush()
                calls.talkers.run(now)
                wait = min(tick_at - now, calls.talkers.wait(now))
                plane.run_once(min(0.002, wait) if control.has_waiting else wait)
        finally:
            self._calls.close()
            if plane.offload is not None:
                plane.offload.close()
            plane.close()
            self._sock.close()
            where = parse_control(self._settings.control)
            # Not one that another relay has put in its place.
            if isinstance(where, str) and os.path.exists(where) and os.stat(where).st_ino == self._inode:
                os.unlink(where)


def _wanted() -> bool:
    """Wait until we are told to begin; False when who started us is gone, or wants us no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print("waiting", flush=True)
    return os.read(sys.stdin.fileno(), 1024) == GO


def main(
    settings: RelaySettings,
    ready: Callable[[], object] = lambda: print("ready", flush=True),
    alive: Callable[[float], object] = _nothing,
) -> int:
    """Run the process; `ready` is called when commands are taken, `alive` as by `Relay`. Returns the exit status."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    if settings.standby and not _wanted():
        return 0
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
    except PermissionError:
        _log.debug("no right to go before other processes")
    try:
        relay = Relay(settings, alive)
    except OSError as error:
        _log.error("no control socket at %s: %s", settings.control, error)
        return 1
    awake, wakeup = socket.socketpair()
    awake.setblocking(False)
    wakeup.setblocking(False)
    signal.set_wakeup_fd(wakeup.fileno())
    signal.signal(signal.SIGTERM, lambda *_: None)
    # Ctrl-C in a terminal reaches the switch and us: its running calls need us until it is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN if settings.until_stdin_closes else lambda *_: None)
    relay.stop_on_wakeup(awake)
    if settings.until_stdin_closes:
        relay.keep_to(sys.stdin.fileno())
    # No collector pause may delay a packet: what a call leaves behind holds no cycles (a test counts them).
    gc.collect()
    gc.freeze()
    gc.disable()
    ready()
    relay.run()
    return 0
