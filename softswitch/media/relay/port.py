"""One UDP socket that faces one party: RTP or RTCP of one stream."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from .latch import Address, Expected, Latch, must_relatch

if TYPE_CHECKING:
    from .plane import Plane

_libc = ctypes.CDLL(None, use_errno=True)
_UNSPECIFIED = bytes(16)
"""A sockaddr of family AF_UNSPEC: connecting to it dissolves a connected UDP socket, and Python has no other way."""

RECEIVE_BUFFER_BYTES = 1 << 18
_ECHO_SSRC = 0x55


def nowhere(packet: memoryview) -> int:
    """Send to nobody."""
    return 0


def valid(packet: memoryview | bytearray, size: int, least: int) -> bool:
    """Whether this looks like RTP or RTCP (version 2, at least `least` bytes); with `least` 0 all but empty ones do."""
    return size >= least and (packet[0] >> 6 == 2 if least else size > 0)


class Port:
    """A socket, whom it faces, and where what comes in on it goes.

    `forward` is what the packet path calls with a packet of this port's party: the other port's `send` once its
    party is latched, before that a send to the address that party named.
    """

    __slots__ = (
        "bytes",
        "ceiling",
        "ceiling_at",
        "dropped",
        "errors",
        "expected",
        "family",
        "fd",
        "forward",
        "latch",
        "latched",
        "least",
        "packets",
        "peer",
        "plane",
        "receive",
        "sock",
        "tap",
    )

    def __init__(self, plane: Plane, sock: socket.socket, least: int) -> None:
        self.plane = plane
        self.sock = sock
        self.fd = sock.fileno()
        self.family = sock.family
        self.receive = sock.recv_into
        self.least = least
        """The shortest packet that makes sense: 12 for RTP, 8 for RTCP, 0 for something else."""
        self.forward: Callable[[memoryview], int] = nowhere
        self.tap: Callable[[memoryview], int] | None = None
        """Who hears this port's party instead of its peer's."""
        self.peer: Port | None = None
        """The port whose socket our party's packets leave by; for an echo this one."""
        self.expected: Expected | None = None
        self.latch: Latch | None = None
        self.latched: Address | None = None
        self.packets = 0
        self.bytes = 0
        self.dropped = 0
        """Strangers' and malformed packets that we got to see; the kernel drops more."""
        self.errors = 0
        """ICMP errors, here or while sending on."""
        self.ceiling = 0
        self.ceiling_at = 0.0

    def join(self, other: Port) -> None:
        """From now on what comes in on one port leaves by the other."""
        self.peer, other.peer = other, self
        self.aim()
        other.aim()

    def echo(self) -> None:
        """From now on what comes in goes back to its sender."""
        self.peer = self

    def aim(self) -> None:
        """Set where our peer's packets go, after something changed here."""
        peer = self.peer
        if peer is None:
            return
        if peer is self:
            self.forward = self._reflect if self.latched is not None and self.least == 12 else nowhere
        elif peer.tap is not None:
            peer.forward = peer.tap
        elif self.latched is not None:
            peer.forward = self.sock.send
        elif self.expected is not None and self.expected.target is not None:
            peer.forward = self._send_to_target
        else:
            peer.forward = nowhere

    def tell(self, expected: Expected, patience: float) -> None:
        """The party's SDP has come, or a new one."""
        old, self.expected = self.expected, expected
        if old is None or must_relatch(old, expected, self.latched):
            if old is None or old != expected or self.latch is None:
                self.latch = Latch(expected, patience, self.latched)
            if self.latched is not None:
                self._disconnect()
        self.aim()

    def connect(self, source: Address) -> bool:
        """Believe this sender: the kernel drops all others from here on. False when it can't be reached."""
        try:
            self.sock.connect(source)
        except OSError:
            return False
        self.latched = source
        self.aim()
        return True

    def _disconnect(self) -> None:
        if _libc.connect(self.fd, _UNSPECIFIED, len(_UNSPECIFIED)):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        self.latched = None
        self.plane.learn(self)

    def _send_to_target(self, packet: memoryview) -> int:
        assert self.expected is not None
        assert self.expected.target is not None
        return self.sock.sendto(packet, self.expected.target)

    def send(self, packet: bytes) -> None:
        """Send a packet of our own to the party, if it is known where that is. Raises OSError."""
        if self.latched is not None:
            self.sock.send(packet)
        elif self.expected is not None and self.expected.target is not None:
            self.sock.sendto(packet, self.expected.target)

    def _reflect(self, packet: memoryview) -> int:
        # With its own SSRC coming back a phone would see a loop (RFC 3550 §8.2): the echo has another one.
        packet[8] ^= _ECHO_SSRC
        return self.sock.send(packet)

    def close(self) -> None:
        """Close the socket, and let go of everything: no cycle is left, for no collector runs here."""
        self.plane.remove(self)
        self.sock.close()
        if self.peer is not None and self.peer is not self:
            self.peer.peer = None
            self.peer.forward = nowhere
        self.peer = None
        self.tap = None
        self.forward = nowhere
