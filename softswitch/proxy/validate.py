"""Whether a request may be forwarded at all, in the order of RFC 3261 §16.3; and loops (RFC 5393 §4.2)."""

from __future__ import annotations

from collections.abc import Collection
from zlib import crc32

from softswitch.errors import PeerError
from softswitch.proxy.forward import DEFAULT_MAX_FORWARDS
from softswitch.sip.message import Request
from softswitch.sip.uri import scheme_of
from softswitch.sip.via import parse_via

SCHEMES = (b"sip", b"sips", b"tel")


def check_scheme(uri: bytes) -> None:
    """Raises PeerError(416) for a Request-URI that we cannot route by."""
    if not uri.startswith(b"sip:") and scheme_of(uri) not in SCHEMES:
        raise PeerError(416)


def check_hops(request: Request) -> int:
    """The Max-Forwards to send on. Raises PeerError(483)."""
    hops = request.max_forwards
    if hops is None:
        return DEFAULT_MAX_FORWARDS
    if hops == 0:
        raise PeerError(483)
    return hops - 1


def check_extensions(request: Request) -> None:
    """Raises PeerError(420): no extension that a proxy would have to know is known here (RFC 3261 §16.3 item 5)."""
    if b"proxy-require" in request.first:
        wanted = request.values(b"proxy-require")
        raise PeerError(420, headers=(b"Unsupported: " + b", ".join(wanted),))


def loop_mark(request: Request) -> bytes:
    """What the routing of a request depends on, condensed; goes into the branch that we send it with.

    The Request-URI and the Route set decide where it goes; the rest tells one request from another.
    """
    lines, first = request.lines, request.first
    text = [request.uri, lines[first[b"from"]], lines[first[b"to"]], lines[first[b"call-id"]], b"%d" % request.cseq[0]]
    if b"route" in first:
        text += request.all(b"route")
    return b".%x" % crc32(b"\n".join(text))


def check_loop(request: Request, our_vias: Collection[bytes]) -> None:
    """Raises PeerError(482) when this very request was here before: one of its Vias is ours with the same mark.

    A spiral, which comes back with another Request-URI, is no loop. RFC 5393 §4.2.
    """
    alone = request.keys.count(b"via") == 1 and b"," not in request.lines[request.first[b"via"]]
    if alone and request.via.sent_by not in our_vias:
        return  # the usual case: a phone's own Via and no other
    ours = [via for via in map(parse_via, request.values(b"via")) if via.sent_by in our_vias]
    if ours:
        mark = loop_mark(request)
        if any(via.branch.endswith(mark) for via in ours):
            raise PeerError(482)
