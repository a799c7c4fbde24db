"""Every row of the tables, at the parser: its verdict, what it reads, and that printing changes nothing."""

from __future__ import annotations

import pytest

from softswitch.sip.message import Request
from softswitch.sip.parse import parse

from . import rfc4475_invalid, rfc4475_semantics, rfc4475_valid, rfc5118, smuggling
from .row import FLOW, Accepted, Answered, Dropped, Forwarded, Refused, Row, check_answer, check_parsed

RFC4475 = rfc4475_valid.ROWS + rfc4475_invalid.ROWS + rfc4475_semantics.ROWS
ROWS = RFC4475 + rfc5118.ROWS + smuggling.ROWS


def by_name(row: Row) -> str:
    return row.name


def test_the_tables_are_whole() -> None:
    assert len(RFC4475) == 49
    assert len(rfc5118.ROWS) == 12
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("row", ROWS, ids=by_name)
def test_verdict_and_facts(row: Row) -> None:
    message = check_parsed(row.parsed, row.data)
    for number, fact in enumerate(row.facts):
        assert message is not None
        assert fact(message), f"fact {number} of {row.name}: {row.why}"


@pytest.mark.parametrize("row", [row for row in ROWS if isinstance(row.parsed, Accepted)], ids=by_name)
def test_printing_gives_back_the_bytes(row: Row) -> None:
    printed = parse(row.data, FLOW).to_bytes()
    assert row.data.lstrip(b"\r\n").startswith(printed)
    assert parse(printed, FLOW).to_bytes() == printed


@pytest.mark.parametrize("row", ROWS, ids=by_name)
def test_the_two_verdicts_agree(row: Row) -> None:
    """What the parser answers or drops no proxy forwards, and it answers with the same status."""
    if isinstance(row.parsed, Refused):
        assert row.switch == Answered((row.parsed.status,))
    elif isinstance(row.parsed, Dropped):
        assert row.switch == Dropped()
    elif isinstance(row.switch, Forwarded):
        message = parse(row.data, FLOW)
        assert not isinstance(message, Request) or message.max_forwards != 0


@pytest.mark.parametrize("row", [row for row in ROWS if isinstance(row.parsed, Refused)], ids=by_name)
def test_a_refusal_finds_its_way_back(row: Row) -> None:
    assert isinstance(row.parsed, Refused)
    check_answer(row.parsed.status, row.data)
