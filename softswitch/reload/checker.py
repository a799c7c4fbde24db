"""The process that reads and checks a configuration for a running switch: `python -m softswitch.reload`.

Standard input: a line of JSON (`Question`), then the pieces of the running plans, each after its length. Standard
output: the pieces of a `Verdict` in the same form. Exit code 0 whenever there is a verdict, also a bad one.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

from softswitch.configuration import read_all
from softswitch.dialplan.plan import Plans
from softswitch.errors import ConfigError, Problem
from softswitch.reload.accepted import Accepted, accepted_now
from softswitch.reload.changes import plan_changes
from softswitch.reload.packing import pack, unpack
from softswitch.secrets import Entry
from softswitch.settings import Settings

LENGTH = struct.Struct(">I")
"""Before each piece."""
YEAR_SECONDS = 366 * 86400.0
NICENESS = 5
"""Calls come first."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to check."""

    file: str
    """The settings."""
    wall: float
    """The switch's own now, seconds since 1970 UTC."""
    shown_from: str
    """The folder of who asked. Where it is the switch's own, paths in problems are relative to it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of it."""

    problems: list[str]
    """Why it is refused; with any of them there is nothing else here but warnings."""
    warnings: list[str]
    settings: Settings | None = None
    secrets: dict[str, Entry] = field(default_factory=dict)
    accepted: Accepted | None = None
    changes: list[str] = field(default_factory=list)
    """What is different for callers, in words."""
    plan_pieces: list[bytes] = field(default_factory=list)
    """The plans, packed: kept as they are, to be handed to the next check."""


def check(question: Question, running: Plans) -> Verdict:
    """Read everything anew and compare it with the running plans."""
    try:
        here = Path.cwd()
        # Relative to another folder, a path could not be opened from here: calendars are looked for beside the file.
        shown_from = here if question.shown_from == str(here) else None
        found = read_all(Path(question.file), os.environ, shown_from, wall=question.wall)
    except ConfigError as error:
        problems = [_shown(one) for one in error.problems if one.severity == "error"]
        return Verdict(problems, [_shown(one) for one in error.problems if one.severity != "error"])
    changes = plan_changes(running, found.plans, question.wall)
    for plan in found.plans.values():
        for schedule in plan.schedules.values():
            # It remembers what was worked out: what the switch will need of calendars is packed with it.
            for ahead in (0.0, YEAR_SECONDS):
                schedule.contains(question.wall + ahead)
    accepted = accepted_now(found.texts, found.plans.values(), question.wall)
    warnings = [_shown(one) for one in found.warnings]
    return Verdict([], warnings, found.settings, found.secrets.entries, accepted, changes, pack(found.plans))


def write_pieces(file: BinaryIO, pieces: Iterable[bytes]) -> None:
    """Each after its length."""
    for piece in pieces:
        file.write(LENGTH.pack(len(piece)))
        file.write(piece)


def read_pieces(file: BinaryIO) -> Iterator[bytes]:
    """Up to the end of the file."""
    while head := file.read(LENGTH.size):
        yield file.read(LENGTH.unpack(head)[0])


def question_line(question: Question) -> bytes:
    return json.dumps(asdict(question)).encode() + b"\n"


def main() -> None:
    """Answer one question."""
    os.nice(NICENESS)
    question = Question(**json.loads(sys.stdin.buffer.readline()))
    running = unpack(read_pieces(sys.stdin.buffer)) or {}
    # Whatever is printed by a library must not get between the pieces.
    out, sys.stdout = sys.stdout.buffer, sys.stderr
    write_pieces(out, pack(check(question, running)))
    out.flush()


def _shown(problem: Problem) -> str:
    return str(problem).replace(":0:0: ", ": ", 1)
