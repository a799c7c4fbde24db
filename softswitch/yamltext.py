"""YAML as text with positions: every scalar stays what was written, every node knows its line and column.

The parts of YAML that surprise people are refused: anchors and aliases, tags, duplicate keys, keys that are
not plain text, several documents in a file. Nothing is guessed: `no`, `0170`, `22:30` and `2026-12-24` are
texts.

The tree is built from libyaml's events rather than by its composer, which recurses: a file of a million
brackets ends here as one problem and not as an overflowed stack, and an alias is refused before it can
multiply anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from softswitch.errors import ConfigError, Problem

MAX_BYTES = 50 * 1024 * 1024
MAX_EVENTS = 3_000_000
"""Texts, and ends of lists and mappings; a file of commas is no larger than one of words, but its tree is."""
MAX_DEPTH = 64
MAX_PROBLEMS = 100
"""After so many problems the rest is not listed: the file is something else than it was taken for."""

_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass(slots=True)
class Scalar:
    """One text."""

    file: str
    line: int
    """Counted from 1."""
    column: int
    """Counted from 1, in characters."""
    text: str
    quoted: bool = False
    """Written in quotes or as a block; an unquoted empty text is a value that was left out."""


@dataclass(slots=True)
class Sequence:
    """A list."""

    file: str
    line: int
    column: int
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Mapping:
    """Keys and values in the order they were written; no key twice."""

    file: str
    line: int
    column: int
    entries: dict[str, tuple[Scalar, Node]] = field(default_factory=dict)
    """By the key's text: the key's own node (for its position) and the value."""

    def get(self, key: str) -> Node | None:
        """The value of `key`, or None."""
        entry = self.entries.get(key)
        return entry[1] if entry else None

    def __iter__(self) -> Iterator[tuple[Scalar, Node]]:
        return iter(self.entries.values())


Node = Scalar | Sequence | Mapping


def problem_at(node: Node, text: str, severity: str = "error") -> Problem:
    """A problem at the position of `node`."""
    return Problem(node.file, node.line, node.column, text, severity)


def compose(source: Path | str, file: str, max_bytes: int = MAX_BYTES) -> Node:
    """The tree of one YAML file; an empty file is an empty mapping.

    `source` is a path to read or the text itself, `file` the name that problems carry.
    Raises ConfigError: a file that cannot be read and a syntax error are reported alone, with what was found
    before it; refused features are all listed.
    """
    root, problems = compose_what_can_be(source, file, max_bytes)
    if problems:
        raise ConfigError(problems)
    return root


def compose_what_can_be(
    source: Path | str, file: str, max_bytes: int = MAX_BYTES, max_problems: int = MAX_PROBLEMS
) -> tuple[Node, list[Problem]]:
    """The same, with refused features beside the tree, for who wants to find what else is wrong.

    Of a key given twice the first counts. Raises ConfigError where no tree can be made of it, or with more than
    `max_problems`.
    """
    text = _read(source, file, max_bytes)
    builder = _Builder(file)
    try:
        for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
            builder.take(event)
            if count >= MAX_EVENTS:
                builder.problems.append(Problem(file, *_start(event), "more values than any real file has"))
            if len(builder.problems) >= max_problems or count >= MAX_EVENTS:
                raise ConfigError(builder.problems)
    except yaml.MarkedYAMLError as error:
        raise ConfigError([*builder.problems, _syntax_problem(error, file)]) from None
    except yaml.reader.ReaderError as error:
        line, column = _position(text, error.position)
        found = Problem(file, line, column, f"a character that YAML does not allow: {_code(error)}")
        raise ConfigError([*builder.problems, found]) from None
    except _TooDeep:
        raise ConfigError(builder.problems) from None
    root = builder.root
    empty = root is None or (isinstance(root, Scalar) and not root.text and not root.quoted)
    return (Mapping(file, 1, 1) if root is None or empty else root), builder.problems


def plain(node: Node) -> Any:
    """The node as dicts, lists and texts, for pydantic; entries whose value was left out are left out."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {
        key.text: plain(value)
        for key, value in node
        if not (isinstance(value, Scalar) and not value.text and not value.quoted)
    }


def locate(node: Node, path: tuple[int | str, ...]) -> tuple[Node, Scalar | None]:
    """The deepest node on `path` that exists, and the key that led to it (None in lists and at the root).

    A step 0 into something that is no list stays there: one thing may stand for a list of one.
    """
    key: Scalar | None = None
    for step in path:
        if isinstance(node, Mapping) and isinstance(step, str) and step in node.entries:
            key, node = node.entries[step]
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            key, node = None, node.items[step]
        elif step != 0 or isinstance(node, Sequence):
            break
    return node, key


