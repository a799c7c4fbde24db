"""Event package `dialog`: which calls somebody's phones are in, for lamps and for picking up (RFC 4235).

A call that ended stays in the document as terminated until something new happens. Who understands partial documents
gets one where it is the shorter: for a team with many calls, say. After each SUBSCRIBE, and after whatever was not
delivered at once, it is the full one.

COMPAT: Snom, Yealink, Grandstream, Polycom and Cisco phones put a lamp out when a dialog is terminated, not when it is
missing; so a document without calls names one that is terminated. Snom and Yealink pick up by Call-ID, tags and
`direction`, Grandstream wants `direction` to blink, Polycom an identity and a target on both sides. All of these get
full documents only (`FULL_ONLY`), for they take each for the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

from softswitch.presence.document import DECLARATION, Document, Piece, attribute, text

CONTENT_TYPE = b"application/dialog-info+xml"

FULL_ONLY = ("snom", "yealink", "grandstream", "polycom", "poly", "cisco", "linksys", "sipura", "obihai")
"""How the User-Agent of phones begins that are to get full documents."""
END = b"</dialog-info>\n"
STATES = {"trying": "trying", "ringing": "early", "answered": "confirmed", "ended": "terminated"}


class Lamp(NamedTuple):
    """One phone's part in one call; see `events.PartChanged`."""

    account: str
    call_id: str
    state: str
    caller: bool
    other: str
    local_tag: str
    remote_tag: str
    id: str = ""
    """Of a dialog that the phone published: its own name for it; `other` is a whole address then."""

    @property
    def talks(self) -> bool:
        """A phone that only rings does not."""
        return self.caller or self.state == "answered"


NONE = Piece("none", True, '<dialog id="none"><state>terminated</state></dialog>')


def dialog_info(lamps: Sequence[Lamp], entity: str, site: str, details: bool) -> Document:
    """The document about `entity`; without `details` nobody learns with whom, and nobody can pick up."""
    dialogs = tuple([_dialog(one, entity, site, details) for one in lamps]) or (NONE,)
    return _document("full", entity, "".join([one.text for one in dialogs]), dialogs)


def changes(before: Document, now: Document) -> Document | None:
    """What to tell who has `before` (RFC 4235 §4.3), about the same entity; None where the whole is as short."""
    known = {one.id: one for one in before.dialogs}
    parts = [one.text for one in now.dialogs if known.get(one.id) != one]
    there = {one.id for one in now.dialogs}
    parts += [_ended(one.id) for one in before.dialogs if not one.over and one.id not in there]
    text = "".join(parts).encode()
    _, tail = now.pieces
    start = tail.index(b">") + 1
    if len(text) >= len(tail) - start - len(END):
        return None
    return Document(CONTENT_TYPE, (now.pieces[0], tail[:start].replace(b'"full"', b'"partial"', 1) + text + END))


def _document(state: str, entity: str, dialogs: str, pieces: tuple[Piece, ...]) -> Document:
    head = f'{DECLARATION}<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="'
    tail = f'" state="{state}" entity={attribute(entity)}>{dialogs}'
    return Document(CONTENT_TYPE, (head.encode(), tail.encode() + END), pieces)


def _ended(identity: str) -> str:
    return f"<dialog id={attribute(identity)}><state>terminated</state></dialog>"


def _dialog(lamp: Lamp, entity: str, site: str, details: bool) -> Piece:
    direction = "initiator" if lamp.caller else "recipient"
    state, over = STATES[lamp.state], lamp.state == "ended"
    # Unique among the dialogs of the document, and the same for the same call (RFC 4235 §4.1.1).
    name = f"{lamp.id or lamp.call_id} {lamp.account}".strip()
    if not details:
        # The id must not say which call it is: two who talk with each other would show the same one.
        name = blake2b(name.encode(), digest_size=8).hexdigest()
        return Piece(name, over, f'<dialog id="{name}" direction="{direction}"><state>{state}</state></dialog>')
    identity = attribute(name)
    names = f"call-id={attribute(lamp.call_id)}" if lamp.call_id else ""
    if lamp.local_tag:
        names += f" local-tag={attribute(lamp.local_tag)}"
    if lamp.remote_tag:
        names += f" remote-tag={attribute(lamp.remote_tag)}"
    there = "sip:anonymous@anonymous.invalid"
    if lamp.other:
        there = lamp.other if lamp.id else f"sip:{lamp.other}@{site}"
    return Piece(
        name,
        over,
        f'<dialog id={identity} {names} direction="{direction}"><state>{state}</state>'
        f"<local>{_end(entity)}</local><remote>{_end(there)}</remote></dialog>",
    )


def _end(uri: str) -> str:
    return f"<identity>{text(uri)}</identity><target uri={attribute(uri)}/>"
