"""Where a caller is, in an INVITE: a location object beside the session description (RFC 4119, 5139, 5491, 6442)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple
from xml.sax.saxutils import escape

from softswitch.dialplan.location import ELEMENTS, Location

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\r\n'
    '<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10"'
    ' xmlns:ca="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr" entity="{entity}">\r\n'
)


class WithLocation(NamedTuple):
    """What an INVITE that tells a place has more than others."""

    lines: tuple[bytes, ...]
    """Whole header lines, Content-Type among them."""
    body: bytes


def location_object(location: Location, entity: str, wall: float) -> bytes:
    """A PIDF-LO document; `entity` is whose location it is, a URI. The operator wrote it by hand: method Manual."""
    parts = dict(location.parts)
    values = {"country": location.country, **parts}
    civic = "".join(
        f"<ca:{element}>{escape(values[key])}</ca:{element}>\r\n"
        for key, element in ELEMENTS.items()
        if values.get(key)
    )
    at = datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        _HEAD.format(entity=escape(entity, {'"': "&quot;"}))
        + '<tuple id="place"><status><gp:geopriv>\r\n<gp:location-info><ca:civicAddress>\r\n'
        + civic
        + "</ca:civicAddress></gp:location-info>\r\n<gp:usage-rules/>\r\n<gp:method>Manual</gp:method>\r\n"
        + f"</gp:geopriv></status>\r\n<timestamp>{at}</timestamp></tuple>\r\n</presence>\r\n"
    ).encode()


def with_location(
    location: Location, entity: str, wall: float, host: bytes, boundary: bytes, sdp: bytes
) -> WithLocation:
    """The body that says both, and the header lines about it; `boundary` is a word that is in no body.

    The location may be used to route the call (RFC 6442 §4.2): to whoever is there to help.
    """
    name = b"place-%b@%b" % (boundary, host)
    parts = [b"Content-Type: application/sdp\r\n\r\n" + sdp] if sdp else []
    parts.append(
        b"Content-Type: application/pidf+xml\r\nContent-ID: <%b>\r\n" % name
        + b"Content-Disposition: render;handling=optional\r\n\r\n"
        + location_object(location, entity, wall)
    )
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts) + b"--%b--\r\n" % boundary
    lines = (
        b"Geolocation: <cid:%b>" % name,
        b"Geolocation-Routing: yes",
        b"Content-Type: multipart/mixed;boundary=%b" % boundary,
    )
    return WithLocation(lines, body)
