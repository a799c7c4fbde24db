"""Assertions in a dialplan: what holds, what doesn't, and how it is told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from softswitch.dialplan.load import load_texts
from softswitch.errors import ConfigError

OFFICE = """\
site: {domain: acme.example, timezone: Europe/Berlin, country: DE}
schedules:
  office hours: [mon-fri 08:00-17:00, except holidays]
people:
  anna:
    number: 101
    places: {office: {phone: anna-desk}, home: {phone: [anna-home, anna-laptop]}}
    calls:
      - {when: office hours, from: carla, ring: home}
      - {when: office hours, ring: office, then: {busy: home, no answer: team}}
      - {ring: reject busy}
  carla: {number: 102, places: {kitchen: {phone: carla-home}}}
teams:
  team: {number: 200, members: [carla, anna]}
codes: {"600": echo}
assertions:
  - """


def problems(assertion: str) -> list[str]:
    try:
        load_texts([("f", OFFICE + assertion + "\n")])
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "assertion",
    [
        "{at: fri 2026-11-27 13:00, to: 101, rings: anna at office, then if busy: anna at home}",
        "{at: fri 13:00, to: anna, rings: anna, then if no answer: team, then if declined: nobody}",
        "{at: fri 13:00, to: 101, rings: anna at office, then if no answer: [carla at kitchen, anna at office]}",
        "{at: fri 13:00, from: 102, to: 101, rings: anna at home}",
        "{at: fri 13:00, from: carla-home, to: 101, rings: anna at home}",
        "{at: sat 13:00, to: 101, rings: nobody}",
        "{at: 2026-12-25 13:00, to: 101, rings: nobody}",
        "{at: mon 13:00, to: 101, rings: anna at office}",  # the first Monday tried is New Year
        "{at: mon 13:00, to: 600, rings: echo}",
        "{at: mon 13:00, to: 999, rings: nobody}",
    ],
)
def test_what_holds(assertion: str) -> None:
    assert problems(assertion) == []


@pytest.mark.parametrize(
    ("assertion", "expected"),
    [
        (
            "{at: fri 13:00, to: 101, rings: anna at home}",
            "f:17:37: this does not hold: anna at office rings for 30 s (anna-desk), not anna at home; "
            "rule 1 of anna does not fit: the call is not from carla; "
            "rule 2 of anna fits: the call is within office hours",
        ),
        (
            "{at: fri 13:00, to: 101, rings: anna, then if busy: carla}",
            "f:17:57: this does not hold: anna at home rings for 30 s (anna-home, anna-laptop), not carla; "
            "after busy: home",
        ),
        (
            "{at: sat 13:00, to: 101, rings: anna}",
            "f:17:37: this does not hold: the call is refused: 486 Busy Here, not anna; "
            "rule 1 of anna does not fit: the call is not within office hours; "
            "rule 2 of anna does not fit: the call is not within office hours; rule 3 of anna fits every call",
        ),
        (
            "{at: fri 13:00, to: 200, rings: carla}",
            "f:17:37: this does not hold: team rings for 30 s (carla-home, anna-desk), not carla; "
            "team rings all of its members at once",
        ),
        (
            "{at: fri 13:00, to: 102, rings: echo}",
            "f:17:37: this does not hold: carla rings for 30 s (carla-home), not echo; "
            "carla has no rules, so every place rings",
        ),
        (
            "{at: fri 13:00, to: 101, rings: ana}",
            'f:17:37: no place, person or team "ana"; did you mean "anna"?',
        ),
        (
            "{at: fri 13:00, to: 101, rings: anna at ofice}",
            'f:17:37: no place, person or team "anna at ofice"; did you mean "anna at office"?',
        ),
        (
            "{at: fri 13:00, to: 101, rings: anna, then if bussy: carla}",
            'f:17:43: no outcome "bussy"; did you mean "busy"?',
        ),
        ("{at: soon, to: 101, rings: anna}", 'f:17:10: "soon" is no moment; write now, fri 18:05 or 2026-11-27 18:05'),
        ("{at: mon 2026-11-27 10:00, to: 101, rings: anna}", "f:17:10: 2026-11-27 is a Friday"),
        ("{at: fri 13:00, rings: anna}", 'f:17:5: "to" is missing'),
        (
            "{at: fri 13:00, to: 101, ring: anna, rings: anna}",
            'f:17:30: unknown key "ring"; did you mean "rings"?',
        ),
    ],
)
def test_what_does_not(assertion: str, expected: str) -> None:
    assert problems(assertion) == [expected]


def test_a_date_in_the_past_is_a_warning_where_now_is_known() -> None:
    lines = ["{at: 2026-11-20 10:00, to: 600, rings: echo}", "{at: 2026-11-27 10:00, to: 600, rings: echo}"]
    lines.append("{at: fri 10:00, to: 600, rings: echo}")
    text = 'site: {domain: a.example, timezone: UTC}\ncodes: {"600": echo}\nassertions:\n'
    text += "".join(f"  - {line}\n" for line in lines)
    now = datetime(2026, 11, 23, tzinfo=UTC).timestamp()
    assert [str(one) for one in load_texts([("f", text)], wall=now)[1]] == [
        "f:4:10: warning: this date is in the past; the assertion says nothing about calls to come"
    ]
    assert load_texts([("f", text)])[1] == []
