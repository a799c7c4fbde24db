"""The two rules, for each version of IP, as nftables has them: a packet is loaded into registers, compared, rewritten.

Expressions as in linux/netfilter/nf_tables.h; `nft list table inet NAME` shows what came of them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from .netlink import attribute, nest, number, text

_NETWORK, _TRANSPORT = 1, 2
_REGISTER = 8
"""NFT_REG32_00: registers of four bytes from here on."""
_EQUAL, _UNEQUAL = 0, 1
_FAMILY_OF_PACKET = 15
_SUM_PSEUDO = 1
_EXPEDITED = 46 << 2
"""The traffic class of what the relay sends itself (RFC 3246)."""
_HOPS = 64


@dataclass(frozen=True, slots=True)
class Version:
    """Where things are in this version's header."""

    family: int
    """NFPROTO_IPV4, NFPROTO_IPV6."""
    size: int
    """Of an address."""
    source: int
    """Offset of the source; the destination follows."""
    kind: int
    """What nft calls such an address."""


V4 = Version(2, 4, 12, 7)
V6 = Version(10, 16, 8, 8)
PORT = 13
"""What nft calls a port."""
VERSIONS = (V4, V6)


def arriving(name: str, version: Version, ports: tuple[int, int]) -> list[bytes]:
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
        expression(1, "notrack"),
    ]
    return rules


def leaving(name: str, version: Version, ports: tuple[int, int]) -> list[bytes]:
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
    if version is V4:
        rules += [_load(_NETWORK, 0, 2), _mask(b"\xff\x03", bytes([0, _EXPEDITED])), _store_plain(V4, 0, 2)]
        rules += [_load(_NETWORK, 8, 2), _mask(b"\0\xff", bytes([_HOPS, 0])), _store_plain(V4, 8, 2)]
    else:
        rules += [_load(_NETWORK, 0, 2), _mask(b"\xf0\x3f", struct.pack("!H", _EXPEDITED << 4))]
        rules += [_store_plain(V6, 0, 2), _immediate(bytes([_HOPS])), _store_plain(V6, 7, 1)]
    return rules


def _is_datagram(version: Version) -> list[bytes]:
    """UDP, whole, without options."""
    if version is V6:
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


def _load_key(version: Version) -> list[bytes]:
    """Addresses and ports, as `Flow.arrives` has them."""
    after = _REGISTER + 2 * version.size // 4
    addresses = (
        _load(_NETWORK, version.source, version.size),
        _load(_NETWORK, version.source + version.size, version.size, _REGISTER + version.size // 4),
    )
    return [*addresses, _load(_TRANSPORT, 0, 2, after), _load(_TRANSPORT, 2, 2, after + 1)]


def expression(kind: int, name: str, *inner: bytes) -> bytes:
    return nest(kind, text(1, name), nest(2, *inner))


def _value(kind: int, value: bytes) -> bytes:
    return nest(kind, attribute(1, value))


def _load(base: int, offset: int, size: int, register: int = _REGISTER) -> bytes:
    return expression(1, "payload", number(1, register), number(2, base), number(3, offset), number(4, size))


def _compare(operator: int, value: bytes) -> bytes:
    return expression(1, "cmp", number(1, _REGISTER), number(2, operator), _value(3, value))


def _range(operator: int, first: int, last: int) -> bytes:
    return _within(operator, struct.pack("!H", first), struct.pack("!H", last))


def _within(operator: int, first: bytes, last: bytes) -> bytes:
    return expression(1, "range", number(1, _REGISTER), number(2, operator), _value(3, first), _value(4, last))


def _mask(mask: bytes, toggled: bytes = b"") -> bytes:
    toggled = toggled or bytes(len(mask))
    return expression(
        1,
        "bitwise",
        number(1, _REGISTER),
        number(2, _REGISTER),
        number(3, len(mask)),
        _value(4, mask),
        _value(5, toggled),
    )


def _meta(key: int) -> bytes:
    return expression(1, "meta", number(1, _REGISTER), number(2, key))


def _immediate(value: bytes) -> bytes:
    return expression(1, "immediate", number(1, _REGISTER), _value(2, value))


def _lookup(name: str, register: int) -> bytes:
    """What the map has for the key in the first registers, into those from `register` on."""
    return expression(1, "lookup", text(1, name), number(2, _REGISTER), number(3, _REGISTER + register))


def _store(version: Version, offset: int, size: int, register: int) -> bytes:
    """An address into the header, with the sums that it is in."""
    where = [number(2, _NETWORK), number(3, offset), number(4, size), number(5, _REGISTER + register)]
    return expression(1, "payload", *where, *_header_sum(version), number(8, _SUM_PSEUDO))


def _header_sum(version: Version) -> list[bytes]:
    return [number(6, 1), number(7, 10)] if version is V4 else [number(6, 0), number(7, 0)]


def _store_port(offset: int, register: int) -> bytes:
    where = [number(2, _TRANSPORT), number(3, offset), number(4, 2), number(5, _REGISTER + register)]
    return expression(1, "payload", *where, number(6, 1), number(7, 6), number(8, 0))


def _store_plain(version: Version, offset: int, size: int) -> bytes:
    """Into a part of the header that only the header's own sum covers, where there is one."""
    where = [number(2, _NETWORK), number(3, offset), number(4, size), number(5, _REGISTER)]
    return expression(1, "payload", *where, *_header_sum(version), number(8, 0))
