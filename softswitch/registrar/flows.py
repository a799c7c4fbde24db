"""Flows as bindings keep them, and what becomes of them after a restart (RFC 3261 §18.1, RFC 5626 §3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from softswitch.errors import PeerError
from softswitch.flow import Flow, Listener
from softswitch.registrar.bindings import Binding
from softswitch.sip.uri import parse_uri


def flow_text(flow: Flow) -> str:
    """E.g. "udp|0|192.0.2.7|5060|0": transport, listener index, address, port, connection number."""
    listener, host, port, connection, _ = flow
    return f"{listener.transport.lower()}|{listener.index}|{host}|{port}|{connection}"


def flow_of(binding: Binding, listeners: Sequence[Listener]) -> Flow | None:
    """The way to the phone, or None when there is none: its connection went with a restart, or its listener did.

    For a binding with a Path the first Path value says where to send (RFC 3327 §5.5), not this.
    """
    return flow_from(binding.flow, listeners)


def flow_from(text: str, listeners: Sequence[Listener]) -> Flow | None:
    """The flow of a text that `flow_text` wrote, or None where its listener is no more; None for ""."""
    if not text:
        return None
    transport, index, host, port, connection = text.split("|")
    for listener in listeners:
        if listener.index == int(index) and listener.transport.lower() == transport:
            # An address family that the listener no longer has can't be reached from it.
            if listener.ipv6 != (":" in host):
                return None
            return Flow(listener, host, int(port), int(connection))
    return None


def behind_nat(binding: Binding) -> bool:
    """Whether the contact is another address or port than the one the REGISTER came from."""
    if not binding.flow:
        return True
    _, _, host, port, _ = binding.flow.split("|")
    contact = _contact_address(binding)
    return contact is None or contact != (host, int(port))


def revived(binding: Binding) -> Binding:
    """The binding as it can be used after a restart, when every connection is gone.

    Over UDP nothing changed. Over TCP and TLS a phone whose contact is the address it registered from listens there
    and is connected to anew. Any other sits behind NAT and can't be reached until it connects by itself: its flow
    becomes "".
    """
    transport, _, rest = binding.flow.partition("|")
    if transport in ("udp", ""):
        return binding
    index, host, _, _ = rest.split("|")
    contact = _contact_address(binding)
    if contact is None or contact[0] != host:
        return binding._replace(flow="")
    return binding._replace(flow=f"{transport}|{index}|{host}|{contact[1]}|0")


def connection_of(binding: Binding) -> tuple[int, int] | None:
    """(listener index, connection number) where the binding hangs on one connection."""
    if not binding.flow or binding.flow.endswith("|0"):
        return None
    _, index, _, _, connection = binding.flow.split("|")
    return int(index), int(connection)


def _contact_address(binding: Binding) -> tuple[str, int] | None:
    """The contact's literal address, spelled as flows spell it, and its port; None when it is a name."""
    try:
        uri = parse_uri(binding.contact.encode())
        host = uri.host.decode()
        if host[0] == "[":
            host = str(ip_address(host[1:-1]))
        elif not host.replace(".", "").isdigit():
            return None
    except (PeerError, ValueError):
        return None
    secure = uri.scheme == b"sips" or binding.flow.startswith("tls")
    return host, uri.port or (5061 if secure else 5060)
