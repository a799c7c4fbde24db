"""`softswitch week`: the sample office's week in the terminal and as a picture."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from .conftest import Command


@pytest.mark.parametrize(("width", "bar"), [("140", "B" * 16), ("80", "B" * 8), ("45", "B" * 4)])
def test_the_week_at_any_width(softswitch: Command, monkeypatch: pytest.MonkeyPatch, width: str, bar: str) -> None:
    monkeypatch.setenv("COLUMNS", width)
    result = softswitch("week", "101", "--from", "2026-10-19")
    assert result.code == 0
    monday = next(line for line in result.out.splitlines() if line.startswith("Mon 19 Oct"))
    assert monday.count(bar) == 2
    assert monday.count("B") == 2 * len(bar)
    assert "anna at office rings for 15 s" in result.out
    assert "then: anna at mobile rings" in result.out.replace("\n    ", " ")
    assert "Mon 2026-10-19 08:00  B  anna at office" in result.out
    assert "clocks go back 1 h" in result.out.replace("\n", " ")


def test_the_skipped_hour_is_dots(softswitch: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = softswitch("week", "anna", "--from", "2027-03-28").out
    assert "Sun 28 Mar AAAA··AAAA" in out


def test_a_picture(softswitch: Command, office: Path) -> None:
    result = softswitch("week", "200", "--svg", "week.svg")
    assert result.code == 0
    root = ElementTree.fromstring((office / "week.svg").read_text())
    assert any("service team rings" in (element.text or "") for element in root.iter())


def test_what_cannot_be_drawn(softswitch: Command) -> None:
    result = softswitch("week", "999")
    assert (result.code, result.err) == (1, 'softswitch: nobody at acme.example is called "999"\n')
    assert "there is no day 2026-02-30" in softswitch("week", "101", "--from", "2026-02-30").err
    assert softswitch("week", "101", "--svg", "/nowhere/at/all.svg").code == 1
