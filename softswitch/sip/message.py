"""A SIP message: header lines kept as they came, an index to find them, and typed views made on access.

What is not understood is never rebuilt: a forwarded message is the same lines with a few of them spliced.
"""

from __future__ import annotations

import re

from softswitch.errors import PeerError
from softswitch.flow import Flow
from softswitch.sip.address import Address, parse_address
from softswitch.sip.headers import LISTS, split_list
from softswitch.sip.via import Via, parse_via

_CSEQ = re.compile(rb"([0-9]{1,20})[ \t]+([A-Za-z0-9\-.!%*_+`'~]+)")


# The usual spellings of four fields, matched on the whole line: one step instead of three on the hot path.
_USUAL_ADDRESS = re.compile(rb"""(?:From|To): (?:"([^"\\\r]*)" )?<([^<>"\s]+)>(;[^"<>,\r]*)?""")
_USUAL_CSEQ = re.compile(rb"CSeq: ([0-9]{1,9}) ([A-Z]+)")
_USUAL_VIA = re.compile(
    rb"(?:Via|v): (SIP/2\.0/([A-Z]+) ([a-z0-9.\-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{1,4}))?"
    rb"((?:;rport)?;branch=(z9hG4bK[^;,\s\"=<>]+)(?:;[A-Za-z0-9\-.!%*_+`'~\[\]:=]+)*))"
)


_NONE: list[bytes] = []
_NOWHERE: dict[bytes, int] = {}


class Message:
    """What requests and responses share. Bytes throughout; keys are header names in lower case, written out."""

    __slots__ = ("_call_id", "_cseq", "_from", "_to", "_via", "body", "first", "flow", "keys", "lines", "start")

    start: bytes
    """The start line."""
    lines: list[bytes]
    """Header lines without their line ends; a folded one keeps its inner line ends."""
    keys: list[bytes]
    """The key of each line."""
    first: dict[bytes, int]
    """Key to index of its first line."""
    body: bytes
    flow: Flow
    """Where it came from."""
    _via: Via | None
    _call_id: bytes | None
    _cseq: tuple[int, bytes] | None
    _from: Address | None
    _to: Address | None

    def to_bytes(self) -> bytes:
        """The message as it goes on the wire."""
        return b"\r\n".join((self.start, *self.lines, b"", self.body))

    def let_go(self) -> None:
        """Drop the lines and the body of a message that is dealt with but still referred to.

        What it is known by stays: method or status, Call-ID, From, To. Half a minute of transactions after a call
        would else hold 15 KB a call.
        """
        _ = self.call_id, self.from_, self.to
        self.start = self.body = b""
        self.lines = self.keys = _NONE
        self.first = _NOWHERE

    def has(self, key: bytes) -> bool:
        return key in self.first

    def get(self, key: bytes) -> bytes | None:
        """The value of the first line with this key, unfolded and stripped, or None."""
        at = self.first.get(key)
        if at is None:
            return None
        return _value(self.lines[at])

    def all(self, key: bytes) -> list[bytes]:
        """The values of every line with this key, one a line, not split at commas."""
        if key not in self.first:
            return []
        return [_value(line) for line, name in zip(self.lines, self.keys, strict=True) if name == key]

    def values(self, key: bytes) -> list[bytes]:
        """Every value of a list field, whether the values share a line or not (RFC 3261 §7.3.1)."""
        if key not in self.first:
            return []
        assert key in LISTS, key
        if self.keys.count(key) == 1:
            return split_list(_value(self.lines[self.first[key]]))
        return [value for line in self.all(key) for value in split_list(line)]

    @property
    def call_id(self) -> bytes:
        if self._call_id is None:
            self._call_id = self.get(b"call-id") or b""
        return self._call_id

    @property
    def cseq(self) -> tuple[int, bytes]:
        """Number and method. Raises PeerError(400); the number is under 2**31 (RFC 3261 §8.1.1.5)."""
        if self._cseq is None:
            try:
                line = self.lines[self.first[b"cseq"]]
            except KeyError:
                raise PeerError(400, "Missing CSeq") from None
            match = _USUAL_CSEQ.fullmatch(line) or _CSEQ.fullmatch(_value(line))
            if match is None:
                raise PeerError(400, "Malformed CSeq")
            number = int(match[1])
            if number >= 2**31:
                raise PeerError(400, "CSeq Out of Range")
            self._cseq = (number, match[2])
        return self._cseq

    @property
    def from_(self) -> Address:
        """Raises PeerError(400)."""
        if self._from is None:
            try:
                line = self.lines[self.first[b"from"]]
            except KeyError:
                raise PeerError(400, "Missing From") from None
            self._from = _address(line)
        return self._from

    @property
    def to(self) -> Address:
        """Raises PeerError(400)."""
        if self._to is None:
            try:
                line = self.lines[self.first[b"to"]]
            except KeyError:
                raise PeerError(400, "Missing To") from None
            self._to = _address(line)
        return self._to

    @property
    def via(self) -> Via:
        """The topmost Via. Raises PeerError(400)."""
        if self._via is None:
            self.read_via()
        assert self._via is not None
        return self._via

    def read_via(self) -> bool:
        """Read the topmost Via; False when it is spelled unusually and what follows its sent-by wasn't checked.

        Raises PeerError(400).
        """
        try:
            line = self.lines[self.first[b"via"]]
        except KeyError:
            raise PeerError(400, "Missing Via") from None
        match = _USUAL_VIA.fullmatch(line)
        if match is not None:
            raw, transport, host, port, params, branch = match.groups()
            number = int(port) if port else None
            if number is None or number < 65536:
                self._via = Via(transport, host, number, branch, params, raw)
                return True
        value = _value(line)
        if b"," in value:
            parts = split_list(value)
            value = parts[0] if parts else b""
        self._via = parse_via(value)
        return False

    def restamp_via(self, value: bytes) -> None:
        """Replace the topmost Via value in its line; the parsed view keeps the sender's own words."""
        at = self.first[b"via"]
        parts = split_list(_value(self.lines[at]))
        self.lines[at] = b"Via: " + b", ".join([value, *parts[1:]])

    def contacts(self) -> list[Address]:
        """Every Contact; b"*" is an address whose uri is b"*". Raises PeerError(400)."""
        return [Address(b"", b"*", b"") if value == b"*" else parse_address(value) for value in self.values(b"contact")]


