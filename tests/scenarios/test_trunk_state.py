"""Trunks that register, are watched, and stop asking who refuses them."""

from __future__ import annotations

import re

import pytest
from lab import Lab, Provider
from lab.exchange import Incoming
from lab.lab import listener

from softswitch.sip.message import Request
from softswitch.trunks.line import Line

OFFICE = """
site: {domain: acme.example, timezone: Europe/Berlin, country: DE}
people:
  anna: {number: 101, places: {office: {phone: anna-desk}}}
phones: {anna-desk: {}}
trunks:
  city: {registrar: sip.provider.example, user: acme, login: acme-7, secret: city, number: +49 89 1234}
numbers: {+49 89 12340: anna}
outside:
  - {dial: + *, via: city}
"""


class Registrar(Provider):
    """A provider that wants a REGISTER."""

    def __init__(self, lab: Lab, *, tcp: bool = False) -> None:
        super().__init__(lab, listener=lab.listeners[tcp])
        self.expires = 600
        self.status = 0
        self.minimum = 0
        self.public: tuple[str, int] | None = None
        """Where requests seem to come from."""
        self.knows_options = True
        lab.resolver.names[b"sip.provider.example"] = [("TCP" if tcp else "UDP", self.host, 5060)]

    def answer(self, data: bytes, request: Request) -> None:
        """With `received` and `rport` in the Via, as RFC 3581 wants."""
        if self.public is not None:
            seen = b";rport=%d;received=%b" % (self.public[1], self.public[0].encode())
            data = re.sub(rb";rport(=\d+)?(;received=[^;\r]+)?", seen, data, count=1)
        super().answer(data, request)

    def _request(self, incoming: Incoming) -> None:
        request = incoming.request
        if request.method == b"OPTIONS" and not self.knows_options:
            return
        if request.method != b"REGISTER":
            super()._request(incoming)
        elif self.status:
            incoming.reply(self.status)
        elif request.get(b"authorization") is None:
            challenge = b'WWW-Authenticate: Digest realm="r", nonce="n%b", algorithm=SHA-256, qop="auth"'
            incoming.reply(401, (challenge % self.lab.word(),))
        elif self.minimum and int(request.get(b"expires")) < self.minimum:
            incoming.reply(423, (b"Min-Expires: %d" % self.minimum,))
        else:
            contact = request.get(b"contact")
            incoming.reply(200, (b"Contact: %b;expires=%d" % (contact, self.expires),))


@pytest.fixture
def lab() -> Lab:
    return Lab(OFFICE)


@pytest.fixture
def registrar(lab: Lab) -> Registrar:
    return Registrar(lab)


def line_of(lab: Lab) -> Line:
    (line,) = lab.switch.trunks
    return line


def test_it_registers_and_stays_registered(lab: Lab, registrar: Registrar) -> None:
    lab.advance(2)
    assert line_of(lab).state == "up"
    first = registrar.requests_of("REGISTER")[-1]
    assert first.to.uri == b"sip:acme@sip.provider.example"
    assert b'username="acme-7"' in first.get(b"authorization")
    before = len(registrar.requests_of("REGISTER"))
    lab.advance(600)
    assert line_of(lab).state == "up"
    assert len(registrar.requests_of("REGISTER")) == before + 2  # a challenge and an answer
    assert len({request.call_id for request in registrar.requests_of("REGISTER")}) == 1


def test_calls_go_both_ways_over_it(lab: Lab, registrar: Registrar) -> None:
    lab.advance(2)
    anna = lab.phone("anna-desk")
    call = anna.invites("+442079460958")
    lab.advance()
    assert registrar.call.incoming.request.uri == b"sip:+442079460958@sip.provider.example"
    registrar.call.answer()
    lab.advance()
    call.bye()
    lab.advance()
    into = registrar.invites("sip:acme@192.0.2.1", sender="<sip:+4930123@provider.example>", uri=b"sip:acme@192.0.2.1")
    lab.advance()
    assert into.status == 404  # the account alone is nobody's number
    into = registrar.invites(
        "sip:+498912340@sip.provider.example", sender="<sip:+4930123@provider.example>", uri=b"sip:acme@192.0.2.1"
    )
    lab.advance()
    anna.call.answer()
    lab.advance()
    assert into.state == "answered"
    into.bye()
    lab.at_rest()


