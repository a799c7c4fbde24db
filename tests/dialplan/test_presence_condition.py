"""`presence:` in a rule: how somebody is decides who rings; simulations and assertions suppose what they are told."""

from __future__ import annotations

import pytest

from softswitch.dialplan.decide import next_step
from softswitch.dialplan.explain import simulate
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.load import load_texts
from softswitch.dialplan.plan import Plan
from softswitch.dialplan.step import Ring
from softswitch.errors import ConfigError

OFFICE = """
site: {domain: acme.example, timezone: Europe/Berlin}
people:
  anna:
    number: 101
    places: {office: {phone: anna-desk}}
    calls:
      - {presence: [do not disturb, away], ring: service team}
      - {presence: dario is offline, ring: carla}
      - {presence: service team is not available, ring: reject busy}
      - {ring: office}
  carla: {number: 102, places: {home: {phone: carla-home}}}
  dario: {number: 103, places: {home: {phone: dario-home}}}
teams:
  service team: {number: 200, members: [carla, dario]}
"""


def plan(text: str = OFFICE) -> Plan:
    return load_texts([("office.yaml", text)])[0]["acme.example"]


def rings(presences: dict[str, str]) -> str:
    step = next_step(plan(), Facts("acme.example", "101", presences=presences), ())
    return step.label if isinstance(step, Ring) else f"{step}"


@pytest.mark.parametrize(
    ("presences", "who"),
    [
        ({}, "anna at office"),
        ({"anna": "away"}, "service team"),
        ({"anna": "do not disturb"}, "service team"),
        ({"anna": "busy"}, "anna at office"),
        ({"dario": "offline"}, "carla"),
        ({"dario": "on the phone"}, "anna at office"),
    ],
)
def test_it_decides(presences: dict[str, str], who: str) -> None:
    assert rings(presences) == who


def test_of_a_team_one_is_enough_and_not_means_none() -> None:
    assert rings({"carla": "busy", "dario": "away"}).startswith("Reject(status=486")


def test_whom_the_rules_ask_about() -> None:
    assert plan().asked == {"anna", "carla", "dario"}
    assert plan(OFFICE.replace("presence: dario is offline, ", "").replace("service team is not", "not")).asked == {
        "anna"
    }


def test_reasons_are_told() -> None:
    lines = simulate(plan(), "101", "mon 09:00", presence=["103 is offline"])
    assert lines[0].endswith("101 is called from an unknown caller, while 103 is offline")
    assert "     rule 1 of anna does not fit: the call is not while do not disturb or away" in lines
    assert "     rule 2 of anna fits: the call is while dario is offline" in lines


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("offlin", 'office.yaml:8:20: "offlin" is no presence; there are available, on the phone, busy, away, do not '
                   'disturb and offline; did you mean "offline"?'),
        ("darrio is busy", 'office.yaml:8:20: no person "darrio"; did you mean "dario"?'),
        ("102 is there", 'office.yaml:8:20: "there" is no presence; there are available, on the phone, busy, away, do '
                         "not disturb and offline"),
    ],
)  # fmt: skip
def test_mistakes(written: str, problem: str) -> None:
    text = OFFICE.replace("[do not disturb, away]", written)
    with pytest.raises(ConfigError) as caught:
        plan(text)
    assert problem in str(caught.value)


def test_assertions_suppose_it() -> None:
    good = "assertions:\n  - {at: mon 09:00, to: 101, presence: dario is offline, rings: carla}\n"
    good += "  - {at: mon 09:00, to: 101, rings: anna at office}\n"
    plan(OFFICE + good)
    for bad, problem in (
        (good.replace("rings: carla", "rings: dario"), "this does not hold: carla rings for 30 s"),
        (good.replace("dario is offline", "offline"), '"offline" does not say who is how; write dario is offline'),
        (good.replace("dario is offline", "emil is offline"), 'no person "emil"'),
    ):
        with pytest.raises(ConfigError) as caught:
            plan(OFFICE + bad)
        assert problem in str(caught.value)