class Request(Message):
    """A request."""

    __slots__ = ("key", "method", "uri")

    key: bytes
    """Of its server transaction; the transaction layer's."""

    def __init__(
        self,
        method: bytes,
        uri: bytes,
        start: bytes,
        lines: list[bytes],
        keys: list[bytes],
        first: dict[bytes, int],
        body: bytes,
        flow: Flow,
    ) -> None:
        # Not by super(): one call fewer on the hot path.
        self.start = start
        self.lines = lines
        self.keys = keys
        self.first = first
        self.body = body
        self.flow = flow
        self._via = self._call_id = self._cseq = self._from = self._to = None
        self.method = method
        self.uri = uri
        """The Request-URI as written."""

    @property
    def max_forwards(self) -> int | None:
        """None when there is none. Raises PeerError(400) when it is no number from 0 to 255 (RFC 3261 §20.22)."""
        at = self.first.get(b"max-forwards")
        if at is None:
            return None
        if self.lines[at] == b"Max-Forwards: 70":
            return 70
        value = _value(self.lines[at])
        if not value.isdigit() or len(value) > 20 or int(value) > 255:
            raise PeerError(400, "Malformed Max-Forwards")
        return int(value)

    def __repr__(self) -> str:
        return f"<{self.start.decode('utf-8', 'replace')}>"


class Response(Message):
    """A response."""

    __slots__ = ("status",)

    def __init__(
        self,
        status: int,
        start: bytes,
        lines: list[bytes],
        keys: list[bytes],
        first: dict[bytes, int],
        body: bytes,
        flow: Flow,
    ) -> None:
        self.start = start
        self.lines = lines
        self.keys = keys
        self.first = first
        self.body = body
        self.flow = flow
        self._via = self._call_id = self._cseq = self._from = self._to = None
        self.status = status

    @property
    def reason(self) -> bytes:
        return self.start[12:]

    def __repr__(self) -> str:
        return f"<{self.start.decode('utf-8', 'replace')}>"


def _address(line: bytes) -> Address:
    match = _USUAL_ADDRESS.fullmatch(line)
    return Address(*match.groups(b"")) if match else parse_address(_value(line))


def _value(line: bytes) -> bytes:
    value = line[line.find(b":") + 1 :]
    if b"\r\n" in value:
        # By hand: a pattern for "blanks, line end, blanks" looks at a long run of blanks again and again.
        value = b" ".join([part.strip(b" \t") for part in value.split(b"\r\n")])
    return value.strip()
