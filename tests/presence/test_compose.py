"""The rules of docs/presence.md, row by row: what each says is what `compose` does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from softswitch.presence.compose import RULES, Device, Known, Landing, Published, State, compose

PAGE = Path(__file__).resolve().parents[2] / "docs/presence.md"

DESK = Device("desk", "office", True)
OFF = Device("desk", "office", False)
TALKS = Device("desk", "office", True, True)
HOME = Device("home", "home", True)


def says(activity: str = "", account: str = "desk", is_open: bool = True, note: str = "", at: float = 0.0) -> Published:
    return Published(account, is_open, activity, note, at)


ROWS: dict[str, list[tuple[Known, str]]] = {
    "she said so, and a phone of hers is there": [
        (Known([DESK], do_not_disturb=True), "do not disturb"),
        (Known([TALKS], [says("busy")], do_not_disturb=True), "do not disturb"),
        (Known([OFF], do_not_disturb=True), "offline"),
    ],
    "a phone of hers is in a call, or makes one; one that only rings does not count": [
        (Known([TALKS], [says("busy")]), "on the phone"),
        (Known([TALKS], [says(is_open=False)]), "on the phone"),
        (Known([OFF._replace(talking=True)]), "on the phone"),
    ],
    "a device says so, e.g. of a call of another network": [
        (Known([DESK, HOME], [says("on the phone"), says("busy", "home")]), "on the phone"),
        (Known([OFF, HOME], [says("on the phone")]), "available"),
    ],
    "a device says that she is busy": [(Known([DESK, HOME], [says("busy"), says("", "home")]), "busy")],
    "a device says that she is there, and no more": [
        (Known([DESK, HOME], [says(""), says("away", "home")]), "available"),
        (Known([OFF], [says("", "")]), "available"),
    ],
    "a device says that she is away, and none that she is there": [
        (Known([DESK, HOME], [says("away")]), "away"),
        (Known([DESK, HOME], [says("away"), says("", "home", is_open=False)]), "away"),
    ],
    "a phone of hers is registered": [
        (Known([OFF, HOME]), "available"),
        (Known([DESK, HOME], [says(is_open=False)]), "available"),
    ],
    "no phone of hers is registered, or those that are say that they are closed": [
        (Known([]), "offline"),
        (Known([OFF], [says("busy")]), "offline"),
        (Known([DESK], [says(is_open=False)]), "offline"),
        (Known([DESK], [says("busy", is_open=False)]), "offline"),
    ],
}


@pytest.mark.parametrize("words", [words for _, _, words in RULES])
def test_each_row(words: str) -> None:
    for known, availability in ROWS[words]:
        assert compose(known).availability == availability, known


def test_the_page_has_the_same_table() -> None:
    rows = re.findall(r"^\| [0-9] \| ([a-z ]+) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [(name, words) for name, _, words in RULES]


@pytest.mark.parametrize(
    ("known", "place"),
    [
        (Known([DESK, HOME]), "office"),
        (Known([OFF, HOME]), "home"),
        (Known([DESK, HOME._replace(talking=True)], at_place="office"), "home"),
        (Known([DESK, HOME], at_place="home"), "home"),
        (Known([DESK, HOME], landing=Landing("ring", "her at home", ("home",))), "home"),
        (Known([DESK, HOME._replace(registered=False)], landing=Landing("ring", "her at home", ("home",))), "office"),
        (Known([OFF], at_place="home"), ""),
    ],
)
def test_the_place(known: Known, place: str) -> None:
    assert compose(known).place == place


def test_the_latest_note_counts_and_her_own_word_before_it() -> None:
    notes = [
        says("busy", note="older", at=1.0),
        says("", "home", note="newer", at=2.0),
        says("", "gone", note="x", at=9.0),
    ]
    assert compose(Known([DESK, HOME], notes)).note == "newer"
    assert compose(Known([DESK, HOME], notes, note="until 18:00")).note == "until 18:00"
    assert compose(Known([OFF])) == State("offline", "", "", "nobody")
