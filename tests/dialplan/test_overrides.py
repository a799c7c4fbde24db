"""What people have set comes before their rules: where they are, forwards, do not disturb; and the codes for it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from softswitch.dialplan.decide import Came, Command, Moved, Outcome, Reject, Ring, next_step
from softswitch.dialplan.explain import in_words
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.load import load_texts
from softswitch.dialplan.override import AT, DO_NOT_DISTURB, FORWARD_ALL, Override
from softswitch.dialplan.plan import Plan

BUSY, NO_ANSWER, UNREACHABLE, DECLINED = Outcome
ZONE = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 23, 12, tzinfo=ZONE).timestamp()

FIRM = """\
site: {domain: acme.example, timezone: Europe/Berlin, country: DE, forwards: 4}
schedules: {office hours: [mon-fri 08:00-17:00]}
people:
  anna:
    number: 101
    places: {office: {phone: anna-desk}, home: {phone: anna-home}, mobile: {phone: anna-mobile}}
    calls:
      - {when: office hours, ring: office, for: 15s,
         then: {busy: home, no answer: mobile, unreachable: mobile, declined: service}}
      - {ring: service}
  carla: {number: 102, busy when: on any call, places: {kitchen: {phone: carla-kitchen}}}
  dario: {number: 103, timezone: Europe/London, places: {shop: {phone: dario-shop}},
          calls: [{ring: anna at home}]}
teams:
  service: {number: 200, members: [carla, dario], for: 20s}
  both: {number: 201, members: [anna, carla], ring: in order}
codes:
  "600": echo
  "*21*{number}": forward all
  "*21*{number}*{until}": forward all
  "#21#": forward none
  "*61*{number}": forward no answer
  "*78": do not disturb
  "*55{place}": I am at
  "*55{place}*{until}": I am at
  "*00": by my rules
