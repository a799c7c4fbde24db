"""YAML as plain text with places: every scalar a string, every node knows its line and column.

Built on libyaml's events rather than on PyYAML's composer, which would resolve aliases (and so let a small file grow
without bound) and recurse as deep as the file says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from softswitch.errors import ConfigError, Problem

MAX_BYTES = 20_000_000
MAX_NODES = 1_000_000
MAX_DEPTH = 20
MAX_PROBLEMS = 1000

Part = str | int
Plain = str | list["Plain"] | dict[str, "Plain"]

_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HINTS = {
    "found character that cannot start any token": "this character cannot begin a value; indent with spaces "
    "instead of tabs, and put text that begins with % @ or ` in quotes",
    "did not find expected alphabetic or numeric character": 'text that begins with * or & needs quotes, e.g. "*21*"',
    "mapping values are not allowed in this context": 'a ":" too many on this line, or a line indented too far',
    "could not find expected ':'": 'a ":" is missing after the name',
    "did not find expected ',' or '}'": 'a "," or the closing "}" is missing',
    "did not find expected ',' or ']'": 'a "," or the closing "]" is missing',
    "did not find expected key": "this line is not indented like the ones it belongs to",
    "did not find expected '-' indicator": 'a "-" is missing, or the line is not indented like the others of the list',
    "found unexpected end of stream": "the file ends inside quotes",
}


@dataclass(slots=True)
class Node:
    """A value of the file. Lines and columns are counted from 1."""

    line: int
    column: int
    value: str | list[Node] | dict[str, Node]
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Where each key of a mapping stands."""

    def plain(self) -> Plain:
        """The same as strings, lists and dicts."""
        if isinstance(self.value, str):
            return self.value
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return {key: node.plain() for key, node in self.value.items()}

    def place(self, path: Sequence[Part], of_key: bool = False) -> tuple[int, int]:
        """Line and column of what stands at `path`; parts that are not in the file are passed over.

        With `of_key` the place of the last key instead of its value's.
        """
        node, place = self, (self.line, self.column)
        for part in path:
            if isinstance(node.value, dict) and isinstance(part, str) and part in node.value:
                place = node.keys[part] if of_key else (node.value[part].line, node.value[part].column)
                node = node.value[part]
            elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                place = (node.line, node.column)
        return place


def read_yaml(data: bytes, file: str) -> tuple[Node, list[Problem]]:
    """The root of the document, and what it uses that operators' files may not: aliases, tags, keys given twice.

    Raises ConfigError with one problem for what makes the rest unreadable: bad syntax or encoding, too large.
    """
    text = _decode(data, file)
    try:
        return _Composer(file).compose(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = error.problem or "this is no YAML"
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        begun = error.context_mark
        where = ""
        if begun and mark and begun.line != mark.line:
            where = f" ({error.context}, begun in line {begun.line + 1})" if error.context else ""
        raise ConfigError([Problem(file, line, column, _HINTS.get(said, said) + where)]) from None
    except yaml.YAMLError as error:
        raise ConfigError([Problem(file, 1, 1, str(error).splitlines()[0])]) from None


def _decode(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        raise ConfigError([Problem(file, 0, 0, f"larger than {MAX_BYTES // 1_000_000} MB; no dialplan is")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        raise ConfigError([_at_end_of(before, file, "not UTF-8 text; save the file as UTF-8")]) from None
    if bad := _FORBIDDEN.search(text):
        what = f"the character U+{ord(bad.group()):04X} may not be in a text file"
        raise ConfigError([_at_end_of(text[: bad.start()], file, what)])
    return text


def _at_end_of(before: str, file: str, what: str) -> Problem:
    return Problem(file, before.count("\n") + 1, len(before) - before.rfind("\n"), what)


def _start(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)


class _Composer:
    """Builds nodes from events with a stack of its own."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.count = 0

    def compose(self, text: str) -> tuple[Node, list[Problem]]:
        root: Node | None = None
        open_nodes: list[Node] = []
        pending: list[tuple[str, int, int] | None] = []  # the key that waits for its value, per open node
        # PyYAML's stubs know the pure loader only; the C one reads str as well.
        loader: Any = yaml.CBaseLoader
        for event in yaml.parse(text, Loader=loader):
            if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                open_nodes.pop()
                pending.pop()
                continue
            if isinstance(event, yaml.DocumentStartEvent) and root is not None:
                self._fail(event, "a second document begins here; one file holds one")
            if not isinstance(event, yaml.NodeEvent):
                continue
            node = self._node(event)
            if not open_nodes:
                root = node
            else:
                self._add(open_nodes[-1], node, pending)
            if isinstance(event, yaml.CollectionStartEvent):
                open_nodes.append(node)
                pending.append(None)
                if len(open_nodes) > MAX_DEPTH:
                    self._fail(event, f"nested more than {MAX_DEPTH} levels deep")
        if root is None:
            raise ConfigError([Problem(self.file, 1, 1, "the file is empty")])
        return root, self.problems

    def _node(self, event: yaml.NodeEvent) -> Node:
        self.count += 1
        if self.count > MAX_NODES:
            self._fail(event, f"more than {MAX_NODES} values in one file")
        value: str | list[Node] | dict[str, Node] = ""
        if isinstance(event, yaml.AliasEvent):
            self._problem(event, f'"*{event.anchor}" is a YAML alias, which is not understood here; put it in quotes')
        elif event.anchor is not None:
            self._problem(event, f'"&{event.anchor}" is a YAML anchor, which is not understood here')
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
            self._problem(event, f'"{event.tag}" is a YAML tag, which is not understood here; put it in quotes')
        if isinstance(event, yaml.ScalarEvent):
            value = event.value
        elif isinstance(event, yaml.SequenceStartEvent):
            value = []
        elif isinstance(event, yaml.MappingStartEvent):
            value = {}
        return Node(*_start(event), value)

    def _add(self, parent: Node, node: Node, pending: list[tuple[str, int, int] | None]) -> None:
        if isinstance(parent.value, list):
            parent.value.append(node)
            return
        assert isinstance(parent.value, dict)
        key = pending[-1]
        if key is None:
            if not isinstance(node.value, str):
                problem = Problem(self.file, node.line, node.column, "a name must be text, not a list or a mapping")
                raise ConfigError([problem])
            pending[-1] = (node.value, node.line, node.column)
            return
        pending[-1] = None
        name, line, column = key
        if name in parent.value:
            first = parent.keys[name][0]
            self._report(Problem(self.file, line, column, f'"{name}" is given twice; first in line {first}'))
            return
        parent.value[name] = node
        parent.keys[name] = (line, column)

    def _problem(self, event: yaml.Event, text: str) -> None:
        self._report(Problem(self.file, *_start(event), text))

    def _report(self, problem: Problem) -> None:
        self.problems.append(problem)
        if len(self.problems) > MAX_PROBLEMS:
            raise ConfigError(self.problems)

    def _fail(self, event: yaml.Event, text: str) -> None:
        raise ConfigError([Problem(self.file, *_start(event), text)])
