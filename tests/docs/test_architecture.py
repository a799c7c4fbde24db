"""docs/architecture.md is the code's: the levels hold, every name on the page exists, the core stays without I/O."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from functools import reduce
from pathlib import Path

import pytest

from .pages import ROOT, blocks

PAGE = ROOT / "docs/architecture.md"
PACKAGE = ROOT / "softswitch"
PURE = (
    "sip", "transaction", "dialplan", "registrar", "presence", "proxy", "legs", "messaging", "trunks", "bridge",
    "switch",
)  # fmt: skip
IMPURE = {"asyncio", "os", "random", "secrets", "select", "selectors", "socket", "ssl", "subprocess", "time", "uuid"}
FUTURES_ONLY = {
    ("registrar/bindings.py", "asyncio"),
    ("registrar/service.py", "asyncio"),
    ("presence/history.py", "asyncio"),
    ("presence/stored.py", "asyncio"),
    ("trunks/usage.py", "asyncio"),
    ("bridge/emergencies.py", "asyncio"),
    ("presence/saving.py", "asyncio"),
}
"""A store's save gives a future."""


def levels() -> dict[str, tuple[int, int]]:
    (table,) = [block.text for block in blocks(PAGE) if block.kind == "levels"]
    places: dict[str, tuple[int, int]] = {}
    for line in table.splitlines():
        number, rooms = line.split(maxsplit=1)
        for position, room in enumerate(rooms.split(" · ")):
            places[room] = (int(number), position)
    return places


LEVELS = levels()


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            package = path.relative_to(ROOT).with_suffix("").parts[: -node.level or None] if node.level else ()
            base = ".".join((*package, *filter(None, (node.module,))))
            yield from ((f"{base}.{one.name}" if base == "softswitch" else base, node.lineno) for one in node.names)
        elif isinstance(node, ast.Import):
            yield from ((one.name, node.lineno) for one in node.names)


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def test_every_room_has_its_level() -> None:
    rooms = {room_of(path) for path in FILES}
    assert rooms - set(LEVELS) == set(), "these rooms are not in the table of docs/architecture.md"
    assert set(LEVELS) - rooms == set(), "these rooms of docs/architecture.md are not there"


def test_each_level_imports_only_what_is_below_or_left() -> None:
    wrong = []
    for path in FILES:
        here = room_of(path)
        for name, line in imports(path):
            if name.startswith("softswitch."):
                there = name.split(".")[1]
                if {here, there} <= LEVELS.keys() and there != here and LEVELS[there] >= LEVELS[here]:
                    wrong.append(f"{path.relative_to(ROOT)}:{line}: {here} imports {there}")
    assert wrong == []


def test_the_core_is_without_io_clock_and_randomness() -> None:
    wrong = []
    for path in FILES:
        if room_of(path) in PURE:
            short = str(path.relative_to(PACKAGE))
            for name, line in imports(path):
                if name.split(".")[0] in IMPURE and (short, name) not in FUTURES_ONLY:
                    wrong.append(f"softswitch/{short}:{line}: {name}")
    assert wrong == []


def names() -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    spans = re.findall(r"`([a-z_/]+(?:\.\w+)+)(?:\([^`]*\))?`", text)
    return sorted({one for one in spans if not re.search(r"\.(py|md|yaml|toml)$", one)})


@pytest.mark.parametrize("name", names())
def test_each_name_exists(name: str) -> None:
    file, *attributes = name.split(".")
    module = importlib.import_module("softswitch." + file.replace("/", "."))
    assert reduce(getattr, attributes, module) is not None


def test_the_walks_have_names() -> None:
    assert len(names()) > 30
