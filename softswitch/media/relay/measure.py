"""What one party's packets tell of the way they came, and its reports of the way to it (RFC 3550 §6.4, appendix A).

The packets' part is on the packet path: a handful of sums, no object made. The reports come every few seconds.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from typing import TypeAlias

from ..quality import ADDED_BOUNDS_MS, StreamQuality, mos

_RTP = struct.Struct("!BBHII").unpack_from
_USUAL = struct.Struct("!xBHII").unpack_from
_WORDS = struct.Struct("!BBH").unpack_from

_SENDER = struct.Struct("!II").unpack_from
_BLOCK = struct.Struct("!IIIIII").unpack_from

_MOST_DROPPED = 3000
"""A sequence number further ahead than this is of a stream that began anew (RFC 3550 appendix A.1)."""
_MOST_LATE = 0x10000 - 100
"""One at most a hundred behind is late; one further behind began anew as well."""
_SENDER_REPORT = 200
_RECEIVER_REPORT = 201
_REPORTS_KEPT = 4
"""Sender reports that the other party may still answer to."""
_BOUNDS_NS = tuple(round(1e6 * bound) for bound in ADDED_BOUNDS_MS)

Packet: TypeAlias = "bytearray | memoryview | bytes"
Codecs = dict[int, tuple[str, int]]
"""Payload type to name and clock rate in Hz."""


class Measure:
    """Of one party on one stream. Moments are monotonic seconds."""

    __slots__ = (
        "added",
        "began",
        "codecs",
        "expected",
        "heard_jitter",
        "heard_lost",
        "jitter",
        "kind",
        "other",
        "others",
        "payload_type",
        "rate",
        "readable",
        "round_trip",
        "sent",
        "seq",
        "ssrc",
        "stamp",
        "transit",
    )

    def __init__(self) -> None:
        self.kind = "audio"
        self.codecs: Codecs = {}
        self.readable = True
        """Whether its RTCP is plain: not SRTCP between the phones."""
        self.other: Measure | None = None
        """The other party's on the same stream."""
        self.ssrc = -1
        self.payload_type = -1
        self.rate = 8000
        """Clock rate of the RTP timestamps, in Hz."""
        self.seq = 0
        self.stamp = 0
        self.transit = 0.0
        self.expected = 0
        """Packets by their sequence numbers."""
        self.began = 0
        """What `expected` was when this source began."""
        self.others = 0
        """Packets on the same port that are no RTP: RTCP of a party that sends it there (RFC 5761)."""
        self.jitter = 0.0
        """In units of `rate`."""
        self.sent: dict[int, float] = {}
        """When its last sender reports passed here, by the middle of their NTP time."""
        self.heard_lost = -1.0
        """The share of the other's packets that this party said it misses; -1 for never said."""
        self.heard_jitter = 0.0
        """Seconds."""
        self.round_trip = -1.0
        """Seconds from us to this party and back; -1 for unknown."""
        self.added: list[int] | None = None
        """The histogram of `ADDED_BOUNDS_MS` for the packets of this party."""

    @property
    def codec(self) -> str:
        """The name of what it sent last."""
        return self.codecs.get(self.payload_type, (f"payload type {self.payload_type}", 0))[0]

    @property
    def jitter_seconds(self) -> float:
        return self.jitter / self.rate

    def join(self, other: Measure | None) -> None:
        """Whose reports are about whom."""
        self.other = other
        if other is not None:
            other.other = self

    def leave(self) -> None:
        """The ports are closed: no cycle is left."""
        if self.other is not None:
            self.other.other = None
        self.other = None

    def note(self, packet: Packet, size: int, now: float) -> None:
        """An RTP packet has come: at least 12 bytes, version 2."""
        kind, seq, stamp, ssrc = _USUAL(packet)
        if ssrc != self.ssrc or kind & 0x7F != self.payload_type:
            self._turn(packet, size, now)
            return
        step = (seq - self.seq) & 0xFFFF
        if step < _MOST_DROPPED:
            self.seq = seq
            self.expected += step
        elif step < _MOST_LATE:
            self._turn(packet, size, now)
            return
        if stamp != self.stamp:
            # Several packets of one moment, of a picture or a digit, say nothing of the way.
            self.stamp = stamp
            transit = now * self.rate - stamp
            off = transit - self.transit
            self.transit = transit
            if off < 0.0:
                off = -off
            if off < self.rate:  # else the clock jumped
                self.jitter += (off - self.jitter) * 0.0625

    def passed(self, packets: int) -> None:
        """So many packets went past us unseen; what is missing among them shows in the number of the next one seen."""
        self.expected += packets
        self.seq = self.seq + packets & 0xFFFF

    def _turn(self, packet: Packet, size: int, now: float) -> None:
        """Another source, another codec, or something else altogether."""
        _, kind, seq, stamp, ssrc = _RTP(packet)
        if 192 <= kind <= 223:  # RFC 5761 §4
            self.others += 1
            self.report(packet, size, now)
            return
        step = (seq - self.seq) & 0xFFFF
        self.expected += step if ssrc == self.ssrc and step < _MOST_DROPPED else 1
        payload_type = kind & 0x7F
        rate = self.codecs.get(payload_type, ("", 8000))[1] or 8000
        if ssrc != self.ssrc:
            self.began = self.expected - 1
        if ssrc != self.ssrc or rate != self.rate:
            self.jitter = self.jitter * rate / self.rate
            self.stamp, self.transit = stamp, now * rate - stamp
        self.ssrc, self.payload_type, self.seq, self.rate = ssrc, payload_type, seq, rate

    def report(self, packet: Packet, size: int, now: float) -> None:
        """An RTCP packet has come: its sender and receiver reports are read, the rest is passed over."""
        at = 0
        while self.readable and at + 8 <= size:
            first, kind, words = _WORDS(packet, at)
            end = at + 4 * (words + 1)
            if first >> 6 != 2 or end > size:
                return
            block = at + 8
            if kind == _SENDER_REPORT:
                block = at + 28
                if block > end:
                    return
                high, low = _SENDER(packet, at + 8)
                self.sent[(high & 0xFFFF) << 16 | low >> 16] = now
                if len(self.sent) > _REPORTS_KEPT:
                    del self.sent[next(iter(self.sent))]
            if kind in (_SENDER_REPORT, _RECEIVER_REPORT):
                for number in range(first & 0x1F):
                    if block + 24 * (number + 1) <= end:
                        self._block(packet, block + 24 * number, now)
            at = end

    def _block(self, packet: Packet, at: int, now: float) -> None:
        """What the party says of the other's packets (RFC 3550 §6.4.1)."""
        other = self.other
        ssrc, lost, _, jitter, last, since = _BLOCK(packet, at)
        if other is None or ssrc != other.ssrc:
            return
        lost &= 0xFFFFFF
        if lost >= 0x800000:
            lost = 0  # negative: duplicates
        self.heard_lost = min(1.0, lost / max(1, other.expected - other.began))
        self.heard_jitter = jitter / other.rate
        passed_at = other.sent.get(last) if last else None
        if passed_at is not None:
            self.round_trip = max(0.0, now - passed_at - since / 65536)

    def delayed(self, nanoseconds: int) -> int:
        """One of its packets waited so long here; which bucket that is."""
        if self.added is None:
            self.added = [0] * (len(_BOUNDS_NS) + 1)
        bucket = bisect_left(_BOUNDS_NS, nanoseconds)
        self.added[bucket] += 1
        return bucket


def quality_of(measure: Measure, packets: int) -> StreamQuality:
    """What came of the party's packets at the other party, as far as we and its reports know."""
    heard, received = measure.other, packets - measure.others
    lost = max(0, measure.expected - received)
    reported, round_trips = -1.0, measure.round_trip
    jitter = measure.jitter_seconds
    if heard is not None:
        reported = heard.heard_lost
        jitter = max(jitter, heard.heard_jitter)
        round_trips = max(0.0, measure.round_trip) + max(0.0, heard.round_trip)
    loss = max(reported, lost / max(1, received + lost))
    score = mos(measure.codec, loss, 1e3 * jitter, 1e3 * max(0.0, round_trips)) if measure.kind == "audio" else 0.0
    return StreamQuality(
        "",
        measure.kind,
        measure.codec,
        received,
        lost,
        1e3 * measure.jitter_seconds,
        reported,
        1e3 * measure.round_trip if measure.round_trip >= 0 else -1.0,
        score,
        tuple(measure.added or ()),
    )
