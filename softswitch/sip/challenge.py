"""The other side of digest: a challenge that we are sent, and our answer to it (RFC 7616 §3.4, RFC 8760 §2.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from softswitch.sip.digest import ALGORITHMS
from softswitch.sip.message import Response

_PARAM = re.compile(rb'([A-Za-z0-9_-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_LONGEST_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge whose algorithm we know."""

    realm: bytes
    """As written between the quotes."""
    nonce: bytes
    algorithm: str
    """A key of `digest.ALGORITHMS`."""
    qop: bool
    """Whether quality of protection "auth" is offered; without it the old form is used (RFC 2617 §3.2.2.1)."""
    opaque: bytes | None
    stale: bool
    """The password was right, the nonce too old."""
    proxy: bool
    """A 407's."""

    def answer(self, user: str, password: str, method: bytes, uri: bytes, cnonce: bytes) -> bytes:
        """The whole Authorization or Proxy-Authorization line; a nonce is used once, so its count is always 1."""
        algorithm = ALGORITHMS[self.algorithm]
        name = user.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        ha1 = algorithm.ha1(name, self.realm, password.encode())
        ha2 = algorithm.hash(method + b":" + uri)
        if self.qop:
            proof = algorithm.hash(b":".join((ha1, self.nonce, b"00000001", cnonce, b"auth", ha2)))
        else:
            proof = algorithm.hash(b":".join((ha1, self.nonce, ha2)))
        line = b'%b: Digest username="%b", realm="%b", nonce="%b", uri="%b", response="%b", algorithm=%b' % (
            b"Proxy-Authorization" if self.proxy else b"Authorization",
            name,
            self.realm,
            self.nonce,
            uri,
            proof,
            self.algorithm.encode(),
        )
        if self.qop:
            line += b', qop=auth, nc=00000001, cnonce="%b"' % cnonce
        if self.opaque is not None:
            line += b', opaque="%b"' % self.opaque
        return line


def challenge_of(response: Response) -> Challenge | None:
    """The first challenge of a 401 or 407 that we can answer; the server names the best one first. None for none."""
    proxy = response.status == 407
    for value in response.all(b"proxy-authenticate" if proxy else b"www-authenticate"):
        if len(value) > _LONGEST_BYTES or value[:7].lower() != b"digest ":
            continue
        params: dict[bytes, bytes] = {}
        for name, quoted, plain in _PARAM.findall(value[7:]):
            params.setdefault(name.lower(), quoted or plain)
        algorithm = next(
            (one for one in ALGORITHMS if one.upper().encode() == params.get(b"algorithm", b"MD5").upper()), ""
        )
        nonce, realm = params.get(b"nonce"), params.get(b"realm")
        if not algorithm or nonce is None or realm is None:
            continue
        offered = [one.strip().lower() for one in params.get(b"qop", b"").split(b",")]
        if offered != [b""] and b"auth" not in offered:
            continue  # auth-int alone
        stale = params.get(b"stale", b"").lower() == b"true"
        return Challenge(realm, nonce, algorithm, b"auth" in offered, params.get(b"opaque"), stale, proxy)
    return None
