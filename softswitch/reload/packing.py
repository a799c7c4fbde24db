"""Plans and secrets as pieces of bytes, each small enough to be unpacked between two messages.

A plan of a thousand people takes a tenth of a second to unpack, and a call must not wait for it. So it comes in
pieces, and who unpacks them does something else between any two. What several pieces have in common, such as a
schedule, is one object in the end: all are written by one pickler and read by one unpickler.

Pieces come from our own child process and go to it, from nowhere else: unpickling trusts them.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

PIECE_ENTRIES = 10
"""Entries of a large dict in one piece: ten people take about a millisecond."""


def pack(value: object) -> list[bytes]:
    """The pieces of a dataclass, or of a dict of them such as Plans, to be given to an `Unpacker` in order."""
    file = io.BytesIO()
    pickler = pickle.Pickler(file, pickle.HIGHEST_PROTOCOL)
    pieces = []
    for step in _steps(value):
        pickler.dump(step)
        pieces.append(file.getvalue())
        file.seek(0)
        file.truncate()
    return pieces


class Unpacker:
    """Puts pieces together again, one at a time."""

    def __init__(self) -> None:
        self._file = io.BytesIO()
        self._unpickler = pickle.Unpickler(self._file)
        self._open: list[tuple[type | None, dict[Any, Any], Any]] = []
        """What is being built, innermost last: its class (None: a dict), its parts so far, its key outside."""
        self.value: Any = None
        """What was packed, once all pieces are there."""

    def add(self, piece: bytes) -> None:
        """Take the next piece."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(piece)
        self._file.seek(0)
        match self._unpickler.load():
            case "open", cls, key:
                self._open.append((cls, {}, key))
            case "close", *_:
                cls, parts, key = self._open.pop()
                self._put(key, parts if cls is None else cls(**parts))
            case "entries", entries, _:
                self._open[-1][1].update(entries)

    def _put(self, key: Any, value: Any) -> None:
        if self._open:
            self._open[-1][1][key] = value
        else:
            self.value = value


def unpack(pieces: Iterable[bytes]) -> Any:
    """All at once, where nobody waits."""
    unpacker = Unpacker()
    for piece in pieces:
        unpacker.add(piece)
    return unpacker.value


def _steps(value: object, key: object = None) -> Iterator[tuple[str, Any, Any]]:
    """A tree as a walk: into what is large, entries of a dict some at a time, everything else whole."""
    entries: list[tuple[Any, Any]]
    if isinstance(value, dict):
        yield "open", None, key
        entries = list(value.items())
    else:
        assert is_dataclass(value)
        assert not isinstance(value, type)
        yield "open", type(value), key
        entries = [(one.name, getattr(value, one.name)) for one in fields(value) if one.init]
    some: dict[Any, Any] = {}
    for name, part in entries:
        large = _is_large(part)
        if large or len(some) == PIECE_ENTRIES:
            yield "entries", some, None
            # A new one each time: a pickler that meets the same object again only refers to it.
            some = {}
        if large:
            # After what stands before it, for the first site is the default.
            yield from _steps(part, name)
        else:
            some[name] = part
    yield "entries", some, None
    yield "close", None, None


def _is_large(part: object) -> bool:
    """Whether there is a dict of some size in it, not deeper than dicts and dataclasses go."""
    if isinstance(part, dict):
        return len(part) > PIECE_ENTRIES or any(_is_large(one) for one in part.values())
    return is_dataclass(part) and any(_is_large(getattr(part, one.name)) for one in fields(part))
