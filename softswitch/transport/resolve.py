"""Where to send to reach a host: RFC 3263 §4, with SRV (RFC 2782) and addresses; NAPTR comes later."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from softswitch.transport.address import is_literal
from softswitch.transport.lookup import DnsCache, Service

SERVICES = {"UDP": "_sip._udp", "TCP": "_sip._tcp", "TLS": "_sips._tcp"}
"""The SRV name of each transport (RFC 3263 §4.1)."""
DEFAULT_PORTS = {"UDP": 5060, "TCP": 5060, "TLS": 5061}
TARGETS_AT_MOST = 16
"""A name with a hundred records is a mistake or an attack; nobody waits for the seventeenth."""


class Target(NamedTuple):
    """One place to try."""

    transport: str
    """A name as in `Listener.transport`."""
    address: str
    """A literal, without brackets."""
    port: int
    server_name: str
    """For TLS: the name that was asked for, which the certificate must bear (RFC 5922 §4); else ""."""


class Resolver:
    """Names into targets. Never raises for what the network says: no answer is no target."""

    def __init__(self, dns: DnsCache, *, ipv4: bool = True, ipv6: bool = True, seed: int | None = None) -> None:
        """`ipv4`, `ipv6`: whether there is a listener to send from. `seed` makes the weighted choice repeatable."""
        self._dns = dns
        self._kinds = (*(("A",) if ipv4 else ()), *(("AAAA",) if ipv6 else ()))
        self._random = random.Random(seed)

    async def resolve(
        self,
        host: str,
        port: int | None = None,
        transport: str | None = None,
        secure: bool = False,
        offered: Sequence[str] = ("UDP", "TCP", "TLS"),
    ) -> list[Target]:
        """The targets for a URI's (or a Route's) host in the order to try them; [] when there are none.

        `port` and `transport` are those of the URI, None where it has none; `secure` for sips. `offered` are the
        transports we have, the preferred first: a large request puts TCP before UDP. RFC 3263 §4.1 and §4.2.
        """
        host = host.strip("[]").rstrip(".")
        wanted = _wanted(transport, secure, offered)
        if not wanted or not host:
            return []
        # A port or an address leaves no choice of transport to DNS: the first in order, for sips TLS.
        if is_literal(host):
            return [Target(wanted[0], host, port or DEFAULT_PORTS[wanted[0]], "")]
        if port is None:
            found = await self._by_services(host, wanted)
            if found is not None:
                return found
        first = wanted[0]
        return await self._at(host, port or DEFAULT_PORTS[first], first, host)

    async def _by_services(self, host: str, wanted: Sequence[str]) -> list[Target] | None:
        """By SRV; None when the domain has none, [] when it says that there is no such service (".")."""
        answers = await asyncio.gather(*(self._dns.services(f"{SERVICES[transport]}.{host}") for transport in wanted))
        if not any(answers):
            return None
        hops = [
            (transport, service)
            for transport, services in zip(wanted, answers, strict=True)
            for service in self._ordered(services)
            if service.target
        ][:TARGETS_AT_MOST]
        places = await asyncio.gather(
            *(self._at(service.target, service.port, transport, host) for transport, service in hops)
        )
        return [target for place in places for target in place][:TARGETS_AT_MOST]

    async def _at(self, name: str, port: int, transport: str, asked: str) -> list[Target]:
        """The addresses of one name, IPv4 first; from the system when DNS has none or the name has no dot."""
        found: list[str] = []
        if "." in name:
            for addresses in await asyncio.gather(*(self._dns.addresses(name, kind) for kind in self._kinds)):
                found.extend(addresses)
        if not found:
            system = await self._dns.system(name)
            found = [address for kind in self._kinds for address in system if (":" in address) == (kind == "AAAA")]
        server_name = asked if transport == "TLS" else ""
        return [Target(transport, address, port, server_name) for address in found[:TARGETS_AT_MOST]]

    def _ordered(self, services: Iterable[Service]) -> list[Service]:
        """By priority, and within one by weight: a draw without putting back (RFC 2782)."""
        ordered: list[Service] = []
        # Weight 0 first within its priority, so that it keeps a small chance; sorted so that a seed repeats.
        left = sorted(services, key=lambda service: service)
        while left:
            same = [service for service in left if service.priority == left[0].priority]
            point = self._random.randint(0, sum(service.weight for service in same))
            for service in same:
                point -= service.weight
                if point <= 0:
                    break
            ordered.append(service)
            left.remove(service)
        return ordered


def _wanted(transport: str | None, secure: bool, offered: Sequence[str]) -> list[str]:
    """The transports to look for, in order (RFC 3263 §4.1).

    A sips URI takes TLS whatever it says, "transport=tcp" included. A sip URI without a transport is
    not looked for under TLS: its SRV name speaks for sips alone.
    """
    if secure:
        wanted = ["TLS"]
    elif transport:
        wanted = [transport.upper()]
    else:
        wanted = [name for name in offered if name != "TLS"]
    return [name for name in wanted if name in offered and name in SERVICES]
