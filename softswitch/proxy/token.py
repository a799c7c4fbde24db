"""Dialog tokens: the user part of our Record-Route, which names both parties of a dialog and cannot be forged.

RFC 5626 §5.2 gives the idea (flow tokens). With it a request within a dialog finds its way by its route set alone,
also after a restart of the switch, and nobody outside the dialog can send one through us: the seal covers Call-ID and
the caller's tag, so it opens for the requests of one dialog only.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from binascii import b2a_base64
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest
from ipaddress import ip_address
from struct import Struct
from typing import NamedTuple

from softswitch.flow import Flow, Listener

SEAL_BYTES = 9
ANCHORED, CALLER_STICKS, CALLEE_STICKS = 1, 2, 4
_SIDE = Struct("!BHI")
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Opened(NamedTuple):
    """What a token says to a request that came with it."""

    sender: Flow
    """Where the sender was when the dialog began."""
    receiver: Flow
    """Where the other party was."""
    receiver_sticks: bool
    """The other party is reached over that flow: a phone, perhaps behind NAT; not by what its Contact says."""
    anchored: bool
    """The dialog's media goes through the engine."""


class Tokens:
    """Seals and opens tokens under a key of the switch's own."""

    def __init__(self, key: bytes, listeners: Sequence[Listener]) -> None:
        self._key = key
        self._listeners = {listener.index: listener for listener in listeners}

    def seal(self, call_id: bytes, caller_tag: bytes, caller: Flow, callee: Flow, flags: int) -> bytes:
        """A token for a request from `caller` that goes to `callee`; 48 characters with IPv4."""
        text = bytes((flags,)) + _pack(caller) + _pack(callee)
        text += blake2b(text + call_id + b"|" + caller_tag, digest_size=SEAL_BYTES, key=self._key).digest()
        return b2a_base64(text, newline=False).translate(_URL_SAFE, b"=")

    def open(self, token: bytes, call_id: bytes, from_tag: bytes, to_tag: bytes) -> Opened | None:
        """What the token of a request within a dialog says, or None for one that is not of this dialog."""
        try:
            text = urlsafe_b64decode(token + b"=" * (-len(token) % 4))
        except (Base64Error, ValueError):
            return None
        body, seal = text[:-SEAL_BYTES], text[-SEAL_BYTES:]
        if len(body) < 1:
            return None
        by_caller = self._fits(body, seal, call_id, from_tag)
        if not by_caller and not self._fits(body, seal, call_id, to_tag):
            return None
        flags = body[0]
        caller, rest = self._unpack(body[1:])
        callee, _ = self._unpack(rest)
        if caller is None or callee is None:
            return None  # a listener that the configuration no longer has
        anchored = bool(flags & ANCHORED)
        if by_caller:
            return Opened(caller, callee, bool(flags & CALLEE_STICKS), anchored)
        return Opened(callee, caller, bool(flags & CALLER_STICKS), anchored)

    def _fits(self, body: bytes, seal: bytes, call_id: bytes, tag: bytes) -> bool:
        text = body + call_id + b"|" + tag
        return compare_digest(blake2b(text, digest_size=SEAL_BYTES, key=self._key).digest(), seal)

    def _unpack(self, text: bytes) -> tuple[Flow | None, bytes]:
        index, port, connection = _SIDE.unpack_from(text)
        size = 16 if index & 0x80 else 4
        at = _SIDE.size
        listener = self._listeners.get(index & 0x7F)
        rest = text[at + size :]
        if listener is None:
            return None, rest
        return Flow(listener, str(ip_address(text[at : at + size])), port, connection), rest


@lru_cache(4096)
def _packed(host: str) -> bytes:
    return ip_address(host.partition("%")[0]).packed


def _pack(flow: Flow) -> bytes:
    address = _packed(flow.host)
    index = flow.listener.index | (0x80 if len(address) == 16 else 0)
    return _SIDE.pack(index, flow.port, flow.connection) + address
