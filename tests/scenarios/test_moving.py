"""Calls that move: by what people set with codes, by a phone's own forwarding, and what phones are told of it."""

from __future__ import annotations

import asyncio

import pytest
from lab import Lab, Phone

from softswitch.dialplan.codes import ACTIONS
from softswitch.sound.library import LANGUAGES, said

OFFICE = """
site: {domain: acme.example, timezone: Europe/Berlin, country: DE, forwards: 4}
people:
  anna:
    number: 101
    places: {office: {phone: anna-desk}, home: {phone: anna-home}}
    calls:
      - {ring: office, for: 15s, then: {busy: home, no answer: service team, declined: service team}}
  carla: {number: 102, places: {home: {phone: carla-home}}, busy when: on any call}
  dario: {number: 103, places: {home: {phone: dario-home}}}
teams:
  service team: {number: 200, members: [carla, dario], for: 20s}
codes:
  "*21*{number}": forward all
  "#21#": forward none
  "*78": do not disturb
  "*55{place}*{until}": I am at
  "*00": by my rules
"""


@pytest.fixture
def lab() -> Lab:
    return Lab(OFFICE)


@pytest.fixture
def desk(lab: Lab) -> Phone:
    return lab.phone("anna-desk")


@pytest.fixture
def home(lab: Lab) -> Phone:
    return lab.phone("anna-home")


@pytest.fixture
def carla(lab: Lab) -> Phone:
    return lab.phone("carla-home")


@pytest.fixture
def dario(lab: Lab) -> Phone:
    return lab.phone("dario-home")


def dials(lab: Lab, phone: Phone, code: str) -> None:
    """Dial a code, hear that it was understood, and hang up."""
    call = phone.invites(code)
    lab.advance()
    assert call.state == "answered", call.statuses
    call.bye()
    lab.advance()


def told(phone: Phone) -> dict[str, list[bytes]]:
    """What the latest INVITE to a phone said of its way."""
    invite = phone.requests_of("INVITE")[-1]
    return {name: invite.values(name.encode()) for name in ("diversion", "history-info")}


def rings(lab: Lab, caller: Phone, number: str, *phones: Phone) -> list[str]:
    """The phones that ring after a moment; the caller gives up then."""
    call = caller.invites(number)
    lab.advance()
    found = [phone.account for phone in phones if phone.calls and phone.call.state == "ringing"]
    call.cancel()
    lab.advance(2)
    return found


def test_forward_all_by_code_and_back(lab: Lab, desk: Phone, carla: Phone, dario: Phone) -> None:
    dials(lab, desk, "*21*102")
    assert rings(lab, dario, "101", desk, carla) == ["carla-home"]
    assert told(carla) == {
        "diversion": [b"<sip:101@acme.example>;reason=unconditional;counter=1;privacy=off"],
        "history-info": [
            b"<sip:101@acme.example>;index=1",
            b"<sip:102@acme.example>;index=1.1;mp=1",
            b"<%b>;index=1.1.1;rc=1.1" % carla.contact.strip(b"<>"),
        ],
    }
    dials(lab, desk, "#21#")
    assert rings(lab, dario, "101", desk, carla) == ["anna-desk"]
    assert told(desk) == {"diversion": [], "history-info": []}
    record = next(one for one in lab.records() if one.called == "*21*102")
    assert (record.steps[0].does, record.steps[0].who) == ("set", "forward all 102")
    lab.at_rest()


def test_where_she_is_until_a_time(lab: Lab, desk: Phone, home: Phone, carla: Phone) -> None:
    """The laboratory's clock begins at ten on a Monday in Berlin."""
    dials(lab, desk, "*552*1010")
    assert rings(lab, carla, "101", desk, home) == ["anna-home"]
    lab.advance(600)
    assert rings(lab, carla, "101", desk, home) == ["anna-desk"]
    history = asyncio.run(lab.override_store.history("acme.example", "anna"))
    assert [(one.sets, one.override.words, one.by) for one in history] == [
        (True, "at home", "anna-desk"),
        (False, "at home", "time"),
    ]
    lab.at_rest()


def test_what_was_set_outlives_a_restart(lab: Lab, desk: Phone, carla: Phone, dario: Phone) -> None:
    dials(lab, desk, "*21*102")
    lab.starts_switch()
    assert rings(lab, dario, "101", desk, carla) == ["carla-home"]
    dials(lab, desk, "*00")
    lab.starts_switch()
    assert rings(lab, dario, "101", desk, carla) == ["anna-desk"]
    lab.at_rest()


def test_do_not_disturb(lab: Lab, desk: Phone, carla: Phone, dario: Phone) -> None:
    dials(lab, carla, "*78")
    call = dario.invites("102")
    lab.advance()
    assert call.status == 603
    assert rings(lab, desk, "200", carla, dario) == ["dario-home"]
    lab.at_rest()


def test_a_code_by_a_stranger_or_without_sense(lab: Lab, desk: Phone) -> None:
    for code, status in (("*21*999", 404), ("*553*1000", 404), ("*551*2561", 484)):
        call = desk.invites(code)
        lab.advance()
        assert call.status == status, code
    lab.at_rest()


