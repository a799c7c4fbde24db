"""The table that forwards: four maps, one for each version of IP and each end of the way, and the rules that use them.

A packet of a known flow gets its new destination before the kernel looks for its way (the prerouting hook, before
anything tracks connections), and our address as its source when it is about to leave (postrouting): with our address
on it earlier the kernel would take it for a forged one. Nothing is remembered of a flow but its entries in the maps, so
that the first packet's direction doesn't matter, and removing the entries ends it at once.

RTP alone is moved: what else comes from the party (RTCP on the same port, RFC 5761 §4; fragments; anything malformed)
goes to the socket as if the table weren't there, and so does what comes from anybody else.

The table belongs to the socket that made it (NFT_TABLE_F_OWNER, Linux 5.12): it ends with the process however that
dies, and `nft flush ruleset` does not touch it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .flow import Flow
from .netlink import (
    CREATE,
    DUMP,
    ECHO,
    Answer,
    Netlink,
    NetlinkError,
    attribute,
    attributes,
    batch,
    message,
    nest,
    number,
    text,
)
from .rules import PORT, V4, V6, VERSIONS, Version, arriving, expression, leaving

_INET = 1
_NEW_TABLE, _NEW_CHAIN, _NEW_RULE, _NEW_SET = 0, 3, 6, 9
_NEW_ELEMENT, _GET_ELEMENT, _DELETE_ELEMENT = 12, 13, 14
_OWNED = 2
_PREROUTING, _POSTROUTING = 0, 4
_BEFORE_TRACKING = -310
"""Connection tracking begins at -200, `raw` is -300."""
_LAST = 310
_IS_MAP = 8
_HAS_COUNTERS = 0x100


class Count(NamedTuple):
    """What a map's entry has counted."""

    key: bytes
    packets: int
    bytes: int
    """Of IP."""


def _in(version: Version) -> str:
    return "arrives4" if version is V4 else "arrives6"


def _out(version: Version) -> str:
    return "leaves4" if version is V4 else "leaves6"


def _version(flow: Flow) -> Version:
    return V4 if len(flow.source[0]) == V4.size else V6


