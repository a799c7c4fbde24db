"""SIP over UDP: a datagram is a message (RFC 3261 §18)."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, cast

from softswitch.flow import Flow, Listener
from softswitch.transport.address import SocketAddress, bound_socket, literal_host, socket_address
from softswitch.transport.endpoint import Context

SOCKET_BUFFER_BYTES = 4 << 20
PEERS_REMEMBERED = 100_000
_BLANKS = b"\r\n \t\0"


class UdpEndpoint(asyncio.DatagramProtocol):
    """One UDP socket.

    Received by the loop, sent on the socket itself: an echo costs about a tenth less so than with the loop's
    `sendto`, and EMSGSIZE and the like are known for the flow they belong to.
    """

    def __init__(self, listener: Listener, context: Context) -> None:
        self.listener = listener
        self._context = context
        self._on_message = context.hooks.on_message
        self._admit = context.limiter.admit
        self._now = context.now
        self._socket: socket.socket | None = None
        self._transport: asyncio.DatagramTransport | None = None
        # Both are caches: cleared when full, so that invented addresses cost memory only up to there.
        self._peers: dict[tuple[Any, ...], tuple[Flow, str]] = {}
        self._addresses: dict[tuple[str, int], SocketAddress] = {}

    def bind(self) -> None:
        self._socket = bound_socket(socket.SOCK_DGRAM, self.listener.host, self.listener.port)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER_BYTES)

    async def start(self) -> None:
        assert self._socket is not None
        self._transport, _ = await self._context.loop.create_datagram_endpoint(lambda: self, sock=self._socket)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        # Every datagram comes through here: what is new about a peer is found out once, in `_meet`.
        flow, source = self._peers.get(addr) or self._meet(addr)
        if source and not self._admit(source, self._now()):
            return
        if len(data) < 16 and not data.strip(_BLANKS):
            if self._context.hooks.on_keepalive is not None:
                self._context.hooks.on_keepalive(flow)
            return
        self._on_message(data, flow)

    def _meet(self, address: tuple[Any, ...]) -> tuple[Flow, str]:
        if len(self._peers) >= PEERS_REMEMBERED:
            self._peers.clear()
        host, port = literal_host(address), address[1]
        limits = self._context.limits
        source = self._context.limiter.source(host) if limits.messages_per_second > 0 else ""
        peer = (Flow(self.listener, host, port), source)
        self._peers[address] = peer
        return peer

    def send(self, data: bytes, flow: Flow) -> None:
        if self._socket is None:
            self._context.fail(flow, "stopped")
            return
        try:
            address = self._addresses.get(flow[1:3]) or self._learn(flow)
            self._socket.sendto(data, address)
        except BlockingIOError:
            self._send_later(data, flow, address)
        except (OSError, ValueError) as error:
            self._context.fail(flow, str(error))

    def _learn(self, flow: Flow) -> SocketAddress:
        if len(self._addresses) >= PEERS_REMEMBERED:
            self._addresses.clear()
        address = socket_address(flow.host, flow.port)
        if (len(address) == 4) != self.listener.ipv6:
            raise ValueError(f"{self.listener.host} does not reach {flow.host}")
        self._addresses[flow.host, flow.port] = address
        return address

    def _send_later(self, data: bytes, flow: Flow, address: SocketAddress) -> None:
        """The socket is full: let the loop send when it can, up to a bound."""
        transport = self._transport
        if transport is None:
            self._context.fail(flow, "not started")
            return
        # The stubs of DatagramTransport lack this method; the transports of asyncio and uvloop have it.
        waiting = cast(asyncio.WriteTransport, transport).get_write_buffer_size()
        if waiting > self._context.limits.write_buffer_bytes:
            self._context.fail(flow, "send buffer full")
        else:
            transport.sendto(data, address)

    def forget(self) -> None:
        self._peers.clear()

    def stop(self) -> None:
        made, self._socket = self._socket, None
        if self._transport is not None:
            self._transport.close()
        elif made is not None:
            made.close()
