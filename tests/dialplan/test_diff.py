"""What a reload changes for callers: told by decisions, in hours and words; and nothing that stays is told."""

from __future__ import annotations

import random
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from softswitch.dialplan.decide import Outcome, next_step
from softswitch.dialplan.diff import Change, changes, report
from softswitch.dialplan.explain import in_words
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.load import load_texts
from softswitch.dialplan.plan import Plan

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=BERLIN).timestamp()  # a Monday
OFFICE = (Path(__file__).parents[1] / "office.yaml").read_text().partition("assertions:")[0]


def plan(text: str) -> Plan:
    return load_texts([("f", text)])[0]["acme.example"]


def told(old: str, new: str) -> list[str]:
    assert old in OFFICE
    return report(plan(OFFICE), plan(OFFICE.replace(old, new, 1)), NOW)


ANNA = "anna at mobile rings for 25 s (anna-mobile)"
DESK = "anna at office rings for 15 s (anna-desk)"


def test_the_same_says_nothing_however_it_is_written() -> None:
    assert told("name: Anna Berger", "name: Anna M. Berger") == []
    hours = "08:00-12:00 13:00-17:00"
    assert told(f"mon-thu {hours}", f"mon-wed {hours}\n    - thu {hours}") == []
    each = "{busy: mobile, no answer: mobile, declined: mobile, unreachable: mobile}"
    assert told("then: mobile  ", f"then: {each}  ") == []


def test_longer_hours_are_told_as_these_hours() -> None:
    assert told("13:00-17:00", "13:00-18:00") == ["anna (101):", f"  mon-thu 17:00-18:00: {ANNA} → {DESK}"]
    assert told("- except holidays", "- except 2026-11-26") == [
        "anna (101):",
        f"  2026-11-26 08:00-12:00 13:00-17:00: {DESK} → {ANNA}",
    ]


def test_what_comes_after_an_outcome() -> None:
    assert told("{no answer: service team, unreachable: service team}", "{no answer: service team}") == [
        "anna (101):",
        "  mon-thu 00:00-08:00 12:00-13:00 17:00-24:00, fri 00:00-08:00 14:00-24:00, sat-sun all day, "
        "after unreachable: "
        "service team rings for 20 s (carla-home, dario-home) → the call is refused: 480 Temporarily Unavailable",
    ]


def test_a_team_changes_all_who_send_calls_to_it() -> None:
    lines = told("    for: 20s", "    for: 10s")
    assert [line for line in lines if not line.startswith(" ")] == ["anna (101):", "service team (200):"]
    assert lines[-1] == (
        "  always: service team rings for 20 s (carla-home, dario-home)"
        " → service team rings for 10 s (carla-home, dario-home)"
    )


def test_who_comes_and_goes() -> None:
    assert told("    number: 103\n", "    number: 104\n") == [
        "dario (104):",
        "  always: the call is refused: 404 Not Found → dario rings for 30 s (dario-home)",
        "dario (103):",
        "  always: dario rings for 30 s (dario-home) → the call is refused: 404 Not Found",
    ]
    assert (
        told("home: {phone: carla-home}", "home: {phone: [carla-home, carla-new]}")[-1] == "the phone carla-new is new"
    )
    assert "the phone dario-home has another secret" in told("{secret: dario-home}", "{secret: other}")


def test_phones_that_come_and_go() -> None:
    new = OFFICE.replace("home: {phone: anna-home}\n", "cellar: {phone: anna-cellar}\n").replace(
        "  anna-home:", "  anna-cellar:"
    )
    assert report(plan(OFFICE), plan(new), NOW) == [
        "the phone anna-cellar is new",
        "the phone anna-home is gone and can register no more",
    ]


def test_callers_are_told_apart_where_the_rules_do() -> None:
    rule = "    calls:                          # the first rule that fits decides\n"
    lists = "lists: {customers: [+49 30 *, +49 40 1]}\n\nteams:"
    old = OFFICE.replace("\nteams:", f"\n{lists}", 1)
    new = old.replace(rule, f"{rule}      - {{from: customers, to: 101, ring: home}}\n")
    found = list(changes(plan(old), plan(new), NOW))
    home = "anna at home rings for 30 s (anna-home)"
    assert {(change.who, change.callers, change.new) for change in found} == {("anna (101)", ("+4930*",), home)}
    assert {change.old for change in found} == {ANNA, DESK}
    assert Change("anna (101)", ("+4930*",), found[0].hours, (), found[0].old, home).words.startswith(
        "from +4930*, mon"
    )


def test_another_zone_is_told() -> None:
    assert told("timezone: Europe/Berlin", "timezone: Europe/Paris") == [
        "the clocks are those of Europe/Paris, no longer of Europe/Berlin"
    ]


@pytest.mark.parametrize("seed", range(25))
def test_random_edits_are_told_exactly_when_a_decision_differs(seed: int) -> None:
    source = random.Random(seed)
    texts = [("13:00-17:00", f"13:00-{source.randint(14, 19)}:00"), ("for: 15s", f"for: {source.choice((15, 16))}s"),
             ("fri 08:00-14:00", source.choice(["fri 08:00-14:00", "fri 08:00-11:30", "sat 22:00-03:00"])),
             ("- ring: mobile ", source.choice(["- ring: mobile ", "- ring: home "])),
             ("[carla, dario]\n", source.choice(["[carla, dario]\n", "[dario]\n"]))]  # fmt: skip
    old, text = plan(OFFICE), OFFICE
    for right, wrong in texts:
        text = text.replace(right, wrong, 1)
    new = plan(text)
    users = {change.who: change for change in changes(old, new, NOW)}
    midnight = NOW - 12 * 3600
    for user, who in (("101", "anna (101)"), ("102", "carla (102)"), ("200", "service team (200)")):
        differs = False
        for _ in range(400):
            facts = Facts("acme.example", user, wall=midnight + source.randrange(14 * 96) * 900)
            history = tuple(source.choice(list(Outcome)) for _ in range(source.randrange(3)))
            differs |= in_words(next_step(old, facts, history)) != in_words(next_step(new, facts, history))
        assert differs == (who in users), text
