"""The kept plan: what is written is read, and what can't be read is nothing."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from softswitch.reload.accepted import Accepted, read_accepted, write_accepted, years_around

KEPT = Accepted(
    (("office.yaml", "site: {domain: äcme}\n"), ("more.yaml", "")),
    {
        ("DE", "BY", 2026): frozenset({date(2026, 1, 6)}),
        ("DE", "", 2026): frozenset(),
        ("DE", "BY", 2027): frozenset({date(2027, 1, 6), date(2027, 5, 1)}),
    },
    {"on-call.ics": "BEGIN:VCALENDAR\r\n"},
    1_795_777_200.5,
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "switch.db.dialplan"
    write_accepted(file, KEPT)
    assert read_accepted(file) == KEPT
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_it_is_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "switch.db.dialplan"
    write_accepted(file, KEPT)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_accepted(file, replace(KEPT, texts=(("other.yaml", ""),)))
    assert read_accepted(file) == KEPT
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"format": 2}', b'{"format": 1, "files": 3}', b"null", b"\xff", b"[" * 100]
)
def test_what_cannot_be_read_is_nothing(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "kept"
    file.write_bytes(content)
    assert read_accepted(file) is None
    assert read_accepted(tmp_path / "none") is None


def test_the_same_plan_at_another_time() -> None:
    assert KEPT.same(replace(KEPT, at=0.0))
    assert not KEPT.same(replace(KEPT, holidays={}))
    assert not KEPT.same(replace(KEPT, texts=()))
    assert not KEPT.same(None)


def test_years() -> None:
    assert list(years_around(1_795_777_200.0)) == list(range(2025, 2037))
