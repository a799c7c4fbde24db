"""Requests within a dialog: by the route set alone, from its parties alone, whatever transports lie between."""

from __future__ import annotations

import pytest
from lab import Lab, Phone
from lab.call import Call
from lab.lab import listener
from lab.wire import Nat


def talk(lab: Lab, caller: Phone, callee: Phone, number: str, **options: object) -> Call:
    """An answered call, as the caller has it."""
    call = caller.invites(number, **options)  # type: ignore[arg-type]
    lab.advance()
    callee.call.answer()
    lab.advance()
    assert call.state == callee.call.state == "answered"
    return call


def hangs_up_both_ways(lab: Lab, one: Phone, other: Phone) -> None:
    info = other.call.sends("INFO")
    lab.advance()
    assert info.status == 200
    bye = one.call.bye()
    lab.advance()
    assert bye.status == 200
    assert other.call.why == "they hung up"


# -- Record-Route (RFC 3261 §16.6 step 4, RFC 5658)


def test_one_record_route_when_nothing_changes(lab: Lab, anna: Phone, carla: Phone) -> None:
    call = talk(lab, carla, anna, "101")
    assert len(call.routes) == len(anna.call.routes) == 1
    assert b"@192.0.2.1:5060;lr>" in call.routes[0]
    hangs_up_both_ways(lab, carla, anna)


def test_two_between_udp_and_tcp(lab: Lab, anna: Phone) -> None:
    carla = lab.phone("carla-home", tcp=True)
    call = talk(lab, carla, anna, "101")
    assert [b"transport=tcp" in route for route in call.routes] == [True, False]
    assert [b"transport=tcp" in route for route in anna.call.routes] == [False, True]
    hangs_up_both_ways(lab, carla, anna)
    hangs_up_both_ways(lab, anna, talk(lab, anna, carla, "102").phone and carla)


def test_two_between_ipv4_and_ipv6() -> None:
    lab = Lab(listeners=(listener(0), listener(1, host="2001:db8::1")))
    anna = lab.phone("anna-desk", "2001:db8::20", listener=lab.listeners[1])
    carla = lab.phone("carla-home")
    call = talk(lab, carla, anna, "101")
    assert [b"[2001:db8::1]" in route for route in call.routes] == [False, True]
    hangs_up_both_ways(lab, carla, anna)
    lab.at_rest()


def test_two_networks_with_an_advertised_address() -> None:
    """An office LAN, and a public address behind 1:1 NAT: the usual firm."""
    lab = Lab(
        listeners=(
            listener(0, host="10.0.0.1", network="office-lan"),
            listener(1, host="172.16.0.1", network="internet", advertised="198.51.100.1"),
        )
    )
    anna = lab.phone("anna-desk", "10.0.0.20")
    carla = lab.phone("carla-home", "203.0.113.50", listener=lab.listeners[1])
    call = talk(lab, carla, anna, "101")
    assert b"@198.51.100.1:5060;lr>" in call.routes[0]
    assert b"@10.0.0.1:5060;lr>" in call.routes[1]
    assert b"172.16.0.1" not in b"".join(data for _, _, _, data in lab.wire.trace)
    assert anna.requests_of("INVITE")[0].via.host == b"10.0.0.1"
    offers = [(network, source) for what, _, network, source in lab.media.asked if what == "offer"]
    answers = [(network, source) for what, _, network, source in lab.media.asked if what == "answer"]
    assert offers == [("office-lan", "203.0.113.50")]
    assert answers == [("internet", "10.0.0.20")]
    hangs_up_both_ways(lab, carla, anna)
    lab.at_rest()


# -- strict routers (RFC 3261 §16.4, §16.12.1.2)


def test_a_strict_router_before_us(lab: Lab, anna: Phone, carla: Phone) -> None:
    """It put our Record-Route into the Request-URI and the target behind the Route set."""
    call = talk(lab, carla, anna, "101")
    route = call.routes[0]
    target = call.target
    call.routes = [b"<" + target + b">"]
    info = call.sends("INFO", uri=route.strip(b"<>"))
    lab.advance()
    assert info.status == 200
    assert anna.requests_of("INFO")[0].uri == target
    assert not anna.requests_of("INFO")[0].has(b"route")


def test_a_preloaded_route_to_us_comes_off(lab: Lab, anna: Phone, carla: Phone) -> None:
    carla.route = "<sip:192.0.2.1;lr>"
    call = talk(lab, carla, anna, "101")
    assert not anna.requests_of("INVITE")[0].has(b"route")
    call.bye()
    lab.at_rest()


# -- whose dialog it is


def token_of(call: Call) -> bytes:
    return call.routes[0].partition(b":")[2].partition(b"@")[0]


def steal(lab: Lab, call: Call, thief: Phone, method: str = "BYE", **change: object) -> int:
    """The thief sends a request of this call's; the status he gets."""
    for name, value in change.items():
        setattr(call, name, value)
    call.phone, phone = thief, call.phone
    exchange = call.sends(method)
    lab.advance(2)
    exchange.stop()
    call.phone = phone
    return exchange.status


def test_a_stranger_with_a_stolen_token_is_challenged(lab: Lab, anna: Phone, carla: Phone) -> None:
    call = talk(lab, carla, anna, "101")
    thief = lab.phone("nobody", registered=False, password="")
    assert steal(lab, call, thief) == 407
    assert anna.call.state == "answered"
    call.bye()
    lab.at_rest()


