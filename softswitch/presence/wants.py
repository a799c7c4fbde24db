"""What a SUBSCRIBE or PUBLISH asks for, read and checked (RFC 6665 §4.2.1, RFC 3903 §6, RFC 6446 §5)."""

from __future__ import annotations

from typing import NamedTuple

from softswitch.errors import PeerError
from softswitch.presence.limits import PresenceLimits
from softswitch.presence.packages.dialog import FULL_ONLY
from softswitch.presence.packages.registry import ALLOW_EVENTS, PACKAGES, Package
from softswitch.sip.message import Request
from softswitch.sip.params import parse_params

SHORTEST_INTERVAL = 0.02
"""Seconds between two NOTIFYs of one subscription; CSeq after a restart is reckoned from it."""
LONGEST_INTERVAL = 60.0
"""Who wants to hear less often than that gets it that often."""


class Event(NamedTuple):
    """The Event header."""

    name: str
    package: Package
    id: bytes
    interval: float
    """Seconds between two NOTIFYs, at least."""
    longest: float
    """Seconds between two NOTIFYs, at most; 0 for no such wish."""


def event_of(request: Request) -> Event:
    """The event package that is asked for. Raises PeerError: 489 with those we have, 400 when malformed."""
    value = request.get(b"event") or b""
    name, semicolon, rest = value.partition(b";")
    text = name.strip().decode("latin-1").lower()
    package = PACKAGES.get(text)
    if package is None:
        raise PeerError(489, headers=(ALLOW_EVENTS,))
    params = parse_params(semicolon + rest)
    most, least = _rate(params.get(b"max-rate")), _rate(params.get(b"min-rate"))
    interval = min(LONGEST_INTERVAL, max(SHORTEST_INTERVAL, 1 / most)) if most else SHORTEST_INTERVAL
    longest = max(1.0, interval, 1 / least) if least else 0.0
    return Event(text, package, params.get(b"id") or b"", interval, longest)


def _rate(text: bytes | None) -> float:
    """NOTIFYs a second; 0 for no wish."""
    if text is None:
        return 0.0
    try:
        found = float(text)
    except ValueError:
        raise PeerError(400, "Malformed Rate in Event") from None
    if not 0 < found < 1e6:
        raise PeerError(400, "Malformed Rate in Event")
    return found


def rate_text(interval: float) -> bytes:
    """NOTIFYs a second, as Subscription-State repeats what is kept to (RFC 6446 §9.2)."""
    return f"{1 / interval:.10f}".rstrip("0").rstrip(".").encode()


def seconds_of(request: Request, limits: PresenceLimits, briefly: bool = False) -> int:
    """For how long; 0 ends it, or fetches once. Raises PeerError: 423 for too brief, 400 when malformed.

    `briefly`: nothing is too brief.
    """
    value = request.get(b"expires")
    if value is None:
        return limits.default_seconds
    if not value.isdigit():
        raise PeerError(400, "Malformed Expires")
    wanted = int(value) if len(value) <= 10 else limits.maximum_seconds
    # An hour is never too brief (RFC 6665 §4.2.1.1), whatever the minimum.
    if 0 < wanted < limits.minimum_seconds and wanted < 3600 and not briefly:
        raise PeerError(423, headers=(b"Min-Expires: %d" % limits.minimum_seconds,))
    return min(wanted, limits.maximum_seconds)


def check_accept(request: Request, content_type: bytes) -> None:
    """Raises PeerError(406) when the phone says what it reads, and this is not among it."""
    if not request.has(b"accept"):
        return
    main = content_type.partition(b"/")[0]
    for value in request.values(b"accept"):
        kind = value.partition(b";")[0].strip().lower()
        if kind in (content_type, main + b"/*", b"*/*"):
            return
    raise PeerError(406)


def takes_partial(request: Request) -> bool:
    """Whether partial documents are safe with this phone: it says which it is, and none that is known otherwise."""
    agent = (request.get(b"user-agent") or b"").decode("latin-1").strip().lower()
    return bool(agent) and not agent.startswith(FULL_ONLY)


def understands_lists(request: Request) -> bool:
    """Whether resource lists are welcome (RFC 4662 §4.1)."""
    return any(b"eventlist" in [one.lower() for one in request.values(key)] for key in (b"supported", b"require"))
