"""Event package `presence`: PIDF with the person's activities and place (RFC 3856, 3863, 4479, 4480)."""

from __future__ import annotations

from softswitch.dialplan.availability import AVAILABLE, AWAY, BUSY, DO_NOT_DISTURB, OFFLINE, ON_THE_PHONE
from softswitch.presence.compose import NOBODY, State
from softswitch.presence.document import DECLARATION, Document, attribute, text

CONTENT_TYPE = b"application/pidf+xml"

ACTIVITIES = {ON_THE_PHONE: "on-the-phone", BUSY: "busy", AWAY: "away", DO_NOT_DISTURB: "busy"}
"""RPID has no word for "do not disturb": it is busy, and the note says which."""
WORDS = {AVAILABLE: "Available", ON_THE_PHONE: "On the phone", BUSY: "Busy", AWAY: "Away", OFFLINE: "Offline",
         DO_NOT_DISTURB: "Do not disturb"}  # fmt: skip

_NAMESPACES = (
    'xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" '
    'xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid"'
)


def pidf(state: State, entity: str) -> Document:
    """The document about `entity`, a SIP address."""
    basic = "closed" if state.availability == OFFLINE else "open"
    activity = ACTIVITIES.get(state.availability)
    activities = f"<rpid:activities><rpid:{activity}/></rpid:activities>" if activity else ""
    place = ""
    if state.place:
        place = f"<rpid:place-type><rpid:other>{text(state.place)}</rpid:other></rpid:place-type>"
    note = text(in_words(state))
    made = (
        f"{DECLARATION}<presence {_NAMESPACES} entity={attribute(entity)}>"
        f'<tuple id="calls"><status><basic>{basic}</basic></status><contact>{text(entity)}</contact>'
        f"<note>{note}</note></tuple><note>{note}</note>"
        f'<dm:person id="person">{activities}{place}<dm:note>{note}</dm:note></dm:person></presence>\n'
    )
    return Document(CONTENT_TYPE, (made.encode(),))


def in_words(state: State) -> str:
    """One line for a phone's screen: "On the phone (office). In a meeting. Next call: anna at mobile"."""
    place = f" ({state.place})" if state.place else ""
    note = f". {state.note.rstrip('.')}" if state.note else ""
    lands = f". Next call: {state.lands}" if state.lands and state.lands != NOBODY else ""
    return f"{WORDS[state.availability]}{place}{note}{lands}"
