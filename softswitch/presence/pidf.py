"""What a published PIDF says, read with care: no entities, no network, a limit on depth (RFC 3863, 4480)."""

from __future__ import annotations

from lxml import etree

from softswitch.dialplan.availability import AWAY, BUSY, ON_THE_PHONE
from softswitch.errors import PeerError

_PIDF = "{urn:ietf:params:xml:ns:pidf}"
_MODEL = "{urn:ietf:params:xml:ns:pidf:data-model}"
_RPID = "{urn:ietf:params:xml:ns:pidf:rpid}"
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
    # Made anew for each: one parser must not be used for two documents at once.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise PeerError(400, f"Malformed XML: Line {error.lineno or 1}") from None
    except ValueError:  # e.g. an encoding nobody knows
        raise PeerError(400, "Malformed XML") from None
    if root.getroottree().docinfo.doctype or root.getroottree().docinfo.internalDTD is not None:
        raise PeerError(400, "No DTD Allowed in PIDF")
    if root.tag != f"{_PIDF}presence":
        raise PeerError(400, "Not a PIDF Document")
    if not root.get("entity"):
        raise PeerError(400, "PIDF Without entity")
    basics = []
    for one in root.findall(f"{_PIDF}tuple"):
        basic = one.find(f"{_PIDF}status/{_PIDF}basic")
        if one.find(f"{_PIDF}status") is None or not one.get("id"):
            raise PeerError(400, "PIDF Tuple Without id or status")
        if basic is not None:
            word = (basic.text or "").strip()
            if word not in ("open", "closed"):
                raise PeerError(400, "PIDF basic Is open or closed")
            basics.append(word == "open")
    found = {
        ACTIVITIES[name]
        for activities in root.iter(f"{_RPID}activities")
        for child in activities
        if isinstance(child.tag, str) and (name := child.tag.removeprefix(_RPID)) in ACTIVITIES
    }
    activity = next((one for one in (ON_THE_PHONE, BUSY, AWAY) if one in found), "")
    return any(basics) if basics else True, activity, _note(root)


def _note(root: etree._Element) -> str:
    for path in (f"{_MODEL}person/{_MODEL}note", f"{_PIDF}note", f"{_PIDF}tuple/{_PIDF}note", f".//{_RPID}note"):
        for one in root.findall(path):
            words = " ".join("".join(one.itertext()).split())
            if words:
                return str(words[:LONGEST_NOTE])
    return ""