class _TooDeep(Exception):
    """Nested deeper than any real file; already listed as a problem."""


class _Builder:
    """Puts events together to a tree with a stack of its own."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self._stack: list[Sequence | Mapping] = []
        self._keys: list[Scalar | None] = []
        self._skipping = 0
        """Depth within a key that is no text: read over, since it was already refused."""
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_marks(event)
            line, column = _start(event)
            self._add(Scalar(self.file, line, column, event.value, bool(event.style and event.style.strip())))
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._refuse_marks(event)
            self._open(event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            self._refuse(event, f"aliases (*{event.anchor}) are not used here; write the value out")
            self._add(Scalar(self.file, *_start(event), "", True))
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents == 2:
                self._refuse(event, "a second document (---) in the same file")

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        line, column = _start(event)
        made: Sequence | Mapping = (
            Mapping(self.file, line, column)
            if isinstance(event, yaml.MappingStartEvent)
            else Sequence(self.file, line, column)
        )
        if len(self._stack) + self._skipping >= MAX_DEPTH:
            self._refuse(event, f"nested deeper than {MAX_DEPTH} levels")
            raise _TooDeep
        if self._skipping or self._expects_key():
            if not self._skipping:
                self._refuse(event, "a key must be a text, not a list or a mapping")
            self._skipping += 1
            return
        self._add(made)
        self._stack.append(made)
        self._keys.append(None)

    def _close(self) -> None:
        if self._skipping:
            self._skipping -= 1
            if not self._skipping:  # what stood for the key is over: its value still comes
                self._keys[-1] = Scalar(self.file, 0, 0, f"\0{len(self.problems)}")
            return
        self._stack.pop()
        self._keys.pop()

    def _expects_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1], Mapping) and self._keys[-1] is None

    def _add(self, node: Node) -> None:
        if self._skipping:
            return
        if not self._stack:
            if self.root is None:
                self.root = node
            return
        parent = self._stack[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
            return
        key = self._keys[-1]
        if key is None:
            self._keys[-1] = node if isinstance(node, Scalar) else None
            return
        self._keys[-1] = None
        known = parent.entries.get(key.text)
        if known is not None:
            first = known[0]
            text = f'"{key.text}" is here twice; the first is in line {first.line}'
            self.problems.append(problem_at(key, text))
            return
        parent.entries[key.text] = (key, node)

    def _refuse_marks(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.anchor is not None:
            self._refuse(event, f"anchors (&{event.anchor}) are not used here; write the value out")
        if event.tag is not None:
            self._refuse(event, f"tags ({event.tag}) are not used here; a text starting with ! wants quotes")

    def _refuse(self, event: yaml.Event, text: str) -> None:
        self.problems.append(Problem(self.file, *_start(event), text))


def _start(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)


def _read(source: Path | str, file: str, max_bytes: int) -> str:
    if isinstance(source, str):
        if len(source) > max_bytes:
            raise ConfigError([Problem(file, 0, 0, f"larger than {max_bytes} bytes")])
        return source
    try:
        with source.open("rb") as stream:
            data = stream.read(max_bytes + 1)
    except OSError as error:
        raise ConfigError([Problem(file, 0, 0, f"cannot be read: {error.strerror}")]) from error
    if len(data) > max_bytes:
        raise ConfigError([Problem(file, 0, 0, f"larger than {max_bytes} bytes")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        line, column = _position(before, len(before))
        raise ConfigError([Problem(file, line, column, "not UTF-8 text")]) from error


def _position(text: str, index: int) -> tuple[int, int]:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


def _code(error: yaml.reader.ReaderError) -> str:
    character: object = error.character
    return f"U+{character:04X}" if isinstance(character, int) else repr(character)


def _syntax_problem(error: yaml.MarkedYAMLError, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    text = error.problem or "not YAML"
    if "maximum nesting depth" in text:  # newer libyaml has a limit of its own, and reads ahead of its events
        text = f"nested deeper than {MAX_DEPTH} levels"
    elif "found character that cannot start any token" in text:
        text = "a value that starts with a special character or a tab; put it in quotes"
    elif text == "mapping values are not allowed in this context":
        text = "a colon where none can be: is the line indented rightly, or does the text want quotes?"
    elif error.context:
        text = f"{text} ({error.context})"
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    return Problem(file, line, column, text)
