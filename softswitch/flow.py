"""Where a message came from and where one goes: a listener of ours and an address, or one connection.

Plain identities, without sockets: the protocol core compares and passes them on; `transport` knows what they mean.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

INSIDE = "0.0.0.0"
"""The host of flows that end within this switch: what is sent there comes in again. Nothing else comes from there."""


@dataclass(frozen=True, eq=False, slots=True)
class Listener:
    """One of our addresses."""

    index: int
    """Position in the configuration; stands for the listener in flow tokens."""
    transport: str
    """"UDP", "TCP" or "TLS"; later "WS", "WSS"."""
    host: str
    """The bound address, a literal IPv4 or IPv6 address without brackets."""
    port: int
    advertised_host: str
    """What peers are told: Via, Record-Route. A literal address or a name."""
    advertised_port: int
    network: str
    """The operator's name for the network on this side, e.g. "office-lan" or "internet"."""
    via: bytes = field(init=False, default=b"")
    """Ready for a Via: b"SIP/2.0/UDP 192.0.2.1:5060;branch="."""
    uri: bytes = field(init=False, default=b"")
    """Ready for a Record-Route: b"192.0.2.1:5060;transport=tcp" (no scheme, no user; UDP has no parameter)."""
    reliable: bool = field(init=False, default=False)
    ipv6: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        host = f"[{self.advertised_host}]" if ":" in self.advertised_host else self.advertised_host
        where = f"{host}:{self.advertised_port}".encode()
        transport = self.transport.encode()
        set_ = object.__setattr__
        set_(self, "via", b"SIP/2.0/%s %s;branch=" % (transport, where))
        set_(self, "uri", where if transport == b"UDP" else where + b";transport=" + transport.lower())
        set_(self, "reliable", self.transport != "UDP")
        set_(self, "ipv6", ":" in self.host)


class Flow(NamedTuple):
    """A way to one peer: from `listener` to `host:port`.

    With `connection` 0 it is any way there: for UDP a datagram, for TCP and TLS a connection that is open to this
    address or is opened now. Any other number names one connection that was accepted or opened, and no other
    (RFC 5626 §3.1): once it is closed the flow is dead.
    """

    listener: Listener
    host: str
    """A literal address, no brackets; never a name."""
    port: int
    connection: int = 0
    server_name: str = ""
    """For TLS connections that we open: the name the certificate must bear."""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.listener.transport.lower()}:{host}:{self.port}"
