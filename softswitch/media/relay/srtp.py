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


class Locks(NamedTuple):
    """What is done to packets of one direction."""

    rtp: Turn
    rtcp: Turn


def _nothing(packet: bytes) -> bytes:
    raise ValueError("this stream waits for its next offer")


MUTE = Locks(_nothing, _nothing)
"""Lets nothing through."""


def sealing(crypto: Crypto) -> Locks:
    """For packets that leave under our own key."""
    policy = _policy(crypto, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    policy.allow_repeat_tx = True  # phones repeat packets, and so must we be able to
    session = pylibsrtp.Session(policy)
    return Locks(session.protect, session.protect_rtcp)


def opening(crypto: Crypto) -> Locks:
    """For packets that come under the party's key."""
    session = pylibsrtp.Session(_policy(crypto, pylibsrtp.Policy.SSRC_ANY_INBOUND))
    return Locks(session.unprotect, session.unprotect_rtcp)


def _policy(crypto: Crypto, ssrc_type: int) -> pylibsrtp.Policy:
    policy = pylibsrtp.Policy(key=crypto.key, ssrc_type=ssrc_type, srtp_profile=SUITES[crypto.suite].profile)
    policy.window_size = 1024
    return policy
