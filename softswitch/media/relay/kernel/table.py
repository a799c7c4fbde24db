"""The table that forwards: four maps, one for each version of IP and each end of the way, and the rules that use them.

A packet of a known flow gets its new destination before the kernel looks for its way (the prerouting hook, before
anything tracks connections), and our address as its source when it is about to leave (postrouting): with our address
on it earlier the kernel would take it for a forged one. Nothing is remembered of a flow but its entries in the maps, so
that the first packet's direction doesn't matter, and removing the entries ends it at once.

RTP alone is moved: what else comes from the party (RTCP on the same port, RFC 5761 §4; fragments; anything malformed)
goes to the socket as if the table weren't there, and so does what comes from anybody else.

The table belongs to the socket that made it (NFT_TABLE_F_OWNER, Linux 5.12): it ends with the process however that
dies, and `nft flush ruleset` does not touch it. Expressions as in linux/netfilter/nf_tables.h; `nft list table inet
NAME` shows what came of them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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

_INET = 1
_NEW_TABLE, _NEW_CHAIN, _NEW_RULE, _NEW_SET = 0, 3, 6, 9
_NEW_ELEMENT, _GET_ELEMENT, _DELETE_ELEMENT = 12, 13, 14
_OWNED = 2
_PREROUTING, _POSTROUTING = 0, 4
_BEFORE_TRACKING = -310
"""Connection tracking begins at -200, `raw` is -300."""
_LAST = 310
_NETWORK, _TRANSPORT = 1, 2
_REGISTER = 8
"""NFT_REG32_00: registers of four bytes from here on."""
_EQUAL, _UNEQUAL = 0, 1
_IS_MAP = 8
_HAS_COUNTERS = 0x100
_FAMILY_OF_PACKET = 15
_SUM_PSEUDO = 1
_EXPEDITED = 46 << 2
_HOPS = 64


@dataclass(frozen=True, slots=True)
class _Version:
    """Where things are in this version's header."""

    family: int
    """NFPROTO_IPV4, NFPROTO_IPV6."""
    size: int
    """Of an address."""
    source: int
    """Offset of the source; the destination follows."""
    kind: int
    """What nft calls such an address."""


_V4 = _Version(2, 4, 12, 7)
_V6 = _Version(10, 16, 8, 8)
_PORT = 13
"""What nft calls a port."""
_VERSIONS = (_V4, _V6)


class Count(NamedTuple):
    """What a map's entry has counted."""

    key: bytes
    packets: int
    bytes: int
    """Of IP."""


def _in(version: _Version) -> str:
    return "arrives4" if version is _V4 else "arrives6"


def _out(version: _Version) -> str:
    return "leaves4" if version is _V4 else "leaves6"


def _version(flow: Flow) -> _Version:
    return _V4 if len(flow.source[0]) == _V4.size else _V6


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
        for version in _VERSIONS:
            key = (version.kind, version.kind, _PORT, _PORT)
            made.append(self._map(len(made), _in(version), key, (version.kind, _PORT, _PORT), size))
            made.append(self._map(len(made), _out(version), key, (version.kind,), size))
        ports = (first_port, last_port)
        made += [self._rule("arriving", _arriving(_in(version), version, ports)) for version in _VERSIONS]
        made += [self._rule("leaving", _leaving(_out(version), version, ports)) for version in _VERSIONS]
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
        counted = {}
        for answer in self._netlink.ask(batch(messages)):
            if answer.kind == _DELETE_ELEMENT:
                counted |= {count.key: count for count in _counts(answer)}
        return counted

    def arrived(self) -> Iterator[Count]:
        """What all flows have counted on their way in."""
        return self._all([_in(version) for version in _VERSIONS])

    def left(self) -> Iterator[Count]:
        """What they have on their way out, by `Flow.leaves`."""
        return self._all([_out(version) for version in _VERSIONS])

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
        body += nest(9, number(1, size)) + number(10, identity) + _expression(17, "counter")
        return message(_NEW_SET, CREATE, body, _INET)

    def _rule(self, chain: str, expressions: Sequence[bytes]) -> bytes:
        return message(
            _NEW_RULE, CREATE | 0x800, text(1, self.name) + text(2, chain) + nest(4, *expressions), _INET
        )

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


