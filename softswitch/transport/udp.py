"""SIP over UDP: a datagram is a message (RFC 3261 §18)."""

from __future__ import annotations

import socket
from collections import deque
from typing import Any

from softswitch.flow import Flow, Listener
from softswitch.transport.address import SocketAddress, bound_socket, literal_host, socket_address
from softswitch.transport.endpoint import Context

AT_ONCE = 32
SOCKET_BUFFER_BYTES = 4 << 20
PEERS_REMEMBERED = 100_000
_BLANKS = b"\r\n \t\0"


class UdpEndpoint:
    """One UDP socket.

    Read in batches: first up to `AT_ONCE` datagrams are taken from the kernel, then all are handled, then what they
    led to is sent. Under load that is a third cheaper than handling each by itself, for the work then finds its code
    and data in the processor's caches instead of the kernel's; a lone datagram is handled at once as ever.
    Sent on the socket itself, so that EMSGSIZE and the like are known for the flow they belong to.
    """

    def __init__(self, listener: Listener, context: Context) -> None:
        self.listener = listener
        self._context = context
        self._on_message = context.hooks.on_message
        self._admit = context.limiter.admit
        self._now = context.now
        self._socket: socket.socket | None = None
        self._buffer = bytearray(65536)
        self._view = memoryview(self._buffer)
        self._outgoing: list[tuple[bytes, Flow]] | None = None
        """What is to be sent when the batch at hand is through; None between batches: then it is sent at once."""
        self._waiting: deque[tuple[bytes, Flow]] = deque()
        """What the socket was too full for."""
        self._waiting_bytes = 0
        # Both are caches: cleared when full, so that invented addresses cost memory only up to there.
        self._peers: dict[tuple[Any, ...], tuple[Flow, str]] = {}
        self._addresses: dict[tuple[str, int], SocketAddress] = {}

    def bind(self) -> None:
        self._socket = bound_socket(socket.SOCK_DGRAM, self.listener.host, self.listener.port)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER_BYTES)

    async def start(self) -> None:
        assert self._socket is not None
        self._socket.setblocking(False)
        self._context.loop.add_reader(self._socket.fileno(), self._readable)

    def _readable(self) -> None:
        """A batch: receive, handle, send."""
        assert self._socket is not None
        receive, buffer, view = self._socket.recvfrom_into, self._buffer, self._view
        batch: list[tuple[bytes, Any]] = []
        try:
            for _ in range(AT_ONCE):
                size, address = receive(buffer)
                batch.append((bytes(view[:size]), address))
        except BlockingIOError:
            pass  # all there was
        except OSError as error:
            # What the network reports of something sent earlier; there is nothing to do for this socket.
            self._context.loop.call_exception_handler({"message": "UDP receive failed", "exception": error})
        outgoing = self._outgoing = []
        for data, address in batch:
            try:
                self._received(data, address)
            except Exception as error:  # one datagram's trouble is no other's
                self._context.loop.call_exception_handler({"message": "a datagram was dropped", "exception": error})
        self._outgoing = None
        for data, flow in outgoing:
            self.send(data, flow)

    def _received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        # Every datagram comes through here: what is new about a peer is found out once, in `_meet`.
        flow, source = self._peers.get(addr) or self._meet(addr)
        if source and not self._admit(source, self._now()) and not self._context.hooks.urgent(data, flow):
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
        if self._outgoing is not None:
            self._outgoing.append((data, flow))
        elif self._waiting:
            self._send_later(data, flow)
        else:
            self._send_now(data, flow)

    def _send_now(self, data: bytes, flow: Flow) -> None:
        if self._socket is None:
            self._context.fail(flow, "stopped")
            return
        try:
            self._socket.sendto(data, self._addresses.get(flow[1:3]) or self._learn(flow))
        except BlockingIOError:
            self._send_later(data, flow)
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

    def _send_later(self, data: bytes, flow: Flow) -> None:
        """The socket is full: send when the loop says that it can, up to a bound and in order."""
        if self._socket is None or self._waiting_bytes + len(data) > self._context.limits.write_buffer_bytes:
            self._context.fail(flow, "send buffer full")
            return
        if not self._waiting:
            self._context.loop.add_writer(self._socket.fileno(), self._writable)
        self._waiting.append((data, flow))
        self._waiting_bytes += len(data)

    def _writable(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        self._waiting_bytes = 0
        assert self._socket is not None
        self._context.loop.remove_writer(self._socket.fileno())
        for data, flow in waiting:
            self.send(data, flow)

    def forget(self) -> None:
        self._peers.clear()

    def stop(self) -> None:
        made, self._socket = self._socket, None
        if made is not None:
            self._context.loop.remove_reader(made.fileno())
            self._context.loop.remove_writer(made.fileno())
            made.close()
