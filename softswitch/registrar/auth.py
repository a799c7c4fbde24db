"""Who is asking: digest authentication of requests (RFC 3261 §22, RFC 7616, RFC 8760)."""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest

from softswitch.errors import PeerError
from softswitch.registrar.nonces import Nonces
from softswitch.sip.digest import ALGORITHMS, Algorithm, Credentials, challenge, parse_credentials
from softswitch.sip.message import Request

CredentialSource = Callable[[str, str, str, str], "bytes | None"]
"""(site, account, user, algorithm) to HA1 in lower-case hex, or None when there is no such account.

`user` is the user name as the phone spells it: the account, or account@site. HA1 covers that spelling.
"""

OnFailure = Callable[[str, str, str], None]
"""(site, user, host): somebody at `host` gave a wrong password, or the name of nobody."""


class Authenticator:
    """Checks credentials and makes challenges. The realm is the site's domain."""

    def __init__(
        self,
        credentials: CredentialSource,
        algorithms: tuple[str, ...],
        nonce_lifetime: float,
        key: bytes,
        on_failure: OnFailure | None = None,
    ) -> None:
        """`algorithms` are offered in this order, names of `sip.digest.ALGORITHMS`. `nonce_lifetime`: seconds.

        `key`: 16 to 64 random bytes, made anew at each start.
        """
        self._credentials = credentials
        self._algorithms: dict[bytes, Algorithm] = {name.encode(): ALGORITHMS[name] for name in algorithms}
        self._names = algorithms
        self._nonces = Nonces(key, nonce_lifetime)
        self._on_failure = on_failure
        # (site, proxy, stale) -> for each algorithm what stands around the nonce.
        self._lines: dict[tuple[str, bool, bool], list[tuple[bytes, bytes]]] = {}

    def verify(self, request: Request, site: str, now: float, proxy: bool) -> str:
        """The account that signed this request; `now` is monotonic seconds.

        `proxy` chooses Proxy-Authorization and 407 rather than Authorization and 401. Raises PeerError(401 or 407)
        with the challenge lines when there are no credentials for this site, wrong ones or (stale=true) right ones
        with a nonce that no longer serves; PeerError(400) when they are malformed.
        Unknown accounts and wrong passwords take the same steps and get the same answer.
        """
        found = self._find(request, site, b"proxy-authorization" if proxy else b"authorization")
        if found is None:
            raise self.challenge(site, now, proxy)
        algorithm = self._algorithms.get(found.algorithm.upper() or b"MD5")
        if algorithm is None or (found.qop and found.qop.lower() != b"auth"):
            raise self.challenge(site, now, proxy)
        # RFC 7616 §3.4.6 would have us compare `uri` with the Request-URI. It is hashed as the phone wrote it and not
        # compared: phones behind an outbound proxy, old ones and sipp write the address they send to. Credentials used
        # again for another request are refused by the nonce count; who sits on the path and holds a request back
        # could change its Request-URI, as they could its Contact or body: against that there is TLS.
        user = found.user_text.decode("utf-8", "replace")
        account = user
        if "@" in user:
            account, _, domain = user.partition("@")
            if domain.lower() != site:
                account = ""
        ha1 = self._credentials(site, account, user, algorithm.name)
        expected = algorithm.response(ha1 or b"0" * algorithm.size, found, request.method)
        # Both are always computed; a wrong password must not be told from an unknown account by the time it takes.
        right = compare_digest(expected, found.response.lower()) & (ha1 is not None)
        if not right:
            if self._on_failure is not None:
                self._on_failure(site, user, request.flow.host)
            raise self.challenge(site, now, proxy)
        # Counts begin at 1: a 0 is an error, not a client without qop.
        nc = (int(found.nc, 16) or -1) if found.qop else 0
        # By account, not by spelling: else a recorded request passed again as account@site.
        if not self._nonces.accept(found.nonce, f"{account}@{site}".encode(), nc, now):
            raise self.challenge(site, now, proxy, stale=True)
        return account

    def challenge(self, site: str, now: float, proxy: bool, stale: bool = False) -> PeerError:
        """The 401 or 407 to raise, with one line for each algorithm (RFC 8760 §2.4), all of the same nonce."""
        lines = self._lines.get((site, proxy, stale))
        if lines is None:
            header = b"Proxy-Authenticate" if proxy else b"WWW-Authenticate"
            lines = [challenge(header, site.encode(), name, stale) for name in self._names]
            self._lines[site, proxy, stale] = lines
        nonce = self._nonces.issue(now)
        return PeerError(407 if proxy else 401, headers=tuple([before + nonce + behind for before, behind in lines]))

    def _find(self, request: Request, site: str, key: bytes) -> Credentials | None:
        """The first credentials for this site's realm; those for others are none of our business."""
        if key not in request.first:
            return None
        realm = site.encode()
        values = (request.get(key) or b"",) if request.keys.count(key) == 1 else request.all(key)
        for value in values:
            found = parse_credentials(value)
            if found is not None and found.realm == realm:
                return found
        return None
