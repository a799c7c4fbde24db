"""Loops of forwarding: what is refused is exactly what would go round without ever ringing."""

from __future__ import annotations

import random
import re

import pytest
from lab.firms import Words, route

from softswitch.dialplan.build import build_plan
from softswitch.dialplan.decide import next_step
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.graph import endless_ways
from softswitch.dialplan.load import load_texts
from softswitch.dialplan.plan import Plan
from softswitch.dialplan.rota import ORDERS
from softswitch.dialplan.source import read_source
from softswitch.dialplan.step import Reject
from softswitch.errors import ConfigError

PEOPLE = 4
CAME_ROUND = re.compile(r"p\d sent the call on already")
"""Every loop has a person in it; a team that is asked by a rule with a `then` of its own sends nothing on."""


def firm(source: random.Random) -> str:
    """People who mostly send their calls on, and a team nobody of which has a phone."""
    lines = ["site: {domain: a.example, timezone: UTC}", "people:", "  idle: {}"]
    others = [f"p{n}" for n in range(PEOPLE)] + ["team"]
    for n in range(PEOPLE):
        sent_on = [name for name in others if name != f"p{n}"]
        words = Words(
            [*sent_on, *sent_on, "desk", "idle"],
            ends=("reject",),
            outcomes=("busy", "unreachable"),
            most_at_once=1,
            ending=0.0,
            timed=0.1,
            following=0.4,
            longest=2,
            depth=1,
        )
        lines.append(f"  p{n}: {{places: {{desk: {{phone: d{n}}}}}, calls: [{{{route(source, words)}}}]}}")
    then = source.choice([f"{{unreachable: {source.choice(others[:-1])}}}", "{busy: p0}", "{unreachable: reject}"])
    order = source.choice(list(ORDERS))
    lines.append(f"teams:\n  team: {{members: idle, ring: {order}, then: {then}}}")
    lines.append(f"numbers: {{+4989120: {source.choice(others)}}}")
    return "\n".join(lines)


def goes_round(text: str) -> bool:
    """Whether anybody's call is refused because it came round, tried with the live decision on an unchecked plan."""
    plan = unchecked(text)
    for user in plan.destinations:
        step = next_step(plan, Facts("a.example", user), ())
        if isinstance(step, Reject) and step.status == 480 and any(CAME_ROUND.match(r) for r in step.reasons):
            return True
    return False


def unchecked(text: str) -> Plan:
    return build_plan([read_source(text, "f")])


@pytest.mark.parametrize("count", [600, pytest.param(10_000, marks=pytest.mark.long)])
def test_random_plans_are_judged_as_the_decision_behaves(count: int) -> None:
    source = random.Random(20261127 + count)
    refused = 0
    for _ in range(count):
        text = firm(source)
        errors = []
        try:
            load_texts([("f", text)])
        except ConfigError as refused_with:
            errors = [problem for problem in refused_with.problems if problem.severity == "error"]
        assert all("calls go round" in problem.text for problem in errors), text
        found = bool(errors)
        assert found == goes_round(text), text
        refused += found
    assert count / 10 < refused < count * 9 / 10


def test_a_loop_is_told_once_with_its_way() -> None:
    people = "p0: {calls: [{ring: p1}]}, p1: {calls: [{ring: p2}]}, p2: {calls: [{ring: p1, then: {busy: reject}}]}"
    plan = unchecked(f"site: {{domain: a.example, timezone: UTC}}\npeople: {{{people}}}")
    assert endless_ways(plan.people, plan.teams) == [("p1", "p2", "p1")]
