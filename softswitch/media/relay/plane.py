"""The packet path: one epoll, one buffer, and as little as possible for each packet.

A latched port of RTP is in `_fast`: receive, check, count, note, send on. All else is in `_slow` with a function of its
own: ports that still learn who their party is, of RTCP and fax, and whatever the process waits for besides packets.

The delay that is measured is that from the packet's arrival in the kernel until it was sent on, so it has the waiting
for this process in it.
"""

from __future__ import annotations

import fcntl
import select
import struct
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ..quality import ADDED_BOUNDS_MS
from .mux import is_rtcp
from .port import RTP_BYTES, Port, valid

if TYPE_CHECKING:
    from .kernel.offload import Offload

_BURST = 32
"""Packets read in one go from a port that learns."""
_EVENTS = 128
_COMMON_BYTES = 2048
_SAMPLE = 63
"""The delay of one packet in 64 is measured, for each port."""
_SIOCGSTAMPNS = 0x8907
"""socket(7): when the packet that was read last had come to the kernel; the first call begins it."""
_TIMESPEC = struct.Struct("@ll")
_NOTHING = bytes(_TIMESPEC.size)


class Plane:
    """All sockets of the process; `run_once` serves those that are ready."""

    def __init__(self, max_packets_per_second: int) -> None:
        self._epoll = select.epoll()
        self._fast: dict[int, Port] = {}
        self._slow: dict[int, Callable[[], None]] = {}
        self._paused: list[Port] = []
        self._rate = max_packets_per_second
        self._buffer = bytearray(65_536)
        self._whole = memoryview(self._buffer)
        self._views = [self._whole[:size] for size in range(_COMMON_BYTES + 1)]
        self.added = [0] * (len(ADDED_BOUNDS_MS) + 1)
        """The histogram of `ADDED_BOUNDS_MS` over all ports; a sample."""
        self.woke_at = time.monotonic()
        """When the last wait for packets was over."""
        self.offload: Offload | None = None
        """Has the kernel forward in our stead, where that is wanted."""

    def watch(self, fd: int, ready: Callable[[], None]) -> None:
        """Call `ready` whenever this descriptor can be read or is closed."""
        self._slow[fd] = ready
        self._epoll.register(fd, select.EPOLLIN)

    def unwatch(self, fd: int) -> None:
        """Before the descriptor is closed."""
        del self._slow[fd]
        self._epoll.unregister(fd)

    def add(self, port: Port) -> None:
        """Read this port from now on."""
        self._allow(port, time.monotonic())
        self._epoll.register(port.fd, select.EPOLLIN)
        self.learn(port)

    def learn(self, port: Port) -> None:
        """The port doesn't know its party, or no longer."""
        self.turned(port)
        self._fast.pop(port.fd, None)
        self._slow[port.fd] = partial(self._learn, port)

    def changed(self, port: Port) -> None:
        """The port has packets of another kind from now on: it is sorted anew once it has nothing to read."""
        if port.latched is not None:
            self.learn(port)

    def _settle(self, port: Port) -> None:
        """The port knows its party, and strangers' packets from before are gone."""
        if port.least == RTP_BYTES and port.opener is None and port.muxed is None:
            del self._slow[port.fd]
            self._fast[port.fd] = port
            self.turned(port)
        else:
            self._slow[port.fd] = partial(self._pass, port)

    def turned(self, port: Port) -> None:
        """What comes in on this port may go elsewhere from now on."""
        if self.offload is not None:
            self.offload.consider(port)

    def is_fast(self, port: Port) -> bool:
        """Whether it is RTP as it came, from a party that is known."""
        return port.fd in self._fast

    def remove(self, port: Port) -> None:
        """Before the port is closed."""
        if self.offload is not None:
            self.offload.forget(port)
        self._fast.pop(port.fd, None)
        self._slow.pop(port.fd, None)
        if port in self._paused:
            self._paused.remove(port)
        else:
            self._epoll.unregister(port.fd)

    def resume(self, now: float) -> None:
        """Read those ports again that had too much a second ago. To be called a few times a second."""
        still = []
        for port in self._paused:
            if now - port.ceiling_at < 1.0:
                still.append(port)
            else:
                self._allow(port, now)
                self._epoll.register(port.fd, select.EPOLLIN)
        self._paused = still

    def run_once(self, timeout: float) -> None:
        """Wait at most `timeout` seconds, then serve what is ready: one packet a latched port, so that none starves."""
        fast, slow, views, buffer = self._fast, self._slow, self._views, self._buffer
        ready = self._epoll.poll(timeout, _EVENTS)
        now = self.woke_at = time.monotonic()
        for fd, _ in ready:
            port = fast.get(fd)
            if port is None:
                serve = slow.get(fd)
                if serve is not None:
                    serve()
                continue
            try:
                size = port.receive(buffer)
                if size < RTP_BYTES or buffer[0] >> 6 != 2:
                    port.dropped += 1
                    continue
                port.packets += 1
                port.bytes += size
                port.note(buffer, size, now)
                port.forward(views[size] if size <= _COMMON_BYTES else self._whole[:size])
                if not port.packets & _SAMPLE:
                    self._time(port)
            except OSError as error:
                self._trouble(port, error)
            if port.packets + port.dropped > port.ceiling:
                self._much(port)

    def _trouble(self, port: Port, error: OSError) -> None:
        """An ICMP error of an earlier packet, here or on the way out; or nothing there after all."""
        if not isinstance(error, BlockingIOError):
            port.errors += 1

    def _allow(self, port: Port, now: float) -> None:
        port.ceiling = _read(port) + self._rate
        port.ceiling_at = now

    def _much(self, port: Port) -> None:
        """The ceiling is reached: raise it if that took a second, else stop reading."""
        now = time.monotonic()
        if now - port.ceiling_at >= 1.0:
            self._allow(port, now)
        elif port not in self._paused:
            self._epoll.unregister(port.fd)
            self._paused.append(port)

    def _time(self, port: Port) -> None:
        """The packet that came last has just been sent on: how long was it here?"""
        seconds, nanoseconds = _TIMESPEC.unpack(fcntl.ioctl(port.fd, _SIOCGSTAMPNS, _NOTHING))
        # The port's own histogram has the buckets of ours.
        self.added[port.measure.delayed(time.time_ns() - seconds * 1_000_000_000 - nanoseconds)] += 1

    def _pass(self, port: Port) -> None:
        """A packet from the party of a latched port that has not only RTP, or SRTP that is to be opened."""
        buffer = self._buffer
        try:
            size = port.receive(buffer)
            # RTCP on a port of RTP is the business of the port that it would have come to.
            to = port.muxed if port.muxed is not None and is_rtcp(buffer, size) else port
            packet = to.open(self._whole[:size]) if valid(buffer, size, to.least) else None
            if packet is None:
                port.dropped += 1
            else:
                to.packets += 1
                to.bytes += size
                to.note(packet, len(packet), time.monotonic())
                to.forward(packet)
                if to.least == RTP_BYTES and not to.packets & _SAMPLE:
                    self._time(to)
        except OSError as error:
            self._trouble(port, error)
        if _read(port) > port.ceiling:
            self._much(port)

    def _learn(self, port: Port) -> None:
        """Read until a sender is believed, then until strangers' packets from before that are gone."""
        now = time.monotonic()
        for _ in range(_BURST):
            try:
                size, source = port.sock.recvfrom_into(self._buffer)
            except BlockingIOError:
                if port.latched is not None:
                    self._settle(port)
                break
            except OSError as error:
                self._trouble(port, error)
                continue
            to = port.muxed if port.muxed is not None and is_rtcp(self._buffer, size) else port
            packet = to.open(self._whole[:size]) if valid(self._buffer, size, to.least) else None
            believed = packet is not None and (
                source == port.latched
                if port.latched is not None
                else port.latch is not None and port.latch.believes(source, now) and port.connect(source)
            )
            if packet is None or not believed:
                port.dropped += 1
                continue
            to.packets += 1
            to.bytes += size
            to.note(packet, len(packet), now)
            try:
                to.forward(packet)
            except OSError as error:
                self._trouble(port, error)
        if _read(port) > port.ceiling:
            self._much(port)

    def close(self) -> None:
        """Release the buffer's views and the epoll; ports are closed by who opened them."""
        self._epoll.close()
        self._slow.clear()


def _read(port: Port) -> int:
    """How many packets were read from its socket."""
    return port.packets + port.dropped + (port.muxed.packets if port.muxed is not None else 0)
