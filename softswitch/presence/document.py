"""A body for NOTIFYs: made once for all who see the same, with a version for each where the package has versions."""

from __future__ import annotations

from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


class Piece(NamedTuple):
    """One dialog in a document."""

    id: str
    over: bool
    text: str


class Document(NamedTuple):
    """What stands before, between and after its version numbers."""

    content_type: bytes
    pieces: tuple[bytes, ...]
    """One where the package has no version."""
    dialogs: tuple[Piece, ...] = ()
    """Of package `dialog`: what it consists of."""

    def body(self, version: int) -> bytes:
        """The whole, for the NOTIFY with this number in its subscription, counted from 0."""
        return self.pieces[0] if len(self.pieces) == 1 else (b"%d" % version).join(self.pieces)


def text(value: str) -> str:
    """Between tags."""
    return escape(_printable(value))


def attribute(value: str) -> str:
    """With its quotes."""
    return quoteattr(_printable(value))


def _printable(value: str) -> str:
    """Without what XML can't hold."""
    if value.isprintable():
        return value  # the usual case
    return "".join(
        char if char >= " " and char not in "\ufffe\uffff" and not "\ud800" <= char <= "\udfff" else " "
        for char in value
    )
