"""SRTP keys in SDP (SDES, RFC 4568), and the locks that are made of them (RFC 3711).

The keys stand in the SDP in the clear: they are worth what the signalling's own encryption is worth.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import NamedTuple

import pylibsrtp

from ...sip.sdp import Media

_CRYPTO = (b"crypto:",)
_LINE = re.compile(rb"a=crypto:(\d{1,9})[ \t]+(\S+)[ \t]+inline:([A-Za-z0-9+/=]{1,200})(?:\|(?:2\^)?\d{1,20})?[ \t]*$")
"""Without MKI and session parameters, which we don't do: such a line counts as one of an unknown suite (§6.3)."""


class Suite(NamedTuple):
    """How a suite's key is used."""

    profile: int
    length: int
    """Of key and salt, in bytes."""


SUITES: dict[bytes, Suite] = {
    b"AES_CM_128_HMAC_SHA1_80": Suite(pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
    b"AES_CM_128_HMAC_SHA1_32": Suite(pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 30),
    b"AEAD_AES_256_GCM": Suite(pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44),
    b"AEAD_AES_128_GCM": Suite(pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
}
"""Those we take; the first two we offer ourselves."""
OFFERED = (b"AES_CM_128_HMAC_SHA1_80", b"AES_CM_128_HMAC_SHA1_32")


class Crypto(NamedTuple):
    """A line `a=crypto`."""

    tag: int
    suite: bytes
    key: bytes
    """Key and salt."""

    def __bytes__(self) -> bytes:
        return b"a=crypto:%d %b inline:%b\r\n" % (self.tag, self.suite, base64.b64encode(self.key))


def cryptos_of(media: Media) -> list[Crypto]:
    """What is offered, or was chosen, of what we can do; in the order given."""
    found = []
    for line in media.lines:
        match = _LINE.match(line.strip())
        suite = SUITES.get(match[2]) if match is not None else None
        if match is None or suite is None:
            continue
        try:
            key = base64.b64decode(match[3], validate=True)
        except binascii.Error:
            continue
        if len(key) == suite.length:
            found.append(Crypto(int(match[1]), match[2], key))
    return found


def write_cryptos(media: Media, cryptos: list[Crypto]) -> None:
    """Have these lines in the place of all others."""
    media.remove(_CRYPTO)
    media.lines += [bytes(crypto) for crypto in cryptos]


def is_secure(media: Media) -> bool:
    """Whether SRTP is spoken here, or could be (RFC 8643)."""
    return b"SAVP" in media.protocol.upper() or any(line.startswith(b"a=crypto:") for line in media.lines)


def make_key(seed: bytes, *names: bytes) -> bytes:
    """44 bytes that only who knows the seed can tell, always the same for the same names."""
    message = b"|".join(names)
    first = hmac.digest(seed, b"1" + message, hashlib.sha256)
    return (first + hmac.digest(seed, b"2" + message, hashlib.sha256))[:44]


Turn = Callable[[bytes], bytes]
"""Packet in, packet out; raises pylibsrtp.Error for one that is not genuine."""


class Position(NamedTuple):
    """How far the packets under a key have been counted: what is needed to go on with it elsewhere."""

    ssrc: bytes
    at: int
    """Index of the newest packet of this source: the number in the packet, and how often that began anew (§3.3.1)."""


_STRIDE = 0x7000
"""Fewer packets ahead than half of all numbers: a newer one, whoever counts."""
_EMPTY_REPORT = b"\x80\xc9\x00\x01"
_SOURCES = 8
"""So many sources under one key are known."""
_SLACK_REPORTS = 64
"""More than are sent between two tellings of a position."""


class Lock:
    """What is done to packets of one direction, each of which is counted."""

    __slots__ = ("_former", "_index", "_report", "_skipped", "_ssrc", "_turn", "reports")

    def __init__(self, turn: Turn, report: Turn, skipped: int = 0) -> None:
        """`skipped`: so many reports may have been sealed under this key elsewhere."""
        self._turn = turn
        self._report = report
        self._skipped = skipped
        self._ssrc = b""
        self._index = 0
        self._former: dict[bytes, int] = {}
        self.reports = skipped
        """RTCP packets so far."""

    def rtp(self, packet: bytes) -> bytes:
        """Raises pylibsrtp.Error."""
        turned = self._turn(packet)
        if packet[8:12] != self._ssrc:
            self._change(packet)
        step = ((packet[2] << 8 | packet[3]) - self._index) & 0xFFFF
        if step < 0x8000:
            self._index += step
        return turned

    def rtcp(self, packet: bytes) -> bytes:
        """Raises pylibsrtp.Error."""
        for _ in range(self._skipped):
            self._report(_EMPTY_REPORT + packet[4:8])
        self._skipped = 0
        self.reports += 1
        return self._report(packet)

    def _change(self, packet: bytes) -> None:
        """Another source."""
        if self._ssrc:
            self._former[self._ssrc] = self._index
            if len(self._former) > _SOURCES:
                del self._former[next(iter(self._former))]
        self._ssrc = packet[8:12]
        self._index = self._former.pop(self._ssrc, packet[2] << 8 | packet[3])

    @property
    def positions(self) -> list[Position]:
        """Of each source, the newest last."""
        found = [*self._former.items(), (self._ssrc, self._index)] if self._ssrc else []
        return [Position(*one) for one in found]

    @property
    def mark(self) -> tuple[bytes, int, int]:
        """Another one when the position should be told anew: well before its numbers can be mistaken."""
        return self._ssrc, self._index >> 14, self.reports >> 5

    def go_on(self, positions: list[Position], pave: Turn) -> None:
        """Go on after these, which were told of this key elsewhere; `pave` makes the packets that lead there."""
        for position in positions:
            for index in range(position.at % _STRIDE, position.at + 1, _STRIDE):
                self.rtp(pave(b"\x80\x00%b\x00\x00\x00\x00%b" % ((index & 0xFFFF).to_bytes(2, "big"), position.ssrc)))


def sealing(crypto: Crypto, positions: list[Position] | None = None, reports: int = 0) -> Lock:
    """For packets that leave under our own key; after `positions` and so many `reports`, if it was in use elsewhere."""
    session = _sealing(crypto)
    if positions is None:
        return Lock(session.protect, session.protect_rtcp)
    lock = Lock(session.protect, session.protect_rtcp, reports + _SLACK_REPORTS)
    lock.go_on(positions, bytes)
    return lock


def opening(crypto: Crypto, positions: list[Position] | None = None) -> Lock:
    """For packets that come under the party's key; as `sealing` otherwise."""
    session = pylibsrtp.Session(_policy(crypto, pylibsrtp.Policy.SSRC_ANY_INBOUND))
    lock = Lock(session.unprotect, session.unprotect_rtcp)
    if positions:
        lock.go_on(positions, _sealing(crypto).protect)
    return lock


def _sealing(crypto: Crypto) -> pylibsrtp.Session:
    policy = _policy(crypto, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    policy.allow_repeat_tx = True  # phones repeat packets, and so must we be able to
    return pylibsrtp.Session(policy)


def _policy(crypto: Crypto, ssrc_type: int) -> pylibsrtp.Policy:
    policy = pylibsrtp.Policy(key=crypto.key, ssrc_type=ssrc_type, srtp_profile=SUITES[crypto.suite].profile)
    policy.window_size = 1024
    return policy
