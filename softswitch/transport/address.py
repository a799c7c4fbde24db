"""Literal addresses as the system's sockets want them, IPv6 scopes included (RFC 4007 §11)."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any, TypeAlias

SocketAddress: TypeAlias = tuple[str, int] | tuple[str, int, int, int]


def socket_address(host: str, port: int) -> SocketAddress:
    """The address of a literal `host`, with its scope ("fe80::1%2" or "fe80::1%eth0") taken apart.

    Raises ValueError for a name: sockets would look it up, and wait; also for a port out of range and for an
    interface that is not there.
    """
    if not 0 < port < 65_536:
        raise ValueError(f"port {port} is out of range")
    if ":" not in host:
        ipaddress.IPv4Address(host)
        return (host, port)
    address = ipaddress.IPv6Address(host)
    bare, _, scope = host.partition("%")
    if not address.scope_id:
        return (bare, port, 0, 0)
    try:
        return (bare, port, 0, int(scope) if scope.isdecimal() else socket.if_nametoindex(scope))
    except OSError as error:
        raise ValueError(f"no interface {scope}") from error


def literal_host(address: tuple[Any, ...]) -> str:
    """The host of a socket address, a scope appended as a number: "fe80::1%2"."""
    host: str = address[0]
    if len(address) == 4 and address[3] and "%" not in host:
        return f"{host}%{address[3]}"
    return host


def is_literal(host: str) -> bool:
    """Whether `host` is an IPv4 or IPv6 address without brackets, and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def family_of(host: str) -> socket.AddressFamily:
    """AF_INET or AF_INET6, for a literal."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def bound_socket(kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    """A non-blocking socket of ours at a literal address (port 0: any free). IPv6 takes no IPv4: that has its own.

    Raises OSError when the address is taken or not this machine's, ValueError as `socket_address`.
    """
    address = socket_address(host, port or 1)
    if not port:  # any that is free
        address = (host, 0) if len(address) == 2 else (address[0], 0, *address[2:])
    made = socket.socket(family_of(host), kind)
    try:
        made.setblocking(False)
        if made.family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if port and kind == socket.SOCK_STREAM:
            # A restart must not wait for the last run's connections to time out. (For datagrams the same option
            # would let another process take our port.)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made
