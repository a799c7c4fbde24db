"""What the process that speaks to the kernel tells the relay, as datagrams between the two."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

READY = b"R"
"""The table is there; then the families that the kernel forwards, a byte each."""
CANNOT = b"N"
"""It isn't, or no longer; then why, in words for the operator."""
COUNTED = b"C"
"""What flows have counted since they began."""
ENDED = b"E"
"""The same of flows that are no longer forwarded."""
STUCK = b"S"
"""The same of flows whose packets come in but don't leave."""
COUNTED_SECONDS = 2.0
"""So often that is told."""
AT_ONCE = 64
"""Flows in a datagram: reading one must not delay a packet."""

_COUNT = struct.Struct("!IQQ")


class Tally(NamedTuple):
    """What a flow has counted since it began."""

    number: int
    packets: int
    bytes: int


def pack(kind: bytes, tallies: Iterable[Tally]) -> Iterator[bytes]:
    """Datagrams that say this."""
    packed = [_COUNT.pack(*tally) for tally in tallies]
    for at in range(0, len(packed), AT_ONCE):
        yield kind + b"".join(packed[at : at + AT_ONCE])


def unpack(datagram: bytes) -> Iterator[Tally]:
    """The flows in one of them."""
    return (Tally(*fields) for fields in _COUNT.iter_unpack(datagram[1:]))