def test_a_host_that_falls_silent_gives_way_to_the_other_one_of_the_same_trunk(lab: Lab, registrar: Registrar) -> None:
    lab.resolver.names[b"sip.provider.example"].append(("UDP", "198.51.100.9", 5060))
    other = Provider(lab, "198.51.100.9")
    lab.advance(2)
    anna = lab.phone("anna-desk")
    registrar.silent = True
    call = anna.invites("+442079460958")
    lab.advance(4.5)
    other.call.answer()
    lab.advance()
    assert call.state == "answered"
    assert line_of(lab).state == "up"
    other.call.bye()
    lab.at_rest()


def test_it_takes_a_longer_time_when_it_must(lab: Lab, registrar: Registrar) -> None:
    registrar.minimum, registrar.expires = 3600, 3600
    lab.advance(2)
    assert line_of(lab).state == "up"
    assert registrar.requests_of("REGISTER")[-1].get(b"expires") == b"3600"


def test_who_refuses_us_is_asked_a_few_times_only(lab: Lab, registrar: Registrar) -> None:
    registrar.status = 403
    lab.advance(3600)
    assert line_of(lab).state == "down"
    assert "refused the account acme" in line_of(lab).detail
    assert len(registrar.requests_of("REGISTER")) == 3
    lab.switch.use_plans(lab.plans)
    registrar.status = 0
    lab.advance(2)
    assert line_of(lab).state == "up"


def test_a_wrong_secret_is_not_hammered(lab: Lab, registrar: Registrar) -> None:
    registrar.status = 401
    lab.advance(3600)
    assert len(registrar.requests_of("REGISTER")) == 3


def test_a_provider_that_is_away_is_asked_after_a_growing_while(lab: Lab, registrar: Registrar) -> None:
    lab.advance(2)
    registrar.deaf = True
    lab.advance(3600)
    assert line_of(lab).state == "down"
    tries = {cseq for cseq in re.findall(rb"CSeq: (\d+) REGISTER", b"".join(lab.to(registrar)))}
    assert 5 < len(tries) < 20
    registrar.deaf = False
    lab.advance(800)
    assert line_of(lab).state == "up"


def test_a_stop_leaves_the_registrar(lab: Lab, registrar: Registrar) -> None:
    lab.advance(2)
    lab.switch.drain()
    lab.advance(2)
    assert registrar.requests_of("REGISTER")[-1].get(b"expires") == b"0"


def test_a_peer_that_falls_silent_and_comes_back(lab: Lab) -> None:
    lab = Lab(OFFICE.replace("registrar: sip.provider.example", "peer: 198.51.100.7"))
    provider = Provider(lab)
    lab.advance(2)
    assert line_of(lab).state == "up"
    provider.deaf = True
    lab.advance(80)
    assert line_of(lab).state == "down"
    provider.deaf = False
    lab.advance(40)
    assert line_of(lab).state == "up"
    provider.replies["OPTIONS"] = (503, (), b"")
    lab.advance(80)
    assert line_of(lab).state == "down"
    assert "503" in line_of(lab).last_failure


def registrations(registrar: Registrar) -> list[Request]:
    """Those with proof."""
    return [one for one in registrar.requests_of("REGISTER") if one.has(b"authorization")]


def test_a_changed_address_registers_again(lab: Lab, registrar: Registrar) -> None:
    """The office has another address from its network's provider; OPTIONS shows it within a minute or so."""
    registrar.public = ("203.0.113.5", 5060)
    lab.advance(100)
    assert len(registrations(registrar)) == 1
    registrar.public = ("203.0.113.77", 1027)
    lab.advance(90)
    assert len(registrations(registrar)) == 2
    lab.advance(100)
    assert len(registrations(registrar)) == 2
    assert line_of(lab).state == "up"


