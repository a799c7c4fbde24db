"""The values of From, To, Contact, Route and their kin: [display name] <URI> ;parameters (RFC 3261 §20.10)."""

from __future__ import annotations

import re
from typing import NamedTuple

from softswitch.errors import PeerError
from softswitch.sip.params import parse_params

_NAME_ADDR = re.compile(
    rb"""[ \t]*(?: "((?:[^"\\]|\\.)*)" | ([^"<>]*?) )[ \t]*<[ \t]*([^<>"]*?|[^<>]*?)[ \t]*>[ \t]*(;.*)?""",
    re.VERBOSE | re.DOTALL,
)
_PLAIN = re.compile(rb"""[ \t]*(?:"([^"\\]*)"[ \t]*)?<([^<>"\s]+)>(;[^"<>,]*)?""")
_TAG = re.compile(rb""";[ \t]*tag[ \t]*=[ \t]*([^;,\s"<>=]+)""", re.IGNORECASE)
_NAME = re.compile(rb"[A-Za-z0-9\-.!%*_+`'~ \t\x80-\xff]*")


class Address(NamedTuple):
    """One address; bytes as written."""

    display: bytes
    """The display name without quotes, escapes undone; b"" when there is none."""
    uri: bytes
    """Not parsed: it may be of any scheme."""
    params_text: bytes
    """Header parameters with their first semicolon, or b""."""

    @property
    def params(self) -> dict[bytes, bytes | None]:
        """Raises PeerError(400) when malformed."""
        return parse_params(self.params_text) if self.params_text else {}

    @property
    def tag(self) -> bytes:
        """The tag, or b""."""
        match = _TAG.search(self.params_text) if self.params_text else None
        return match[1] if match else b""


def parse_address(value: bytes) -> Address:
    """Parse one value, unfolded. Raises PeerError(400)."""
    plain_match = _PLAIN.fullmatch(value)
    if plain_match is not None:
        name, uri, params = plain_match.groups(b"")
        return Address(name, uri, params)
    if b"<" in value:
        match = _NAME_ADDR.fullmatch(value)
        if match is None:
            raise PeerError(400, "Malformed Address")
        quoted, plain, uri, params = match.groups()
        if quoted is not None:
            display = re.sub(rb"\\(.)", rb"\1", quoted, flags=re.DOTALL)
        elif _NAME.fullmatch(plain):
            display = plain
        else:
            raise PeerError(400, "Malformed Display Name")
        if not uri or b" " in uri or b"\t" in uri:
            raise PeerError(400, "Malformed Address")
        return Address(display, uri, params or b"")
    # Without brackets every parameter belongs to the header, none to the URI (RFC 3261 §20.10).
    uri, semicolon, rest = value.partition(b";")
    uri = uri.strip()
    if not uri or b" " in uri or b'"' in uri or b"," in uri or b"?" in uri or b">" in uri:
        raise PeerError(400, "Malformed Address")
    return Address(b"", uri, semicolon + rest)
