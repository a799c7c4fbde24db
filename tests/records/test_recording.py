"""What is recorded of a call, from whole calls in the laboratory."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from lab import Lab, Phone

from softswitch.media.engine import MediaFailed
from softswitch.records.record import OUTCOMES, CallRecord
from softswitch.records.recorder import FLUSH_SECONDS, LONGEST_SECONDS

MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC).timestamp()


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.fixture
def anna(lab: Lab) -> Phone:
    return lab.phone("anna-desk")


@pytest.fixture
def carla(lab: Lab) -> Phone:
    return lab.phone("carla-home")


@pytest.fixture
def dario(lab: Lab) -> Phone:
    return lab.phone("dario-home")


def only(lab: Lab) -> CallRecord:
    (record,) = lab.records()
    assert record.outcome in OUTCOMES
    return record


def test_a_call_from_ring_to_hang_up(lab: Lab, anna: Phone, carla: Phone) -> None:
    begun = lab.clock.wall()
    call = carla.invites("101")
    lab.advance(4)
    ringing = only(lab)
    assert (ringing.outcome, ringing.status, ringing.answered_at, ringing.ended_at) == ("ringing", 0, 0, 0)
    anna.call.answer()
    lab.advance(60)
    talking = only(lab)
    assert (talking.outcome, talking.ended_at, talking.answered_by) == ("talking", 0, "anna-desk")
    call.bye()
    lab.advance()
    record = only(lab)
    assert record.site == "acme.example"
    assert record.call_id == call.call_id.decode()
    assert (record.caller, record.caller_account, record.called) == ("102", "carla-home", "101")
    assert record.started_at == pytest.approx(begun, abs=0.5)
    assert record.answered_at == pytest.approx(begun + 4, abs=0.5)
    assert record.ended_at == pytest.approx(begun + 64, abs=0.5)
    assert (record.outcome, record.status, record.hung_up_by) == ("answered", 200, "caller")
    assert set(record.people) == {"anna@acme.example", "carla@acme.example"}
    (leg,) = record.legs
    assert (leg.account, leg.status, leg.ended_at) == ("anna-desk", 200, record.ended_at)
    assert leg.contact.startswith("sip:")
    assert record.started_at <= leg.started_at <= leg.rang_at < record.answered_at
    (step,) = record.steps
    assert (step.does, step.who, step.seconds, step.outcome) == ("ring", "anna at office", 15.0, "")
    assert any("office hours" in reason for reason in step.reasons)


def test_the_callee_hangs_up(lab: Lab, anna: Phone, carla: Phone) -> None:
    carla.invites("101")
    lab.advance()
    anna.call.answer()
    lab.advance()
    anna.call.bye()
    lab.advance()
    assert only(lab).hung_up_by == "called"


def test_each_attempt_and_why_it_was_made(lab: Lab, anna: Phone, carla: Phone) -> None:
    mobile = lab.phone("anna-mobile")
    call = carla.invites("101")
    lab.advance(20)
    mobile.call.answer()
    lab.advance()
    call.bye()
    lab.advance()
    record = only(lab)
    assert [(leg.account, leg.status) for leg in record.legs] == [("anna-desk", 487), ("anna-mobile", 200)]
    desk, mobile_leg = record.legs
    assert desk.ended_at == pytest.approx(desk.started_at + 15, abs=1)
    assert mobile_leg.started_at == pytest.approx(desk.started_at + 15, abs=1)
    assert [(step.who, step.outcome) for step in record.steps] == [
        ("anna at office", "no answer"),
        ("anna at mobile", ""),
    ]
    assert any("no answer" in reason for reason in record.steps[1].reasons)


def test_who_was_told_that_another_one_had_answered(lab: Lab, carla: Phone, dario: Phone) -> None:
    caller = lab.phone("anna-desk")
    caller.invites("200")
    lab.advance(2)
    carla.call.answer()
    lab.advance(2)
    carla.call.bye()
    lab.advance()
    record = only(lab)
    assert {leg.account: leg.status for leg in record.legs} == {"carla-home": 200, "dario-home": 487}
    assert all(leg.ended_at for leg in record.legs)
    assert set(record.people) == {"anna@acme.example", "carla@acme.example", "dario@acme.example"}


@pytest.mark.parametrize(
    ("refusal", "outcome", "status"), [(486, "busy", 486), (603, "declined", 603), (404, "unreachable", 404)]
)
def test_refused_by_the_phone(lab: Lab, carla: Phone, dario: Phone, refusal: int, outcome: str, status: int) -> None:
    carla.on_call = lambda call: call.refuse(refusal)
    dario.invites("102")
    lab.advance()
    record = only(lab)
    assert (record.outcome, record.status) == (outcome, status)
    assert record.ended_at == record.legs[0].ended_at > 0
    assert record.legs[0].status == refusal
    assert [step.does for step in record.steps] == ["ring", "refuse"]
    assert record.steps[0].outcome == outcome


def test_the_caller_gives_up(lab: Lab, anna: Phone, carla: Phone) -> None:
    call = carla.invites("101")
    lab.advance()
    call.cancel()
    lab.advance()
    record = only(lab)
    assert (record.outcome, record.status, record.legs[0].status) == ("cancelled", 487, 487)


def test_to_nobody_and_to_somebody_without_phone(lab: Lab, anna: Phone) -> None:
    anna.invites("199")
    lab.advance()
    anna.invites("102")
    lab.advance()
    nobody, without = lab.records()
    assert (nobody.outcome, nobody.status, nobody.steps[0].who) == ("refused", 404, "404 Not Found")
    assert nobody.people == ("anna@acme.example",)
    assert (without.outcome, without.status, without.legs) == ("unreachable", 480, ())
    assert [step.outcome for step in without.steps] == ["unreachable", ""]
    assert set(without.people) == {"anna@acme.example", "carla@acme.example"}


def test_no_answer(lab: Lab, carla: Phone, dario: Phone) -> None:
    dario.invites("102")
    lab.advance(33)
    record = only(lab)
    assert (record.outcome, record.status) == ("no answer", 480)


def test_without_media(lab: Lab, anna: Phone, carla: Phone) -> None:
    lab.media.fails = MediaFailed(503, "No")
    carla.invites("101")
    lab.advance()
    record = only(lab)
    assert (record.outcome, record.status, record.legs[0].status) == ("no media", 503, 503)


def test_the_switch_answers(lab: Lab, anna: Phone) -> None:
    call = anna.invites("600")
    lab.advance(5)
    call.bye()
    lab.advance()
    record = only(lab)
    assert (record.outcome, record.answered_by, record.legs) == ("answered", "the switch: echo", ())
    assert [(step.does, step.who) for step in record.steps] == [("answer", "echo")]
    assert record.ended_at - record.answered_at == pytest.approx(5, abs=0.5)


def test_the_switch_stops_while_it_rings(lab: Lab, anna: Phone, carla: Phone) -> None:
    carla.invites("101")
    lab.advance()
    lab.switch.shut()
    lab.advance()
    record = only(lab)
    assert (record.outcome, record.status) == ("interrupted", 503)


def test_strangers_leave_no_record(lab: Lab, anna: Phone) -> None:
    stranger = lab.phone("nobody", registered=False)
    stranger.invites("101")
    lab.advance()
    assert stranger.call.status in (0, 403, 407)
    assert lab.records() == []


def test_texts_from_outside_are_cut(lab: Lab, anna: Phone) -> None:
    anna.invites("1" * 500)
    lab.advance()
    assert len(only(lab).called) == 255


def test_what_happens_in_a_moment_is_one_write(lab: Lab, anna: Phone, carla: Phone) -> None:
    writes: list[int] = []
    write = lab.record_store.write
    lab.record_store.write = lambda records: writes.append(len(records)) or write(records)  # type: ignore[method-assign]
    lab.advance(1)
    for _ in range(5):
        carla.invites("199")
    lab.advance(FLUSH_SECONDS / 2)
    assert writes == []
    lab.advance(1)
    assert writes == [5]


# -- after a restart


def test_a_conversation_that_outlives_the_switch(lab: Lab, anna: Phone, carla: Phone) -> None:
    call = carla.invites("101")
    lab.advance()
    anna.call.answer()
    lab.advance(10)
    lab.starts_switch()
    lab.advance(10)
    assert only(lab).outcome == "talking"
    call.bye()
    lab.advance()
    record = only(lab)
    assert record.outcome == "answered"
    assert record.ended_at - record.answered_at == pytest.approx(20, abs=1)
    assert record.legs[0].ended_at == record.ended_at
    assert record.legs[0].account == "anna-desk"


def test_what_rang_when_the_switch_went(lab: Lab, anna: Phone, carla: Phone) -> None:
    carla.invites("101")
    lab.advance(2)
    lab.starts_switch()
    lab.advance()
    record = only(lab)
    assert record.outcome == "interrupted"
    assert record.legs[0].ended_at == record.ended_at > record.started_at


def test_a_conversation_whose_end_nobody_tells(lab: Lab, anna: Phone, carla: Phone) -> None:
    carla.invites("101")
    lab.advance()
    anna.call.answer()
    lab.advance()
    anna.switches_off()
    carla.switches_off()
    lab.advance(LONGEST_SECONDS + 60)
    assert only(lab).outcome == "lost"


def test_such_a_conversation_of_an_earlier_run(lab: Lab, anna: Phone, carla: Phone) -> None:
    carla.invites("101")
    lab.advance()
    anna.call.answer()
    lab.advance()
    lab.clock.advance(LONGEST_SECONDS + 60)
    lab.starts_switch()
    lab.advance()
    assert only(lab).outcome == "lost"
