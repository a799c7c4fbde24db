"""Route preprocessing: which Route values are ours, strict-route repair, and where the request goes next.

RFC 3261 §16.4 and §16.6 steps 6 and 7.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from softswitch.flow import Listener
from softswitch.proxy.token import Opened, Tokens
from softswitch.sip.address import parse_address
from softswitch.sip.message import Request
from softswitch.sip.uri import Uri, ipv6_of, parse_uri

_OWN = re.compile(rb"<sip:([A-Za-z0-9_\-]+)@([^;>]+)((?:;transport=[a-z]+)?);lr>")


class Way(NamedTuple):
    """What is left of the Route set."""

    uri: bytes
    """The Request-URI to go on with."""
    routes: Sequence[bytes] | None
    """The Route values to send on; None when they are those that came."""
    next_route: bytes | None
    """The URI of the first Route value left, or None."""
    token: Opened | None
    """The dialog it belongs to, when its topmost Route is one we made for this very dialog."""
    was_ours: bool
    """There was a Route of ours, whether its token opened or not."""


class Addresses:
    """What the outside knows us by."""

    def __init__(self, listeners: Sequence[Listener], own_hosts: Collection[str] = ()) -> None:
        self.sent_by: set[bytes] = set()
        """As in a Via: host and port, and the host alone where the port is the transport's usual one."""
        self.hosts: set[bytes] = set()
        self._own: set[bytes] = set()
        for listener in listeners:
            self._own.add(listener.uri)
            places = [(listener.advertised_host, listener.advertised_port), (listener.host, listener.port)]
            if listener.host in ("0.0.0.0", "::"):
                places += [(host, listener.port) for host in own_hosts]
            for host, port in places:
                text = (f"[{host}]" if ":" in host else host).lower().encode()
                self.hosts.add(text)
                self.sent_by.add(b"%b:%d" % (text, port))
                if port == (5061 if listener.transport == "TLS" else 5060):
                    self.sent_by.add(text)

    def is_ours(self, uri: Uri) -> bool:
        """Whether this URI's host and port are one of our listeners.

        A host of ours without a port is us whatever our ports are: phones that are told "server 192.0.2.1:5070" write
        sip:101@192.0.2.1.
        """
        host = uri.host
        if host[:1] == b"[" and host not in self.hosts:
            address = ipv6_of(host)  # many spellings mean one address (RFC 5952)
            host = b"[%b]" % str(address).encode() if address is not None else host
        return host in self.hosts if uri.port is None else b"%b:%d" % (host, uri.port) in self.sent_by

    def own_token(self, route: bytes) -> bytes | None:
        """The token of a Route value that is ours; b"" for one without; None for somebody else's.

        Raises PeerError(400) for a value that is no address.
        """
        match = _OWN.fullmatch(route)
        if match is not None and match[2] + match[3] in self._own:
            return match[1]
        uri = parse_address(route).uri
        if uri[:4].lower() not in (b"sip:", b"sips"):
            return None
        parsed = parse_uri(uri)
        return (parsed.user or b"") if self.is_ours(parsed) else None


def preprocess(request: Request, addresses: Addresses, tokens: Tokens, in_dialog: bool) -> Way:
    """Take our own values off the Route set. Raises PeerError(400)."""
    uri = request.uri
    if b"route" not in request.first:
        return Way(uri, None, None, None, False)
    routes = request.values(b"route")
    if b";lr" in uri and addresses.own_token(b"<" + uri + b">") is not None and routes:
        # A strict router before us moved our Record-Route value into the Request-URI.
        routes.insert(0, b"<" + uri + b">")
        uri = parse_address(routes.pop()).uri
    token: Opened | None = None
    ours = 0
    for route in routes:
        own = addresses.own_token(route)
        if own is None:
            break
        ours += 1
        if own and token is None and in_dialog:
            token = tokens.open(own, request.call_id, request.from_.tag, request.to.tag)
    left = routes[ours:]
    return Way(uri, left, parse_address(left[0]).uri if left else None, token, ours > 0)
