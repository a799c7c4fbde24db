"""`simulate` in words, the moments it understands, and the sample office."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from softswitch.dialplan.explain import parse_moment, parse_outcomes, simulate
from softswitch.dialplan.load import load_plans
from softswitch.dialplan.outcome import Outcome
from softswitch.dialplan.plan import Plan

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=BERLIN).timestamp()  # a Wednesday


@pytest.fixture(scope="module", name="office")
def sample_office() -> Plan:
    plans, warnings = load_plans([Path(__file__).parents[1] / "office.yaml"])
    assert warnings == []
    return plans["acme.example"]


def test_on_friday_evening_the_mobile_rings_and_then_the_service_team(office: Plan) -> None:
    assert simulate(office, "101", "fri 18:05", wall=NOW) == [
        "Friday 2026-11-27 18:05 (Europe/Berlin): 101 is called from an unknown caller",
        "1. anna at mobile rings for 25 s (anna-mobile)",
        "     rule 1 of anna does not fit: the call is not within office hours",
        "     rule 2 of anna fits every call",
        "   then, if busy: the call is refused: 486 Busy Here",
        "   then, if no answer or unreachable: service team rings for 20 s (carla-home, dario-home)",
        "   then, if declined: the call is refused: 603 Decline",
    ]


def test_in_office_hours_the_desk_phone_and_then_the_mobile(office: Plan) -> None:
    then = parse_outcomes("no answer, busy")
    assert simulate(office, "101", "now", "+49 30 1234", then, wall=NOW + 3600) == [
        "Wednesday 2026-11-25 13:00 (Europe/Berlin): 101 is called from +49301234",
        "1. anna at office rings for 15 s (anna-desk)",
        "     rule 1 of anna fits: the call is within office hours",
        "   no answer:",
        "2. anna at mobile rings for 30 s (anna-mobile)",
        "     after no answer: mobile",
        "   busy:",
        "3. the call is refused: 486 Busy Here",
        "     nothing is left to try; the last outcome is busy",
    ]
    assert simulate(office, "101", "now", wall=NOW - 1)[-1] == (
        "   then, whatever comes of it: anna at mobile rings for 30 s (anna-mobile)"
    )


@pytest.mark.parametrize(
    ("to", "at", "first"),
    [
        ("101", "2026-11-27 13:59", "anna at office rings for 15 s (anna-desk)"),
        ("101", "2026-11-27 14:00", "anna at mobile rings for 25 s (anna-mobile)"),
        ("101", "2026-11-26 12:30", "anna at mobile rings for 25 s (anna-mobile)"),
        ("101", "2026-12-24 09:00", "anna at mobile rings for 25 s (anna-mobile)"),
        ("101", "2027-01-06 10:00", "anna at mobile rings for 25 s (anna-mobile)"),
        ("102", "now", "carla rings for 30 s (carla-home)"),
        ("dario", "now", "dario rings for 30 s (dario-home)"),
        ("200", "now", "service team rings for 20 s (carla-home, dario-home)"),
        ("600", "now", "the switch answers: echo"),
        ("601", "now", "the call is refused: 404 Not Found"),
    ],
)
def test_the_sample_office(office: Plan, to: str, at: str, first: str) -> None:
    assert simulate(office, to, at, wall=NOW)[1] == f"1. {first}"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", "2026-11-25 12:00"),
        ("18:05", "2026-11-25 18:05"),
        ("11:59", "2026-11-26 11:59"),
        ("wed 12:00", "2026-11-25 12:00"),
        ("wed 11:00", "2026-12-02 11:00"),
        ("tue 11:00", "2026-12-01 11:00"),
        ("Friday  9:30", "2026-11-27 09:30"),
        ("fri 24:00", "2026-11-28 00:00"),
        ("2026-11-27 18:05", "2026-11-27 18:05"),
        ("2026-11-27T18:05:00", "2026-11-27 18:05"),
        ("fri 2026-11-27 18:05", "2026-11-27 18:05"),
        ("2026-03-29 02:30", "2026-03-29 03:30"),
    ],
)
def test_moments(text: str, moment: str) -> None:
    assert parse_moment(text, BERLIN, NOW) == datetime.fromisoformat(moment).replace(tzinfo=BERLIN).timestamp()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "is no moment"),
        ("soon", "is no moment"),
        ("fry 18:05", "is no moment"),
        ("2026-11-27", "is no moment"),
        ("mon 2026-11-27 18:05", "2026-11-27 is a Friday"),
        ("2026-02-30 10:00", "there is no day 2026-02-30"),
        ("25:00", "there is no time 25:00"),
    ],
)
def test_what_is_no_moment(text: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        parse_moment(text, BERLIN, NOW)


def test_outcomes_on_the_command_line() -> None:
    assert parse_outcomes('busy,"no answer"'.replace('"', "")) == (Outcome.BUSY, Outcome.NO_ANSWER)
    assert parse_outcomes("") == ()
    with pytest.raises(ValueError, match='no outcome "away"'):
        parse_outcomes("busy,away")


def test_a_caller_is_one_of_ours_a_number_or_hidden(office: Plan) -> None:
    assert simulate(office, "200", "wed 12:00", "carla")[0].endswith("200 is called from carla")
    assert simulate(office, "200", "wed 12:00", "+49 30 123")[0].endswith("from +4930123")
    assert simulate(office, "200", "wed 12:00", "anonymous")[0].endswith("from an unknown caller")
    with pytest.raises(ValueError, match='nobody here is called "carl", and it is no number; did you mean "carla"'):
        simulate(office, "200", "wed 12:00", "carl")


def test_a_phone_that_calls_its_own_team_is_said_not_to_ring(office: Plan) -> None:
    said = simulate(office, "200", "wed 12:00", "carla-home")
    assert "     carla-home is the phone that calls, and does not ring itself" in said
