"""Phones transfer callers from outside, blind and after talking to somebody; the NOTIFYs say what happened."""

from __future__ import annotations

import re

import pytest
from lab import Lab, Phone, Provider
from lab.call import Call
from lab.provider import OFFICE


@pytest.fixture
def lab() -> Lab:
    return Lab(OFFICE)


@pytest.fixture
def city(lab: Lab) -> Provider:
    return Provider(lab)


def from_outside(lab: Lab, city: Provider, anna: Phone) -> Call:
    """A caller from outside who talks to Anna."""
    call = city.dials("+498912340", caller="+4930123456")
    lab.advance()
    anna.call.answer()
    lab.advance()
    assert call.state == "answered"
    return call


def told(phone: Phone) -> list[str]:
    """What the NOTIFYs said, in order."""
    bodies = [request.body.decode() for request in phone.requests_of("NOTIFY")]
    return [re.sub(r"^SIP/2.0 (\d+) .*\r\n$", r"\1", body) for body in bodies]


def refer_to(other: Call) -> str:
    """As a phone names its own call with somebody."""
    call_id = other.call_id.decode().replace("@", "%40")
    tags = f"%3Bto-tag%3D{other.remote_tag.decode()}%3Bfrom-tag%3D{other.local_tag.decode()}"
    return f"Refer-To: <{other.target.decode()}?Replaces={call_id}{tags}>"


def test_blind_to_a_colleague(lab: Lab, city: Provider, anna: Phone, carla: Phone) -> None:
    outside = from_outside(lab, city, anna)
    refer = anna.call.sends("REFER", "Refer-To: <sip:102@acme.example>")
    lab.advance()
    assert refer.status == 202
    assert told(anna) == ["100", "180"]
    assert carla.call.incoming.request.from_.uri == b"sip:+4930123456@acme.example"
    assert anna.call.state == "answered"
    carla.call.answer()
    lab.advance()
    assert told(anna)[-1] == "200"
    assert anna.requests_of("NOTIFY")[-1].get(b"subscription-state").startswith(b"terminated")
    assert anna.call.why == "they hung up"
    assert outside.state == "answered"
    assert carla.call.answers[-1]  # the answer to its own offer
    hold = carla.call.reinvite("sendonly")
    lab.advance()
    assert hold.status == 200
    carla.call.bye()
    lab.advance()
    assert outside.why == "they hung up"
    lab.at_rest()


def test_blind_and_the_phone_hangs_up_at_once(lab: Lab, city: Provider, anna: Phone, carla: Phone) -> None:
    outside = from_outside(lab, city, anna)
    anna.call.sends("REFER", "Refer-To: <sip:102@acme.example>")
    lab.advance(0.1)
    anna.call.bye()
    lab.advance()
    assert outside.state == "answered"
    carla.call.answer()
    lab.advance()
    assert outside.state == "answered"
    outside.bye()
    lab.advance()
    assert carla.call.why == "they hung up"
    lab.at_rest()


def test_blind_to_a_mobile(lab: Lab, city: Provider, anna: Phone) -> None:
    outside = from_outside(lab, city, anna)
    anna.call.sends("REFER", "Refer-To: <sip:01701234567@acme.example>")
    lab.advance()
    mobile = city.calls_in[-1]
    mobile.answer()
    lab.advance()
    assert told(anna)[-1] == "200"
    assert outside.state == "answered"
    assert len(next(iter(lab.switch.trunks)).channels) == 2
    mobile.bye()
    lab.advance()
    assert outside.why == "they hung up"
    lab.at_rest()


@pytest.mark.parametrize(("number", "status"), [("999", "404"), ("+442079460958", "403")])
def test_a_transfer_to_where_one_may_not_leaves_the_call(
    lab: Lab, city: Provider, anna: Phone, carla: Phone, number: str, status: str
) -> None:
    outside = city.dials("+498912341")
    lab.advance()
    carla.call.answer()
    lab.advance()
    carla.call.sends("REFER", f"Refer-To: <sip:{number}@acme.example>")
    lab.advance()
    assert told(carla) == ["100", status]
    assert (outside.state, carla.call.state) == ("answered", "answered")
    outside.bye()
    lab.at_rest()


def test_a_colleague_who_declines(lab: Lab, city: Provider, anna: Phone, carla: Phone) -> None:
    outside = from_outside(lab, city, anna)
    carla.on_call = lambda call: call.refuse(603)
    anna.call.sends("REFER", "Refer-To: <sip:102@acme.example>")
    lab.advance()
    assert told(anna) == ["100", "603"]
    assert (outside.state, anna.call.state) == ("answered", "answered")
    again = anna.call.reinvite("sendonly")
    lab.advance()
    assert again.status == 200
    anna.call.bye()
    lab.at_rest()


def test_the_caller_leaves_while_it_rings(lab: Lab, city: Provider, anna: Phone, carla: Phone) -> None:
    outside = from_outside(lab, city, anna)
    anna.call.sends("REFER", "Refer-To: <sip:102@acme.example>")
    lab.advance()
    outside.bye()
    lab.advance()
    assert carla.call.why == "cancelled"
    assert anna.call.state == "ended"
    lab.at_rest()


