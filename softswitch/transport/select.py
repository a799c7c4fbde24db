"""Which of our listeners a target is reached from."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable

from softswitch.flow import Flow, Listener
from softswitch.transport.address import family_of, socket_address
from softswitch.transport.resolve import Target


def system_source(address: str) -> str | None:
    """The address of ours from which the system's routes lead to `address`; None when none does.

    Connecting a datagram socket asks the routing table and sends nothing: some microseconds, no waiting.
    """
    with socket.socket(family_of(address), socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(socket_address(address, 9))
        except (OSError, ValueError):
            return None
        source: str = probe.getsockname()[0]
        return source


def choose_flow(
    target: Target,
    listeners: Iterable[Listener],
    network: str = "",
    source_of: Callable[[str], str | None] = system_source,
) -> Flow | None:
    """The flow to `target` from the listener that fits best; None when none has its transport and family.

    In this order: the listener of `network`, if one is wanted; the one bound to the address that the routes
    choose; one bound to every address; the one that shares the longest beginning with the target; the first.
    """
    fitting = [
        listener
        for listener in listeners
        if listener.transport == target.transport and listener.ipv6 == (":" in target.address)
    ]
    if not fitting:
        return None
    source = source_of(target.address) if len(fitting) > 1 else None

    def rank(listener: Listener) -> tuple[bool, bool, bool, int, int]:
        return (
            bool(network) and listener.network != network,
            listener.host != source,
            listener.host not in ("0.0.0.0", "::"),
            -_common_bits(listener.host, target.address),
            listener.index,
        )

    return Flow(min(fitting, key=rank), target.address, target.port, 0, target.server_name)


def _common_bits(one: str, other: str) -> int:
    """How many leading bits two literals of one family share."""
    first, second = ipaddress.ip_address(one), ipaddress.ip_address(other)
    return first.max_prefixlen - (int(first) ^ int(second)).bit_length()
