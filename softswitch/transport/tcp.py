"""SIP over TCP and TLS: listening, accepting, opening (RFC 3261 §18, §26.3)."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Coroutine
from typing import Any

import structlog

from softswitch.flow import Flow, Listener
from softswitch.transport.address import bound_socket, family_of, literal_host, socket_address
from softswitch.transport.connection import Connection
from softswitch.transport.endpoint import Context

log = structlog.get_logger(__name__)

BACKLOG = 1024
ACCEPTS_AT_ONCE = 64
RECEIVE_BUFFER_BYTES = 256 << 10
REST_SECONDS = 1.0
SHUTDOWN_SECONDS = 2.0
UNBOUNDED_SECONDS = 60.0
_OUT_OF_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class TcpEndpoint:
    """One listening TCP socket and the connections that belong to it.

    It accepts by itself instead of leaving that to the loop: so the limits count a peer from its first packet,
    before any TLS handshake is paid for.
    """

    def __init__(self, listener: Listener, context: Context) -> None:
        self.listener = listener
        self._context = context
        self._socket: socket.socket | None = None
        self._retry: asyncio.TimerHandle | None = None

    def bind(self) -> None:
        self._socket = bound_socket(socket.SOCK_STREAM, self.listener.host, self.listener.port)
        # Inherited by what is accepted; left alone the system lets one sender fill 6 MB for each connection.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self._socket.listen(BACKLOG)

    async def start(self) -> None:
        self._listen()

    def _listen(self) -> None:
        assert self._socket is not None
        self._context.loop.add_reader(self._socket.fileno(), self._accept)

    def _accept(self) -> None:
        assert self._socket is not None
        for _ in range(ACCEPTS_AT_ONCE):
            try:
                accepted, address = self._socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno in _OUT_OF_RESOURCES:
                    self._rest(error)
                return
            self._welcome(accepted, address)

    def _rest(self, error: OSError) -> None:
        """Out of files: the socket stays readable, so look away for a moment instead of spinning."""
        assert self._socket is not None
        where = Flow(self.listener, self.listener.host, self.listener.port)
        log.warning("cannot accept connections", listener=str(where), reason=error.strerror)
        self._context.loop.remove_reader(self._socket.fileno())
        self._retry = self._context.loop.call_later(REST_SECONDS, self._listen)

    def _welcome(self, accepted: socket.socket, address: tuple[Any, ...]) -> None:
        context, host = self._context, literal_host(address)
        source = context.limiter.source(host)
        if not context.limiter.connect(source):
            accepted.close()
            return
        accepted.setblocking(False)
        flow = Flow(self.listener, host, address[1], context.connections.number())
        connection = Connection(context, flow, source, accepted=True)
        context.connections.add(connection)
        self._spawn(self._shake_hands(accepted, connection, client=False))

    def send(self, data: bytes, flow: Flow) -> None:
        connection = self._context.connections.find(flow)
        if connection is None and not flow.connection:
            connection = self._open(flow)
        if connection is None:
            reason = "connection is closed" if flow.connection else "too many connections"
            self._context.fail(flow, reason)
            return
        if not flow.connection:
            connection.routed = True
        if not connection.send(data):
            self._context.fail(flow, "connection is closing or its queue is full")

    def _open(self, flow: Flow) -> Connection | None:
        context = self._context
        # Ours count in the total alone: no stranger may use up the connections a trunk needs for its source.
        if not context.limiter.connect(""):
            return None
        numbered = flow._replace(connection=context.connections.number())
        connection = Connection(context, numbered, "", accepted=False)
        context.connections.add(connection)
        self._spawn(self._connect(connection))
        return connection

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._context.loop.create_task(work)
        self._context.tasks.add(task)
        task.add_done_callback(self._context.tasks.discard)

    async def _connect(self, connection: Connection) -> None:
        flow, loop = connection.flow, self._context.loop
        try:
            address = socket_address(flow.host, flow.port)
            if (len(address) == 4) != self.listener.ipv6:
                raise ValueError(f"{self.listener.host} does not reach {flow.host}")
            ours = self._outgoing_socket()
        except (OSError, ValueError) as error:
            connection.end(str(error))
            return
        try:
            async with asyncio.timeout(self._context.limits.connect_seconds or UNBOUNDED_SECONDS):
                await loop.sock_connect(ours, address)
        except TimeoutError:
            ours.close()
            connection.end("no connection in time")
        except OSError as error:
            ours.close()
            # The loop puts the address into the text; the flow says that already.
            connection.end(os.strerror(error.errno) if error.errno else str(error))
        except asyncio.CancelledError:
            ours.close()
            raise
        else:
            await self._shake_hands(ours, connection, client=True)

    def _outgoing_socket(self) -> socket.socket:
        """From the listener's own address, so that the peer sees the one it knows us by."""
        host = self.listener.host
        if host in ("0.0.0.0", "::"):
            ours = socket.socket(family_of(host), socket.SOCK_STREAM)
            ours.setblocking(False)
            return ours
        return bound_socket(socket.SOCK_STREAM, host, 0)

    async def _shake_hands(self, stream: socket.socket, connection: Connection, client: bool) -> None:
        """Give the socket to the loop; for TLS, wait until both sides agree."""
        _tune(stream)
        loop = self._context.loop
        secure: dict[str, Any] = {}
        context = self._tls(client)
        if context is not None:
            secure = {
                "ssl": context,
                "ssl_handshake_timeout": self._context.limits.handshake_seconds or UNBOUNDED_SECONDS,
                "ssl_shutdown_timeout": SHUTDOWN_SECONDS,
            }
        try:
            if client:
                if context is not None:
                    # Without a name the certificate has to bear the address itself (RFC 5922 §7.3).
                    secure["server_hostname"] = connection.flow.server_name or connection.flow.host.partition("%")[0]
                await loop.create_connection(lambda: connection, sock=stream, **secure)
            else:
                await loop.connect_accepted_socket(lambda: connection, stream, **secure)
        except (OSError, ValueError) as error:
            # ssl.SSLError, timeouts and resets are OSErrors; ValueError is a server name that is none.
            stream.close()
            connection.end(_handshake_reason(error))
        except asyncio.CancelledError:
            stream.close()
            raise

    def _tls(self, client: bool) -> ssl.SSLContext | None:
        return None

    def forget(self) -> None:
        pass

    def stop(self) -> None:
        made, self._socket = self._socket, None
        if self._retry is not None:
            self._retry.cancel()
        if made is not None:
            self._context.loop.remove_reader(made.fileno())
            made.close()


class TlsEndpoint(TcpEndpoint):
    """The same with TLS 1.2 or 1.3; the contexts are asked for at each handshake, so a reload works at once."""

    def bind(self) -> None:
        if self._context.tls is None:
            raise ValueError("a TLS listener needs a certificate")
        super().bind()

    def _tls(self, client: bool) -> ssl.SSLContext | None:
        assert self._context.tls is not None
        return self._context.tls.client if client else self._context.tls.server


def _tune(stream: socket.socket) -> None:
    """Small messages at once; a peer that vanished without a word is noticed within two minutes."""
    set_ = stream.setsockopt
    set_(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    set_(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    set_(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
    set_(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15)
    set_(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
    # Written and not acknowledged for as long as a transaction lives (64*T1): the connection is dead.
    set_(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 32_000)


def _handshake_reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS handshake failed: {error.reason or error}"
    return f"connection failed: {error}"
