"""Who is shown over a trunk, in both directions: privacy, forwarded calls, and a provider that is strict."""

from __future__ import annotations

import pytest
from lab import Lab, Phone, Provider
from lab.call import Call

OFFICE = """
site: {domain: acme.example, timezone: Europe/Berlin, country: DE}
people:
  anna:
    number: 101
    places: {office: {phone: anna-desk}}
  carla: {number: 102, places: {home: {phone: carla-home}}, calls: [{ring: 0170 1234567}]}
teams:
  service team: {number: 200, members: [anna], for: 1s, then: carla}
phones: {anna-desk: {}, carla-home: {}}
trunks: {city: {peer: 198.51.100.7, user: acme, number: +49 89 1234 @LIKE@}}
numbers: {+49 89 12340: anna, +49 89 12341: carla, +49 89 12342: service team}
outside: [{dial: [110, 112], via: city, emergency: yes}, {dial: + *, via: city}]
"""


def office(like: str = "") -> tuple[Lab, Phone, Provider]:
    lab = Lab(OFFICE.replace("@LIKE@", f", like: {like}" if like else ""))
    return lab, lab.phone("anna-desk"), Provider(lab)


@pytest.mark.parametrize("hides", ["Privacy: id", "Privacy: user;id", "Privacy: header, critical"])
@pytest.mark.parametrize(
    ("like", "sender", "field"),
    [
        ("", b"sip:+498912340@198.51.100.7", b""),  # the provider has to hide it: it wants to read it there
        ("account in From", b"sip:anonymous@anonymous.invalid", b"p-preferred-identity"),
        ("asserted", b"sip:anonymous@anonymous.invalid", b"p-asserted-identity"),
        ("gateway", b"sip:anonymous@anonymous.invalid", b"remote-party-id"),
    ],
)
def test_a_hidden_caller_is_known_to_the_provider_alone(hides: str, like: str, sender: bytes, field: bytes) -> None:
    lab, anna, city = office(like)
    call = anna.invites("01701234567", hides)
    lab.advance()
    request = city.call.incoming.request
    assert request.from_.uri == sender
    assert request.get(b"privacy") == b"id"
    if field:
        assert b"8912340" in (request.get(field) or b"")
    call.cancel()
    lab.at_rest()


def test_a_caller_with_no_number_in_from_is_hidden_too() -> None:
    lab, anna, city = office("asserted")
    call = anna.invites("01701234567", sender="<sip:anonymous@anonymous.invalid>")
    lab.advance()
    assert city.call.incoming.request.get(b"privacy") == b"id"
    call.cancel()
    lab.at_rest()


@pytest.mark.parametrize(
    ("extra", "shown"),
    [
        (["P-Asserted-Identity: <sip:+4930777@provider.example>"], b"sip:+4930777@acme.example"),
        (["P-Asserted-Identity: <tel:+4930777>", "Privacy: none"], b"sip:+4930777@acme.example"),
        (["P-Asserted-Identity: <sip:+4930777@x>", "Privacy: id"], b"sip:anonymous@anonymous.invalid"),
        (["P-Asserted-Identity: <sip:+4930777@x>", "Privacy: user"], b"sip:anonymous@anonymous.invalid"),
        (["P-Asserted-Identity: garbage"], b"sip:+4930123@acme.example"),
        ([], b"sip:+4930123@acme.example"),
    ],
)
def test_who_calls_in(extra: list[str], shown: bytes) -> None:
    lab, anna, city = office()
    call = city.dials("+498912340", *extra)
    lab.advance()
    request = anna.call.incoming.request
    assert request.from_.uri == shown
    for field in (b"p-asserted-identity", b"remote-party-id", b"privacy"):
        assert not request.has(field)
    call.cancel()
    lab.at_rest()


def test_who_is_no_trunk_is_not_believed() -> None:
    lab, anna, _ = office()
    stranger = Provider(lab, "203.0.113.9")
    call = stranger.dials("+498912340", "P-Asserted-Identity: <sip:+4930777@provider.example>")
    lab.advance()
    assert call.status in (401, 407)
    assert not anna.calls


def strict(call: Call) -> None:
    """A provider that knows only the firm's own numbers."""
    assert call.incoming is not None
    if b"+49891234" in call.incoming.request.from_.uri:
        call.ring()
    else:
        call.refuse(403)


@pytest.mark.parametrize(("called", "forwarder"), [("+498912341", b"+498912341"), ("+498912342", b"+498912341")])
def test_a_number_that_the_trunk_forbids_is_replaced(called: str, forwarder: bytes) -> None:
    """The caller of a forwarded call: shown where it may be, else the forwarder's own number is."""
    lab, _, city = office()
    call = city.dials(called)
    city.on_call = strict
    lab.advance(3)
    assert call.state == "ringing"
    tried = [one.incoming.request for one in city.calls_in if one.incoming]
    assert [one.from_.uri for one in tried] == [b"sip:+4930123@198.51.100.7", b"sip:%b@198.51.100.7" % forwarder]
    assert all(forwarder in (one.get(b"diversion") or b"") for one in tried)
    city.call.answer()
    lab.advance()
    assert call.state == "answered"
    call.bye()
    lab.at_rest()


def test_who_is_refused_with_her_own_number_is_refused() -> None:
    lab, anna, city = office()
    city.on_call = lambda call: call.refuse(403)
    call = anna.invites("01701234567")
    lab.advance()
    assert call.status == 403
    assert len(city.calls_in) == 1
    lab.at_rest()
