"""Calls that are parked and taken again, and calls that a colleague picks up."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab import Lab, Phone, Provider
from lab.lab import OFFICE

from softswitch.dialplan.load import load_texts
from softswitch.errors import ConfigError

PLAN = OFFICE.replace('{"600": echo}', '{"600": echo, "701": park, "702": park, "*8": pickup}')


@pytest.fixture
def lab() -> Lab:
    return Lab(PLAN)


def connected(lab: Lab, *calls: object) -> bool:
    return lab.media.connected[-1:] == [tuple(call.call_id.decode() for call in calls)]  # type: ignore[attr-defined]


def test_who_is_parked_hears_music_until_somebody_takes_the_call(lab: Lab, anna: Phone, carla: Phone) -> None:
    parked = carla.invites("701")
    lab.advance(60)
    assert (parked.state, lab.media.said) == ("answered", [["music"]])
    taken = anna.invites("701")
    lab.advance(1)
    assert connected(lab, taken, parked)
    lab.advance(2 * 3600)
    assert (parked.state, taken.state) == ("answered", "answered"), "people talk for longer than to an echo"
    taken.bye()
    lab.advance(1)
    assert parked.why == "they hung up"
    again = anna.invites("701")
    lab.advance(1)
    assert lab.media.said[-1] == ["music"], "the place is free again"
    again.bye()
    lab.at_rest()


def test_the_other_one_hangs_up_and_places_are_apart(lab: Lab, anna: Phone, carla: Phone, dario: Phone) -> None:
    first, second = carla.invites("701"), dario.invites("702")
    lab.advance(1)
    taken = anna.invites("702")
    lab.advance(1)
    assert connected(lab, taken, second)
    second.bye()
    lab.advance(1)
    assert taken.why == "they hung up"
    assert first.state == "answered"
    first.bye()
    lab.advance(1)
    alone = anna.invites("701")
    lab.advance(1)
    assert lab.media.said[-1] == ["music"]
    alone.bye()
    lab.at_rest()


def test_a_call_that_is_sent_there_takes_no_other(lab: Lab, anna: Phone, carla: Phone, dario: Phone) -> None:
    parked = carla.invites("701", "Referred-By: <sip:101@acme.example>")
    lab.advance(1)
    assert parked.state == "answered"
    sent = dario.invites("701", "Referred-By: <sip:101@acme.example>")
    lab.advance(1)
    assert lab.media.said[-1] == ["not possible"]
    lab.advance(5)
    assert (sent.why, parked.state, lab.media.connected) == ("they hung up", "answered", [])
    parked.bye()
    lab.at_rest()


def test_an_engine_that_cannot_connect_leaves_nobody_alone(lab: Lab, anna: Phone, carla: Phone) -> None:
    from softswitch.media.engine import MediaFailed

    parked = carla.invites("701")
    lab.advance(1)
    lab.media.connect = lambda key, other, done: done(MediaFailed(404, "gone"))  # type: ignore[method-assign]
    taken = anna.invites("701")
    lab.advance(1)
    assert (parked.why, taken.why) == ("they hung up", "they hung up")
    lab.at_rest()


def test_a_colleague_picks_up(lab: Lab, anna: Phone, carla: Phone, dario: Phone) -> None:
    call = anna.invites("102")
    lab.advance(3)
    assert carla.call.state == "ringing"
    taken = dario.invites("*8")
    lab.advance(1)
    assert (call.state, taken.state) == ("answered", "answered")
    assert connected(lab, call, taken)
    assert carla.call.why == "cancelled"
    assert any(b"elsewhere" in reason for reason in carla.call.reasons)
    call.bye()
    lab.advance(1)
    assert taken.why == "they hung up"
    lab.at_rest()
    record = next(one for one in lab.records() if one.called == "102")
    assert (record.outcome, record.answered_by) == ("answered", "the switch: picked up by dario-home")


def test_a_call_of_the_public_network_is_picked_up() -> None:
    lab = Lab(
        PLAN
        + "trunks: {city: {peer: 198.51.100.7}}\n"
        + 'numbers: {"+49 89 12340": carla}\noutside: [{dial: +49 *, via: city}]\n'
    )
    city, _, dario = Provider(lab), lab.phone("carla-home"), lab.phone("dario-home")
    call = city.dials("+498912340")
    lab.advance(3)
    assert call.state == "ringing"
    taken = dario.invites("*8")
    lab.advance(1)
    assert (call.state, taken.state) == ("answered", "answered")
    assert connected(lab, call, taken)
    taken.bye()
    lab.advance(1)
    assert call.why == "they hung up"
    lab.at_rest()


def test_nobody_rings_or_it_is_none_of_ones_business(lab: Lab, anna: Phone, carla: Phone, dario: Phone) -> None:
    taken = dario.invites("*8")
    lab.advance(1)
    assert lab.media.said == [["nobody rings"]]
    lab.advance(5)
    assert taken.why == "they hung up"
    call = carla.invites("101")
    lab.advance(1)
    taken = dario.invites("*8")  # in no team with Anna
    lab.advance(5)
    assert (taken.why, call.state) == ("they hung up", "ringing")
    gate = lab.phone("gate", number="gate").invites("*8")
    lab.advance(5)
    assert gate.why == "they hung up"
    call.cancel()
    lab.at_rest()


def test_the_caller_gives_up_just_then(lab: Lab, anna: Phone, carla: Phone, dario: Phone) -> None:
    call = anna.invites("102")
    lab.advance(3)
    taken = dario.invites("*8")
    call.cancel()
    lab.advance(5)
    assert call.state == "ended"
    assert taken.state == "ended"
    lab.at_rest()


def test_the_longest_ringing_one_comes_first(lab: Lab, anna: Phone, carla: Phone, dario: Phone) -> None:
    first = anna.invites("102")
    lab.advance(3)
    second = lab.phone("anna-mobile").invites("102")
    lab.advance(2)
    taken = lab.phone("dario-laptop").invites("*8")
    lab.advance(1)
    assert connected(lab, first, taken)
    assert second.state == "ringing"
    first.bye()
    second.cancel()
    lab.at_rest()


# Ringing back


def rings_back(plan: str = PLAN.replace('"701": park', '"701": park for 60s')) -> tuple[Lab, Phone, Phone]:
    """Carla is parked by Anna's desk phone."""
    lab = Lab(plan)
    anna, carla = lab.phone("anna-desk"), lab.phone("carla-home")
    talk = carla.invites("101")
    lab.advance(1)
    anna.call.answer()
    lab.advance(1)
    carla.invites("701", "Referred-By: <sip:101@acme.example>")
    lab.advance(1)
    talk.bye()
    lab.advance(1)
    assert carla.call.state == "answered"
    return lab, anna, carla


