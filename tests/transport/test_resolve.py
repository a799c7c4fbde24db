"""RFC 3263 against a name server of our own: order, memory, failure."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from softswitch.transport.lookup import DnsCache
from softswitch.transport.resolve import TARGETS_AT_MOST, Resolver, Target

from .nameserver import NameServer
from .wire import IPV4, soon, until

ZONE = {
    ("plain.example", "A"): ["192.0.2.1", "192.0.2.2"],
    ("plain.example", "AAAA"): ["2001:db8::1"],
    ("four.example", "A"): ["192.0.2.4"],
    ("six.example", "AAAA"): ["2001:db8::6"],
    ("_sip._udp.acme.example", "SRV"): ["10 0 5070 four.example.", "20 0 5080 six.example."],
    ("_sip._tcp.acme.example", "SRV"): ["10 0 5071 four.example."],
    ("_sips._tcp.acme.example", "SRV"): ["10 0 5072 four.example."],
    ("acme.example", "A"): ["192.0.2.99"],
    ("_sip._udp.none.example", "SRV"): ["0 0 0 ."],
    ("none.example", "A"): ["192.0.2.98"],
    ("_sip._udp.weighted.example", "SRV"): ["1 90 1 four.example.", "1 10 2 four.example.", "1 0 3 four.example."],
    ("_sip._udp.many.example", "SRV"): [f"1 1 {port} four.example." for port in range(1, 25)],
}


class World:
    """A resolver with its server, its clock and its hosts file."""

    def __init__(self, server: NameServer) -> None:
        self.server = server
        self.now = 1000.0
        self.hosts: dict[str, list[str]] = {"localhost": ["127.0.0.1", "::1"], "plain.example": ["127.0.0.9"]}
        self.system_asked: list[str] = []
        self.dns = DnsCache(
            [IPV4],
            port=server.port,
            timeout_seconds=0.2,
            size=50,
            clock=lambda: self.now,
            system_lookup=self.system,
        )

    async def system(self, name: str) -> list[str]:
        self.system_asked.append(name)
        return self.hosts.get(name, [])

    def resolver(self, seed: int = 1, ipv4: bool = True, ipv6: bool = True) -> Resolver:
        return Resolver(self.dns, seed=seed, ipv4=ipv4, ipv6=ipv6)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    server = NameServer(dict(ZONE))
    await server.start()
    made = World(server)
    yield made
    made.dns.close()
    server.close()


@pytest.mark.parametrize(
    ("host", "port", "transport", "secure", "expected"),
    [
        ("192.0.2.7", None, None, False, Target("UDP", "192.0.2.7", 5060, "")),
        ("192.0.2.7", 5099, "tcp", False, Target("TCP", "192.0.2.7", 5099, "")),
        ("192.0.2.7", None, "tls", False, Target("TLS", "192.0.2.7", 5061, "")),
        ("192.0.2.7", None, "tcp", True, Target("TLS", "192.0.2.7", 5061, "")),
        ("[2001:db8::7]", None, None, False, Target("UDP", "2001:db8::7", 5060, "")),
        ("2001:db8::7", None, None, True, Target("TLS", "2001:db8::7", 5061, "")),
    ],
)
async def test_literals_ask_nobody(
    world: World, host: str, port: int | None, transport: str | None, secure: bool, expected: Target
) -> None:
    assert await world.resolver().resolve(host, port, transport, secure) == [expected]
    assert not world.server.asked


async def test_a_port_skips_srv(world: World) -> None:
    found = await world.resolver().resolve("plain.example", 5080)
    # Within a family in the server's order, which shuffles; IPv4 before IPv6.
    assert sorted(found[:2]) == [Target("UDP", "192.0.2.1", 5080, ""), Target("UDP", "192.0.2.2", 5080, "")]
    assert found[2:] == [Target("UDP", "2001:db8::1", 5080, "")]
    assert set(world.server.asked) == {("plain.example", "A"), ("plain.example", "AAAA")}


async def test_without_srv_the_addresses_with_the_default_port(world: World) -> None:
    assert Target("UDP", "192.0.2.1", 5060, "") in await world.resolver().resolve("plain.example")
    assert (await world.resolver().resolve("plain.example", None, "TCP"))[0].transport == "TCP"
    secure = await world.resolver().resolve("plain.example", secure=True)
    assert Target("TLS", "192.0.2.1", 5061, "plain.example") in secure


async def test_srv_by_priority_then_the_next_transport(world: World) -> None:
    assert await world.resolver().resolve("acme.example") == [
        Target("UDP", "192.0.2.4", 5070, ""),
        Target("UDP", "2001:db8::6", 5080, ""),
        Target("TCP", "192.0.2.4", 5071, ""),
    ]
    large = await world.resolver().resolve("acme.example", offered=("TCP", "UDP"))
    assert [target.transport for target in large] == ["TCP", "UDP", "UDP"]


async def test_srv_of_one_transport(world: World) -> None:
    assert await world.resolver().resolve("acme.example", None, "tcp") == [Target("TCP", "192.0.2.4", 5071, "")]
    for transport, secure in (("tls", False), (None, True), ("tcp", True)):
        # The certificate bears the name that was asked for, not the one SRV led to.
        assert await world.resolver().resolve("acme.example", None, transport, secure) == [
            Target("TLS", "192.0.2.4", 5072, "acme.example")
        ]


async def test_a_transport_we_do_not_have(world: World) -> None:
    assert await world.resolver().resolve("acme.example", None, "sctp") == []
    assert await world.resolver().resolve("acme.example", secure=True, offered=("UDP", "TCP")) == []
    assert await world.resolver().resolve("acme.example", None, "tcp", offered=("UDP",)) == []


async def test_a_service_that_is_declared_absent_is_absent(world: World) -> None:
    assert await world.resolver().resolve("none.example", None, "udp") == []
    assert set(world.server.asked) == {("_sip._udp.none.example", "SRV")}
    assert world.system_asked == []


async def test_only_the_families_we_can_send_from(world: World) -> None:
    found = await world.resolver(ipv6=False).resolve("plain.example")
    assert {target.address for target in found} == {"192.0.2.1", "192.0.2.2"}
    found = await world.resolver(ipv4=False).resolve("plain.example")
    assert [target.address for target in found] == ["2001:db8::1"]


async def test_weights_share_and_a_seed_repeats(world: World) -> None:
    resolver = world.resolver(seed=7)
    first = Counter([(await resolver.resolve("weighted.example"))[0].port for _ in range(1000)])
    assert 850 < first[1] < 940
    assert 60 < first[2] < 150
    one, two = world.resolver(seed=3), world.resolver(seed=3)
    for _ in range(20):
        assert await one.resolve("weighted.example") == await two.resolve("weighted.example")
    assert sorted(target.port for target in await one.resolve("weighted.example")) == [1, 2, 3]


async def test_nobody_tries_a_hundred_targets(world: World) -> None:
    assert len(await world.resolver().resolve("many.example")) == TARGETS_AT_MOST


async def test_answers_are_kept_for_their_time(world: World) -> None:
    resolver = world.resolver()
    for _ in range(3):
        await resolver.resolve("four.example", 5060)
    assert world.server.asked["four.example", "A"] == 1
    world.now += 59
    await resolver.resolve("FOUR.example.", 5060)
    assert world.server.asked["four.example", "A"] == 1
    world.now += 2
    world.server.zone["four.example", "A"] = ["192.0.2.44"]
    assert [target.address for target in await resolver.resolve("four.example", 5060)] == ["192.0.2.44"]


async def test_one_question_for_many_callers(world: World) -> None:
    resolver = world.resolver()
    found = await asyncio.gather(*(resolver.resolve("four.example", 5060) for _ in range(50)))
    assert world.server.asked["four.example", "A"] == 1
    assert all(targets == found[0] for targets in found)


async def test_a_caller_who_gives_up_takes_nothing_from_the_others(world: World) -> None:
    resolver = world.resolver()
    world.server.held = []
    impatient = asyncio.create_task(resolver.resolve("four.example", 5060))
    patient = asyncio.create_task(resolver.resolve("four.example", 5060))
    await until(lambda: world.server.asked["four.example", "A"] > 0)
    impatient.cancel()
    world.server.let_go()
    assert (await soon(patient))[0].address == "192.0.2.4"


async def test_what_does_not_exist_is_remembered_too(world: World) -> None:
    resolver = world.resolver()
    for _ in range(3):
        assert await resolver.resolve("missing.example", 5060) == []
    assert world.server.asked["missing.example", "A"] == 1
    assert world.system_asked == ["missing.example"]
    world.now += 31
    world.server.zone["missing.example", "A"] = ["192.0.2.5"]
    assert len(await resolver.resolve("missing.example", 5060)) == 1


@pytest.mark.parametrize("failure", ["silent", "broken"])
async def test_a_failing_server_costs_a_bounded_time_and_old_answers_serve(world: World, failure: str) -> None:
    resolver = world.resolver()
    known = await resolver.resolve("four.example", 5060)
    setattr(world.server, failure, True)
    assert await soon(resolver.resolve("plain.example", 5060)) == [Target("UDP", "127.0.0.9", 5060, "")]
    world.now += 600
    assert await soon(resolver.resolve("four.example", 5060)) == known
    asked = world.server.asked["four.example", "A"]
    assert await resolver.resolve("four.example", 5060) == known
    assert world.server.asked["four.example", "A"] == asked  # not again so soon
    world.now += 90_000
    assert await soon(resolver.resolve("four.example", 5060)) == []


async def test_names_without_a_dot_are_the_systems(world: World) -> None:
    assert await world.resolver().resolve("localhost", 5060) == [
        Target("UDP", "127.0.0.1", 5060, ""),
        Target("UDP", "::1", 5060, ""),
    ]
    assert ("localhost", "A") not in world.server.asked


async def test_the_systems_own_lookup_knows_localhost() -> None:
    dns = DnsCache([], timeout_seconds=2.0)
    assert "127.0.0.1" in await soon(dns.system("localhost"))
    dns.close()


@pytest.mark.parametrize("name", ["", ".", "..", "a..b", "x" * 300, "x" * 64 + ".example", "\udcff.example", "a b.c"])
async def test_names_that_are_none(world: World, name: str) -> None:
    assert await soon(world.resolver().resolve(name)) == []


async def test_memory_is_bounded(world: World) -> None:
    resolver = world.resolver()
    for number in range(60):
        await resolver.resolve(f"n{number}.example", 5060)
    assert len(world.dns) <= 50
