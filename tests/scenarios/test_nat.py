"""Phones behind NAT, over TCP, behind an edge proxy: each is reached where it registered from."""

from __future__ import annotations

import pytest
from lab import Lab, Phone
from lab.wire import Nat


@pytest.fixture
def home(lab: Lab) -> Nat:
    return Nat(lab.wire, "198.51.100.7")


def test_a_phone_behind_nat_calls_and_is_called(lab: Lab, anna: Phone, home: Nat) -> None:
    carla = lab.phone("carla-home", nat=home)
    for caller, callee, number in ((anna, carla, "102"), (carla, anna, "101")):
        call = caller.invites(number)
        lab.advance()
        callee.call.answer()
        lab.advance()
        assert call.state == "answered"
        callee.call.bye()
        lab.advance()
        assert call.why == "they hung up"
    lab.at_rest()


def test_the_via_is_stamped_with_source_and_port(lab: Lab, home: Nat) -> None:
    carla = lab.phone("carla-home", nat=home, registered=False)
    registration = carla.registers()
    lab.advance()
    assert registration.final is not None
    assert registration.final.via.received == "198.51.100.7"
    assert b";rport=40000" in registration.final.via.raw


def test_both_behind_the_same_nat(lab: Lab, home: Nat) -> None:
    carla = lab.phone("carla-home", "10.1.1.10", nat=home)
    dario = lab.phone("dario-home", "10.1.1.11", nat=home)
    call = carla.invites("103")
    lab.advance()
    dario.call.answer()
    lab.advance()
    assert call.state == "answered"
    call.bye()
    lab.advance()
    assert dario.call.why == "they hung up"
    lab.at_rest()


def test_pings_keep_a_phone_behind_nat_and_any_answer_counts(lab: Lab, home: Nat) -> None:
    carla = lab.phone("carla-home", nat=home)
    carla.replies["OPTIONS"] = (501, (), b"")
    lab.advance(200)
    assert 7 <= len(carla.requests_of("OPTIONS")) <= 9
    assert len(list(lab.registrar.all(lab.clock.wall()))) == 1


def test_three_missed_pings_are_a_dead_phone(lab: Lab, home: Nat, anna: Phone) -> None:
    carla = lab.phone("carla-home", nat=home)
    lab.advance(30)
    carla.switches_off()
    lab.advance(60)
    assert len(list(lab.registrar.all(lab.clock.wall()))) == 2
    lab.advance(60)
    assert [one.account for one in lab.registrar.all(lab.clock.wall())] == ["anna-desk"]
    call = anna.invites("102")
    lab.advance()
    assert call.status == 480


def test_a_phone_without_nat_is_pinged_too(lab: Lab, anna: Phone, carla: Phone) -> None:
    """It may just tell its public address."""
    watch = carla.watches_over("101")
    lab.advance(100)
    assert len(anna.requests_of("OPTIONS")) == 4
    assert watch.note.startswith("Available")
    anna.switches_off()
    lab.advance(110)
    assert watch.note == "Offline"


def test_a_phone_over_tcp_calls_one_over_udp(lab: Lab, anna: Phone) -> None:
    carla = lab.phone("carla-home", tcp=True)
    for caller, callee, number in ((anna, carla, "102"), (carla, anna, "101")):
        call = caller.invites(number)
        lab.advance()
        callee.call.answer()
        lab.advance()
        assert call.state == "answered"
        call.bye()
        lab.advance()
        assert callee.call.why == "they hung up"
    lab.at_rest()


def test_a_closed_connection_is_noticed_at_once(lab: Lab, anna: Phone) -> None:
    carla = lab.phone("carla-home", tcp=True)
    assert carla.stream is not None
    carla.stream.close()
    lab.advance(0.1)
    call = anna.invites("102")
    lab.advance()
    assert call.status == 480
    assert not carla.calls


def test_a_connection_that_closes_while_it_rings_ends_the_attempt(lab: Lab, anna: Phone) -> None:
    carla = lab.phone("carla-home", tcp=True)
    call = anna.invites("102")
    lab.advance()
    assert call.state == "ringing"
    assert carla.stream is not None
    carla.stream.close()
    lab.advance(0.1)
    assert call.status == 480
    lab.at_rest()


