"""The transports there are: a new one is a file, and a line here."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.flow import Listener
from softswitch.transport.endpoint import Context, Endpoint
from softswitch.transport.tcp import TcpEndpoint, TlsEndpoint
from softswitch.transport.udp import UdpEndpoint

TRANSPORTS: dict[str, Callable[[Listener, Context], Endpoint]] = {
    "UDP": UdpEndpoint,
    "TCP": TcpEndpoint,
    "TLS": TlsEndpoint,
}
"""By `Listener.transport`, the name in a Via (RFC 3261 §20.42)."""
