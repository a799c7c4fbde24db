"""Calls that are parked and taken again, and calls that a colleague picks up."""

from __future__ import annotations

import pytest
from lab import Lab, Phone, Provider
from lab.lab import OFFICE

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