@pytest.mark.parametrize("named", ["by its contact", "by its number"])
def test_to_a_colleague_after_talking_to_her(lab: Lab, city: Provider, anna: Phone, carla: Phone, named: str) -> None:
    outside = from_outside(lab, city, anna)
    first = anna.call
    first.reinvite("sendonly")
    lab.advance()
    second = anna.invites("102")
    lab.advance()
    asked = carla.call
    asked.answer()
    lab.advance()
    target = refer_to(second)
    if named == "by its number":
        target = target.replace(second.target.decode(), "sip:102@acme.example")
    refer = first.sends("REFER", target)
    lab.advance()
    assert refer.status == 202
    replacing = carla.call
    assert replacing is not asked
    assert replacing.incoming.request.get(b"replaces").startswith(second.call_id)
    replacing.answer()
    asked.bye()
    lab.advance()
    assert told(anna)[-1] == "200"
    assert outside.state == "answered"
    replacing.bye()
    lab.advance()
    assert outside.why == "they hung up"
    lab.at_rest()


def test_to_a_colleague_whose_phone_knows_no_replaces(lab: Lab, city: Provider, anna: Phone, carla: Phone) -> None:
    """It rings once more instead."""
    outside = from_outside(lab, city, anna)
    first = anna.call
    second = anna.invites("102")
    lab.advance()
    asked = carla.call
    asked.answer()
    lab.advance()
    carla.on_call = lambda call: call.refuse(420) if call.incoming.request.has(b"replaces") else call.ring()
    first.sends("REFER", refer_to(second))
    lab.advance()
    again = carla.call
    assert not again.incoming.request.has(b"require")
    again.answer()
    lab.advance()
    assert told(anna)[-1] == "200"
    assert outside.state == "answered"
    asked.bye()
    again.bye()
    lab.advance()
    assert outside.why == "they hung up"
    lab.at_rest()


def test_two_calls_outside_become_one(lab: Lab, city: Provider, anna: Phone) -> None:
    outside = from_outside(lab, city, anna)
    first = anna.call
    second = anna.invites("01701234567")
    lab.advance()
    mobile = city.calls_in[-1]
    mobile.answer()
    lab.advance()
    refer = first.sends("REFER", refer_to(second))
    lab.advance(2)
    assert refer.status == 202
    assert told(anna)[-1] == "200"
    assert (outside.state, mobile.state) == ("answered", "answered")
    assert (first.state, second.state) == ("ended", "ended")
    hold = mobile.reinvite("sendonly")
    lab.advance()
    assert hold.status == 200
    outside.bye()
    lab.advance()
    assert mobile.why == "they hung up"
    lab.at_rest()


def test_a_colleague_takes_the_call_over(lab: Lab, city: Provider, anna: Phone, carla: Phone) -> None:
    outside = from_outside(lab, city, anna)
    theirs = anna.call
    replaces = (
        f"Replaces: {theirs.call_id.decode()};to-tag={theirs.remote_tag.decode()};from-tag={theirs.local_tag.decode()}"
    )
    taken = carla.invites("101", replaces, "Require: replaces", uri=theirs.target)
    lab.advance()
    assert taken.state == "answered"
    assert theirs.why == "they hung up"
    assert outside.state == "answered"
    outside.bye()
    lab.advance()
    assert taken.why == "they hung up"
    lab.at_rest()


def test_what_goes_to_the_provider_is_in_the_clear_whoever_began_it() -> None:
    """Phones that encrypt transfer a caller to one another: the caller's provider hears of none of it."""
    phones = "phones: {anna-desk: {srtp: require}, carla-home: {srtp: require}"
    lab = Lab(OFFICE.replace("phones: {anna-desk: {}, carla-home: {}", phones))
    anna, carla, city = lab.phone("anna-desk"), lab.phone("carla-home"), Provider(lab)
    outside = city.dials("+498912340")
    lab.advance()
    anna.call.answer()
    lab.advance()
    assert lab.media.transports == ["RTP/SAVP"]
    anna.call.sends("REFER", "Refer-To: <sip:102@acme.example>")
    lab.advance()
    carla.call.answer(body=carla.call.own_sdp.replace(b"RTP/AVP", b"RTP/SAVP"))
    lab.advance()
    assert outside.state == "answered"
    assert lab.media.transports[1:] == ["RTP/AVP"]
    outside.bye()
    lab.at_rest()


def test_a_provider_may_not_transfer(lab: Lab, city: Provider, anna: Phone) -> None:
    outside = from_outside(lab, city, anna)
    refer = outside.sends("REFER", "Refer-To: <sip:+442079460958@acme.example>")
    lab.advance()
    assert refer.status == 603
    outside.bye()
    lab.at_rest()


def test_blind_to_a_code(lab: Lab, city: Provider, anna: Phone) -> None:
    """The switch itself takes the call with an offer of its own, and either side ends it."""
    for ends in ("caller", "switch"):
        outside = from_outside(lab, city, anna)
        refer = anna.call.sends("REFER", "Refer-To: <sip:600@acme.example>")
        lab.advance(1)
        assert refer.status == 202
        assert told(anna)[-1] == "200"
        assert anna.call.why == "they hung up"
        assert outside.state == "answered"
        hold = outside.reinvite("sendonly")
        lab.advance()
        assert hold.status == 200
        assert len(lab.switch.legs) == 1
        if ends == "caller":
            outside.bye()
        else:
            lab.switch.legs.hang_up_all()
        lab.advance(1)
        assert outside.state == "ended"
        assert not len(lab.switch.legs)
        lab.at_rest()
