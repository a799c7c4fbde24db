"""SIP and SIPS URIs: parse, compare, and the escapes in them (RFC 3261 §19.1)."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple
from urllib.parse import quote_from_bytes

from softswitch.errors import PeerError
from softswitch.sip.params import parse_params

_URI = re.compile(
    rb"""(sips?):                                     # scheme
         (?:([^@\s<>"\x00-\x1f\x7f]+)@)?             # user info; may hold ; and ?
         (\[[0-9A-Fa-f:.]+\] | [A-Za-z0-9._\-]+)      # host
         (?::([0-9]{1,5}))?
         (;[^?\s<>"\x00-\x1f\x7f]*)?
         (?:\?([^\s<>"\x00-\x1f\x7f]*))?""",
    re.VERBOSE | re.IGNORECASE,
)
_SCHEME = re.compile(rb"([A-Za-z][A-Za-z0-9+.\-]*):")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(rb"[A-Za-z0-9\-_.!~*'()]")
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class Uri(NamedTuple):
    """The parts of a sip: or sips: URI; bytes as written, only the scheme and host are in lower case."""

    scheme: bytes
    """b"sip" or b"sips"."""
    user: bytes | None
    """User and password as written, escapes kept; None when there is no @."""
    host: bytes
    """Name or address; IPv6 keeps its brackets."""
    port: int | None
    params_text: bytes
    """As written with the first semicolon, or b""."""
    headers_text: bytes
    """What follows the question mark, or b""."""

    @property
    def params(self) -> dict[bytes, bytes | None]:
        """By name in lower case; escapes in names and values undone, once. Raises PeerError(400)."""
        text = self.params_text
        if not text:
            return {}
        found = parse_params(text)
        if b"%" in text:
            found = {unescape(name).lower(): value and unescape(value) for name, value in found.items()}
        return found

    @property
    def user_text(self) -> str:
        """The user without password or parameters, escapes undone: b"al%69ce:pw" is "alice"."""
        if self.user is None:
            return ""
        return unescape(self.user.partition(b":")[0]).decode("utf-8", "replace")

    def param(self, name: bytes) -> bytes | None:
        """A parameter's value (b"" for one without value), or None when it is absent. Raises PeerError(400)."""
        text = self.params_text
        if name not in text and b"%" not in text and name not in text.lower():
            return None
        params = self.params
        return (params[name] or b"") if name in params else None


def unescape(text: bytes) -> bytes:
    """%41 becomes A; anything else stays."""
    if b"%" not in text:
        return text
    return _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), text)


_PLAIN_USER = re.compile(rb"[A-Za-z0-9\-_.!~*'()&=+$,;?/]*").fullmatch


def escape(text: bytes) -> bytes:
    """`text` as the user of a URI: what may not stand there as it is is escaped (RFC 3261 §25.1)."""
    return text if _PLAIN_USER(text) else quote_from_bytes(text, b"-_.!~*'()&=+$,;?/").encode()


def scheme_of(text: bytes) -> bytes:
    """The scheme in lower case, or b"" when there is none."""
    match = _SCHEME.match(text)
    return match[1].lower() if match else b""


@lru_cache(maxsize=4096)
def ipv6_of(host: bytes) -> IPv6Address | None:
    """The address in b"[2001:db8::1]", or None when it is none.

    Three colons, which the grammar of RFC 3261 let through, are read as two (RFC 5118 §4.10).
    """
    try:
        return IPv6Address(host[1:-1].decode("ascii", "replace").replace(":::", "::"))
    except AddressValueError:
        return None


@lru_cache(8192)
def parse_uri(text: bytes) -> Uri:
    """Parse a sip: or sips: URI.

    Raises PeerError(416) for another scheme and PeerError(400) for what is no URI. RFC 3261 §19.1.1, §25.1.
    """
    match = _URI.fullmatch(text)
    if match is None:
        scheme = scheme_of(text)
        if scheme and scheme not in (b"sip", b"sips"):
            raise PeerError(416, "Unsupported URI Scheme")
        raise PeerError(400, "Malformed URI")
    scheme, user, host, port, params, headers = match.groups()
    if b"%" in text and _BAD_ESCAPE.search(text):
        raise PeerError(400, "Malformed Escape in URI")
    number = None
    if port is not None:
        number = int(port)
        if not 0 < number < 65536:
            raise PeerError(400, "Malformed Port in URI")
    if host[:1] == b"[" and ipv6_of(host) is None:
        raise PeerError(400, "Malformed IPv6 Address in URI")
    return Uri(scheme.lower(), user, host.lower(), number, params or b"", headers or b"")


_DEFAULT_IN_BOTH = (b"user", b"ttl", b"method", b"maddr", b"transport")


def same_uri(one: bytes, other: bytes) -> bool:
    """Whether two URIs are equal under RFC 3261 §19.1.4; of other schemes, whether they are the same bytes.

    IPv6 addresses are compared as numbers, not as texts (RFC 5954 §3.2).
    """
    if one == other:
        return True
    try:
        a, b = parse_uri(one), parse_uri(other)
    except PeerError:
        return False
    if a.scheme != b.scheme or a.port != b.port:
        return False
    if a.host != b.host and (a.host[:1] != b"[" or b.host[:1] != b"[" or ipv6_of(a.host) != ipv6_of(b.host)):
        return False
    if _userinfo(a.user) != _userinfo(b.user):
        return False
    try:
        pa, pb = a.params, b.params
    except PeerError:
        return False
    for name in _DEFAULT_IN_BOTH:
        if (name in pa) != (name in pb):
            return False
    for name in pa.keys() & pb.keys():
        if (pa[name] or b"").lower() != (pb[name] or b"").lower():
            return False
    return _headers(a.headers_text) == _headers(b.headers_text)


def _userinfo(user: bytes | None) -> bytes | None:
    return None if user is None else _unescape_unreserved(user)


def _headers(text: bytes) -> list[tuple[bytes, bytes]]:
    pairs = (item.partition(b"=") for item in text.split(b"&") if item)
    return sorted((unescape(name).lower(), unescape(value)) for name, _, value in pairs)


def _unescape_unreserved(text: bytes) -> bytes:
    """%61 becomes a; a reserved character and its escape are different things: a+b is not a%2Bb (§19.1.4)."""
    if b"%" not in text:
        return text

    def one(match: re.Match[bytes]) -> bytes:
        char = bytes((int(match[1], 16),))
        return char if _UNRESERVED.fullmatch(char) else match[0].upper()

    return _ESCAPE.sub(one, text)