def _arriving(name: str, version: _Version, ports: tuple[int, int]) -> list[bytes]:
    """RTP of a known flow: turn its destination, and have nobody track it."""
    key = 2 * version.size // 4 + 2
    rules = [
        _meta(_FAMILY_OF_PACKET),
        _compare(_EQUAL, bytes([version.family])),
        *_is_datagram(version),
        _load(_TRANSPORT, 2, 2),
        _range(_EQUAL, *ports),
        _load(_TRANSPORT, 8, 1),
        _mask(b"\xc0"),
        _compare(_EQUAL, b"\x80"),
        _load(_TRANSPORT, 9, 1),
        _within(_UNEQUAL, b"\xc0", b"\xdf"),
        *_load_key(version),
        _lookup(name, key),
        _store(version, version.source + version.size, version.size, key),
        _store_port(0, key + version.size // 4),
        _store_port(2, key + version.size // 4 + 1),
        _expression(1, "notrack"),
    ]
    return rules


def _leaving(name: str, version: _Version, ports: tuple[int, int]) -> list[bytes]:
    """The same when it leaves: our address as its source, marked as sound, with hops as if it were our own."""
    key = 2 * version.size // 4 + 2
    rules = [
        _meta(_FAMILY_OF_PACKET),
        _compare(_EQUAL, bytes([version.family])),
        *_is_datagram(version),
        _load(_TRANSPORT, 0, 2),
        _range(_EQUAL, *ports),
        *_load_key(version),
        _lookup(name, key),
        _store(version, version.source, version.size, key),
    ]
    if version is _V4:
        rules += [_load(_NETWORK, 0, 2), _mask(b"\xff\x03", bytes([0, _EXPEDITED])), _store_plain(_V4, 0, 2)]
        rules += [_load(_NETWORK, 8, 2), _mask(b"\0\xff", bytes([_HOPS, 0])), _store_plain(_V4, 8, 2)]
    else:
        rules += [_load(_NETWORK, 0, 2), _mask(b"\xf0\x3f", struct.pack("!H", _EXPEDITED << 4))]
        rules += [_store_plain(_V6, 0, 2), _immediate(bytes([_HOPS])), _store_plain(_V6, 7, 1)]
    return rules


def _is_datagram(version: _Version) -> list[bytes]:
    """UDP, whole, without options."""
    if version is _V6:
        return [_load(_NETWORK, 6, 1), _compare(_EQUAL, b"\x11")]
    return [
        _load(_NETWORK, 9, 1),
        _compare(_EQUAL, b"\x11"),
        _load(_NETWORK, 0, 1),
        _compare(_EQUAL, b"\x45"),
        _load(_NETWORK, 6, 2),
        _mask(b"\x3f\xff"),
        _compare(_EQUAL, b"\0\0"),
    ]


def _load_key(version: _Version) -> list[bytes]:
    """Addresses and ports, as `Flow.arrives` has them."""
    after = _REGISTER + 2 * version.size // 4
    addresses = _load(_NETWORK, version.source, version.size), _load(_NETWORK, version.source+version.size, version.size, _REGISTER+version.size//4)
    return [*addresses, _load(_TRANSPORT, 0, 2, after), _load(_TRANSPORT, 2, 2, after + 1)]


def _kind(of: Sequence[int]) -> int:
    """What nft calls these one after the other; the kernel keeps it for nft."""
    kind = 0
    for one in of:
        kind = kind << 6 | one
    return kind


def _bytes(of: Sequence[int]) -> int:
    """Their length, each in full registers."""
    return sum(_V6.size if one == _V6.kind else 4 for one in of)


def _expression(kind: int, name: str, *inner: bytes) -> bytes:
    return nest(kind, text(1, name), nest(2, *inner))


def _value(kind: int, value: bytes) -> bytes:
    return nest(kind, attribute(1, value))


def _load(base: int, offset: int, size: int, register: int = _REGISTER) -> bytes:
    return _expression(1, "payload", number(1, register), number(2, base), number(3, offset), number(4, size))


def _compare(operator: int, value: bytes) -> bytes:
    return _expression(1, "cmp", number(1, _REGISTER), number(2, operator), _value(3, value))


def _range(operator: int, first: int, last: int) -> bytes:
    return _within(operator, struct.pack("!H", first), struct.pack("!H", last))


def _within(operator: int, first: bytes, last: bytes) -> bytes:
    return _expression(1, "range", number(1, _REGISTER), number(2, operator), _value(3, first), _value(4, last))


def _mask(mask: bytes, toggled: bytes = b"") -> bytes:
    toggled = toggled or bytes(len(mask))
    return _expression(
        1,
        "bitwise",
        number(1, _REGISTER),
        number(2, _REGISTER),
        number(3, len(mask)),
        _value(4, mask),
        _value(5, toggled),
    )


def _meta(key: int) -> bytes:
    return _expression(1, "meta", number(1, _REGISTER), number(2, key))


def _immediate(value: bytes) -> bytes:
    return _expression(1, "immediate", number(1, _REGISTER), _value(2, value))


def _lookup(name: str, register: int) -> bytes:
    """What the map has for the key in the first registers, into those from `register` on."""
    return _expression(1, "lookup", text(1, name), number(2, _REGISTER), number(3, _REGISTER + register))


def _store(version: _Version, offset: int, size: int, register: int) -> bytes:
    """An address into the header, with the sums that it is in."""
    where = [number(2, _NETWORK), number(3, offset), number(4, size), number(5, _REGISTER + register)]
    return _expression(1, "payload", *where, *_header_sum(version), number(8, _SUM_PSEUDO))


def _header_sum(version: _Version) -> list[bytes]:
    return [number(6, 1), number(7, 10)] if version is _V4 else [number(6, 0), number(7, 0)]


def _store_port(offset: int, register: int) -> bytes:
    where = [number(2, _TRANSPORT), number(3, offset), number(4, 2), number(5, _REGISTER + register)]
    return _expression(1, "payload", *where, number(6, 1), number(7, 6), number(8, 0))


def _store_plain(version: _Version, offset: int, size: int) -> bytes:
    """Into a part of the header that only the header's own sum covers, where there is one."""
    where = [number(2, _NETWORK), number(3, offset), number(4, size), number(5, _REGISTER)]
    return _expression(1, "payload", *where, *_header_sum(version), number(8, 0))
