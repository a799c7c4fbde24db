"""The pages of the documentation, and the examples in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK = re.compile(r"(?:^<!-- (?P<mark>[^>]*) -->\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two lines of ```."""

    kind: str
    text: str
    mark: str
    """From a comment in the line before."""
    line: int
    """Of the page, where the text begins."""


def blocks(page: Path) -> list[Block]:
    """All of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(found["kind"], found["text"], found["mark"] or "", text.count("\n", 0, found.start("text")) + 1)
        for found in _BLOCK.finditer(text)
    ]


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Of a console block: each command after "$ ", and what it answers."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, answer = part.partition("\n")
        yield command, answer


def combined(base: str, part: str) -> str:
    """A dialplan of which some sections, people or teams were written anew; lists are replaced as a whole."""
    merged = _merge(yaml.load(base, yaml.BaseLoader), yaml.load(part, yaml.BaseLoader))
    return yaml.safe_dump(merged, sort_keys=False, allow_unicode=True)


def _merge(old: Any, new: Any) -> Any:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    return old | {key: _merge(old[key], value) if key in old else value for key, value in new.items()}
