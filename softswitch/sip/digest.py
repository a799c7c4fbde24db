"""Digest credentials, challenges and responses (RFC 7616, RFC 8760; RFC 2617 for clients without qop)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from softswitch.errors import PeerError

_PARAM = re.compile(rb"""([A-Za-z0-9_*\-]+)[ \t]*=[ \t]*("[^"\\]*(?:\\.[^"\\]*)*"|[^\s,"]*)""", re.DOTALL)
_NC = re.compile(rb"[0-9A-Fa-f]{1,8}")
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)

_HA2_CACHED = 1000


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
            return self.hash(
                b"%s:%s:%s:%s:%s:%s"
                % (ha1, credentials.nonce, credentials.nc, credentials.cnonce, credentials.qop, ha2)
            )
        return self.hash(b"%s:%s:%s" % (ha1, credentials.nonce, ha2))


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


def parse_credentials(value: bytes) -> Credentials | None:
    """The credentials of a header value, unfolded; None when they are of another scheme than Digest.

    Raises PeerError(400) when a mandatory parameter is missing or nc is no hex number.
    """
    if value[:7].lower() != b"digest ":
        return None
    params: dict[bytes, bytes] = dict(_PARAM.findall(value, 7))
    if b"username" not in params or b"response" not in params:
        params = {name.lower(): param for name, param in params.items()}
    get = params.get
    try:
        found = Credentials(
            params[b"username"][1:-1],
            _bare(params[b"realm"]),
            _bare(params[b"nonce"]),
            _bare(params[b"uri"]),
            _bare(params[b"response"]),
            _bare(get(b"algorithm", b"")),
            _bare(get(b"cnonce", b"")),
            _bare(get(b"nc", b"")),
            _bare(get(b"qop", b"")),
        )
    except KeyError:
        raise PeerError(400, "Incomplete Credentials") from None
    if params[b"username"][:1] != b'"':
        raise PeerError(400, "Malformed Credentials")
    if found.qop and (not _NC.fullmatch(found.nc) or not found.cnonce):
        raise PeerError(400, "Malformed Credentials")
    return found


def _bare(value: bytes) -> bytes:
    """Without quotes: some clients quote what should not be (qop, algorithm, nc) and the other way round."""
    return value[1:-1] if value[:1] == b'"' else value


def challenge(header: bytes, realm: bytes, algorithm: str, nonce: bytes, stale: bool) -> bytes:
    """A whole WWW-Authenticate or Proxy-Authenticate line; one is sent for each algorithm (RFC 8760 §2.3)."""
    return b'%s: Digest realm="%s", nonce="%s",%s algorithm=%s, qop="auth"' % (
        header,
        realm,
        nonce,
        b" stale=true," if stale else b"",
        algorithm.encode(),
    )
