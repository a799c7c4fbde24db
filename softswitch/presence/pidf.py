"""What a published PIDF says of a person (RFC 3863, 4480)."""

from __future__ import annotations

from softswitch.dialplan.availability import AWAY, BUSY, ON_THE_PHONE
from softswitch.errors import PeerError
from softswitch.presence.xmltext import Element, read_xml

_PIDF = "urn:ietf:params:xml:ns:pidf}"
_MODEL = "urn:ietf:params:xml:ns:pidf:data-model}"
_RPID = "urn:ietf:params:xml:ns:pidf:rpid}"
LONGEST_NOTE = 200

ACTIVITIES = {
    "on-the-phone": ON_THE_PHONE,
    "busy": BUSY, "meeting": BUSY, "appointment": BUSY, "presentation": BUSY, "performance": BUSY,
    "permanent-absence": AWAY, "away": AWAY, "holiday": AWAY, "meal": AWAY, "breakfast": AWAY, "lunch": AWAY,
    "dinner": AWAY, "sleeping": AWAY, "travel": AWAY, "vacation": AWAY, "in-transit": AWAY, "steering": AWAY,
    "driving": AWAY,
}  # fmt: skip
"""RPID's words (RFC 4480 §3.2) as ours; the others say nothing about being reachable."""


def read_pidf(body: bytes) -> tuple[bool, str, str]:
    """(open, activity, note) of a document. Open if any tuple is, of activities the most occupied counts.

    Raises PeerError(400) with the reason for what is no PIDF.
    """
    root = read_xml(body, "PIDF")
    if root.tag != f"{_PIDF}presence":
        raise PeerError(400, "Not a PIDF Document")
    if not root.get("entity"):
        raise PeerError(400, "PIDF Without entity")
    basics = []
    for one in root.find_all(f"{_PIDF}tuple"):
        if one.find(f"{_PIDF}status") is None or not one.get("id"):
            raise PeerError(400, "PIDF Tuple Without id or status")
        basic = one.find(f"{_PIDF}status", f"{_PIDF}basic")
        if basic is not None:
            if basic.text not in ("open", "closed"):
                raise PeerError(400, "PIDF basic Is open or closed")
            basics.append(basic.text == "open")
    found = {
        ACTIVITIES[name]
        for activities in root.all(f"{_RPID}activities")
        for child in activities.children
        if (name := child.tag.removeprefix(_RPID)) in ACTIVITIES
    }
    activity = next((one for one in (ON_THE_PHONE, BUSY, AWAY) if one in found), "")
    return any(basics) if basics else True, activity, _note(root)


def _note(root: Element) -> str:
    places = (
        root.find_all(f"{_MODEL}person", f"{_MODEL}note"),
        root.find_all(f"{_PIDF}note"),
        root.find_all(f"{_PIDF}tuple", f"{_PIDF}note"),
        root.all(f"{_RPID}note"),
    )
    return next((one.text[:LONGEST_NOTE] for found in places for one in found if one.text), "")
