"""The decision: who rings, in which order, and what the caller is told in the end."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from softswitch.dialplan.decide import MAX_STEPS, Answer, Outcome, Reject, Ring, Step, next_step
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.load import load_texts
from softswitch.dialplan.plan import Plan

BUSY, NO_ANSWER, UNREACHABLE, DECLINED = Outcome
OPEN, CLOSED = "2026-11-23 10:00", "2026-11-23 20:00"

FIRM = """\
site: {domain: acme.example, timezone: Europe/Berlin, country: DE}
schedules:
  office hours: [mon-fri 08:00-17:00]
  evening: [mon-fri 17:00-21:00]
lists:
  customers: [+49 30 *, +49 40 123456]
people:
  anna:
    name: Anna Berger
    number: 101
    places:
      office: {phone: anna-desk}
      home: {phone: [anna-home, anna-laptop]}
      mobile: {dial: +49 170 1234567, confirm: press 1}
    calls:
CALLS
  carla: {number: 102, places: {kitchen: {phone: carla-kitchen}, den: {phone: carla-den}}}
  dario:
    number: 103
    places: {shop: {phone: dario-shop}, flat: {phone: dario-flat}}
    calls:
      - {when: office hours, ring: shop, for: 12s, then: {busy: flat}}
      - {ring: carla}
  eva: {number: 104}
teams:
  service: {number: 200, members: [carla, dario], for: 20s, then: {no answer: anna at home}}
  chain: {number: 201, members: [carla, eva, dario], ring: in order, for: 10s}
