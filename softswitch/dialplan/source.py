"""A file that was read: its shape, where everything in it stands, and the problems found in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from pydantic import ValidationError

from softswitch.dialplan.models import LATER, FileModel, keys_at
from softswitch.errors import Problem
from softswitch.suggest import did_you_mean
from softswitch.yamltext import Mapping, Node, Scalar, Sequence, compose_what_can_be

Part = str | int
Plain = str | list["Plain"] | dict[str, "Plain"]
MAX_BYTES = 16_000_000
MAX_PROBLEMS = 1000
"""After so many errors a file is read no further."""
MAX_LISTED = 20_000
"""So many mistakes of shape are not even looked at one by one."""
MAX_ROUNDS = 20
MAX_COMPARED = 20_000
MAX_SUGGESTED = 500


class TooManyProblems(Exception):
    """Enough was found wrong with a file; it is all in the file's problems."""


@dataclass(slots=True)
class Source:
    """One file of a site."""

    file: str
    root: Node
    model: FileModel
    problems: list[Problem]
    errors: int = 0
    refused: frozenset[tuple[int, int]] = frozenset()
    """Line and column of what is no text of this language, such as an alias: that is said once, and is enough."""
    dropped: set[tuple[Part, ...]] = field(default_factory=set)
    """Paths of what was too badly written to use; to mention it elsewhere is no second mistake."""

    def error(self, text: str, *path: Part) -> None:
        """Report what stands at the path."""
        self._report(text, path, "error", of_key=False)

    def error_in(self, file: str, line: int, text: str) -> None:
        """Report what stands in another file that this one names."""
        self._add(Problem(file, line, 1, text))

    def error_at_key(self, text: str, *path: Part) -> None:
        """Report the key that ends the path."""
        self._report(text, path, "error", of_key=True)

    def has_dropped_from(self, *path: Part) -> bool:
        """Whether something right below the path had to be left out."""
        return any(dropped[:-1] == path for dropped in self.dropped)

    def refuse(self, error: ValueError, *path: Part) -> None:
        """Report what a function that knows no places found wrong; one without text was reported elsewhere."""
        if str(error):
            self.error(str(error), *path)

    def warn(self, text: str, *path: Part) -> None:
        """Say what is odd but works; at the key that ends the path."""
        self._report(text, path, "warning", of_key=True)

    def warn_here(self, text: str, *path: Part) -> None:
        """Say what is odd but works; at what stands at the path."""
        self._report(text, path, "warning", of_key=False)

    def was_dropped(self, *path: Part) -> bool:
        """Whether the path was in the file, but in a way that had to be left out."""
        return any(path[:length] in self.dropped for length in range(1, len(path) + 1))

    def where(self, *path: Part) -> str:
        """The place of a key, as "file:line"."""
        return f"{self.file}:{self._place(path, of_key=True)[0]}"

    def _report(self, text: str, path: tuple[Part, ...], severity: str, of_key: bool) -> None:
        line, column = self._place(path, of_key)
        if (line, column) in self.refused:
            return
        self._add(Problem(self.file, line, column, text, severity))

    def _add(self, problem: Problem) -> None:
        self.problems.append(problem)
        self.errors += problem.severity == "error"
        if self.errors == MAX_PROBLEMS:
            self.problems.append(Problem(self.file, 0, 0, f"more than {MAX_PROBLEMS} mistakes; no more are listed"))
            raise TooManyProblems

    def _place(self, path: tuple[Part, ...], of_key: bool) -> tuple[int, int]:
        """Line and column; what of the path is not in the file is passed over."""
        chain, written = _existing(self.root, path)
        node: Node | Scalar = chain[-1]
        if of_key and written and isinstance(parent := chain[-2], Mapping):
            node = parent.entries[str(written[-1])][0]
        return node.line, node.column