def test_a_parked_call_rings_back_and_says_who_is_parked() -> None:
    lab, anna, carla = rings_back()
    mobile = lab.phone("anna-mobile")
    lab.advance(55)
    assert anna.call.state == "ended"
    lab.advance(6)
    assert anna.call.state == "ringing"
    assert not mobile.calls, "it was the desk phone that parked it"
    assert anna.call.remote.startswith(b'"Geparkt auf 701: 102" <sip:102@acme.example>')
    assert lab.media.said == [["music"]], "which goes on"
    anna.call.answer()
    lab.advance(1)
    assert lab.media.connected == [(anna.call.call_id.decode(), carla.call.call_id.decode())]
    assert anna.call.state == carla.call.state == "answered"
    hold = anna.call.reinvite("sendonly")
    lab.advance(1)
    assert hold.status == 200
    lab.advance(2 * 3600)
    alone = lab.phone("dario-home").invites("701")
    lab.advance(1)
    assert lab.media.said[-1] == ["music"], "the place is free again"
    alone.bye()
    carla.call.bye()
    lab.advance(1)
    assert anna.call.why == "they hung up"
    lab.at_rest()
    record = lab.records()[-2]
    assert (record.called, record.answered_by, record.steps[0].who) == ("701", "anna-desk", "who parked the call")


