"""Event package `reg`: which contacts of somebody's phones are registered (RFC 3680)."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from softswitch.presence.document import DECLARATION, Document, attribute, text
from softswitch.registrar.bindings import Binding

CONTENT_TYPE = b"application/reginfo+xml"


def reginfo(bindings: Sequence[Binding], entity: str) -> Document:
    """The document about all phones of `entity`.

    No moment of expiry is in it: each refresh of a registration would else be news to everybody.
    """
    contacts = "".join(
        f'<contact id="{_id(one)}" state="active" event="registered" callid={attribute(one.call_id)}>'
        f"<uri>{text(one.contact)}</uri></contact>"
        for one in bindings
    )
    state = "active" if bindings else "terminated"
    head = f'{DECLARATION}<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="'
    tail = (
        f'" state="full"><registration aor={attribute(entity)} id="r{_digest(entity)}" state="{state}">'
        f"{contacts}</registration></reginfo>\n"
    )
    return Document(CONTENT_TYPE, (head.encode(), tail.encode()))


def _id(binding: Binding) -> str:
    return f"c{_digest(f'{binding.account} {binding.contact}')}"


def _digest(value: str) -> str:
    return blake2b(value.encode(), digest_size=8).hexdigest()