codes: {"600": echo}
"""


def firm(*calls: str) -> Plan:
    text = FIRM.replace("CALLS", "\n".join(f"      - {call}" for call in calls) or "      []")
    return load_texts([("firm.yaml", text)])[0]["acme.example"]


def facts(to: str = "101", at: str = OPEN, caller: str = "", account: str = "") -> Facts:
    moment = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    return Facts("acme.example", to, caller, account, moment.timestamp())


def course(plan: Plan, call: Facts, *outcomes: Outcome) -> list[str]:
    """What happens, step by step, when the steps come to these outcomes."""
    return [short(next_step(plan, call, outcomes[:count])) for count in range(len(outcomes) + 1)]


def short(step: Step) -> str:
    match step:
        case Ring():
            assert step.phones
            return f"{step.label} {step.seconds:g}: {' '.join(step.phones)}"
        case Reject():
            return f"{step.status} {step.phrase}"
        case Answer():
            return step.what


def test_a_person_without_rules_rings_everywhere_for_30_seconds() -> None:
    assert course(firm(), facts("102"), NO_ANSWER) == [
        "carla 30: carla-kitchen carla-den",
        "480 Temporarily Unavailable",
    ]


@pytest.mark.parametrize("user", ["anna", "101", "anna-desk", "anna-laptop"])
def test_a_person_is_called_by_key_number_or_phone(user: str) -> None:
    plan = firm("{ring: office}")
    assert short(next_step(plan, facts(user), ())) == "anna at office 30: anna-desk"
    assert plan.lookup(user) is plan.people["anna"]
    assert user in plan.people["anna"].aliases


def test_who_owns_a_phone() -> None:
    plan = firm()
    assert plan.person_of("anna-laptop") is plan.people["anna"]
    assert plan.person_of("nobodys") is None
    phone = plan.phones["anna-laptop"]
    assert (phone.person, phone.place, phone.secret, phone.gateway) == ("anna", "home", "anna-laptop", False)


def test_nobody_of_that_name() -> None:
    step = next_step(firm(), facts("999"), ())
    assert step == Reject(404, "Not Found", ('nobody at acme.example is called "999"',))


def test_a_code_is_answered_whatever_came_before() -> None:
    assert course(firm(), facts("600"), BUSY, BUSY) == ["echo", "echo", "echo"]


def test_the_first_rule_that_fits_decides() -> None:
    plan = firm("{when: office hours, ring: office}", "{when: [evening, office hours], ring: home}", "{ring: carla}")
    assert course(plan, facts(at=OPEN)) == ["anna at office 30: anna-desk"]
    assert course(plan, facts(at="2026-11-23 17:00")) == ["anna at home 30: anna-home anna-laptop"]
    assert course(plan, facts(at="2026-11-23 21:00")) == ["carla 30: carla-kitchen carla-den"]


def test_when_no_rule_fits_every_place_rings() -> None:
    assert course(firm("{when: office hours, ring: office}"), facts(at=CLOSED)) == [
        "anna 30: anna-desk anna-home anna-laptop"
    ]


@pytest.mark.parametrize(
    ("outcome", "then"),
    [
        (BUSY, "anna at home 30: anna-home anna-laptop"),
        (NO_ANSWER, "carla 30: carla-kitchen carla-den"),
        (DECLINED, "603 Decline"),
        (UNREACHABLE, "480 Temporarily Unavailable"),
    ],
)
def test_each_outcome_has_its_way(outcome: Outcome, then: str) -> None:
    plan = firm("{ring: office, for: 15s, then: {busy: home, no answer: carla}}")
    assert course(plan, facts(), outcome) == ["anna at office 15: anna-desk", then]


@pytest.mark.parametrize("outcome", Outcome)
def test_then_alone_follows_any_outcome(outcome: Outcome) -> None:
    plan = firm("{ring: office, then: home}")
    assert course(plan, facts(), outcome)[1] == "anna at home 30: anna-home anna-laptop"


@pytest.mark.parametrize(
    ("last", "told"),
    [
        (BUSY, "486 Busy Here"),
        (NO_ANSWER, "480 Temporarily Unavailable"),
        (UNREACHABLE, "480 Temporarily Unavailable"),
        (DECLINED, "603 Decline"),
    ],
)
def test_the_last_outcome_is_what_the_caller_is_told(last: Outcome, told: str) -> None:
    plan = firm("{ring: office, then: home}")
    assert course(plan, facts(), NO_ANSWER, last)[-1] == told
    assert course(plan, facts(), NO_ANSWER, last, BUSY)[-1] == told


def test_steps_are_tried_in_order_and_then_leaves_the_list() -> None:
    plan = firm("{steps: [{ring: office, for: 5s, then: {declined: reject busy}}, {ring: home}, {ring: carla}]}")
    assert course(plan, facts(), NO_ANSWER, BUSY, NO_ANSWER) == [
        "anna at office 5: anna-desk",
        "anna at home 30: anna-home anna-laptop",
        "carla 30: carla-kitchen carla-den",
        "480 Temporarily Unavailable",
    ]
    assert course(plan, facts(), DECLINED) == ["anna at office 5: anna-desk", "486 Busy Here"]


def test_short_and_long_forms_mean_the_same() -> None:
    short_form = firm("{ring: office, for: 15s, then: {busy: home}}")
    long_form = firm("{steps: [{ring: [office], for: 15s, then: {busy: {steps: [{ring: home}]}}}]}")
    assert short_form.people["anna"].rules == long_form.people["anna"].rules


def test_then_may_go_on_and_on() -> None:
    plan = firm("{ring: office, then: {busy: {ring: home, for: 5s, then: {busy: {ring: carla, for: 7s}}}}}")
    assert course(plan, facts(), BUSY, BUSY, BUSY)[1:] == [
        "anna at home 5: anna-home anna-laptop",
        "carla 7: carla-kitchen carla-den",
        "486 Busy Here",
    ]


def test_several_places_ring_at_once() -> None:
    plan = firm("{ring: [home, office, mobile], for: 25s}")
    assert course(plan, facts()) == ["home and office and mobile 25: anna-home anna-laptop anna-desk"]


def test_a_place_that_cannot_ring_is_unreachable_at_once() -> None:
    plan = firm("{ring: mobile, then: {unreachable: office, no answer: home}}")
    assert course(plan, facts()) == ["anna at office 30: anna-desk"]
    assert course(firm("{ring: mobile}"), facts()) == ["480 Temporarily Unavailable"]
    assert course(firm(), facts("104")) == ["480 Temporarily Unavailable"]


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("reject", "603 Decline"),
        ("reject busy", "486 Busy Here"),
        ("reject unavailable", "480 Temporarily Unavailable"),
    ],
)
def test_a_call_can_be_rejected(word: str, told: str) -> None:
    assert course(firm(f"{{ring: {word}}}"), facts(), BUSY) == [told, told]


def test_a_person_in_anothers_rule_rings_by_rules_of_her_own() -> None:
    plan = firm("{ring: dario, then: {busy: home}}")
    assert course(plan, facts(), BUSY, BUSY) == [
        "dario at shop 12: dario-shop",
        "dario at flat 30: dario-flat",
        "anna at home 30: anna-home anna-laptop",
    ]
    assert course(plan, facts(at=CLOSED)) == ["carla 30: carla-kitchen carla-den"]
    assert course(firm("{ring: dario at flat}"), facts(at=CLOSED)) == ["dario at flat 30: dario-flat"]
    assert course(firm("{ring: dario, for: 8s}"), facts()) == ["dario at shop 8: dario-shop"]
    assert course(firm("{ring: dario, for: 20s}"), facts()) == ["dario at shop 12: dario-shop"]


def test_naming_oneself_means_every_place() -> None:
    assert course(firm("{ring: anna}"), facts()) == ["anna 30: anna-desk anna-home anna-laptop"]


def test_a_team_rings_all_members_where_they_are_now() -> None:
    plan = firm()
    assert course(plan, facts("200"), NO_ANSWER, BUSY) == [
        "service 20: carla-kitchen carla-den dario-shop",
        "anna at home 30: anna-home anna-laptop",
        "486 Busy Here",
    ]
    # Dario's forwarding doesn't count: in the evening he has no place by rule, so all of his.
    assert course(plan, facts("service", CLOSED)) == ["service 20: carla-kitchen carla-den dario-shop dario-flat"]


def test_a_team_in_order_passes_over_who_has_no_phone() -> None:
    assert course(firm(), facts("201"), BUSY, NO_ANSWER) == [
        "carla for chain 10: carla-kitchen carla-den",
        "dario for chain 10: dario-shop",
        "480 Temporarily Unavailable",
    ]
    # Of both outcomes the first in the order counts: busy before unreachable.
    assert course(firm(), facts("201"), BUSY, UNREACHABLE)[-1] == "486 Busy Here"


def test_the_ringing_rules_for_and_then_win_over_the_teams() -> None:
    plan = firm("{ring: service, for: 5s, then: {no answer: office}}")
    assert course(plan, facts(), NO_ANSWER) == [
        "service 5: carla-kitchen carla-den dario-shop",
        "anna at office 30: anna-desk",
    ]
    own = firm("{ring: service, then: {busy: office}}")
    assert course(own, facts(), NO_ANSWER) == [
        "service 20: carla-kitchen carla-den dario-shop",
        "anna at home 30: anna-home anna-laptop",
    ]


def test_people_and_teams_at_once_ring_at_their_places_each_phone_once() -> None:
    plan = firm("{ring: [office, dario, service]}")
    assert course(plan, facts()) == ["office and dario and service 30: anna-desk dario-shop carla-kitchen carla-den"]


@pytest.mark.parametrize(
    ("wanted", "caller", "account", "fits"),
    [
        ("customers", "+49301234", "", True),
        ("customers", "0049 30 1234", "", True),
        ("customers", "+4940123456", "", True),
        ("customers", "+49401234567", "", False),
        ("customers", "+4989", "", False),
        ("customers", "", "", False),
        ("+49 89 *", "+4989", "", True),
        ("+*", "+331", "", True),
        ("+*", "102", "", False),
        ("carla", "102", "", True),
        ("102", "carla", "", True),
        ("carla", "anonymous", "carla-den", True),
        ("carla", "103", "", False),
        ("service", "103", "", True),
        ("service", "101", "", False),
        ("anonymous", "", "", True),
        ("anonymous", "102", "", False),
        ("[customers, carla]", "102", "", True),
    ],
)
def test_rules_may_ask_who_calls(wanted: str, caller: str, account: str, fits: bool) -> None:
    plan = firm(
        f'{{from: "{wanted}", ring: home}}' if wanted == "+*" else f"{{from: {wanted}, ring: home}}", "{ring: office}"
    )
    label = "anna at home" if fits else "anna at office"
    step = next_step(plan, facts(caller=caller, account=account), ())
    assert isinstance(step, Ring)
    assert step.label == label


def test_rules_may_ask_what_was_dialled_and_all_must_be_so() -> None:
    plan = firm("{to: anna-desk, ring: office}", "{when: evening, to: [101], ring: home}", "{ring: carla}")
    assert course(plan, facts("anna-desk")) == ["anna at office 30: anna-desk"]
    assert course(plan, facts("101", "2026-11-23 18:00")) == ["anna at home 30: anna-home anna-laptop"]
    assert course(plan, facts("101")) == ["carla 30: carla-kitchen carla-den"]
    assert course(plan, facts("anna", "2026-11-23 18:00")) == ["carla 30: carla-kitchen carla-den"]


def test_reasons_tell_every_rule_that_was_looked_at() -> None:
    plan = firm("{when: office hours, from: customers, ring: office}", "{when: evening, ring: home, then: carla}")
    assert next_step(plan, facts(at="2026-11-23 18:00"), ()).reasons == (
        "rule 1 of anna does not fit: the call is not within office hours",
        "rule 2 of anna fits: the call is within evening",
    )
    assert next_step(plan, facts(), ()).reasons == (
        "rule 1 of anna does not fit: the call is not from customers",
        "rule 2 of anna does not fit: the call is not within evening",
        "no rule of anna fits, so every place rings",
    )
    assert next_step(plan, facts(at="2026-11-23 18:00"), (BUSY,)).reasons == (
        "after busy: carla",
        "no rule of carla fits, so every place rings",
    )


def test_who_already_sent_the_call_on_is_not_asked_again() -> None:
    plan = firm("{when: evening, ring: dario}", "{ring: dario, then: office}")
    assert course(plan, facts(at=CLOSED), BUSY)[0] == "carla 30: carla-kitchen carla-den"
    back = load_texts([("f", FIRM.replace("CALLS", "      - {when: evening, ring: dario}\n      - {ring: office}")
                        .replace("- {ring: carla}", "- {ring: anna, then: flat}"))])[0]["acme.example"]  # fmt: skip
    step = next_step(back, facts(at=CLOSED), ())
    assert short(step) == "dario at flat 30: dario-flat"
    assert "anna sent the call on already and isn't asked again" in step.reasons


def test_a_call_rung_in_vain_too_often_ends() -> None:
    steps = ", ".join("{ring: office}" for _ in range(MAX_STEPS + 5))
    plan = firm(f"{{steps: [{steps}]}}")
    seen = course(plan, facts(), *[BUSY] * (MAX_STEPS + 5))
    assert seen[:MAX_STEPS] == ["anna at office 30: anna-desk"] * MAX_STEPS
    assert set(seen[MAX_STEPS:]) == {"480 Temporarily Unavailable"}


def test_a_plan_that_only_sends_on_ends_soon() -> None:
    people = [
        f"  p{n}: {{calls: [{{when: always, steps: [{{ring: p{n + 1}}}, {{ring: p{n + 1}}}]}}]}}" for n in range(30)
    ]
    text = "\n".join(["site: {domain: a.example, timezone: UTC}", "schedules: {always: daily}", "people:", *people])
    plan = load_texts([("f", text + "\n  p30: {}\n")])[0]["a.example"]
    step = next_step(plan, Facts("a.example", "p0"), ())
    assert short(step) == "480 Temporarily Unavailable"
    assert len(step.reasons) < 200


def test_a_decision_is_pure() -> None:
    plan = firm("{when: office hours, ring: [home, service], then: {busy: dario}}")
    for history in ((), (BUSY,), (BUSY, NO_ANSWER)):
        assert next_step(plan, facts(), history) == next_step(plan, facts(), history)


def test_a_persons_own_timezone_moves_the_schedules() -> None:
    text = FIRM.replace("CALLS", "      - {when: office hours, ring: office}\n      - {ring: home}")
    abroad = text.replace("    number: 101", "    number: 101\n    timezone: America/New_York")
    plan = load_texts([("f", abroad)])[0]["acme.example"]
    assert course(plan, facts(at="2026-11-23 10:00")) == ["anna at home 30: anna-home anna-laptop"]
    assert course(plan, facts(at="2026-11-23 15:00")) == ["anna at office 30: anna-desk"]
    fixed = abroad.replace("office hours: [mon-fri 08:00-17:00]",
                           "office hours: {hours: mon-fri 08:00-17:00, timezone: Europe/Berlin}")  # fmt: skip
    plan = load_texts([("f", fixed)])[0]["acme.example"]
    assert course(plan, facts(at="2026-11-23 10:00")) == ["anna at office 30: anna-desk"]
