"""What a published dialog-info document says: the calls that a device has elsewhere (RFC 4235 by RFC 3903)."""

from __future__ import annotations

import json
from functools import lru_cache

from softswitch.errors import PeerError
from softswitch.presence.packages.dialog import Lamp
from softswitch.presence.xmltext import Element, read_xml

_SPACE = "urn:ietf:params:xml:ns:dialog-info}"
STATES = {
    "trying": "trying", "proceeding": "trying", "early": "ringing", "confirmed": "answered", "terminated": "ended",
}  # fmt: skip
"""RFC 4235 §3.7.1, as `events.PartChanged` has them. COMPAT: kamailio's pua_dialoginfo 5.6 writes "Trying"."""
MOST_DIALOGS = 50
LONGEST_VALUE = 255


def read_dialog_info(body: bytes, account: str) -> list[Lamp]:
    """The dialogs that are not over, of this phone. Raises PeerError(400) with the reason."""
    root = read_xml(body, "dialog-info")
    if root.tag != f"{_SPACE}dialog-info":
        raise PeerError(400, "Not a dialog-info Document")
    if root.get("state") != "full":
        # Nobody says what it would be a part of: each publication stands for itself.
        raise PeerError(400, "Publish the Full State")
    found = root.find_all(f"{_SPACE}dialog")
    if len(found) > MOST_DIALOGS:
        raise PeerError(400, "Too Many Dialogs")
    lamps = [_lamp(one, account) for one in found]
    return [one for one in lamps if one.state != "ended"]


def _lamp(dialog: Element, account: str) -> Lamp:
    state = dialog.find(f"{_SPACE}state")
    word = STATES.get(state.text.lower()) if state is not None else None
    if word is None or not dialog.get("id"):
        raise PeerError(400, "Dialog Without id or state")
    remote = dialog.find(f"{_SPACE}remote", f"{_SPACE}identity")
    call_id, local, other, identity = (
        value[:LONGEST_VALUE]
        for value in (dialog.get("call-id"), dialog.get("local-tag"), dialog.get("remote-tag"), dialog.get("id"))
    )
    uri = remote.text[:LONGEST_VALUE] if remote is not None else ""
    return Lamp(account, call_id, word, dialog.get("direction") == "initiator", uri, local, other, identity)


def lamps_text(lamps: list[Lamp]) -> str:
    """As they are kept."""
    return json.dumps(lamps) if lamps else ""


@lru_cache(1000)
def lamps_from(text: str) -> tuple[Lamp, ...]:
    """What `lamps_text` wrote."""
    return tuple([Lamp(*one) for one in json.loads(text)]) if text else ()
