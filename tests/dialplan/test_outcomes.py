"""Outcomes: the table of statuses, the combination of several, and docs/outcomes.md saying the same."""

import re
from pathlib import Path

import pytest

from softswitch.dialplan.outcome import Outcome, combine, outcome_named, outcome_of, tables

BUSY, NO_ANSWER, UNREACHABLE, DECLINED = Outcome


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (302, UNREACHABLE),
        (403, UNREACHABLE),
        (404, UNREACHABLE),
        (408, UNREACHABLE),
        (410, UNREACHABLE),
        (480, UNREACHABLE),
        (486, BUSY),
        (487, NO_ANSWER),
        (488, UNREACHABLE),
        (500, UNREACHABLE),
        (503, UNREACHABLE),
        (600, DECLINED),
        (603, DECLINED),
        (604, UNREACHABLE),
        (607, DECLINED),
    ],
)
def test_every_failure_has_an_outcome(status: int, outcome: Outcome) -> None:
    assert outcome_of(status) is outcome


def test_408_after_ringing_is_no_answer() -> None:
    assert outcome_of(408, rang=True) is NO_ANSWER
    assert outcome_of(486, rang=True) is BUSY


@pytest.mark.parametrize("status", [100, 180, 200, 299, 700, 0])
def test_what_is_no_failure_has_none(status: int) -> None:
    with pytest.raises(ValueError, match="no failure"):
        outcome_of(status)


@pytest.mark.parametrize(
    ("several", "one"),
    [
        ([BUSY, DECLINED, NO_ANSWER, UNREACHABLE], DECLINED),
        ([UNREACHABLE, BUSY, NO_ANSWER], NO_ANSWER),
        ([UNREACHABLE, BUSY], BUSY),
        ([UNREACHABLE, UNREACHABLE], UNREACHABLE),
        ([], UNREACHABLE),
    ],
)
def test_of_several_at_once_the_first_of_the_order_counts(several: list[Outcome], one: Outcome) -> None:
    assert combine(several) is one
    assert combine(reversed(several)) is one


def test_outcomes_are_named_as_operators_write_them() -> None:
    assert [outcome_named(word) for word in ("busy", " No  answer", "no_answer", "declined")] == [
        BUSY,
        NO_ANSWER,
        NO_ANSWER,
        DECLINED,
    ]
    with pytest.raises(ValueError, match='"busy", "no answer", "unreachable", "declined"'):
        outcome_named("engaged")


def test_the_page_for_operators_has_the_same_tables() -> None:
    page = (Path(__file__).parents[2] / "docs/outcomes.md").read_text()
    assert page.endswith(tables())
    # What stands in the table is what the function says.
    for status, word in re.findall(r"^\| (\d{3}) \| (\w+(?: \w+)?) \|", page, re.MULTILINE):
        assert outcome_of(int(status)).value == word
