"""A moment in words, in each language, of which there is a sound for each."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from softswitch.sound.library import LANGUAGES, said
from softswitch.sound.times import day_said, time_said

NOW = datetime(2026, 11, 26, 15, 0)


@pytest.mark.parametrize(
    ("days", "expected"),
    [(0, "today"), (1, "yesterday"), (3, "monday"), (6, "friday"), (7, "19 november"), (300, "30 january")],
)
def test_the_day(days: int, expected: str) -> None:
    assert " ".join(day_said(NOW - timedelta(days=days), NOW)) == expected


@pytest.mark.parametrize(
    ("language", "five_past", "full", "evening"),
    [
        ("de", "14 hours 5", "14 hours", "20 hours 15"),
        ("en", "at time 14 0 5", "at time 14 hours", "at time 20 15"),
        ("es", "at time 14 and minutes 5", "at time 14 hours", "at time 20 and minutes 15"),
    ],
)
def test_the_time_of_day(language: str, five_past: str, full: str, evening: str) -> None:
    moments = [NOW.replace(hour=14, minute=5), NOW.replace(hour=14), NOW.replace(hour=20, minute=15)]
    assert [" ".join(time_said(moment, language)) for moment in moments] == [five_past, full, evening]


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_of_it_can_be_said(language: str) -> None:
    for minutes in range(0, 60 * 24 * 400, 24 * 60 - 7):
        moment = NOW - timedelta(minutes=minutes)
        for word in (*day_said(moment, NOW), *time_said(moment, language)):
            assert said(word, language) is not None, word