def test_nobody_answers_and_it_is_tried_again_and_again() -> None:
    lab, anna, carla = rings_back()
    for number in range(2, 5):
        lab.advance(61)
        assert len(anna.calls) == number
        assert anna.call.state == "ringing"
        lab.advance(31)
        assert anna.call.state == "ended"
    anna.switches_off()
    lab.advance(200)
    assert carla.call.state == "answered"
    carla.call.bye()
    lab.at_rest()


def test_it_goes_on_to_the_voicemail(tmp_path: Path) -> None:
    lab, anna, carla = rings_back(PLAN.replace('"701": park', '"701": "park for 60s, then voicemail of anna"'))
    lab.advance(61)
    anna.call.refuse()
    lab.advance(1)
    assert lab.media.said[-1] == ["not possible"], "there is none here"
    lab.advance(5)
    assert carla.call.why == "they hung up"
    lab.at_rest()


def test_what_ends_the_ringing() -> None:
    """The call is taken, or its caller gives up; nobody knows who parked it; and "until taken"."""
    lab, anna, carla = rings_back()
    lab.advance(61)
    taken = lab.phone("dario-home").invites("701")
    lab.advance(1)
    assert connected(lab, taken, carla.call)
    assert anna.call.why == "cancelled"
    taken.bye()
    lab.at_rest()

    lab, anna, carla = rings_back()
    lab.advance(61)
    carla.call.bye()
    lab.advance(1)
    assert anna.call.why == "cancelled"
    lab.at_rest()

    lab, anna, carla = rings_back(PLAN.replace('"701": park', '"701": park until taken'))
    lab.advance(3000)
    assert len(anna.calls) == 1
    carla.call.bye()
    lab.at_rest()


def test_who_answers_just_when_the_caller_gives_up_is_hung_up() -> None:
    lab, anna, carla = rings_back()
    lab.advance(61)
    anna.call.answer()
    carla.call.bye()
    lab.advance(3)
    assert anna.call.state == carla.call.state == "ended"
    lab.at_rest()


def test_without_referred_by_it_is_who_the_caller_talked_to() -> None:
    lab = Lab(PLAN)
    anna, carla = lab.phone("anna-desk"), lab.phone("carla-home")
    talk = carla.invites("101")
    lab.advance(1)
    anna.call.answer()
    lab.advance(1)
    parked = carla.invites("701")
    lab.advance(1)
    talk.bye()
    lab.advance(121)
    assert anna.call.state == "ringing"
    parked.bye()
    lab.at_rest()


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("park forever", "write park, park until taken, park for 90s"),
        ("park for long", '"long" is no time to ring'),
        ("park for 90s, then 101", '"101" is nothing for a parked call'),
        ("park for 90s, then voicemail of nobody", "nobody"),
    ],
)
def test_what_cannot_be_meant_is_told(what: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_texts([("acme.yaml", PLAN.replace('"701": park', f'"701": "{what}"'))])
    assert told in str(refused.value.problems[0])


def test_a_caller_of_the_public_network_is_parked_and_rings_back() -> None:
    """The REFER is carried out by the switch, which knows whose it was."""
    lab = Lab(
        PLAN.replace('"701": park', '"701": park for 60s')
        + "trunks: {city: {peer: 198.51.100.7}}\n"
        + 'numbers: {"+49 89 12340": carla}\noutside: [{dial: +49 *, via: city}]\n'
    )
    city, carla = Provider(lab), lab.phone("carla-home")
    call = city.dials("+498912340")
    lab.advance(1)
    carla.call.answer()
    lab.advance(1)
    refer = carla.call.sends("REFER", "Refer-To: <sip:701@acme.example>")
    lab.advance(2)
    assert refer.status == 202
    assert lab.media.said == [["music"]]
    carla.call.bye()
    lab.advance(61)
    assert carla.call.state == "ringing"
    assert b"Geparkt auf 701: " in carla.call.remote
    carla.call.answer()
    lab.advance(2)
    assert (call.state, carla.call.state) == ("answered", "answered")
    assert lab.media.connected
    carla.call.bye()
    lab.advance(2)
    assert call.state == "ended"
    lab.at_rest()
