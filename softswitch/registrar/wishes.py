"""What a REGISTER asks for: its Contact values, checked, their expiry settled (RFC 3261 §10.2, §10.3, §20.10)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from softswitch.errors import PeerError
from softswitch.sip.address import parse_address
from softswitch.sip.message import Request
from softswitch.sip.params import parse_params
from softswitch.sip.uri import parse_uri

_USUAL = re.compile(rb"""(?:Contact|m): <([^<>"\s,]+)>(?:;expires=([0-9]{1,9}))?""")
_PIECE = re.compile(rb""";[ \t]*([^;="\s]*)[ \t]*(?:=[ \t]*("(?:[^"\\]|\\.)*"|[^;"\s]*))?[ \t]*""", re.DOTALL)
_Q = re.compile(rb"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")

_MALFORMED_SECONDS = 3600
_LONGEST_SECONDS = 2**32 - 1
_LONGEST_TEXT = 2048
_LONGEST_VALUE = 2 * _LONGEST_TEXT
_MOST_VALUES = 100


@dataclass(frozen=True, slots=True)
class RegistrarLimits:
    """For how long, and how many contacts of one account."""

    minimum_seconds: int = 60
    """Shorter wishes get 423 with Min-Expires."""
    default_seconds: int = 3600
    maximum_seconds: int = 7200
    """Longer wishes are cut to this."""
    contacts: int = 10


class Wish(NamedTuple):
    """One contact to add, refresh or (with 0 seconds) remove."""

    contact: str
    params: str
    """Header parameters other than q and expires."""
    q: int
    seconds: int


def wishes(request: Request, limits: RegistrarLimits, known: str) -> list[Wish] | None:
    """The wishes of a REGISTER that has a Contact; None stands for `Contact: *` with `Expires: 0`.

    A contact equal to `known` was checked when it came first. Raises PeerError(400) for what is malformed or no SIP
    URI, PeerError(423) when an expiry is under the minimum. RFC 3261 §10.3 steps 6 and 7.
    """
    first = request.first
    usual = _USUAL.fullmatch(request.lines[first[b"contact"]])
    if usual is not None and request.keys.count(b"contact") == 1:
        uri, own = usual.groups()
        contact = _text(uri)
        if contact != known:
            _check_uri(uri)
        if own is None and b"expires" in first:
            own = request.get(b"expires")
        return [Wish(contact, "", 1000, _granted(own, limits))]
    values = request.values(b"contact")
    header = request.get(b"expires")
    if any(value[:1] == b"*" for value in values):
        if values != [b"*"] or header is None or not header.isdigit() or int(header[:20]) != 0:
            raise PeerError(400, "Contact * Needs Expires 0 and No Other Contact")
        return None
    if not values:
        raise PeerError(400, "Empty Contact")
    if len(values) > max(_MOST_VALUES, 2 * limits.contacts):
        # Not read one by one: `apply_register` would refuse so many anyway.
        raise PeerError(403, "Too Many Contacts")
    return [_wish(value, header, limits) for value in values]


def _wish(value: bytes, header: bytes | None, limits: RegistrarLimits) -> Wish:
    if len(value) > _LONGEST_VALUE:
        raise PeerError(400, "Contact Too Long")
    address = parse_address(value)
    _check_uri(address.uri)
    params = parse_params(address.params_text)
    q = 1000
    if b"q" in params:
        text = params[b"q"] or b""
        if not _Q.fullmatch(text):
            raise PeerError(400, "Malformed q")
        q = round(float(text) * 1000)
    seconds = _granted((params[b"expires"] or b"") if b"expires" in params else header, limits)
    kept = b""
    for piece in _PIECE.finditer(address.params_text):
        name, text = piece.groups()
        if name and name.lower() not in (b"q", b"expires"):
            kept += b";" + name if text is None else b";" + name + b"=" + text
    return Wish(_text(address.uri), _text(kept), q, seconds)


def _check_uri(uri: bytes) -> None:
    try:
        parse_uri(uri)
    except PeerError as error:
        reason = "Unsupported Scheme in Contact" if error.status == 416 else "Malformed URI in Contact"
        raise PeerError(400, reason) from None


def _text(value: bytes) -> str:
    if len(value) > _LONGEST_TEXT:
        raise PeerError(400, "Contact Too Long")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise PeerError(400, "Malformed Contact") from None


def _granted(text: bytes | None, limits: RegistrarLimits) -> int:
    """Seconds granted: 0, or from the minimum to the maximum.

    What is no number counts as 3600 (RFC 3261 §20.10), what is over 2**32-1 as the longest wish (RFC 4475 §3.1.2.4).
    """
    if text is None:
        wanted = limits.default_seconds
    elif not text.isdigit():
        wanted = _MALFORMED_SECONDS
    else:
        wanted = int(text) if len(text) <= 10 else (_LONGEST_SECONDS if text.strip(b"0") else 0)
    # An hour is never too brief (RFC 3261 §10.3 step 7), whatever the minimum.
    if 0 < wanted < limits.minimum_seconds and wanted < 3600:
        raise PeerError(423, headers=(b"Min-Expires: %d" % limits.minimum_seconds,))
    return min(wanted, limits.maximum_seconds)
