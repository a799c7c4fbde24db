"""Dialog tokens: the user part of our Record-Route, which names both parties of a dialog and cannot be forged.

RFC 5626 §5.2 gives the idea (flow tokens). With it a request within a dialog finds its way by its route set alone,
also after a restart of the switch, and nobody outside the dialog can send one through us: the seal covers Call-ID and
the caller's tag, so it opens for the requests of one dialog only.
"""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from hashlib import blake2b
from hmac import compare_digest
from ipaddress import ip_address
from struct import Struct
from typing import NamedTuple

from softswitch.flow import Flow, Listener

SEAL_BYTES = 9
ANCHORED, CALLER_STICKS, CALLEE_STICKS = 1, 2, 4
CACHED = 20_000
"""Sides remembered in either direction; each phone is one."""
_SIDE = Struct("!BHQ")
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")


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
        self._packed: dict[Flow, bytes] = {}
        self._unpacked: dict[bytes, Flow | None] = {}

    def seal(self, call_id: bytes, caller_tag: bytes, caller: Flow, callee: Flow, flags: int) -> bytes:
        """A token for a request from `caller` that goes to `callee`; 48 characters with IPv4."""
        text = bytes((flags,)) + self._pack(caller) + self._pack(callee)
        text += blake2b(text + call_id + b" " + caller_tag, digest_size=SEAL_BYTES, key=self._key).digest()
        return b2a_base64(text, newline=False).translate(_URL_SAFE, b"=")

    def open(self, token: bytes, call_id: bytes, from_tag: bytes, to_tag: bytes) -> Opened | None:
        """What the token of a request within a dialog says, or None for one that is not of this dialog."""
        try:
            text = a2b_base64(token.translate(_FROM_URL) + b"=" * (-len(token) % 4))
        except (Base64Error, ValueError):
            return None
        body, seal = text[:-SEAL_BYTES], text[-SEAL_BYTES:]
        if len(body) < 2:
            return None
        by_caller = self._fits(body, seal, call_id, from_tag)
        if not by_caller and not self._fits(body, seal, call_id, to_tag):
            return None
        flags = body[0]
        cut = 1 + _SIDE.size + (16 if body[1] & 0x80 else 4)
        caller, callee = self._unpack(body[1:cut]), self._unpack(body[cut:])
        if caller is None or callee is None:
            return None  # a listener that the configuration no longer has
        anchored = bool(flags & ANCHORED)
        if by_caller:
            return Opened(caller, callee, bool(flags & CALLEE_STICKS), anchored)
        return Opened(callee, caller, bool(flags & CALLER_STICKS), anchored)

    def _fits(self, body: bytes, seal: bytes, call_id: bytes, tag: bytes) -> bool:
        # A blank divides them, for neither can hold one: no other Call-ID and tag make the same text.
        text = body + call_id + b" " + tag
        return compare_digest(blake2b(text, digest_size=SEAL_BYTES, key=self._key).digest(), seal)

    def _pack(self, flow: Flow) -> bytes:
        text = self._packed.get(flow)
        if text is None:
            address = ip_address(flow.host.partition("%")[0]).packed
            index = flow.listener.index | (0x80 if len(address) == 16 else 0)
            text = _SIDE.pack(index, flow.port, flow.connection) + address
            if len(self._packed) >= CACHED:
                self._packed.clear()
            self._packed[flow] = text
        return text

    def _unpack(self, text: bytes) -> Flow | None:
        if text in self._unpacked:
            return self._unpacked[text]
        index, port, connection = _SIDE.unpack_from(text)
        listener = self._listeners.get(index & 0x7F)
        host = str(ip_address(text[_SIDE.size :]))
        flow = None if listener is None else Flow(listener, host, port, connection)
        if len(self._unpacked) >= CACHED:
            self._unpacked.clear()
        self._unpacked[text] = flow
        return flow