def read_source(source: Path | str, file: str) -> Source:
    """The shape of a file, or of a text, with whatever is wrong in it reported and left out.

    Raises ConfigError when the YAML itself can't be read.
    """
    root, problems = compose_what_can_be(source, file, MAX_BYTES, MAX_PROBLEMS)
    found = Source(
        file, root, FileModel(), problems, refused=frozenset((problem.line, problem.column) for problem in problems)
    )
    if not isinstance(root, Mapping):
        found.error("a dialplan begins with names such as site: and people:")
        return found
    # What is wrong is reported, taken out, and the rest looked at again, so that one mistake hides no other.
    for _ in range(MAX_ROUNDS):
        try:
            found.model = FileModel.model_validate(_plain(root))
            break
        except ValidationError as error:
            if error.error_count() > MAX_LISTED:
                found.error(f"{error.error_count()} mistakes: this can't be meant as a dialplan")
                break
            listed = error.errors(include_url=False, include_context=False, include_input=False)
            wrong = [(one["loc"], one["type"], str(one["msg"])) for one in listed]
        try:
            for path, kind, message in wrong:
                _report_shape(found, path, kind, message)
        except TooManyProblems:
            break
        _take_out(found, [path for path, _, _ in wrong])
    return found


def suggestion(name: str, known: Iterable[str]) -> str:
    """The nearest of the known names as the end of an error, if any is near and begins or ends alike.

    Among ten thousand names looking closely at each would take longer than reading the file.
    """
    first, last = name[:1].casefold(), name[-1:].casefold()
    alike = (one for one in islice(known, MAX_COMPARED) if one[:1].casefold() == first or one[-1:].casefold() == last)
    return did_you_mean(name, islice(alike, MAX_SUGGESTED))


def _plain(node: Node) -> Plain:
    match node:
        case Scalar():
            return node.text
        case Sequence():
            return [_plain(item) for item in node.items]
        case Mapping():
            return {key.text: _plain(value) for key, value in node}


def _report_shape(source: Source, path: tuple[Part, ...], kind: str, message: str) -> None:
    name = str(path[-1]) if path else ""
    if kind == "extra_forbidden":
        if name in LATER:
            source.error_at_key(f'"{name}" ({LATER[name]}) is not supported yet', *path)
        else:
            source.error_at_key(f'unknown key "{name}"{suggestion(name, keys_at(path[:-1]))}', *path)
    elif kind == "missing":
        if not source.was_dropped(*path):
            source.error_at_key(f'"{name}" is missing', *path[:-1])
    else:
        source.error(_SHAPES.get(kind, message.removeprefix("Value error, ")), *path)


_SHAPES = {
    "string_type": "text is expected here",
    "list_type": "a list is expected here",
    "dict_type": "names with a colon are expected here",
    "model_type": "names with a colon are expected here",
    "too_short": "nothing is written here",
}


def _take_out(source: Source, paths: list[tuple[Part, ...]]) -> None:
    """Remove what is wrong from the tree; a mapping that lacks a key goes as a whole, and so does an emptied list."""
    wrong = [_existing(source.root, path) for path in paths]
    # All are found before the first goes: removing from a list moves what follows in it.
    for chain, written in wrong:
        source.dropped.add(written)
        while len(chain) > 1:
            node, parent = chain.pop(), chain[-1]
            if isinstance(parent, Mapping):
                parent.entries = {key: entry for key, entry in parent.entries.items() if entry[1] is not node}
                break
            if isinstance(parent, Sequence):
                parent.items = [item for item in parent.items if item is not node]
                if parent.items:
                    break
            written = written[:-1]
            source.dropped.add(written)


def _existing(root: Node, path: tuple[Part, ...]) -> tuple[list[Node], tuple[Part, ...]]:
    """The nodes along a path, from the root to the last that is in the file, and the path as the file has it."""
    chain, written = [root], list[Part]()
    for part in path:
        node, child = chain[-1], None
        if isinstance(node, Mapping) and isinstance(part, str):
            child = node.get(part)
        elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
            child = node.items[part]
        if child is not None:
            chain.append(child)
            written.append(part)
    return chain, tuple(written)
