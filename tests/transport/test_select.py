"""From which of our addresses a target is reached."""

from __future__ import annotations

from softswitch.flow import Listener
from softswitch.transport.resolve import Target
from softswitch.transport.select import choose_flow, system_source


def at(index: int, transport: str, host: str, network: str = "") -> Listener:
    return Listener(index, transport, host, 5060, host, 5060, network)


LAN = at(0, "UDP", "10.1.0.1", "office-lan")
PUBLIC = at(1, "UDP", "203.0.113.5", "internet")
EVERY = at(2, "UDP", "0.0.0.0", "any")
SIX = at(3, "UDP", "2001:db8::5", "internet")
TLS = at(4, "TLS", "203.0.113.5", "internet")


def chosen(address: str, *listeners: Listener, source: str | None = None, network: str = "") -> Listener | None:
    target = Target("UDP", address, 5060, "")
    flow = choose_flow(target, listeners, network, source_of=lambda _: source)
    return flow and flow.listener


def test_the_flow_says_where_to_and_by_what_name() -> None:
    flow = choose_flow(Target("TLS", "198.51.100.1", 5061, "carrier.example"), [LAN, PUBLIC, TLS])
    assert flow == (TLS, "198.51.100.1", 5061, 0, "carrier.example")


def test_transport_and_family_have_to_fit() -> None:
    assert chosen("198.51.100.1", TLS, SIX) is None
    assert chosen("2001:db8::9", LAN, PUBLIC, SIX) is SIX


def test_the_routes_choose() -> None:
    for listeners in ((LAN, PUBLIC, EVERY), (EVERY, PUBLIC, LAN)):
        assert chosen("198.51.100.1", *listeners, source="203.0.113.5") is PUBLIC
        assert chosen("198.51.100.1", *listeners, source="10.1.0.1") is LAN
        assert chosen("198.51.100.1", *listeners, source="172.16.0.1") is EVERY


def test_a_wanted_network_comes_first() -> None:
    assert chosen("198.51.100.1", LAN, PUBLIC, source="203.0.113.5", network="office-lan") is LAN
    assert chosen("198.51.100.1", LAN, PUBLIC, source="203.0.113.5", network="gone") is PUBLIC


def test_without_a_route_the_nearest_then_the_first() -> None:
    assert chosen("10.1.0.77", PUBLIC, LAN) is LAN
    assert chosen("203.0.113.77", PUBLIC, LAN) is PUBLIC
    second = at(5, "UDP", "10.1.0.1", "other")
    assert chosen("10.1.0.77", second, LAN) is LAN


def test_the_system_knows_the_way_to_itself() -> None:
    assert system_source("127.0.0.1") == "127.0.0.1"
    assert system_source("::1") == "::1"
    assert system_source("no address") is None
