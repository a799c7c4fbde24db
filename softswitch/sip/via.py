"""Via values (RFC 3261 §20.42, RFC 3581)."""

from __future__ import annotations

import re
from typing import NamedTuple

from softswitch.errors import PeerError
from softswitch.sip.params import parse_params

MAGIC = b"z9hG4bK"
_BLANKS = b" \t"

_VIA = re.compile(
    rb"""[ \t]*+SIP[ \t]*+/[ \t]*+[0-9]+\.[0-9]+[ \t]*+/[ \t]*+([A-Za-z0-9\-.!%*_+`'~]+)
         [ \t]++(\[[0-9A-Fa-f:.]+\] | [A-Za-z0-9._\-]+)
         [ \t]*+(?::[ \t]*+([0-9]{1,5})[ \t]*+)?(;.*)?""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_BRANCH = re.compile(rb""";[ \t]*+branch[ \t]*+=[ \t]*+([^;,\s"=][^;,\s"]*+)""", re.IGNORECASE)
_RPORT = re.compile(rb";[ \t]*+rport[ \t]*+(?:=[ \t]*+[0-9]*+[ \t]*+)?(?=;|\Z)", re.IGNORECASE)
_PIECE = re.compile(rb""";[^;"]*(?:"[^"\\]*(?:\\.[^"\\]*)*"[^;"]*)*""", re.DOTALL)


class Via(NamedTuple):
    """One Via value."""

    transport: bytes
    """In upper case: b"UDP"."""
    host: bytes
    """Sent-by host in lower case; IPv6 keeps its brackets."""
    port: int | None
    branch: bytes
    """b"" when there is none (RFC 2543)."""
    params_text: bytes
    raw: bytes
    """The value as written."""

    @property
    def params(self) -> dict[bytes, bytes | None]:
        return parse_params(self.params_text) if self.params_text else {}

    @property
    def sent_by(self) -> bytes:
        return self.host if self.port is None else b"%s:%d" % (self.host, self.port)

    @property
    def wants_rport(self) -> bool:
        """Whether the sender asked to be answered at the port it sent from (RFC 3581 §3)."""
        text = self.params_text
        if b"rport" not in text and b"rport" not in text.lower():
            return False
        if b'"' in text:
            return any(_name(piece) == b"rport" for piece in _PIECE.findall(text))
        return _RPORT.search(text) is not None

    @property
    def received(self) -> str:
        """The source address a server noted, without brackets whichever way it was written (RFC 5118 §4.5), or "".

        Raises PeerError(400) when the parameters are malformed.
        """
        value = self.params.get(b"received") if b"received" in self.params_text.lower() else None
        return value.strip(b"[]").decode("ascii", "replace") if value else ""


def parse_via(value: bytes) -> Via:
    """Parse one value, unfolded. Raises PeerError(400).

    The version isn't looked at: a request of another one is answered 505, so its Via must be readable. A branch that is
    the magic cookie and nothing else identifies nothing and counts as none (RFC 4475 §3.2.1).
    """
    match = _VIA.fullmatch(value)
    if match is None:
        raise PeerError(400, "Malformed Via")
    transport, host, port, params = match.groups(b"")
    branch = b""
    if b'"' in params:
        # A quoted value may hold ";branch=" without being one.
        branch = parse_params(params).get(b"branch") or b""
    elif params:
        found = _BRANCH.search(params)
        if found:
            branch = found[1]
    if branch == MAGIC:
        branch = b""
    number = int(port) if port else None
    if number is not None and not 0 < number < 65536:
        raise PeerError(400, "Malformed Via")
    return Via(transport.upper(), host.lower(), number, branch, params, value)


def stamped(via: Via, host: str, port: int) -> bytes | None:
    """The value with `received` and `rport` filled in for the source it came from; None when it needs neither.

    RFC 3261 §18.2.1, RFC 3581 §4. A `received` that the sender wrote itself is replaced: it would lie.
    """
    text = via.params_text
    source = b"[" + host.encode() + b"]" if ":" in host else host.encode()
    noted = b"received" in text or b"received" in text.lower()
    if not noted and b";rport;" in text and b'"' not in text:
        return via.raw.replace(b";rport;", b";rport=%d;" % port, 1) + b";received=" + host.encode()
    wants = via.wants_rport
    if not wants and not noted and via.host == source:
        return None
    pieces = [via.raw[: len(via.raw) - len(text)].rstrip(_BLANKS)]
    for piece in _PIECE.findall(text):
        name = _name(piece)
        if name == b"rport":
            pieces.append(b";rport=%d" % port)
        elif name != b"received":
            pieces.append(piece.rstrip(_BLANKS))
    return b"".join((*pieces, b";received=", host.encode()))


def _name(piece: bytes) -> bytes:
    return piece[1:].partition(b"=")[0].strip(_BLANKS).lower()
