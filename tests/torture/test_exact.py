"""The 49 messages of RFC 4475 byte for byte, where they are at hand: an optional folder beside the checkout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from softswitch.sip.parse import parse
from softswitch.sip.uri import parse_uri

from .row import FLOW, Refused, Row, check_answer, check_parsed
from .test_tables import RFC4475

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "torture"

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="../shared/torture, the RFC's own bytes, is not beside this checkout"
)

FACTS: dict[str, tuple[Callable[[Any], object], ...]] = {
    "wsinv": (
        lambda m: m.max_forwards == 68 and m.cseq == (9, b"INVITE") and m.to.tag == b"1918181833n",
        lambda m: m.from_.display == b'J Rosenberg \\"' and m.from_.tag == b"98asjd8",
        lambda m: len(m.values(b"via")) == 3 and m.via.branch == b"390skdjuw",
        lambda m: m.contacts()[0].params[b"q"] == b"0.33" and len(m.body) == 150,
    ),
    "intmeth": (
        lambda m: m.to.display == b"BEL:\x07 NUL:\0 DEL:\x7f",
        lambda m: parse_uri(m.uri).host == b"example.com" and m.from_.tag == b"_token~1'+`*%!-.",
    ),
    "esc01": (lambda m: parse_uri(m.contacts()[0].uri).params == {b"lr": None, b"name": b"value%41"},),
    "escnull": (lambda m: [parse_uri(one.uri).user_text for one in m.contacts()] == ["\0", "\0\0"],),
    "esc02": (lambda m: len(m.contacts()) == 2,),
    "longreq": (lambda m: len(m.values(b"via")) == 34 and m.via.host == b"sip33.example.com",),
    "dblreq": (lambda m: m.body == b"" and m.method == b"REGISTER",),
    "mpart01": (lambda m: len(m.body) == 553,),
    "badbranch": (lambda m: m.via.branch == b"",),
    "unreason": (lambda m: m.reason.startswith(b"= 2**3 * 5**2 "),),
    "inv2543": (lambda m: m.via.branch == b"" and m.from_.tag == b"",),
    "cparam01": (lambda m: m.contacts()[0].params == {b"unknownparam": None},),
    "cparam02": (lambda m: m.contacts()[0].uri.endswith(b";unknownparam"),),
}


def read(row: Row) -> bytes:
    return (FOLDER / f"{row.name}.dat").read_bytes()


def test_there_is_a_row_for_every_message() -> None:
    assert {path.stem for path in FOLDER.glob("*.dat")} == {row.name for row in RFC4475}


@pytest.mark.parametrize("row", RFC4475, ids=lambda row: row.name)
def test_verdict(row: Row) -> None:
    data = read(row)
    message = check_parsed(row.parsed, data)
    for number, fact in enumerate(FACTS.get(row.name, ())):
        assert fact(message), f"fact {number}"
    if message is not None:
        assert data.startswith(message.to_bytes())
        assert parse(message.to_bytes(), FLOW).to_bytes() == message.to_bytes()
    elif isinstance(row.parsed, Refused):
        check_answer(row.parsed.status, data)
