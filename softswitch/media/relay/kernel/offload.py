"""Which streams the kernel forwards, and what the relay knows of them meanwhile.

A direction of a stream is handed over when for a second nothing has changed about it: both parties are latched, and
what comes from one goes to the other as it is. Whatever touches one of its two ports takes it back at once: an offer, a
whisper, a key, another address, the end. Our sockets stay as they are all the time, so that a packet that the kernel
does not move, for whichever reason, is one for us.
"""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from .flow import Flow, stop
from .table import Table
from .told import CANNOT, COUNTED, COUNTED_SECONDS, ENDED, READY, STUCK, Tally, unpack

if TYPE_CHECKING:
    from ..plane import Plane
    from ..port import Port

_SETTLED_SECONDS = 1.0
_AT_ONCE = 32
"""Handed over in one round: it takes some 20 µs each."""
_AGAIN_SECONDS = 60.0
"""After a failure it is tried again: the reason may be gone."""
_STUCK_SECONDS = 600.0
"""The same when packets didn't leave: each try costs a moment of somebody's sound."""
_TOGETHER = 100
_ANSWER_SECONDS = 3.0
_END_SECONDS = 10.0
_log = logging.getLogger(__name__)


class Offload:
    """The relay's side."""

    def __init__(
        self, plane: Plane, first_port: int, last_port: int, rate: int, changed: Callable[[str], None]
    ) -> None:
        """`rate`: packets a second of one port, above which it is ours again; `changed` hears why it doesn't work, or
        "" once it does."""
        self._plane = plane
        self._ports = (first_port, last_port)
        self._rate = rate
        self._changed = changed
        self._name = f"softswitch_relay_{first_port}"
        self._processes: list[subprocess.Popen[bytes]] = []
        """The other process, and earlier ones that are about to end."""
        self._sock: socket.socket | None = None
        self._reader: Table | None = None
        self._families: frozenset[int] = frozenset()
        self._waiting: dict[Port, float] = {}
        """When each is to be handed over; in this order."""
        self._flows: dict[int, tuple[Flow, Port]] = {}
        self._counted: dict[int, Tally] = {}
        """What is known already of each flow."""
        self._ending: dict[int, float] = {}
        """When the kernel was to stop forwarding each, as long as it isn't said that it did."""
        self._unsent: list[bytes] = []
        self._numbers = 0
        self._again_at = 0.0
        self.reason: str | None = "starting"
        """Why nothing is handed over; None when all is well."""

    @property
    def flows(self) -> int:
        """How many directions of streams the kernel forwards."""
        return sum(1 for number, (_, port) in self._flows.items() if port.flow == number)

    @property
    def note(self) -> str:
        """What is forwarded, where that isn't all; "" where it is all or nothing."""
        if self.reason is not None or len(self._families) != 1:
            return ""
        return "only IPv6 is forwarded" if socket.AF_INET6 in self._families else "only IPv4 is forwarded"

    def start(self, now: float) -> None:
        """Begin, or begin again."""
        self._again_at = now + _AGAIN_SECONDS
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            command = [sys.executable, "-m", f"{__package__}.worker", self._name, *map(str, self._ports)]
            self._processes.append(subprocess.Popen(command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL))
        except OSError as error:
            ours.close()
            self._fail(f"no process: {error.strerror}")
            return
        finally:
            theirs.close()
        ours.setblocking(False)
        self._sock = ours
        self._plane.watch(ours.fileno(), self._hear)

    def consider(self, port: Port) -> None:
        """Something is new about what comes in on this port: take it back, and hand it over later if that is right."""
        self.release(port)
        self._waiting.pop(port, None)
        self._waiting[port] = time.monotonic() + _SETTLED_SECONDS

    def release(self, port: Port) -> None:
        """What comes in on this port is ours again."""
        if port.flow:
            number, port.flow = port.flow, 0
            self._ending[number] = time.monotonic()
            self._send(stop(number))

    def forget(self, port: Port) -> None:
        """The port is about to be closed."""
        self.release(port)
        self._waiting.pop(port, None)

    def count(self, port: Port) -> None:
        """Bring the port's figures up to date."""
        if port.flow and self._reader is not None:
            flow, _ = self._flows[port.flow]
            self._add(Tally(port.flow, *self._reader.count(flow)))

    def look(self, now: float) -> None:
        """Hand over what has settled. To be called a few times a second."""
        if self._sock is None:
            self._processes = [process for process in self._processes if process.poll() is None]
            if now >= self._again_at:
                self.start(now)
            return
        if self._ending and now - next(iter(self._ending.values())) > _ANSWER_SECONDS:
            self._fail("the process that speaks to the kernel doesn't answer")
            return
        for _ in range(_AT_ONCE):
            port, due = next(iter(self._waiting.items()), (None, 0.0))
            if port is None or due > now or self.reason is not None:
                break
            del self._waiting[port]
            flow = self._flow(port)
            if flow is not None:
                self._flows[flow.number] = (flow, port)
                self._counted[flow.number] = Tally(flow.number, 0, 0)
                port.flow = flow.number
                self._unsent.append(flow.pack())
        self._flush()

    def _flow(self, port: Port) -> Flow | None:
        """What the kernel has to do for this port; None where that is for us."""
        peer = port.peer
        if (
            not self._plane.is_fast(port)
            or peer is None
            or peer is port
            or peer.latched is None
            or port.latched is None
            or port.forward != peer.sock.send
            or port.family != peer.family
            or port.family not in self._families
        ):
            return None
        own, theirs = port.sock.getsockname(), peer.sock.getsockname()
        for address in (port.latched, peer.latched):
            if len(address) > 3 and address[3]:
                return None  # a link-local one: its interface would have to be in the maps too
            if _is_own(port.family, address[0]):
                return None  # what this machine sends to itself isn't forwarded
        self._numbers = self._numbers % 0xFFFFFFFF + 1
        packed = [
            (socket.inet_pton(port.family, address[0]), address[1])
            for address in (port.latched, own, theirs, peer.latched)
        ]
        return Flow(self._numbers, *packed)

    def _send(self, order: bytes) -> None:
        self._unsent.append(order)
        self._flush()

    def _flush(self) -> None:
        """Send the orders that wait; the socket's queue has room for ten datagrams, so they go together."""
        while self._unsent and self._sock is not None:
            try:
                self._sock.send(b"".join(self._unsent[:_TOGETHER]))
            except BlockingIOError:
                return  # it is soon tried again; and one that reads nothing is noticed by what it doesn't end
            except OSError as error:
                self._fail(f"the process that speaks to the kernel is gone: {error.strerror}")
                return
            del self._unsent[:_TOGETHER]

    def _hear(self) -> None:
        """From the packet path: the other process has said something, or has ended."""
        assert self._sock is not None
        try:
            datagram = self._sock.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            datagram = b""
        kind = datagram[:1]
        if kind == READY:
            self._families = frozenset(datagram[1:])
            self._reader = Table(self._name)
            self.reason = None
            self._changed("")
        elif kind == CANNOT:
            self._fail(datagram[1:].decode("utf-8", "replace"))
        elif kind == STUCK:
            self._fail(
                "what the kernel was to forward did not leave: a firewall's forward chain, or a route"
                " (docs/sysadmin.md)",
                _STUCK_SECONDS,
            )
        elif kind in (COUNTED, ENDED):
            for tally in unpack(datagram):
                self._told(tally, kind == ENDED)
        else:
            self._fail("the process that speaks to the kernel ended")
        self._flush()

    def _told(self, tally: Tally, ended: bool) -> None:
        known = self._flows.get(tally.number)
        if known is None:
            return
        more = self._add(tally)
        if ended:
            del self._flows[tally.number], self._counted[tally.number]
            self._ending.pop(tally.number, None)
        elif more > 2 * COUNTED_SECONDS * self._rate:
            self.release(known[1])

    def _add(self, tally: Tally) -> int:
        """Add what is new; how many packets."""
        before, (_, port) = self._counted[tally.number], self._flows[tally.number]
        more = tally.packets - before.packets
        if more > 0:
            port.carried(more, tally.bytes - before.bytes)
            self._counted[tally.number] = tally
        return more

    def _fail(self, reason: str, seconds: float = _AGAIN_SECONDS) -> None:
        """Take everything back, and try again later."""
        self._let_go()
        self._again_at = time.monotonic() + seconds
        if reason != self.reason:
            self.reason = reason
            self._changed(reason)

    def close(self) -> None:
        """The end; a moment later the table is gone."""
        self._let_go()
        for process in self._processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_END_SECONDS)
        self._processes.clear()

    def _let_go(self) -> None:
        """Everything is ours again: the other process ends, and its table with it."""
        for _, port in self._flows.values():
            if port.flow:
                port.flow = 0
                self._waiting[port] = time.monotonic() + _SETTLED_SECONDS
        self._flows.clear()
        self._counted.clear()
        self._ending.clear()
        self._unsent.clear()
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        if self._sock is not None:
            self._plane.unwatch(self._sock.fileno())
            self._sock.close()
            self._sock = None
            # It would see that we are gone; but it may be stopped, and what it has begun is to end now.
            self._processes[-1].kill()


def _is_own(family: int, host: str) -> bool:
    """Whether this is an address of this machine: one that a socket can be bound to."""
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((host, 0))
        except OSError:
            return False
    return True
