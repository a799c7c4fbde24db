"""The two ends of a test: a switch that writes down what it is told, and peers made of plain sockets."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from softswitch.clock import VirtualClock
from softswitch.errors import PeerError
from softswitch.flow import Flow, Listener
from softswitch.transport.manager import TransportManager

T = TypeVar("T")

# An address of this process alone: ports picked here collide with nobody's.
IPV4 = f"127.{64 + (os.getpid() >> 16) % 64}.{(os.getpid() >> 8) % 256}.{os.getpid() % 254 + 1}"
IPV6 = "::1"
PATIENCE = 5.0
"""For things that happen at once; a test that waits so long has failed."""


def soon(awaited: Awaitable[T]) -> Awaitable[T]:
    return asyncio.wait_for(awaited, PATIENCE)


async def until(true: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Let the loop go on until the switch has taken in what was sent."""
    async with asyncio.timeout(patience):
        while not true():  # noqa: ASYNC110  (what is waited for has no event of its own)
            await asyncio.sleep(0)


def message(text: str = "hello", body: bytes = b"") -> bytes:
    head = f"MESSAGE sip:101@acme.example SIP/2.0\r\nSubject: {text}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def free_port(host: str, kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def listener_at(transport: str, host: str = IPV4, index: int = 0, network: str = "lan") -> Listener:
    port = free_port(host, socket.SOCK_DGRAM if transport == "UDP" else socket.SOCK_STREAM)
    return Listener(index, transport, host, port, host, port, network)


class Switch:
    """A manager and all that it told."""

    manager: TransportManager

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.heard: asyncio.Queue[tuple[bytes, Flow]] = asyncio.Queue()
        self.closed: asyncio.Queue[tuple[Flow, str]] = asyncio.Queue()
        self.failed: asyncio.Queue[tuple[Flow, str]] = asyncio.Queue()
        self.keepalives: asyncio.Queue[Flow] = asyncio.Queue()
        self.errors: asyncio.Queue[tuple[PeerError, Flow]] = asyncio.Queue()
        self.answer_errors = False
        self.clock = VirtualClock()

    def advance(self, seconds: float) -> None:
        """Let time pass for the limits."""
        self.clock.advance(seconds)
        self.manager.sweep()

    def on_message(self, data: bytes, flow: Flow) -> None:
        self.heard.put_nowait((data, flow))

    def on_framing_error(self, error: PeerError, flow: Flow) -> None:
        self.errors.put_nowait((error, flow))
        if self.answer_errors:
            self.manager.send(b"SIP/2.0 %d Bad\r\nContent-Length: 0\r\n\r\n" % error.status, flow)

    def flow_to(self, host: str, port: int, server_name: str = "") -> Flow:
        return Flow(self.listener, host, port, 0, server_name)


class DatagramPeer(asyncio.DatagramProtocol):
    """A phone over UDP."""

    def __init__(self) -> None:
        self._received: asyncio.Queue[bytes] = asyncio.Queue()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self.port: int = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._received.put_nowait(data)

    async def send(self, data: bytes) -> None:
        self._transport.sendto(data)

    async def receive(self, length: int) -> bytes:
        return await soon(self._received.get())

    def close(self) -> None:
        self._transport.close()


class StreamPeer:
    """A phone over TCP or TLS."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.port: int = writer.get_extra_info("sockname")[1]

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def receive(self, length: int) -> bytes:
        return await soon(self.reader.readexactly(length))

    async def rest(self) -> bytes:
        """Everything until the switch closes; a reset counts as the end."""
        received = b""
        try:
            while chunk := await soon(self.reader.read(65_536)):
                received += chunk
        except ConnectionError:
            pass
        return received

    async def rest_or(self, expected: bytes) -> bytes:
        """`expected`, or b"" when the stream ends without it."""
        try:
            return await self.receive(len(expected))
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""

    def close(self) -> None:
        self.writer.close()


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def phone(switch: Switch) -> Any:
    """A peer that has reached the switch's listener, over its transport."""
    listener = switch.listener
    if listener.transport == "UDP":
        loop = asyncio.get_running_loop()
        _, peer = await loop.create_datagram_endpoint(
            DatagramPeer,
            remote_addr=(listener.host, listener.port),
            local_addr=(listener.host, 0),
        )
        return peer
    secure = trusting() if listener.transport == "TLS" else None
    reader, writer = await soon(
        asyncio.open_connection(listener.host, listener.port, ssl=secure, local_addr=(listener.host, 0))
    )
    return StreamPeer(reader, writer)


class Server:
    """A proxy elsewhere that listens: for connections that the switch opens."""

    def __init__(self) -> None:
        self.accepted: asyncio.Queue[StreamPeer] = asyncio.Queue()

    async def start(self, host: str, secure: ssl.SSLContext | None) -> None:
        self.host, self.port = host, free_port(host, socket.SOCK_STREAM)

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.accepted.put_nowait(StreamPeer(reader, writer))

        self._server = await asyncio.start_server(accept, host, self.port, ssl=secure)

    def close(self) -> None:
        self._server.close()
