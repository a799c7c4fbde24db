"""A network with IPv4 and IPv6 is two for the relay: it has one address for each."""

from __future__ import annotations

from dataclasses import replace

from softswitch.settings import Settings


def straight_networks(settings: Settings) -> frozenset[str]:
    """Those in which phones that can reach each other need no relay."""
    relay = settings.relay
    networks = {listener.network for listener in settings.listeners}
    return frozenset(
        name for name in networks if relay.use_in.get(name.removesuffix(" IPv6"), relay.use) == "when needed"
    )


def ipv6_networks(settings: Settings) -> frozenset[str]:
    """Those of IPv6, of settings `by_family`."""
    return frozenset(listener.network for listener in settings.listeners if listener.ipv6)


def by_family(settings: Settings) -> Settings:
    """The settings with a network of IPv4 and IPv6 taken as two: the relay has one address for each."""
    ipv4 = {one.network for one in settings.relay.addresses if ":" not in one.bind}
    both = {one.network for one in settings.relay.addresses if ":" in one.bind} & ipv4

    def named(network: str, ipv6: bool) -> str:
        return f"{network} IPv6" if ipv6 and network in both else network

    relay = replace(
        settings.relay,
        addresses=tuple(replace(one, network=named(one.network, ":" in one.bind)) for one in settings.relay.addresses),
    )
    listeners = tuple(replace(one, network=named(one.network, one.ipv6)) for one in settings.listeners)
    return replace(settings, relay=relay, listeners=listeners)
