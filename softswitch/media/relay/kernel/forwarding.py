"""Whether the kernel forwards at all: what `net.ipv4.ip_forward` and its neighbours are set to.

Asked by netlink (RTM_GETNETCONF, linux/netconf.h), because a service may not be shown /proc/sys.
"""

from __future__ import annotations

import socket
import struct

from .netlink import DUMP, NETLINK_ROUTE, Netlink, attributes, raw

_GET_NETCONF = 82
_INTERFACE, _FORWARDING = 1, 2
_ALL, _DEFAULT = -1, -2
_NUMBER = struct.Struct("=i")


def forwards(family: int) -> bool:
    """Whether packets of AF_INET or AF_INET6 are forwarded from some interface. Raises OSError."""
    netlink = Netlink(NETLINK_ROUTE)
    try:
        found = False
        for answer in netlink.dump(raw(_GET_NETCONF, DUMP, bytes([family, 0, 0, 0]))):
            told = {kind: _NUMBER.unpack(value)[0] for kind, value in attributes(answer.body) if len(value) == 4}
            if told.get(_FORWARDING) == 1 and told.get(_INTERFACE) != _DEFAULT and not _is_loopback(told):
                found = True
        return found
    finally:
        netlink.close()


def _is_loopback(told: dict[int, int]) -> bool:
    try:
        return told[_INTERFACE] > 0 and socket.if_indextoname(told[_INTERFACE]) == "lo"
    except (KeyError, OSError):
        return False


def why_not() -> tuple[tuple[int, ...], str]:
    """The families that are forwarded; where there is none, why that is so, in words for the operator."""
    families = tuple(family for family in (socket.AF_INET, socket.AF_INET6) if forwards(family))
    if families:
        return families, ""
    return (
        (),
        "the system forwards no packets: set net.ipv4.ip_forward=1 (sysctl), for IPv6 net.ipv6.conf.all.forwarding=1",
    )