class Table:
    """The table of one relay; it is there from `make` until `close`."""

    def __init__(self, name: str) -> None:
        """Raises OSError where there is no netlink."""
        self.name = name
        self._netlink = Netlink()

    def make(self, first_port: int, last_port: int) -> None:
        """Have the table, with nothing in its maps; raises NetlinkError."""
        made = [message(_NEW_TABLE, CREATE, text(1, self.name) + number(2, _OWNED), _INET)]
        made += [self._chain("arriving", _PREROUTING, _BEFORE_TRACKING), self._chain("leaving", _POSTROUTING, _LAST)]
        size = last_port - first_port + 1
        for version in VERSIONS:
            key = (version.kind, version.kind, PORT, PORT)
            made.append(self._map(len(made), _in(version), key, (version.kind, PORT, PORT), size))
            made.append(self._map(len(made), _out(version), key, (version.kind,), size))
        ports = (first_port, last_port)
        made += [self._rule("arriving", arriving(_in(version), version, ports)) for version in VERSIONS]
        made += [self._rule("leaving", leaving(_out(version), version, ports)) for version in VERSIONS]
        self._netlink.ask(batch(made))

    def change(self, begin: Sequence[Flow], end: Sequence[Flow]) -> dict[bytes, Count]:
        """Have the kernel forward these flows, and no longer those; what the latter have counted, by `Flow.arrives`.

        Raises NetlinkError, and then nothing has changed.
        """
        messages = []
        for flow in end:
            version = _version(flow)
            messages.append(self._element(_DELETE_ELEMENT, ECHO, _in(version), flow.arrives))
            messages.append(self._element(_DELETE_ELEMENT, 0, _out(version), flow.leaves))
        for flow in begin:
            version = _version(flow)
            # The way out first: a packet that finds the way in must find the other too.
            messages.append(self._element(_NEW_ELEMENT, CREATE, _out(version), flow.leaves, flow.exit[0]))
            messages.append(self._element(_NEW_ELEMENT, CREATE, _in(version), flow.arrives, flow.turned))
        counted: dict[bytes, Count] = {}
        for answer in self._netlink.ask(batch(messages)):
            if answer.kind == _DELETE_ELEMENT:
                counted |= {count.key: count for count in _counts(answer)}
        return counted

    def arrived(self) -> Iterator[Count]:
        """What all flows have counted on their way in."""
        return self._all([_in(version) for version in VERSIONS])

    def left(self) -> Iterator[Count]:
        """What they have on their way out, by `Flow.leaves`."""
        return self._all([_out(version) for version in VERSIONS])

    def count(self, flow: Flow) -> tuple[int, int]:
        """Packets and bytes of one flow, on its way in; zeros where it isn't there."""
        return self._one(_in(_version(flow)), flow.arrives)

    def count_left(self, flow: Flow) -> int:
        """Packets of one flow that have left."""
        return self._one(_out(_version(flow)), flow.leaves)[0]

    def _one(self, name: str, key: bytes) -> tuple[int, int]:
        try:
            for answer in self._netlink.ask(self._element(_GET_ELEMENT, 0, name, key)):
                for count in _counts(answer):
                    return count.packets, count.bytes
        except NetlinkError:
            pass  # not there yet, or no longer
        return 0, 0

    def close(self) -> None:
        """The table goes with the socket."""
        self._netlink.close()

    def _all(self, names: Sequence[str]) -> Iterator[Count]:
        for name in names:
            body = text(1, self.name) + text(2, name)
            for answer in self._netlink.dump(message(_GET_ELEMENT, DUMP, body, _INET)):
                yield from _counts(answer)

    def _chain(self, name: str, hook: int, priority: int) -> bytes:
        body = text(1, self.name) + text(3, name) + text(7, "filter")
        return message(_NEW_CHAIN, CREATE, body + nest(4, number(1, hook), number(2, priority)), _INET)

    def _map(self, identity: int, name: str, key: Sequence[int], data: Sequence[int], size: int) -> bytes:
        body = text(1, self.name) + text(2, name) + number(3, _IS_MAP | _HAS_COUNTERS)
        body += number(4, _kind(key)) + number(5, _bytes(key)) + number(6, _kind(data)) + number(7, _bytes(data))
        body += nest(9, number(1, size)) + number(10, identity) + expression(17, "counter")
        return message(_NEW_SET, CREATE, body, _INET)

    def _rule(self, chain: str, expressions: Sequence[bytes]) -> bytes:
        return message(_NEW_RULE, CREATE | 0x800, text(1, self.name) + text(2, chain) + nest(4, *expressions), _INET)

    def _element(self, kind: int, flags: int, name: str, key: bytes, data: bytes = b"") -> bytes:
        element = nest(1, attribute(1, key)) + (nest(2, attribute(1, data)) if data else b"")
        body = text(1, self.name) + text(2, name) + nest(3, nest(1, element))
        return message(kind, flags, body, _INET)


def _counts(answer: Answer) -> Iterator[Count]:
    """The entries in one message about a map."""
    for kind, value in attributes(answer.body):
        if kind == 3:
            for _, element in attributes(value):
                yield _counted(element)


def _counted(element: memoryview) -> Count:
    key, packets, octets = b"", 0, 0
    for kind, value in attributes(element):
        if kind == 1:
            key = bytes(next(attributes(value))[1])
        elif kind == 7:
            for inner, data in attributes(value):
                if inner == 2:
                    counted = dict(attributes(data))
                    packets, octets = int.from_bytes(counted[2], "big"), int.from_bytes(counted[1], "big")
    return Count(key, packets, octets)


def _kind(of: Sequence[int]) -> int:
    """What nft calls these one after the other; the kernel keeps it for nft."""
    kind = 0
    for one in of:
        kind = kind << 6 | one
    return kind


def _bytes(of: Sequence[int]) -> int:
    """Their length, each in full registers."""
    return sum(V6.size if one == V6.kind else 4 for one in of)
