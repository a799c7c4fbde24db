"""A number that can't be called: the phone hears why, and the record has it."""

from __future__ import annotations

import pytest
from lab import Lab, Phone, Provider

from softswitch.media.engine import MediaFailed

OFFICE = """
site: {domain: acme.example, timezone: Europe/Berlin, country: DE}
people:
  anna: {number: 101, places: {office: {phone: anna-desk}}}
  carla: {number: 102, places: {home: {phone: carla-home}}}
phones: {anna-desk: {}, carla-home: {}, gate: {gateway: yes}}
trunks: {city: {peer: 198.51.100.7, number: +49 89 1234}}
outside: [{dial: +49 *, via: city, may: anna}]
"""


@pytest.fixture
def lab() -> Lab:
    return Lab(OFFICE)


@pytest.fixture
def anna(lab: Lab) -> Phone:
    return lab.phone("anna-desk")


@pytest.mark.parametrize(
    ("dialled", "fault"),
    [
        ("0891", "it is too short"),
        ("+49891234567890123456", "it is too long"),
        ("+9990123456", "there is no such country code"),
        ("12345678", "its area code is missing"),
    ],
)
def test_a_number_that_is_none(lab: Lab, anna: Phone, dialled: str, fault: str) -> None:
    call = anna.invites(dialled)
    lab.advance()
    assert call.state == "ringing"
    assert len(call.early) == 1  # early sound
    assert lab.media.said[-1] == ["wrong number"]
    lab.advance(10)
    assert call.status == 404
    (record,) = lab.records()
    assert (record.outcome, record.status) == ("refused", 404)
    assert f"{dialled} can't be called outside: {fault}" in str(record.steps)
    lab.at_rest()


def test_who_may_not_call_there_hears_it_too(lab: Lab) -> None:
    call = lab.phone("carla-home").invites("01701234567")
    lab.advance()
    assert lab.media.said[-1] == ["not allowed"]
    lab.advance(10)
    assert call.status == 403
    lab.at_rest()


def test_who_has_heard_enough_hangs_up(lab: Lab, anna: Phone) -> None:
    call = anna.invites("0891")
    lab.advance()
    call.cancel()
    lab.advance()
    assert call.status == 487
    lab.at_rest()


def test_without_sound_the_refusal_comes_at_once(lab: Lab, anna: Phone) -> None:
    lab.media.fails = MediaFailed(503, "")
    call = anna.invites("0891")
    lab.advance()
    assert call.status == 404
    late = anna.invites("0891", late_offer=True)
    lab.advance()
    assert late.status == 404
    insists = anna.invites("0891", "Require: 100rel")
    lab.advance()
    assert insists.status == 404
    lab.at_rest()


def test_an_extension_that_nobody_has_is_refused_as_ever(lab: Lab, anna: Phone) -> None:
    call = anna.invites("999")
    lab.advance()
    assert call.status == 404
    lab.at_rest()


def test_the_switch_stops_meanwhile(lab: Lab, anna: Phone) -> None:
    call = anna.invites("0891")
    lab.advance()
    lab.switch.drain()
    lab.advance()
    assert call.state == "ended"


def test_a_provider_is_refused_without_a_word(lab: Lab) -> None:
    call = Provider(lab).dials("+4989777")
    lab.advance()
    assert call.status == 404
    lab.at_rest()
