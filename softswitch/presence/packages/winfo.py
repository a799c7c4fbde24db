"""Event package `presence.winfo`: who watches somebody's presence (RFC 3857, 3858)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from softswitch.presence.document import DECLARATION, Document, attribute, text

CONTENT_TYPE = b"application/watcherinfo+xml"


class Watcher(NamedTuple):
    """Somebody who watches."""

    id: str
    """Of the subscription; means nothing else."""
    uri: str
    display: str


def watcherinfo(watchers: Sequence[Watcher], entity: str) -> Document:
    """The document about all who watch `entity`."""
    listed = "".join(
        f'<watcher id={attribute(one.id)} status="active" event="subscribe"'
        f"{f' display-name={attribute(one.display)}' if one.display else ''}>{text(one.uri)}</watcher>"
        for one in watchers
    )
    head = f'{DECLARATION}<watcherinfo xmlns="urn:ietf:params:xml:ns:watcherinfo" version="'
    tail = (
        f'" state="full"><watcher-list resource={attribute(entity)} package="presence">'
        f"{listed}</watcher-list></watcherinfo>\n"
    )
    return Document(CONTENT_TYPE, (head.encode(), tail.encode()))
