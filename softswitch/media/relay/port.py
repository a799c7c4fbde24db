"""One UDP socket that faces one party: RTP or RTCP of one stream."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import pylibsrtp

from .latch import Address, Expected, Latch, must_relatch
from .measure import Measure, Packet
from .srtp import Turn

if TYPE_CHECKING:
    from .plane import Plane

_libc = ctypes.CDLL(None, use_errno=True)
_UNSPECIFIED = bytes(16)
"""A sockaddr of family AF_UNSPEC: connecting to it dissolves a connected UDP socket, and Python has no other way."""

RECEIVE_BUFFER_BYTES = 1 << 18
RTP_BYTES = 12
RTCP_BYTES = 8
"""The shortest packet of each."""
_ECHO_SSRC = 0x55


def unnoted(packet: Packet, size: int, now: float) -> None:
    """Look at nothing."""


def nowhere(packet: memoryview | bytes) -> int:
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
        "carrier",
        "ceiling",
        "ceiling_at",
        "dropped",
        "errors",
        "expected",
        "family",
        "fd",
        "flow",
        "forward",
        "latch",
        "latched",
        "least",
        "measure",
        "muxed",
        "note",
        "opener",
        "packets",
        "peer",
        "plane",
        "receive",
        "sealer",
        "sock",
        "tap",
    )

    def __init__(self, plane: Plane, sock: socket.socket, least: int, measure: Measure) -> None:
        self.plane = plane
        self.sock = sock
        self.fd = sock.fileno()
        self.family = sock.family
        self.receive = sock.recv_into
        self.least = least
        """The shortest packet that makes sense: 12 for RTP, 8 for RTCP, 0 for something else."""
        self.measure = measure
        self.note: Callable[[Packet, int, float], None] = unnoted
        """Looks at a packet in the buffer, of so many bytes, that came at this monotonic time."""
        self.forward: Callable[[memoryview | bytes], int] = nowhere
        self.tap: Callable[[memoryview | bytes], int] | None = None
        """Who hears this port's party instead of its peer's."""
        self.opener: Turn | None = None
        """What makes SRTP of the party plain, where a stream is bridged."""
        self.sealer: Turn | None = None
        """What makes SRTP for the party."""
        self.muxed: Port | None = None
        """The port of RTCP whose packets come on this one of RTP (RFC 5761)."""
        self.carrier: Port | None = None
        """The port of RTP on which our packets of RTCP come and go."""
        self.peer: Port | None = None
        """The port whose socket our party's packets leave by; for an echo this one."""
        self.expected: Expected | None = None
        self.latch: Latch | None = None
        self.latched: Address | None = None
        self.flow = 0
        """Under which number the kernel forwards what comes in here; 0: we do."""
        self.packets = 0
        self.bytes = 0
        self.dropped = 0
        """Strangers' and malformed packets that we got to see; the kernel drops more."""
        self.errors = 0
        """ICMP errors, here or while sending on."""
        self.ceiling = 0
        self.ceiling_at = 0.0
        self._listen()

    def join(self, other: Port) -> None:
        """From now on what comes in on one port leaves by the other."""
        self.peer, other.peer = other, self
        self.aim()
        other.aim()

    def speak(self, least: int) -> None:
        """Take packets of this kind from now on, see `least`."""
        if least != self.least:
            self.least = least
            self.plane.changed(self)
        self._listen()

    def _listen(self) -> None:
        measure = self.measure
        self.note = {RTP_BYTES: measure.note, RTCP_BYTES: measure.report}.get(self.least, unnoted)

    def echo(self) -> None:
        """From now on what comes in goes back to its sender."""
        self.peer = self

    def mix(self, muxed: Port | None) -> None:
        """From now on RTCP comes and goes here too, as the business of that port; or no longer, with None."""
        if muxed is self.muxed:
            return
        for port, carrier in ((self.muxed, None), (muxed, self)):
            if port is not None:
                port.carrier = carrier
                port.aim()
        self.muxed = muxed
        self.plane.changed(self)

    def aim(self) -> None:
        """Set where our peer's packets go, after something changed here."""
        if self.peer is not None:
            self._aim(self.peer)
        if self.muxed is not None:
            self.muxed.aim()

    def _aim(self, peer: Port) -> None:
        if peer is self:
            self.forward = self._reflect if self.latched is not None and self.least == RTP_BYTES else nowhere
        elif peer.tap is not None:
            peer.forward = peer.tap
        else:
            peer.forward = self.outward()
        self.plane.turned(peer)

    def outward(self) -> Callable[[memoryview | bytes], int]:
        """What sends a packet to this port's party, as far as it is known where that is."""
        way = self.carrier or self
        if way.latched is not None:
            return self._sealed(way.sock.send)
        if way.expected is not None and way.expected.target is not None:
            return self._sealed(way._send_to_target)
        return nowhere

    def carried(self, packets: int, octets: int) -> None:
        """The kernel has forwarded so many for us, of so many bytes with their headers."""
        self.packets += packets
        self.bytes += octets - packets * (28 if self.family == socket.AF_INET else 48)
        self.measure.passed(packets)

    def lock(self, opener: Turn | None, sealer: Turn | None) -> None:
        """Speak SRTP with the party by these, or plain RTP where they are None."""
        if (opener, sealer) != (self.opener, self.sealer):
            self.opener, self.sealer = opener, sealer
            self.plane.changed(self)
            self.aim()

    def open(self, packet: memoryview) -> memoryview | bytes | None:
        """The packet as it can be read; None for one that isn't genuine."""
        if self.opener is None:
            return packet
        try:
            return self.opener(bytes(packet))
        except (pylibsrtp.Error, ValueError):
            return None

    def _sealed(self, send: Callable[[memoryview | bytes], int]) -> Callable[[memoryview | bytes], int]:
        return send if self.sealer is None else partial(self._seal, self.sealer, send)

    def _seal(self, sealer: Turn, send: Callable[[memoryview | bytes], int], packet: memoryview | bytes) -> int:
        try:
            return send(sealer(bytes(packet)))
        except (pylibsrtp.Error, ValueError):
            self.errors += 1  # too long, or the key is used up
            return 0

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

    def _send_to_target(self, packet: memoryview | bytes) -> int:
        assert self.expected is not None
        assert self.expected.target is not None
        return self.sock.sendto(packet, self.expected.target)

    def send(self, packet: memoryview | bytes) -> None:
        """Send a packet to the party, if it is known where that is. Raises OSError."""
        if self.latched is not None:
            self._sealed(self.sock.send)(packet)
        elif self.expected is not None and self.expected.target is not None:
            self._sealed(self._send_to_target)(packet)

    def _reflect(self, packet: memoryview | bytes) -> int:
        # With its own SSRC coming back a phone would see a loop (RFC 3550 §8.2): the echo has another one.
        back = bytearray(packet)
        back[8] ^= _ECHO_SSRC
        return self._sealed(self.sock.send)(memoryview(back))

    def close(self) -> None:
        """Close the socket, and let go of everything: no cycle is left, for no collector runs here."""
        self.plane.remove(self)
        self.sock.close()
        if self.peer is not None and self.peer is not self:
            self.plane.turned(self.peer)
            self.peer.peer = None
            self.peer.forward = nowhere
        self.peer = None
        if self.muxed is not None:
            self.muxed.carrier = None
        if self.carrier is not None:
            self.carrier.muxed = None
        self.muxed = self.carrier = None
        self.tap = None
        self.forward = nowhere
        self.note = unnoted
        self.opener = self.sealer = None
