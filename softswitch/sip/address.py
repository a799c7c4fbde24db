"""The values of From, To, Contact, Route and their kin: [display name] <URI> ;parameters (RFC 3261 §20.10)."""

from __future__ import annotations

import re
from typing import NamedTuple

from softswitch.errors import PeerError
from softswitch.sip.params import parse_params, unquote

_PLAIN = re.compile(rb"""[ \t]*(?:"([^"\\]*)"[ \t]*)?<([^<>"\s]+)>(;[^"<>,]*)?""")
_QUOTED = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_OTHER = re.compile(rb'[<>,"]')
_TAG = re.compile(rb""";[ \t]*+tag[ \t]*+=[ \t]*+([^;,\s"<>=]+)""", re.IGNORECASE)
_NAME = re.compile(rb"[A-Za-z0-9\-.!%*_+`'~ \t\x80-\xff]*")
_BLANKS = b" \t"


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
        """The tag, or b"". Raises PeerError(400) where quoted parameters are malformed."""
        text = self.params_text
        if text[:5] == b";tag=" and text[5:].isalnum():
            return text[5:]  # the usual case, without a pattern
        if not text:
            return b""
        if b'"' in text:
            # A quoted value may hold ";tag=" without being one.
            return self.params.get(b"tag") or b""
        match = _TAG.search(text)
        return match[1] if match else b""


def parse_address(value: bytes) -> Address:
    """Parse one value, unfolded. Raises PeerError(400)."""
    plain_match = _PLAIN.fullmatch(value)
    if plain_match is not None:
        name, uri, params = plain_match.groups(b"")
        return Address(name, uri, params)
    value = value.strip(_BLANKS)
    if value[:1] == b'"':
        quoted = _QUOTED.match(value)
        if quoted is None:
            raise PeerError(400, "Malformed Display Name")
        display = quoted[1]
        if b"\\" in display:
            display = unquote(display)
        rest = value[quoted.end() :].lstrip(_BLANKS)
        if rest[:1] != b"<":
            raise PeerError(400, "Malformed Address")
        return _bracketed(display, rest)
    bracket = value.find(b"<")
    if bracket >= 0:
        display = value[:bracket].rstrip(_BLANKS)
        if not _NAME.fullmatch(display):
            raise PeerError(400, "Malformed Display Name")
        return _bracketed(display, value[bracket:])
    # Without brackets every parameter belongs to the header, none to the URI (RFC 3261 §20.10).
    uri, semicolon, rest = value.partition(b";")
    uri = uri.rstrip(_BLANKS)
    if not uri or len(uri.split()) != 1 or b'"' in uri or b"," in uri or b"?" in uri or b">" in uri:
        raise PeerError(400, "Malformed Address")
    return Address(b"", uri, _params(semicolon + rest))


def _bracketed(display: bytes, text: bytes) -> Address:
    """`text` begins at the opening bracket. Blanks within the brackets are refused (RFC 4475 §3.1.2.14)."""
    uri, close, params = text[1:].partition(b">")
    params = params.lstrip(_BLANKS)
    if not close or not uri or len(uri.split()) != 1 or uri[:1].isspace() or uri[-1:].isspace():
        raise PeerError(400, "Malformed Address")
    if b"<" in uri or b'"' in uri or (params and params[:1] != b";"):
        raise PeerError(400, "Malformed Address")
    return Address(display, uri, _params(params))


def _params(text: bytes) -> bytes:
    """The text unless it holds a second value: of From and To there is one, of others `split_list` gives one."""
    if _OTHER.search(text):
        if _OTHER.search(_QUOTED.sub(b"", text)):
            raise PeerError(400, "Malformed Address")
        parse_params(text)  # where a quoted value ends decides what is a tag
    return text
