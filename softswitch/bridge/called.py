"""Who is called and who calls, in an INVITE that came over a trunk (RFC 3325, RFC 3323)."""

from __future__ import annotations

from collections.abc import Iterator

from softswitch.bridge.identity import is_hidden
from softswitch.dialplan.plan import Plan
from softswitch.dialplan.telephone import international
from softswitch.errors import PeerError
from softswitch.sip.address import parse_address
from softswitch.sip.message import Request
from softswitch.sip.uri import parse_uri, unescape
from softswitch.trunks.line import Line


def called_number(request: Request, line: Line, plan: Plan) -> str:
    """Which of the firm's outside numbers is called, E.164; "" for none of them: a trunk reaches nothing else."""
    style = line.trunk.style.called
    places: list[bytes] = []
    if style in ("any", "uri"):
        places.append(request.uri)
    if style in ("any", "to"):
        places.append(request.to.uri)
    if style == "any":
        places += [_uri(value) for value in request.all(b"p-called-party-id")]
    for uri in places:
        number = _number(uri, plan.country)
        if number in plan.numbers:
            return number
    return ""


def caller_of(request: Request, plan: Plan) -> tuple[str, bytes]:
    """The caller's number, E.164 where it is one and "" where it is hidden; and the name shown with it."""
    if is_hidden(request):
        return "", b""
    sender = request.from_
    claims = [*_asserted(request), sender.uri]
    for uri in claims:
        number = _number(uri, plan.country)
        if number:
            return number, _name(sender.display)
    return _user(sender.uri), _name(sender.display)


def _asserted(request: Request) -> Iterator[bytes]:
    for line in request.all(b"p-asserted-identity"):
        for value in line.split(b","):
            uri = _uri(value)
            if uri:
                yield uri


def _uri(value: bytes) -> bytes:
    try:
        return parse_address(value.strip()).uri
    except PeerError:
        return b""


def _user(uri: bytes) -> str:
    if uri[:4].lower() == b"tel:":
        return unescape(uri[4:].partition(b";")[0]).decode("utf-8", "replace")
    try:
        return parse_uri(uri).user_text.partition(";")[0]
    except PeerError:
        return ""


def _number(uri: bytes, country: str) -> str:
    user = _user(uri)
    # Many providers leave the plus out: 4989123 is then no number of the country, or not a possible one.
    return international(user, country) or (
        international("+" + user, country) if user.isdigit() and len(user) > 7 else ""
    )


def _name(display: bytes) -> bytes:
    """Fit to stand between quotes."""
    return display.replace(b"\\", b"").replace(b'"', b"")[:80]
