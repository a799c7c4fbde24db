"""A call in one line of the log."""

from __future__ import annotations

from lab import Lab

from softswitch.records.diary import Diary
from softswitch.records.line import LONGEST_STEPS, in_one_line, steps


def test_a_call_that_was_taken_at_the_second_place() -> None:
    lab = Lab()
    lab.phone("anna-desk")
    mobile, carla = lab.phone("anna-mobile"), lab.phone("carla-home")
    call = carla.invites("101")
    lab.advance(20)
    assert lab.notes("over") == []
    mobile.call.answer()
    lab.advance(61)
    call.bye()
    lab.advance()
    (line,) = lab.notes("over")
    assert line.pop("waited") == 20.0
    assert line.pop("talked") == 61.0
    assert line == {
        "caller": "102",
        "called": "101",
        "account": "carla-home",
        "steps": "anna at office: no answer, anna at mobile",
        "by": "anna-mobile",
        "hung_up_by": "caller",
    }


def test_a_call_that_nobody_took() -> None:
    lab = Lab()
    carla = lab.phone("carla-home")
    carla.invites("103")
    lab.advance()
    (line,) = lab.notes("over")
    assert line.pop("waited") == 0.0
    assert line == {
        "caller": "102",
        "called": "103",
        "account": "carla-home",
        "steps": "dario: unreachable, 480 Temporarily Unavailable",
        "outcome": "unreachable",
        "status": 480,
        "reasons": "nothing is left to try; the last outcome is unreachable",
    }


def test_many_steps_are_cut_in_the_middle() -> None:
    diary = Diary("acme.example", b"1", "", "101", "", "", 0.0)
    for number in range(20):
        diary.step(0.0, "ring", f"p{number}", 1.0, ())
    words = steps(diary).split(", ")
    assert len(words) == LONGEST_STEPS + 1
    assert words[-3:] == ["p6", "12 more", "p19"]
    assert in_one_line(diary)["caller"] == "(hidden)"
