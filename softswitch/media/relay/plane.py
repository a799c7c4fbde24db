"""The packet path: one epoll, one buffer, and as little as possible for each packet.

A latched port is in `_fast`: receive, check, count, send on. All else is in `_slow` with a function of its own: ports
that still learn who their party is, and whatever the process waits for besides packets.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable

from .port import Port, valid

_BURST = 32
"""Packets read in one go from a port that learns."""
_EVENTS = 128
_COMMON_BYTES = 2048


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
        self._fast.pop(port.fd, None)
        self._slow[port.fd] = lambda: self._learn(port)

    def remove(self, port: Port) -> None:
        """Before the port is closed."""
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
        for fd, _ in self._epoll.poll(timeout, _EVENTS):
            port = fast.get(fd)
            if port is None:
                ready = slow.get(fd)
                if ready is not None:
                    ready()
                continue
            try:
                size = port.receive(buffer)
                if size < port.least or (buffer[0] >> 6 != 2 and port.least):
                    port.dropped += 1
                    continue
                port.packets += 1
                port.bytes += size
                port.forward(views[size] if size <= _COMMON_BYTES else self._whole[:size])
            except OSError as error:
                self._trouble(port, error)
            if port.packets + port.dropped > port.ceiling:
                self._much(port)

    def _trouble(self, port: Port, error: OSError) -> None:
        """An ICMP error of an earlier packet, here or on the way out; or nothing there after all."""
        if not isinstance(error, BlockingIOError):
            port.errors += 1

    def _allow(self, port: Port, now: float) -> None:
        port.ceiling = port.packets + port.dropped + self._rate
        port.ceiling_at = now

    def _much(self, port: Port) -> None:
        """The ceiling is reached: raise it if that took a second, else stop reading."""
        now = time.monotonic()
        if now - port.ceiling_at >= 1.0:
            self._allow(port, now)
        elif port not in self._paused:
            self._epoll.unregister(port.fd)
            self._paused.append(port)

    def _learn(self, port: Port) -> None:
        """Read until a sender is believed, then until strangers' packets from before that are gone."""
        now = time.monotonic()
        for _ in range(_BURST):
            try:
                size, source = port.sock.recvfrom_into(self._buffer)
            except BlockingIOError:
                if port.latched is not None:
                    del self._slow[port.fd]
                    self._fast[port.fd] = port
                break
            except OSError as error:
                self._trouble(port, error)
                continue
            believed = (
                source == port.latched
                if port.latched is not None
                else port.latch is not None
                and valid(self._buffer, size, port.least)
                and port.latch.believes(source, now)
                and port.connect(source)
            )
            if not believed or not valid(self._buffer, size, port.least):
                port.dropped += 1
                continue
            port.packets += 1
            port.bytes += size
            try:
                port.forward(self._whole[:size])
            except OSError as error:
                self._trouble(port, error)
        if port.packets + port.dropped > port.ceiling:
            self._much(port)

    def close(self) -> None:
        """Release the buffer's views and the epoll; ports are closed by who opened them."""
        self._epoll.close()
        self._slow.clear()