def test_a_call_keeps_what_was_set_when_it_began(lab: Lab, desk: Phone, carla: Phone, dario: Phone) -> None:
    call = dario.invites("101")
    lab.advance()
    dials(lab, carla, "*78")
    lab.advance(16)
    assert carla.calls[-1].state == "ringing", "the team rings as it was when the call began"
    call.cancel()
    lab.at_rest()


def test_a_phone_that_forwards_by_itself(lab: Lab, desk: Phone, carla: Phone, dario: Phone) -> None:
    """What the desk phone's menu says is followed by the rules of whoever is named there."""
    desk.on_call = lambda call: call.refuse(302, "Contact: <sip:102@acme.example>")
    call = dario.invites("101")
    lab.advance()
    assert carla.call.state == "ringing"
    assert told(carla)["diversion"] == [b"<sip:101@acme.example>;reason=deflection;counter=1;privacy=off"]
    assert told(carla)["history-info"][0] == b"<sip:101@acme.example?Reason=SIP%3Bcause%3D302>;index=1"
    carla.call.refuse(486)
    lab.advance()
    # Busy is what came of ringing the office, so Anna's rule goes on with her home, where no phone is registered.
    assert call.status == 480
    (record,) = lab.records()
    assert [step.outcome for step in record.steps][:2] == ["moved to 102", "busy"]
    lab.at_rest()


def test_a_rule_that_sends_on_tells_why(lab: Lab, desk: Phone, carla: Phone, dario: Phone) -> None:
    desk.on_call = lambda call: call.refuse(603)
    assert rings(lab, dario, "101", carla) == ["carla-home"]
    assert told(carla)["diversion"] == [b"<sip:101@acme.example>;reason=deflection;counter=1;privacy=off"]
    assert told(carla)["history-info"][1:] == [
        b"<sip:200@acme.example>;index=1.1;mp=1",
        b"<%b>;index=1.1.1;rc=1.1" % carla.contact.strip(b"<>"),
    ]
    lab.at_rest()


def test_earlier_diversions_stay_below_ours(lab: Lab, desk: Phone, carla: Phone, dario: Phone) -> None:
    dials(lab, desk, "*21*102")
    earlier = b"<sip:+49301@b.example>;reason=user-busy;counter=2"
    history = b"<sip:+49301@b.example>;index=1, <sip:101@acme.example>;index=1.2;mp=1"
    dario.invites("101", b"Diversion: " + earlier, b"History-Info: " + history)
    lab.advance()
    assert told(carla)["diversion"] == [
        b"<sip:101@acme.example>;reason=unconditional;counter=1;privacy=off",
        earlier,
    ]
    assert [value.partition(b";index=")[2] for value in told(carla)["history-info"]] == [
        b"1",
        b"1.2;mp=1",
        b"1.2.1;mp=1.2",
        b"1.2.1.1;rc=1.2.1",
    ]


@pytest.mark.parametrize(
    "said",
    [
        b"Diversion: <sip:1@b.example>;counter=4",
        b"Diversion: <sip:1@b.example>, <sip:2@b.example>;counter=2, <sip:3@b.example>",
        b"History-Info: <sip:1@b.example>;index=1, <sip:2@b.example>;index=1.1;mp=1, "
        b"<sip:3@b.example>;index=1.1.1;mp=1.1, "
        b"<sip:4@b.example>;index=1.1.1.1;mp=1.1.1, <sip:5@b.example>;index=1.1.1.1.1;mp=1.1.1.1",
    ],
)
def test_a_call_that_comes_round_too_often_ends(lab: Lab, carla: Phone, dario: Phone, said: bytes) -> None:
    call = dario.invites("102", said)
    lab.advance()
    assert call.status == 482
    lab.at_rest()


def test_who_asks_for_it_has_no_history_told(lab: Lab, desk: Phone, carla: Phone, dario: Phone) -> None:
    dials(lab, desk, "*21*102")
    dario.invites("101", b"Privacy: history")
    lab.advance()
    assert told(carla) == {"diversion": [], "history-info": []}


def test_busy_on_any_call(lab: Lab, desk: Phone, carla: Phone, dario: Phone) -> None:
    first = carla.invites("101")
    lab.advance()
    desk.call.answer()
    lab.advance()
    second = dario.invites("102")
    lab.advance()
    assert second.status == 486
    assert not carla.requests_of("INVITE")
    assert rings(lab, desk, "200", carla, dario) == ["dario-home"]
    first.bye()
    lab.advance()
    assert rings(lab, dario, "102", carla) == ["carla-home"]
    lab.at_rest()


def test_two_phones_that_send_calls_to_each_other(lab: Lab, carla: Phone, dario: Phone, desk: Phone) -> None:
    carla.on_call = lambda call: call.refuse(302, "Contact: <sip:103@acme.example>")
    dario.on_call = lambda call: call.refuse(302, "Contact: <sip:102@acme.example>")
    call = desk.invites("102")
    lab.advance(2)
    assert call.status == 480
    assert len(carla.requests_of("INVITE")) == 1
    lab.at_rest()


def test_each_code_is_answered_in_words() -> None:
    for language in LANGUAGES:
        for action in ACTIONS.values():
            assert said(action.said, language) is not None
