"""Via values (RFC 3261 §20.42, RFC 3581)."""

from __future__ import annotations

import re
from typing import NamedTuple

from softswitch.errors import PeerError
from softswitch.sip.params import parse_params

MAGIC = b"z9hG4bK"

_VIA = re.compile(
    rb"""[ \t]*SIP[ \t]*/[ \t]*2\.0[ \t]*/[ \t]*([A-Za-z0-9\-.!%*_+`'~]+)
         [ \t]+(\[[0-9A-Fa-f:.]+\] | [A-Za-z0-9._\-]+)
         [ \t]*(?::[ \t]*([0-9]{1,5}))?[ \t]*(;.*)?""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_BRANCH = re.compile(rb""";[ \t]*branch[ \t]*=[ \t]*([^;,\s"=]+(?:=[^;,\s"=]*)*)""", re.IGNORECASE)
_RPORT = re.compile(rb";[ \t]*rport[ \t]*(=[ \t]*[0-9]*)?(?=[ \t]*(?:;|$))", re.IGNORECASE)


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
        return b"rport" in self.params_text.lower() and _RPORT.search(self.params_text) is not None


def parse_via(value: bytes) -> Via:
    """Parse one value, unfolded. Raises PeerError(400)."""
    match = _VIA.fullmatch(value)
    if match is None:
        raise PeerError(400, "Malformed Via")
    transport, host, port, params = match.groups()
    branch = b""
    if params:
        found = _BRANCH.search(params)
        if found:
            branch = found[1]
    else:
        params = b""
    number = int(port) if port else None
    if number is not None and not 0 < number < 65536:
        raise PeerError(400, "Malformed Via")
    return Via(transport.upper(), host.lower(), number, branch, params, value)


def stamped(via: Via, host: str, port: int) -> bytes | None:
    """The value with `received` and `rport` filled in for the source it came from; None when it needs neither.

    RFC 3261 §18.2.1, RFC 3581 §4. A `received` that the sender wrote itself is replaced: it would lie.
    """
    source = b"[" + host.encode() + b"]" if ":" in host else host.encode()
    wants = via.wants_rport
    if not wants and via.host == source and b"received" not in via.params_text:
        return None
    text = re.sub(rb";[ \t]*received[ \t]*=[^;,]*", b"", via.raw, flags=re.IGNORECASE)
    if wants:
        text = _RPORT.sub(b";rport=%d" % port, text, count=1)
    return text.rstrip() + b";received=" + host.encode()
