"""Keys over a trunk: telephone events for who knows them, INFO for who doesn't, whatever the other party uses."""

from __future__ import annotations

import re

import pytest
from lab import Lab, Phone, Provider
from lab.call import Call
from lab.provider import OFFICE

ALLOW = "Allow: INVITE, ACK, BYE, CANCEL, INFO, UPDATE"
RELAY = "Content-Type: application/dtmf-relay"


def events(body: bytes) -> str:
    """The payload type of telephone events in a description, "" for none."""
    found = re.search(rb"m=audio \d+ RTP/AVP([ \d]+)\r\n", body)
    named = re.search(rb"a=rtpmap:(\d+) telephone-event/8000", body)
    assert found is not None
    assert (named is not None) == any(int(number) > 90 for number in found[1].split())
    return named[1].decode() if named else ""


class Office:
    """Anna's phone and a provider, each with telephone events or without."""

    def __init__(self, style: str = "", *, phone: int = 0, provider: int = 0) -> None:
        text = OFFICE.replace("city: {peer: 198.51.100.7,", f"city: {{peer: 198.51.100.7, style: {{{style}}},")
        self.lab = Lab(text)
        self.anna: Phone = self.lab.phone("anna-desk")
        self.city = Provider(self.lab)
        self.anna.events, self.city.events = phone, provider

    def calls_out(self) -> tuple[Call, Call]:
        call = self.anna.invites("01701234567", ALLOW)
        self.lab.advance()
        self.city.call.answer()
        self.lab.advance()
        assert call.state == "answered"
        return call, self.city.call

    def called(self) -> tuple[Call, Call]:
        call = self.city.dials("+498912340")
        self.lab.advance()
        self.anna.call.answer(ALLOW)
        self.lab.advance()
        assert call.state == "answered"
        return self.anna.call, call

    def ends(self, call: Call) -> None:
        call.bye()
        self.lab.at_rest()


def test_both_know_events() -> None:
    office = Office(phone=101, provider=101)
    call, outer = office.calls_out()
    assert events(outer.incoming.request.body) == events(call.answers[-1]) == "101"
    assert not office.lab.media.taken
    info = call.sends("INFO", RELAY, body=b"Signal=5\r\nDuration=200\r\n")
    office.lab.advance()
    assert info.status == 200
    assert office.lab.media.pressed == [(call.local_tag.decode(), "5")]
    assert not office.city.requests_of("INFO")
    office.ends(call)


def test_a_phone_without_events_calls_a_provider_that_wants_them() -> None:
    office = Office(provider=101)
    call, outer = office.calls_out()
    assert events(outer.incoming.request.body) == "101"
    assert events(call.answers[-1]) == ""
    call.sends("INFO", RELAY, body=b"Signal=#\r\n")
    office.lab.advance()
    assert [key for _, key in office.lab.media.pressed] == ["#"]
    (taken,) = office.lab.media.taken
    office.lab.media.notices("dtmf", call.call_id, taken.encode(), key=b"7")
    office.lab.advance()
    (info,) = office.anna.requests_of("INFO")
    assert info.body.startswith(b"Signal=7\r\n")
    hold = call.reinvite("sendonly")
    office.lab.advance()
    assert events(hold.final.body) == ""
    assert events(outer.reinvited.request.body) == "101"
    back = outer.reinvite()
    office.lab.advance()
    assert back.status == 200
    office.ends(call)


def test_a_provider_calls_a_phone_without_events() -> None:
    office = Office(provider=96)
    inner, outer = office.called()
    assert events(inner.incoming.request.body) == "96"
    assert events(outer.answers[-1]) == "96"
    assert len(office.lab.media.taken) == 1
    inner.sends("INFO", "Content-Type: application/dtmf", body=b"3")
    office.lab.advance()
    assert [key for _, key in office.lab.media.pressed] == ["3"]
    office.ends(inner)


def test_a_provider_that_wants_info() -> None:
    office = Office("keys: info", phone=101, provider=101)
    call, outer = office.calls_out()
    assert events(outer.incoming.request.body) == ""
    assert events(call.answers[-1]) == "101"
    assert office.lab.media.taken == {call.local_tag.decode()}
    office.lab.media.notices("dtmf", call.call_id, call.local_tag, key=b"*")
    office.lab.advance()
    assert office.city.requests_of("INFO")[-1].body.startswith(b"Signal=*\r\n")
    outer.sends("INFO", RELAY, body=b"Signal=9\r\n")
    office.lab.advance()
    assert [key for _, key in office.lab.media.pressed] == ["9"]
    office.ends(call)


def test_a_provider_that_wants_info_calls() -> None:
    office = Office("keys: info", phone=101)
    inner, outer = office.called()
    assert events(inner.incoming.request.body) == "101"
    assert events(outer.answers[-1]) == ""
    assert len(office.lab.media.taken) == 1
    office.ends(inner)


@pytest.mark.parametrize(("phone", "provider"), [(0, 101), (101, 0), (0, 0)])
def test_as_they_come(phone: int, provider: int) -> None:
    office = Office("keys: as they come", phone=phone, provider=provider)
    call, outer = office.calls_out()
    assert events(outer.incoming.request.body) == ("101" if phone else "")
    assert events(call.answers[-1]) == ""
    info = call.sends("INFO", RELAY, body=b"Signal=5\r\n")
    office.lab.advance()
    assert info.status == 200
    assert len(office.city.requests_of("INFO")) == 1
    assert not office.lab.media.taken
    office.ends(call)


def test_what_is_no_key_is_passed_on() -> None:
    office = Office(phone=101, provider=101)
    call, _ = office.calls_out()
    call.sends("INFO", "Content-Type: application/media_control+xml", body=b"<media_control/>")
    office.lab.advance()
    assert len(office.city.requests_of("INFO")) == 1
    office.ends(call)


def test_after_a_transfer_keys_are_agreed_anew() -> None:
    office = Office(phone=101, provider=101)
    carla = office.lab.phone("carla-home")  # knows no events
    inner, outer = office.called()
    inner.sends("REFER", "Refer-To: <sip:102@acme.example>")
    office.lab.advance()
    carla.call.answer(ALLOW)
    office.lab.advance()
    assert outer.state == "answered"
    assert events(outer.reinvited.request.body) == "101"
    assert events(carla.call.answers[-1]) == ""
    assert len(office.lab.media.taken) == 1
    carla.call.sends("INFO", RELAY, body=b"Signal=1\r\n")
    office.lab.advance()
    assert [key for _, key in office.lab.media.pressed] == ["1"]
    carla.call.bye()
    office.lab.at_rest()
