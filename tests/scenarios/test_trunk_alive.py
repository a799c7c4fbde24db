"""A bridged call lives as long as both its parties do."""

from __future__ import annotations

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


def talking(lab: Lab, anna: Phone, city: Provider, *extra: str, caller: tuple[str, ...] = ()) -> Call:
    """A call from Anna to the provider, answered with these further lines."""
    call = anna.invites("01701234567", *caller)
    lab.advance()
    city.call.answer(*extra)
    lab.advance()
    assert call.state == "answered"
    return call


def test_we_refresh_with_update_what_the_provider_wants_refreshed(lab: Lab, anna: Phone, city: Provider) -> None:
    call = talking(lab, anna, city, "Session-Expires: 100;refresher=uac", "Allow: INVITE, ACK, BYE, UPDATE")
    city.replies["UPDATE"] = (200, (b"Session-Expires: 100;refresher=uac",), b"")
    lab.advance(205)
    assert len(city.requests_of("UPDATE")) == 4
    assert city.requests_of("UPDATE")[0].get(b"session-expires") == b"100;refresher=uac"
    assert call.state == "answered"
    call.bye()
    lab.at_rest()


def test_or_with_an_invite_that_changes_nothing(lab: Lab, anna: Phone, city: Provider) -> None:
    call = talking(lab, anna, city, "Session-Expires: 100;refresher=uac", "Allow: INVITE, ACK, BYE")
    said = city.call.incoming.request.body
    lab.advance(51)
    assert city.call.reinvited.request.body == said
    lab.advance(200)
    assert call.state == "answered"
    city.call.bye()
    lab.at_rest()


def test_a_provider_that_does_not_refresh_is_gone(lab: Lab, anna: Phone, city: Provider) -> None:
    call = talking(lab, anna, city, "Session-Expires: 120;refresher=uas")
    lab.advance(85)
    assert call.state == "answered"
    lab.advance(5)
    assert call.why == "they hung up"
    assert city.call.why == "they hung up"
    lab.at_rest()


def test_a_phone_that_refreshes_stays(lab: Lab, anna: Phone, city: Provider) -> None:
    wish = ("Supported: timer", "Session-Expires: 120;refresher=uac")
    call = talking(lab, anna, city, caller=wish)
    assert call.invitation.final.get(b"session-expires") == b"120;refresher=uac"
    for _ in range(5):
        lab.advance(60)
        update = call.sends("UPDATE", *wish)
        lab.advance()
        assert update.status == 200
    assert call.state == "answered"
    lab.advance(100)
    assert call.why == "they hung up"
    lab.at_rest()


def test_who_knows_no_timers_is_asked(lab: Lab, anna: Phone, city: Provider) -> None:
    call = talking(lab, anna, city)
    lab.advance(1900)
    assert call.state == "answered"
    assert [one for one in city.requests_of("OPTIONS") if one.to.tag]
    assert [one for one in anna.requests_of("OPTIONS") if one.to.tag]
    anna.switches_off()
    lab.advance(940)
    assert city.call.why == "they hung up"
    lab.at_rest()


def test_a_party_that_lost_the_call_says_so(lab: Lab, anna: Phone, city: Provider) -> None:
    call = talking(lab, anna, city)
    city.calls.clear()  # it was started again
    lab.advance(910)
    assert call.why == "they hung up"
    lab.at_rest()


def test_a_refresh_that_crosses_an_offer_is_tried_again(lab: Lab, anna: Phone, city: Provider) -> None:
    call = talking(lab, anna, city, "Session-Expires: 100;refresher=uac", "Allow: INVITE, ACK, BYE, UPDATE")
    city.replies["UPDATE"] = (491, (), b"")
    lab.advance(52)
    city.replies["UPDATE"] = (200, (b"Session-Expires: 100;refresher=uac",), b"")
    lab.advance(100)
    assert call.state == "answered"
    call.bye()
    lab.at_rest()


def test_a_caller_who_wants_to_be_sure_acknowledges_the_ringing(lab: Lab, anna: Phone, city: Provider) -> None:
    """RFC 3262."""
    call = anna.invites("01701234567", "Require: 100rel")
    lab.advance(2)
    ringing = [one for one in call.invitation.responses if one.status == 180]
    assert len(ringing) == 3  # at once, after half a second, after another one
    number = ringing[0].get(b"rseq").decode()
    prack = call.sends("PRACK", f"RAck: {number} {call.invitation.cseq} INVITE")
    lab.advance(5)
    assert prack.status == 200
    assert len([one for one in call.invitation.responses if one.status == 180]) == 3
    city.call.answer()
    lab.advance()
    assert call.state == "answered"
    call.bye()
    lab.at_rest()


def test_so_does_a_provider(lab: Lab, anna: Phone, city: Provider) -> None:
    call = city.dials("+498912340", "Require: 100rel")
    lab.advance(1)
    ringing = [one for one in call.invitation.responses if one.status == 180]
    prack = call.sends("PRACK", f"RAck: {ringing[0].get(b'rseq').decode()} {call.invitation.cseq} INVITE")
    lab.advance()
    assert prack.status == 200
    call.cancel()
    lab.at_rest()


def test_a_provider_that_wants_to_be_sure_gets_a_prack(lab: Lab, anna: Phone, city: Provider) -> None:
    city.on_call = lambda call: call.ring(183, call.own_sdp, "Require: 100rel", "RSeq: 77")
    call = anna.invites("01701234567")
    lab.advance()
    assert [one.get(b"rack") for one in city.requests_of("PRACK")] == [b"77 1 INVITE"]
    city.call.answer()
    lab.advance()
    assert call.state == "answered"
    call.bye()
    lab.at_rest()


def test_a_longer_session_is_asked_for_when_it_must_be(lab: Lab, anna: Phone, city: Provider) -> None:
    city.on_call = lambda call: call.refuse(422, "Min-SE: 3600")
    anna.invites("01701234567")
    lab.advance(0.2)
    city.on_call = lambda call: call.ring()
    again = anna.invites("01701234567")
    lab.advance()
    assert again.state == "ringing"
    sent = [one for one in city.requests_of("INVITE") if one.get(b"session-expires") == b"3600"]
    assert sent
    assert sent[0].get(b"min-se") == b"3600"
    again.cancel()
    lab.at_rest()


def test_a_phone_that_knows_no_update_is_invited_again_with_what_it_was_offered(
    lab: Lab, anna: Phone, city: Provider
) -> None:
    call = city.dials("+498912340")
    lab.advance()
    anna.call.answer("Session-Expires: 100;refresher=uac", "Require: timer", "Allow: INVITE, ACK, BYE")
    lab.advance()
    offered = anna.call.incoming.request.body
    lab.advance(250)
    assert call.state == "answered"
    assert not anna.requests_of("UPDATE")
    assert anna.call.reinvited.request.body == offered
    call.bye()
    lab.at_rest()
