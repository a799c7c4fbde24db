"""Digest credentials, challenges and responses (RFC 7616, RFC 8760; RFC 2617 for clients without qop)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

from softswitch.errors import PeerError

# The look behind: a long word without an equals sign is looked at once, not once from each of its letters.
_PARAM = re.compile(rb"""(?<![A-Za-z0-9_*\-])([A-Za-z0-9_*\-]++)[ \t]*+=[ \t]*("[0-9]+"|[^\s,"]*)""")
_QUOTED = re.compile(rb""""([^"\\]*(?:\\.[^"\\]*)*)\"""", re.DOTALL)
_NC = re.compile(rb"[0-9A-Fa-f]{1,8}")
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)

_LONGEST_BYTES = 2048
"""Of a header value; anybody may send one, so reading it must be cheap."""

_HA2_CACHED = 1000
_SHAPES_KEPT = 500

_MANDATORY = frozenset(("username", "realm", "nonce", "uri", "response"))


@dataclass(frozen=True, slots=True, eq=False)
class Algorithm:
    """One digest algorithm."""

    name: str
    """As in challenges and in the configuration: "SHA-256"."""
    hash: Callable[[bytes], bytes]
    """Hex digits in lower case, as bytes."""
    size: int
    """How many hex digits."""
    _ha2: dict[bytes, bytes] = field(init=False, default_factory=dict)

    def ha1(self, user: bytes, realm: bytes, password: bytes) -> bytes:
        """What is stored instead of a password (RFC 7616 §3.4.2)."""
        return self.hash(b"%s:%s:%s" % (user, realm, password))

    def ha2(self, method: bytes, uri: bytes) -> bytes:
        """RFC 7616 §3.4.3 for qop=auth. The usual ones are remembered: every REGISTER of a site has the same."""
        text = b"%s:%s" % (method, uri)
        known = self._ha2.get(text)
        if known is None:
            known = self.hash(text)
            if len(self._ha2) >= _HA2_CACHED:
                self._ha2.clear()
            if len(text) < 200:
                self._ha2[text] = known
        return known

    def response(self, ha1: bytes, credentials: Credentials, method: bytes) -> bytes:
        """The response that `credentials` should bear (RFC 7616 §3.4.1; without qop RFC 2617 §3.2.2.1)."""
        ha2 = self.ha2(method, credentials.uri)
        if credentials.qop:
            _, _, nonce, _, _, _, cnonce, nc, qop = credentials
            return self.hash(b":".join((ha1, nonce, nc, cnonce, qop, ha2)))
        return self.hash(b":".join((ha1, credentials.nonce, ha2)))


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).hexdigest().encode()


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()


def _sha512_256(data: bytes) -> bytes:
    return hashlib.new("sha512_256", data).hexdigest().encode()


ALGORITHMS: dict[str, Algorithm] = {
    "MD5": Algorithm("MD5", _md5, 32),
    "SHA-256": Algorithm("SHA-256", _sha256, 64),
    "SHA-512-256": Algorithm("SHA-512-256", _sha512_256, 64),
}
"""By name. The -sess variants are not offered: they save a server nothing that keeps HA1 at hand."""


class Credentials(NamedTuple):
    """One Authorization or Proxy-Authorization value; bytes as written, quotes taken off but escapes kept.

    Digests are computed over the text between the quotes as it stands (unq(), RFC 7616 §3.4).
    """

    username: bytes
    realm: bytes
    nonce: bytes
    uri: bytes
    response: bytes
    algorithm: bytes
    """b"" when absent, which means MD5."""
    cnonce: bytes
    nc: bytes
    """Hex digits; b"" when there is no qop."""
    qop: bytes
    """b"" when absent (RFC 2069 clients)."""

    @property
    def user_text(self) -> bytes:
        """The user name with its escapes undone."""
        return _ESCAPED.sub(rb"\1", self.username) if b"\\" in self.username else self.username


_Shape = tuple[Callable[[list[bytes]], tuple[bytes, ...]], list[bytes]]

_shapes: dict[bytes, _Shape] = {}
"""What stands between the quotes of a value (phones of a kind write the same), and where to find what."""


def parse_credentials(value: bytes) -> Credentials | None:
    """The credentials of a header value, unfolded; None when they are of another scheme than Digest.

    Raises PeerError(400) when a mandatory parameter is missing, nc is no hex number or the whole is too long.
    """
    if value[:7].lower() != b"digest ":
        return None
    if len(value) > _LONGEST_BYTES:
        raise PeerError(400, "Credentials Too Long")
    pieces = value.split(b'"') if b"\\" not in value else _QUOTED.split(value)
    between = b'"'.join(pieces[::2])
    shape = _shapes.get(between)
    if shape is None:
        shape = _shape(pieces)
        if len(_shapes) >= _SHAPES_KEPT:
            _shapes.clear()
        if len(between) < 300:
            _shapes[between] = shape
    pick, unquoted = shape
    found = Credentials._make(pick(pieces + unquoted))
    if found.qop and not (found.cnonce and (found.nc == b"00000001" or _NC.fullmatch(found.nc))):
        if found.cnonce or found.nc:
            raise PeerError(400, "Malformed Credentials")
        # COMPAT: aiosip 0.2.0 repeats the qop it was offered and signs as if there were none.
        return found._replace(qop=b"")
    return found


def _shape(pieces: list[bytes]) -> _Shape:
    """For pieces that are by turns outside and inside of quotes: a function to pick the nine fields from them.

    The second value holds what some clients write without quotes; it is to be put behind the pieces.
    """
    if len(pieces) % 2 == 0:
        raise PeerError(400, "Malformed Credentials")
    numbered = b'"'.join([b"%d" % at if at % 2 else piece for at, piece in enumerate(pieces)])
    params = {name.lower(): value for name, value in reversed(_PARAM.findall(numbered, 7))}
    unquoted: list[bytes] = []
    places = []
    for name in Credentials._fields:
        value = params.get(name.encode())
        if value is None and name in _MANDATORY:
            raise PeerError(400, "Incomplete Credentials")
        if value is not None and value[:1] == b'"':
            places.append(int(value[1:-1]))
        else:
            places.append(len(pieces) + len(unquoted))
            unquoted.append(value or b"")
    return itemgetter(*places), unquoted


def challenge(header: bytes, realm: bytes, algorithm: str, stale: bool) -> tuple[bytes, bytes]:
    """A whole WWW-Authenticate or Proxy-Authenticate line, as what stands before the nonce and what follows it.

    One line is sent for each algorithm (RFC 8760 §2.3).
    """
    return (
        b'%s: Digest realm="%s", nonce="' % (header, realm),
        b'",%s algorithm=%s, qop="auth"' % (b" stale=true," if stale else b"", algorithm.encode()),
    )
