"""Event package `dialog`: which calls somebody's phones are in, for lamps and for picking up (RFC 4235).

Every document is a full one: a lamp that missed a NOTIFY is right again with the next. A call that ended stays in it as
terminated until something new happens.

COMPAT: Snom, Yealink, Grandstream, Polycom and Cisco phones put a lamp out when a dialog is terminated, not when it is
missing; so a document without calls names one that is terminated. Snom and Yealink pick up by Call-ID, tags and
`direction`, Grandstream wants `direction` to blink, Polycom an identity and a target on both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from softswitch.presence.document import DECLARATION, Document, attribute, text

CONTENT_TYPE = b"application/dialog-info+xml"

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


def dialog_info(lamps: Sequence[Lamp], entity: str, site: str, details: bool) -> Document:
    """The document about `entity`; without `details` nobody learns with whom, and nobody can pick up."""
    dialogs = "".join(_dialog(number, one, entity, site, details) for number, one in enumerate(lamps))
    if not lamps:
        dialogs = '<dialog id="none"><state>terminated</state></dialog>'
    head = f'{DECLARATION}<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="'
    tail = f'" state="full" entity={attribute(entity)}>{dialogs}</dialog-info>\n'
    return Document(CONTENT_TYPE, (head.encode(), tail.encode()))


def _dialog(number: int, lamp: Lamp, entity: str, site: str, details: bool) -> str:
    direction = "initiator" if lamp.caller else "recipient"
    state = STATES[lamp.state]
    if not details:
        # The id must not say which call it is: two who talk with each other would show the same one.
        return f'<dialog id="d{number}" direction="{direction}"><state>{state}</state></dialog>'
    # Unique among the dialogs of the document, and the same for the same call (RFC 4235 §4.1.1).
    identity = attribute(f"{lamp.id or lamp.call_id} {lamp.account}".strip())
    names = f"call-id={attribute(lamp.call_id)}" if lamp.call_id else ""
    if lamp.local_tag:
        names += f" local-tag={attribute(lamp.local_tag)}"
    if lamp.remote_tag:
        names += f" remote-tag={attribute(lamp.remote_tag)}"
    there = "sip:anonymous@anonymous.invalid"
    if lamp.other:
        there = lamp.other if lamp.id else f"sip:{lamp.other}@{site}"
    return (
        f'<dialog id={identity} {names} direction="{direction}"><state>{state}</state>'
        f"<local>{_end(entity)}</local><remote>{_end(there)}</remote></dialog>"
    )


def _end(uri: str) -> str:
    return f"<identity>{text(uri)}</identity><target uri={attribute(uri)}/>"
