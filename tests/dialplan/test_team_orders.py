"""In which order a team's members ring: pure, by what the facts say of turns, idle people and lots."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from softswitch.dialplan.decide import Outcome, Ring, next_step
from softswitch.dialplan.explain import simulate
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.load import load_texts
from softswitch.dialplan.plan import Plan
from softswitch.dialplan.rota import Rota, Standing

TEAM = """\
site: {domain: acme.example, timezone: UTC}
people:
  anna: {number: 101, places: {home: {phone: a}}, calls: [{ring: team}]}
  carla: {number: 102, places: {home: {phone: c}}}
  dario: {number: 103, places: {home: {phone: d}}}
teams:
  team: {number: 200, members: [anna, carla, dario], ring: ORDER, for: 10s}
"""


def plan(order: str) -> Plan:
    return load_texts([("f", TEAM.replace("ORDER", order))])[0]["acme.example"]


def rung(plan: Plan, standing: Standing, seed: int = 0, to: str = "200") -> str:
    """The phones in the order in which they ring when nobody answers."""
    facts, phones = Facts("acme.example", to, standing=standing, seed=seed), ""
    while isinstance(step := next_step(plan, facts, (Outcome.NO_ANSWER,) * len(phones)), Ring):
        phones += "".join(step.phones)
        assert step.turn == ("team" if plan.teams["team"].order == "in turn" and len(phones) == 1 else "")
    return phones


@pytest.mark.parametrize(
    ("had", "order"), [({}, "acd"), ({"team": 1}, "cda"), ({"team": 2}, "dac"), ({"team": 3}, "acd")]
)
def test_in_turn_each_call_begins_with_the_next(had: dict[str, int], order: str) -> None:
    assert rung(plan("in turn"), Standing(had)) == order
    assert rung(plan("in turn"), Standing(had), to="101") == order
    assert rung(plan("in order"), Standing(had)) == "acd"


@pytest.mark.parametrize(
    ("idle", "order"),
    [
        ({}, "acd"),
        ({"anna": 100.0}, "cda"),
        ({"anna": 100.0, "carla": 50.0}, "dca"),
        ({"anna": 100.0, "carla": math.inf, "dario": 99.0}, "dac"),
    ],
)
def test_longest_idle_begins_with_who_had_no_call_for_longest(idle: dict[str, float], order: str) -> None:
    assert rung(plan("longest idle"), Standing({}, idle)) == order


def test_at_random_each_order_comes_as_often_and_the_same_call_keeps_its_own() -> None:
    team = plan("at random")
    orders = Counter(rung(team, Standing(), seed) for seed in range(3000))
    assert set(orders) == {"acd", "adc", "cad", "cda", "dac", "dca"}
    assert all(400 < count < 600 for count in orders.values())
    assert rung(team, Standing({"team": 7}), 12) == rung(team, Standing(), 12)


def test_reasons_say_so() -> None:
    lines = simulate(plan("in turn"), "200", "now")
    assert "     team rings its members in turn, now anna" in lines


def test_who_is_watched() -> None:
    assert plan("longest idle").watched == {"anna", "carla", "dario"}
    assert plan("in turn").watched == frozenset()


def test_the_rota_of_a_running_switch() -> None:
    rota = Rota()
    before = rota.standing("a")
    rota.rang("a", "team")
    rota.rang("a", "team")
    rota.rang("a", "other")
    assert rota.standing("a").turns == {"team": 2, "other": 1}
    assert rota.standing("b").turns == {}
    assert before.turns == {}  # a call keeps what it started with
    rota.took("a", "anna")
    rota.took("a", "anna")
    assert rota.standing("a").idle_since == {"anna": math.inf}
    rota.ended("a", "anna", 5.0)
    assert rota.standing("a").idle_since == {"anna": math.inf}
    rota.ended("a", "anna", 7.0)
    assert rota.standing("a").idle_since == {"anna": 7.0}
    assert rota.standing("a").turns == {"team": 2, "other": 1}