def test_a_registrar_that_stops_answering_is_asked_at_once(lab: Lab, registrar: Registrar) -> None:
    lab.advance(100)
    assert len(registrations(registrar)) == 1
    registrar.knows_options = False
    lab.advance(120)
    assert len(registrations(registrar)) >= 2
    assert line_of(lab).state == "up"


def test_a_registrar_that_never_answers_options_is_left_alone(lab: Lab, registrar: Registrar) -> None:
    registrar.knows_options = False
    lab.advance(400)
    assert len(registrations(registrar)) == 1


def test_behind_a_router_the_address_that_the_registrar_sees_is_registered() -> None:
    lab = Lab(OFFICE, listeners=[listener(0, host="10.0.0.5")])
    registrar = Registrar(lab)
    registrar.public = ("203.0.113.5", 40001)
    lab.advance(2)
    first, second = registrations(registrar)
    assert first.get(b"contact") == b"<sip:acme@10.0.0.5:5060>"
    assert second.get(b"contact") == b"<sip:acme@203.0.113.5:40001>, <sip:acme@10.0.0.5:5060>;expires=0"
    lab.advance(400)
    assert len(registrations(registrar)) == 2
    anna = lab.phone("anna-desk", host="10.0.0.20")
    call = anna.invites("+442079460958")
    lab.advance()
    assert registrar.call.incoming.request.get(b"contact") == b"<sip:acme@203.0.113.5:40001>"
    call.cancel()
    lab.at_rest()


def test_a_router_that_has_a_new_port_each_time_is_not_followed_for_ever() -> None:
    lab = Lab(OFFICE, listeners=[listener(0, host="10.0.0.5")])
    registrar = Registrar(lab)
    ports = iter(range(40_000, 50_000))
    asked = registrar.answer

    def answer(data: bytes, request: Request) -> None:
        registrar.public = ("203.0.113.5", next(ports))
        asked(data, request)

    registrar.answer = answer  # type: ignore[method-assign]
    lab.advance(60)
    assert len(registrations(registrar)) <= 2


def test_a_connection_that_closes_is_made_anew_at_once() -> None:
    lab = Lab(OFFICE)
    registrar = Registrar(lab, tcp=True)
    lab.advance(2)
    assert line_of(lab).state == "up"
    (stream,) = lab.wire.streams.values()
    stream.close()
    lab.advance(3)
    assert len(registrations(registrar)) == 2
    assert line_of(lab).state == "up"


def test_all_numbers_are_registered_at_once() -> None:
    """RFC 6140: one registration for every number; calls come for each in the request's address."""
    lab = Lab(OFFICE.replace("secret: city,", "secret: city, style: {register: all numbers},"))
    registrar = Registrar(lab)
    lab.advance(2)
    (request,) = registrations(registrar)
    assert request.get(b"contact") == b"<sip:192.0.2.1:5060;bnc>"
    assert request.get(b"require") == request.get(b"proxy-require") == b"gin"
    assert line_of(lab).detail == "registered for 600 s"
    anna = lab.phone("anna-desk")
    into = registrar.dials("+498912340")
    lab.advance()
    anna.call.answer()
    lab.advance()
    assert into.state == "answered"
    into.bye()
    lab.at_rest()


def test_a_registrar_that_knows_no_such_registration_is_named() -> None:
    lab = Lab(OFFICE.replace("secret: city,", "secret: city, style: {register: all numbers},"))
    Registrar(lab).status = 420
    lab.advance(2)
    assert "register: all numbers" in line_of(lab).last_failure


def test_why_there_is_no_connection_is_said() -> None:
    lab = Lab(OFFICE)
    lab.resolver.names[b"sip.provider.example"] = [("TCP", "198.51.100.7", 5061)]
    lab.wire.reason = "certificate not accepted: certificate has expired"
    lab.advance(2)
    assert line_of(lab).last_failure == "no connection to it: certificate not accepted: certificate has expired"