def test_a_forged_token_or_none_is_481(lab: Lab, anna: Phone, carla: Phone) -> None:
    call = talk(lab, carla, anna, "101")
    thief = lab.phone("nobody", registered=False, password="")
    good = call.routes
    token = token_of(call)
    forged = token[:-4] + (b"AAAA" if token[-4:] != b"AAAA" else b"BBBB")
    assert steal(lab, call, thief, routes=[good[0].replace(token, forged)]) == 481
    assert steal(lab, call, thief, routes=[good[0].replace(token + b"@", b"")]) == 481
    assert steal(lab, call, thief, routes=[]) == 481
    assert steal(lab, call, carla, routes=[]) == 481
    assert anna.call.state == "answered"


def test_the_token_of_another_call_is_481(lab: Lab, anna: Phone, carla: Phone, dario: Phone) -> None:
    """Also from one of its own parties: the token is of that dialog and no other."""
    first = talk(lab, carla, anna, "101")
    second = talk(lab, dario, carla, "102")
    good = first.routes
    assert steal(lab, first, carla, routes=second.routes) == 481
    first.routes = good
    assert steal(lab, first, carla) == 200


def test_a_phone_that_moved_authenticates(lab: Lab, anna: Phone, carla: Phone) -> None:
    call = talk(lab, carla, anna, "101")
    del lab.wire.ends[carla.host, carla.port]
    carla.host = "192.0.2.150"
    lab.wire.ends[carla.host, carla.port] = carla._datagram
    bye = call.bye()
    lab.advance()
    assert bye.status == 200
    assert lab.switch.counters.bugs == 0
    assert anna.call.why == "they hung up"
    lab.at_rest()


def test_a_phone_whose_nat_forgot_it_hangs_up(lab: Lab, anna: Phone) -> None:
    home = Nat(lab.wire, "198.51.100.7")
    carla = lab.phone("carla-home", nat=home)
    call = talk(lab, carla, anna, "101")
    home.forget()
    call.bye()
    lab.advance()
    assert anna.call.why == "they hung up"
    lab.at_rest()


# -- a restart


@pytest.mark.parametrize("tcp", [False, True])
def test_after_a_restart_a_call_can_be_hung_up(tcp: bool) -> None:
    lab = Lab()
    anna, carla = lab.phone("anna-desk"), lab.phone("carla-home", tcp=tcp)
    talk(lab, carla, anna, "101")
    if carla.stream is not None:
        carla.stream.close()
        lab.advance(0.1)
    lab.starts_switch()
    carla.registers()
    lab.advance()
    bye = anna.call.bye()
    lab.advance()
    assert bye.status == 200
    assert carla.call.why == "they hung up"
    assert lab.media.ports == 0
    lab.at_rest()


def test_with_another_key_old_calls_are_strangers(lab: Lab, anna: Phone, carla: Phone) -> None:
    call = talk(lab, carla, anna, "101")
    lab.token_key = b"another" * 5
    lab.starts_switch()
    bye = call.bye()
    lab.advance()
    assert bye.status == 481


# -- other domains


def test_a_call_to_another_domain_and_back_in_dialog() -> None:
    lab = Lab(outside_domains=True)
    carla = lab.phone("carla-home")
    far = lab.phone("bob", "198.51.100.77", registered=False, site="elsewhere.example", password="")
    lab.resolver.names[b"elsewhere.example"] = [("UDP", "198.51.100.77", 5060)]
    call = talk(lab, carla, far, "sip:bob@elsewhere.example")
    assert far.requests_of("INVITE")[0].uri == b"sip:bob@elsewhere.example"
    bye = far.call.bye()
    lab.advance()
    assert bye.status == 200
    assert call.why == "they hung up"
    lab.at_rest()


def test_the_next_address_is_tried_when_the_first_is_dead() -> None:
    lab = Lab(outside_domains=True)
    carla = lab.phone("carla-home")
    far = lab.phone("bob", "198.51.100.77", registered=False, site="elsewhere.example", password="")
    lab.resolver.names[b"elsewhere.example"] = [("UDP", "198.51.100.76", 5060), ("UDP", "198.51.100.77", 5060)]
    carla.invites("sip:bob@elsewhere.example")
    lab.advance(33)
    assert far.call.state == "ringing"
    assert lab.media.ports == 2
    far.call.refuse(486)
    lab.advance()
    assert carla.call.status == 486
    lab.at_rest()


def test_a_503_means_the_next_address_too() -> None:
    lab = Lab(outside_domains=True)
    carla = lab.phone("carla-home")
    busy = lab.phone("x", "198.51.100.76", registered=False, password="")
    far = lab.phone("bob", "198.51.100.77", registered=False, password="")
    busy.on_call = lambda call: call.refuse(503)
    lab.resolver.names[b"elsewhere.example"] = [("UDP", "198.51.100.76", 5060), ("UDP", "198.51.100.77", 5060)]
    call = carla.invites("sip:bob@elsewhere.example")
    lab.advance()
    assert far.call.state == "ringing"
    call.cancel()
    lab.advance()
    assert call.status == 487
    lab.at_rest()


def test_a_name_that_leads_nowhere() -> None:
    lab = Lab(outside_domains=True)
    carla = lab.phone("carla-home")
    call = carla.invites("sip:bob@nowhere.example")
    lab.advance()
    assert call.status == 404
    lab.at_rest()


# -- several calls under one Call-ID


def test_a_second_call_under_a_running_call_id_harms_nobody(lab: Lab, anna: Phone, carla: Phone, dario: Phone) -> None:
    call = talk(lab, carla, anna, "101")
    ports = lab.media.ports
    for number in ("199", "102", "600"):
        other = Call(dario)
        dario.calls.append(other)
        other.call_id = call.call_id
        other.invite(number, [], None, None, None)
        lab.advance()
        if other.state == "answered":
            other.bye()
        elif not other.status:
            other.cancel()
        lab.advance(3)
        assert other.state == "ended"
        assert lab.media.ports == ports, number
        assert [one.caller for one in lab.switch.core.calls] == ["102"], number
    call.bye()
    lab.at_rest()
