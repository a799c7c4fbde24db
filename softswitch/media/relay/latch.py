"""Whose packets a port takes: the rule by which the first packets are believed, and then nobody else's.

1. Until the party's SDP has come, nobody's.
2. A packet from an expected address is believed at once. Expected are the address in the SDP and the one that the
   party's signalling came from (the same NAT), whatever the port.
3. When the SDP can be trusted (its address is the signalling's own, or a public one) nobody else is believed. When it
   can't (a private address from behind some NAT), another address is believed after it alone has been heard for
   `patience` seconds: carriers with several public addresses, phones behind a proxy.
4. After that the socket is connected: the kernel drops everybody else's packets. Only a new address in the SDP
   opens the question again; then the address latched before counts as unexpected, so that its last packets on the way
   don't win against the new one.

RTCP follows the same rule on its own port.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, NamedTuple, TypeAlias

from ..reach import is_private

Address: TypeAlias = "tuple[Any, ...]"
"""What a socket says: host and port, for IPv6 flow and scope too."""


class _Host(NamedTuple):
    """A literal address that one can send to."""

    text: str
    version: int
    private: bool
    """It means something only within some network."""
    loopback: bool


@lru_cache(maxsize=4096)
def _literal(host: str) -> _Host | None:
    """The literal unicast address, or None. Names are never resolved here."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if address.is_unspecified or address.is_multicast or host == "255.255.255.255":
        return None
    return _Host(str(address), address.version, is_private(host), address.is_loopback)


@dataclass(frozen=True, slots=True)
class Expected:
    """What we know of where one party receives and sends one stream."""

    named: tuple[str, int]
    """As the SDP says it."""
    source: str
    """Where the signalling came from; "" when unknown."""
    target: tuple[str, int] | None
    """Where to send until the party is heard; None: wait."""
    hosts: frozenset[str]
    """Believed at once."""
    trusted: bool
    """Nobody else is believed."""


def expect(host: str, port: int, source: str, bind: str) -> Expected:
    """What to expect of a party that named `host` and `port`, heard over a socket bound to `bind`.

    Loopback addresses count only on a loopback network: nobody else may make us send to our own services.
    """
    version = 6 if ":" in bind else 4
    local = bind == "::1" or bind.startswith("127.")

    def usable(text: str) -> _Host | None:
        found = _literal(text)
        return found if found and found.version == version and (local or not found.loopback) else None

    named, heard = usable(host), usable(source)
    natted = named is not None and heard is not None and named.private and not heard.private
    target = heard if natted else named
    return Expected(
        named=(host, port),
        source=source,
        target=(target.text, port) if target is not None and port else None,
        hosts=frozenset(found.text for found in (named, heard) if found is not None),
        trusted=named is not None and (named == heard or not named.private),
    )


class Latch:
    """The judge of one port, from the SDP's arrival until somebody is believed."""

    __slots__ = ("_alone_since", "_candidate", "_expected", "_former", "_heard_at", "_patience")

    def __init__(self, expected: Expected, patience: float, former: Address | None = None) -> None:
        self._expected = expected
        self._patience = patience
        self._former = former
        self._candidate: Address | None = None
        self._alone_since = 0.0
        self._heard_at = 0.0

    def believes(self, source: Address, now: float) -> bool:
        """Whether the sender of this packet is the party; `now` in monotonic seconds."""
        expected = self._expected
        if source[0] in expected.hosts and source != self._former:
            return True
        if expected.trusted and source[0] not in expected.hosts:
            return False
        if source != self._candidate:
            # Several strangers at a time: none is alone. One that fell silent gives way.
            if self._candidate is None or now - self._heard_at > self._patience:
                self._candidate, self._alone_since = source, now
                self._heard_at = now
            else:
                self._alone_since = now
            return False
        self._heard_at = now
        return now - self._alone_since >= self._patience


def must_relatch(old: Expected, new: Expected, latched: Address | None) -> bool:
    """Whether a new SDP makes the address that was latched doubtful."""
    if latched is None or new.named != old.named:
        return True
    return new.source != old.source and latched[0] not in new.hosts
