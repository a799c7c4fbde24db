"""Numbers called from outside are names of people and teams like any other."""

from __future__ import annotations

from softswitch.dialplan.decide import Ring, next_step
from softswitch.dialplan.explain import simulate
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.load import load_texts

FIRM = """\
site: {domain: acme.example, timezone: UTC}
people:
  anna:
    number: 101
    places: {office: {phone: a}, home: {phone: h}}
    calls: [{to: "+49 (89) 123450", ring: home}, {from: +49 89 12349, ring: office}, {ring: [office, home]}]
  carla: {number: 102, places: {home: {phone: c}}, calls: [{ring: +49 89 123450}]}
teams: {team: {number: 200, members: [carla, anna]}}
numbers: {+49 89 12340: team, +49 89 12341: 200, +49 89 123450: anna, +49 89 12349: carla, +49 89 1234600: 600}
codes: {"600": echo}
"""
PLAN = load_texts([("f", FIRM)])[0]["acme.example"]


def rung(called: str, caller: str = "") -> tuple[str, ...]:
    step = next_step(PLAN, Facts("acme.example", called, caller), ())
    assert isinstance(step, Ring)
    return step.phones


def test_who_is_called_by_a_number() -> None:
    assert PLAN.lookup("+498912340") is PLAN.lookup("+498912341") is PLAN.lookup("team") is not None
    assert PLAN.lookup("+498912342") is None
    assert rung("+498912340") == ("c", "a", "h")
    assert PLAN.lookup("+49891234600") is PLAN.lookup("600") is not None


def test_what_was_dialled_may_matter() -> None:
    assert rung("+4989123450") == ("h",)
    assert rung("101") == ("a", "h")
    assert rung("102") == ("a", "h")  # sent on by Carla, who was called as 102


def test_the_number_is_a_name_of_its_owner() -> None:
    assert "+4989123450" in PLAN.people["anna"].aliases
    assert rung("101", "+498912349") == ("a",)


def test_simulate_takes_it_as_it_is_written() -> None:
    assert simulate(PLAN, "+49 89 123450", "now")[1] == "1. anna at home rings for 30 s (h)"