"""
PLAN = load_texts([("firm.yaml", FIRM)])[0]["acme.example"]


def facts(to: str = "101", account: str = "", wall: float = NOON, **people: list[Override]) -> Facts:
    overrides = {name: {one.kind: one for one in held} for name, held in people.items()}
    return Facts(PLAN.site, to, account, account, wall, overrides=overrides)


def course(call: Facts, *came: Came, plan: Plan = PLAN) -> list[str]:
    """What happens, step by step, when the steps come to this."""
    steps = [next_step(plan, call, came[:count]) for count in range(len(came) + 1)]
    return [f"{one.label}: {' '.join(one.phones)}" if isinstance(one, Ring) else in_words(one) for one in steps]


def reasons(call: Facts, *came: Came) -> tuple[str, ...]:
    return next_step(PLAN, call, came).reasons


HOME = Override(AT, "home", 0.0, "anna-home", NOON - 60)
QUIET = Override(DO_NOT_DISTURB, "", 0.0, "anna-desk", NOON - 60)


def test_where_somebody_says_she_is_rings_and_her_other_places_do_not() -> None:
    assert course(facts(anna=[HOME])) == ["anna at home: anna-home"]
    assert course(facts(anna=[HOME]), DECLINED) == ["anna at home: anna-home", "service: carla-kitchen dario-shop"]
    refused = "the call is refused: 480 Temporarily Unavailable"
    assert course(facts(anna=[HOME]), NO_ANSWER) == ["anna at home: anna-home", refused]
    assert "anna is at home" in reasons(facts(anna=[HOME]))[0]


def test_at_other_times_her_rules_go_on_after_it() -> None:
    evening = facts(anna=[HOME], wall=NOON + 7 * 3600)
    assert course(evening, NO_ANSWER) == ["anna at home: anna-home", "service: carla-kitchen dario-shop"]


def test_an_override_ends_by_itself_at_its_second() -> None:
    until = HOME._replace(until=NOON)
    assert course(facts(anna=[until], wall=NOON - 1)) == ["anna at home: anna-home"]
    assert course(facts(anna=[until])) == ["anna at office: anna-desk"]
    told = reasons(facts(anna=[until], wall=NOON - 1))[0]
    assert told == "anna is at home until Mon 2026-11-23 12:00"


def test_a_place_that_is_gone_is_told_and_passed_over() -> None:
    gone = facts(anna=[HOME._replace(target="cabin")])
    assert course(gone) == ["anna at office: anna-desk"]
    assert reasons(gone)[0] == "anna is at cabin, which is no place of hers any more"


def test_do_not_disturb_is_as_if_she_had_declined() -> None:
    assert course(facts(anna=[QUIET])) == ["service: carla-kitchen dario-shop"]
    assert course(facts("103", anna=[QUIET])) == ["the call is refused: 603 Decline"], "nor by somebody else's rule"
    assert course(facts("102", carla=[QUIET])) == ["the call is refused: 603 Decline"]
    assert course(facts(anna=[QUIET, HOME])) == ["service: carla-kitchen dario-shop"], "wherever she is"


def test_a_team_leaves_out_who_wants_quiet_and_rings_others_where_they_are() -> None:
    assert course(facts("200", carla=[QUIET])) == ["service: dario-shop"]
    both = facts("200", carla=[QUIET], dario=[QUIET])
    assert course(both) == ["the call is refused: 480 Temporarily Unavailable"]
    assert course(facts("201", anna=[HOME]), NO_ANSWER) == ["anna for both: anna-home", "carla for both: carla-kitchen"]
    forwarded = facts("201", anna=[Override(FORWARD_ALL, "103")])
    assert course(forwarded) == ["anna for both: anna-desk"], "a member's own forwarding does not apply"


def test_forward_all() -> None:
    forward = Override(FORWARD_ALL, "102", 0.0, "anna-desk", NOON)
    assert course(facts(anna=[forward, QUIET, HOME]), NO_ANSWER) == [
        "carla: carla-kitchen",
        "the call is refused: 480 Temporarily Unavailable",
    ]
    step = next_step(PLAN, facts(anna=[forward]), ())
    assert isinstance(step, Ring)
    assert [(hop.name, hop.user, hop.cause) for hop in step.way] == [
        ("anna", "101", "unconditional"),
        ("carla", "102", "unconditional"),
    ]


def test_a_forward_to_somebody_who_has_left_is_told() -> None:
    forward = facts(anna=[Override(FORWARD_ALL, "999")])
    assert course(forward) == ["the call is refused: 480 Temporarily Unavailable"]
    assert 'nobody is called "999"' in reasons(forward)


def test_two_who_forward_to_each_other_end() -> None:
    loop = facts(anna=[Override(FORWARD_ALL, "102")], carla=[Override(FORWARD_ALL, "101")])
    assert course(loop) == ["the call is refused: 480 Temporarily Unavailable"]
    assert "anna sent the call on already and isn't asked again" in reasons(loop)


@pytest.mark.parametrize(("kind", "outcome"), [("busy", BUSY), ("no answer", NO_ANSWER), ("unreachable", UNREACHABLE)])
def test_a_forward_after_an_outcome_comes_before_the_rules(kind: str, outcome: Outcome) -> None:
    call = facts(anna=[Override(f"forward {kind}", "102")])
    assert course(call, outcome) == ["anna at office: anna-desk", "carla: carla-kitchen"]
    other = next(one for one in (BUSY, NO_ANSWER) if one is not outcome)
    assert course(call, other)[1] in ("anna at home: anna-home", "anna at mobile: anna-mobile")
    step = next_step(PLAN, call, (outcome,))
    assert step.reasons[-2] == f"after {outcome.value}: anna has set forward {kind} to 102"


def test_a_phone_that_sends_the_call_on_is_followed_by_the_dialplan() -> None:
    assert course(facts("102"), Moved("101"), BUSY) == [
        "carla: carla-kitchen",
        "anna at office: anna-desk",
        "anna at home: anna-home",
    ]
    assert course(facts("102"), Moved("102"))[1] == "the call is refused: 480 Temporarily Unavailable"
    assert course(facts("102"), Moved("999"))[1] == "the call is refused: 480 Temporarily Unavailable"
    # What came of it is the outcome of the phone that sent it on, for the rule that rang it.
    assert course(facts("101"), Moved("102"), DECLINED)[2] == "service: carla-kitchen dario-shop"


def test_who_deflects_for_a_team_is_on_the_way() -> None:
    step = next_step(PLAN, facts("201"), (NO_ANSWER, Moved("103")))
    assert isinstance(step, Ring)
    assert [(hop.name, hop.cause) for hop in step.way] == [
        ("both", "no-answer"),
        ("carla", "deflection"),
        ("dario", "unconditional"),
    ]


def test_who_is_on_a_call_counts_as_busy_where_that_is_wanted() -> None:
    call = facts("102")._replace(engaged=frozenset({"carla"}))
    assert course(call) == ["the call is refused: 486 Busy Here"]
    team = facts("200")._replace(engaged=frozenset({"carla"}))
    assert course(team, UNREACHABLE) == ["service: dario-shop", "the call is refused: 486 Busy Here"]
    assert "carla is on a call, which counts as busy" in reasons(team)


def test_a_call_that_was_sent_on_too_often_ends_with_482() -> None:
    step = next_step(PLAN, facts("102")._replace(forwarded=4), ())
    assert isinstance(step, Reject)
    assert step.status == 482
    near = facts(anna=[Override(FORWARD_ALL, "103")])._replace(forwarded=3)
    assert course(near) == ["anna at home: anna-home"], "anna to dario is the fourth time"
    assert isinstance(next_step(PLAN, near._replace(forwarded=4), ()), Reject)


# -- codes


def dial(code: str, account: str = "anna-desk", wall: float = NOON) -> str:
    step = next_step(PLAN, facts(code, account, wall), ())
    if isinstance(step, Command):
        until = f" until {datetime.fromtimestamp(step.until, ZONE):%a %H:%M}" if step.until else ""
        return f"{step.person}: {step.action} {step.target}".strip() + until
    return f"{step.status} {step.reasons[-1]}" if isinstance(step, Reject) else in_words(step)


@pytest.mark.parametrize(
    ("code", "account", "expected"),
    [
        ("*21*102", "anna-desk", "anna: forward all 102"),
        ("*21*200*1800", "anna-home", "anna: forward all 200 until Mon 18:00"),
        ("*21*200*1100", "anna-home", "anna: forward all 200 until Tue 11:00"),
        ("*21*200*930", "anna-home", "anna: forward all 200 until Tue 09:30"),
        ("#21#", "anna-desk", "anna: forward none"),
        ("*61*103", "carla-kitchen", "carla: forward no answer 103"),
        ("*78", "carla-kitchen", "carla: do not disturb"),
        ("*551", "anna-mobile", "anna: I am at office"),
        ("*553*1800", "anna-mobile", "anna: I am at mobile until Mon 18:00"),
        ("*551*1800", "dario-shop", "dario: I am at shop until Mon 19:00"),
        ("*00", "anna-desk", "anna: by my rules"),
        ("600", "", "the switch answers: echo"),
    ],
)
def test_codes(code: str, account: str, expected: str) -> None:
    assert dial(code, account) == expected


@pytest.mark.parametrize(
    ("code", "account", "expected"),
    [
        ("*554", "anna-desk", "404 *55{place} is the code for I am at; anna has no place number 4"),
        ("*550", "anna-desk", "404 *55{place} is the code for I am at; anna has no place number 0"),
        ("*21*999", "anna-desk", '404 *21*{number} is the code for forward all; nobody is called "999"'),
        ("*21*600", "anna-desk", '404 *21*{number} is the code for forward all; nobody is called "600"'),
        ("*21*101", "anna-desk", "404 *21*{number} is the code for forward all; that is the same person"),
        ("*551*2500", "anna-desk", "484 *55{place}*{until} is the code for I am at; there is no time 2500"),
        ("*551*1865", "anna-desk", "484 *55{place}*{until} is the code for I am at; there is no time 1865"),
        ("*78", "", "403 *78 is the code for do not disturb; only the phones of people here can use it"),
        ("*99*1", "anna-desk", '404 nobody at acme.example is called "*99*1"'),
    ],
)
def test_codes_that_make_no_sense(code: str, account: str, expected: str) -> None:
    assert dial(code, account) == expected


def test_somebody_outside_who_sends_the_call_on_is_not_followed() -> None:
    text = FIRM.replace("calls: [{ring: anna at home}]", "calls: [{ring: 0170 1234567}]")
    text += "trunks: {city: {peer: 192.0.2.10}}\noutside: [{dial: + *, via: city}]\n"
    plan = load_texts([("firm.yaml", text)])[0]["acme.example"]
    assert course(facts("103"), Moved("101"), plan=plan)[1] == "the call is refused: 480 Temporarily Unavailable"