def test_a_caller_whose_connection_closes_leaves_nobody_ringing(lab: Lab, anna: Phone) -> None:
    carla = lab.phone("carla-home", tcp=True)
    carla.invites("101")
    lab.advance()
    assert anna.call.state == "ringing"
    assert carla.stream is not None
    carla.stream.close()
    lab.advance(0.1)
    assert anna.call.why == "cancelled"
    lab.at_rest()


def test_a_bye_to_a_phone_that_is_gone_is_500(lab: Lab, anna: Phone) -> None:
    """A 503 would speak of us (RFC 3261 §16.7 step 6)."""
    carla = lab.phone("carla-home", tcp=True)
    call = anna.invites("102")
    lab.advance()
    carla.call.answer()
    lab.advance()
    assert carla.stream is not None
    carla.stream.close()
    lab.advance(0.1)
    bye = call.bye()
    lab.advance()
    assert bye.status == 500
    lab.at_rest()


def test_a_phone_that_connects_anew_in_a_call_is_found(lab: Lab, anna: Phone) -> None:
    carla = lab.phone("carla-home", tcp=True)
    call = anna.invites("102")
    lab.advance()
    carla.call.answer()
    lab.advance()
    assert carla.stream is not None
    carla.stream.close()
    lab.advance(0.1)
    carla.registers()
    lab.advance()
    call.bye()
    lab.advance()
    assert carla.call.why == "they hung up"
    lab.at_rest()


def test_a_contact_on_another_port_is_reached_there(lab: Lab, anna: Phone) -> None:
    """A phone without NAT that sends from one port and listens on another (RFC 3261 §18.1.1)."""
    carla = lab.phone("carla-home", registered=False)
    lab.wire.ends[carla.host, 5070] = lambda data, source: carla._datagram(data, source)
    carla.registers(contact=b"<sip:carla-home@%b:5070>" % carla.host.encode())
    lab.advance()
    anna.invites("102")
    lab.advance()
    assert carla.call.state == "ringing"
    assert any(to == f"{carla.host}:5070" for _, _, to, _ in lab.wire.trace)


def test_a_large_message_over_udp_reaches_the_phone_by_udp(lab: Lab, anna: Phone, carla: Phone) -> None:
    """A registered contact is reached over the flow it registered from, whatever the size."""
    body = b"x" * 20_000
    message = anna.sends("MESSAGE", "102", body=body)
    lab.advance()
    assert message.status == 200
    assert carla.requests_of("MESSAGE")[0].body == body


def test_a_phone_behind_an_edge_proxy_with_path(lab: Lab, anna: Phone) -> None:
    """RFC 3327: the INVITE has the Path as its Route, and goes to the edge."""
    edge = lab.phone("carla-home", registered=False)
    edge.registers(
        7200,
        "Path: <sip:edge@192.0.2.99;lr>",
        "Supported: path",
        contact=b"<sip:carla@10.9.9.9:5062>",
    )
    lab.advance()
    anna.invites("102")
    lab.advance()
    invite = edge.requests_of("INVITE")[0]
    assert invite.uri == b"sip:carla@10.9.9.9:5062"
    assert invite.values(b"route") == [b"<sip:edge@192.0.2.99;lr>"]


def test_an_answer_goes_to_the_port_of_the_via_when_it_does_not_ask_for_rport(lab: Lab) -> None:
    """An old client without rport that sends from another port than it listens on (RFC 3261 §18.2.2)."""
    heard: list[bytes] = []
    lab.wire.ends["192.0.2.50", 5070] = lambda data, source: heard.append(data)
    data = (
        b"OPTIONS sip:acme.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.50:5070;branch=z9hG4bKx\r\n"
        b"From: <sip:a@b>;tag=1\r\nTo: <sip:acme.example>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n"
    )
    lab.wire.send(data, ("192.0.2.50", 33333), ("192.0.2.1", 5060))
    lab.advance()
    assert heard
