"""One direction of one stream as the kernel is to forward it: whose packets, and what becomes of their addresses."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TypeAlias

End: TypeAlias = "tuple[bytes, int]"
"""A packed address and a port."""

_HEAD = struct.Struct("!cIBHHHH")
_PORTS = struct.Struct("!HxxHxx")
"""Two ports, each in a register of its own."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What comes from `source` to `entry` leaves from `exit` for `target`: one version of IP throughout."""

    number: int
    """Its name between the relay and the process that speaks to the kernel."""
    source: End
    """The party, as it was latched."""
    entry: End
    """Our socket that faces it."""
    exit: End
    """Our socket that faces the other party."""
    target: End
    """The other party, as it was latched."""

    @property
    def arrives(self) -> bytes:
        """What the kernel finds in its packets: addresses, ports."""
        return _key(self.source, self.entry)

    @property
    def turned(self) -> bytes:
        """What a packet gets on its way in: the address to go to, the port it seems to come from, the port to go to."""
        return self.target[0] + _PORTS.pack(self.exit[1], self.target[1])

    @property
    def leaves(self) -> bytes:
        """What the kernel finds in them then, when they are about to leave."""
        return self.source[0] + self.target[0] + _PORTS.pack(self.exit[1], self.target[1])

    def pack(self) -> bytes:
        """For the other process, as an order to begin."""
        ends = (self.source, self.entry, self.exit, self.target)
        ports = [port for _, port in ends]
        return _HEAD.pack(b"+", self.number, len(self.source[0]), *ports) + b"".join(address for address, _ in ends)


def stop(number: int) -> bytes:
    """For the other process, as an order to end."""
    return _HEAD.pack(b"-", number, 0, 0, 0, 0, 0)


def orders(data: bytes) -> list[Flow | int]:
    """What `pack` and `stop` have written, one after the other: flows to begin, and numbers of those to end."""
    found: list[Flow | int] = []
    at = 0
    while at < len(data):
        what, number, size, *ports = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        if what == b"-":
            found.append(number)
            continue
        addresses = [data[at + size * place : at + size * (place + 1)] for place in range(4)]
        at += 4 * size
        source, entry, leaving, target = zip(addresses, ports, strict=True)
        found.append(Flow(number, source, entry, leaving, target))
    return found


def _key(source: End, destination: End) -> bytes:
    return source[0] + destination[0] + _PORTS.pack(source[1], destination[1])
