"""One stream to a peer, accepted or opened: framing, limits, and an end that everyone hears of."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from softswitch.errors import PeerError
from softswitch.flow import Flow
from softswitch.sip.framing import PING, PONG, StreamFramer

if TYPE_CHECKING:
    from softswitch.transport.endpoint import Context

LINGER_SECONDS = 2.0
"""After a framing error: for the answer to arrive before a reset overtakes it."""


class Connection(asyncio.Protocol):
    """A TCP or TLS connection. Made before it is open: what is sent meanwhile waits in a queue.

    The maker has counted it in at the limiter under `source`; its end counts it out.
    """

    def __init__(self, context: Context, flow: Flow, source: str, accepted: bool) -> None:
        """`flow` has this connection's number."""
        self.flow = flow
        self.route = flow._replace(connection=0)
        """The same way without a number: whoever asks for it gets this connection."""
        self.kept = 0
        """So many registrations hold it."""
        self.routed = False
        """Whether something was sent here by `route`; then its end is told under both names."""
        self._context = context
        self._source = source
        self._framer = StreamFramer(context.limits.header_bytes, context.limits.body_bytes)
        self._transport: asyncio.Transport | None = None
        self._queue: list[bytes] = []
        self._queued_bytes = 0
        self._held: bytes | None = None
        self._wake: asyncio.TimerHandle | None = None
        self._reason = ""
        self._closing = False
        self._ended = False
        self._quiet_since = context.now()
        first = context.limits.first_message_seconds
        self._due_at = self._quiet_since + first if accepted and first else 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=self._context.limits.write_buffer_bytes)
        if self._closing:
            self._transport.abort()
            return
        queue, self._queue = self._queue, []
        if queue:
            self._transport.write(b"".join(queue))

    def data_received(self, data: bytes) -> None:
        self._quiet_since = self._context.now()
        if self._closing:
            return
        self._framer.feed(data)
        if self._held is None:
            self._deliver()

    def _deliver(self) -> None:
        """Hand over what is whole, as fast as the source may speak; a stream is made to wait, not cut."""
        hooks, limiter, now = self._context.hooks, self._context.limiter, self._context.now()
        whole, self._held = self._held, None
        try:
            while (message := whole or self._framer.next_message()) is not None:
                whole = None
                wait = limiter.wait(self._source, now)
                if wait > 0 and not hooks.urgent(message, self.flow):
                    self._hold(message, wait)
                    return
                limiter.admit(self._source, now)
                self._due_at = 0.0
                if message == PING:
                    self.send(PONG)
                    if hooks.on_keepalive is not None:
                        hooks.on_keepalive(self.flow)
                else:
                    hooks.on_message(message, self.flow)
                if self._closing:
                    return
        except PeerError as error:
            self._break_off(error)
            return
        if self._framer.started and self._context.limits.message_seconds:
            due_at = now + self._context.limits.message_seconds
            if not self._due_at or due_at < self._due_at:
                self._due_at = due_at

    def _hold(self, message: bytes, wait: float) -> None:
        """Read nothing more until the source may speak again: TCP then slows the sender down."""
        assert self._transport is not None
        self._held = message
        self._due_at = 0.0
        self._transport.pause_reading()
        self._wake = self._context.loop.call_later(wait, self._go_on)

    def _go_on(self) -> None:
        if self._closing or self._transport is None or self._transport.is_closing():
            return
        self._deliver()
        if self._held is None and not self._closing:
            self._transport.resume_reading()

    def _break_off(self, error: PeerError) -> None:
        """Let the answer out, then close: half at once, wholly when the peer has read it (or has had the time).

        Closed with bytes unread the kernel would send a reset, which throws the answer away on the other side.
        """
        assert self._transport is not None
        if self._context.hooks.on_framing_error is not None:
            self._context.hooks.on_framing_error(error, self.flow)
        self._reason = self._reason or error.reason
        self._closing = True
        self._due_at = self._context.now() + LINGER_SECONDS
        if self._transport.is_closing():
            return
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()

    def send(self, data: bytes) -> bool:
        """Write or queue; False when it cannot be sent any more."""
        if self._closing:
            return False
        transport = self._transport
        if transport is None:
            self._queued_bytes += len(data)
            if self._queued_bytes > self._context.limits.write_buffer_bytes:
                return False
            self._queue.append(data)
        elif transport.is_closing():
            return False
        else:
            transport.write(data)
            self._quiet_since = self._context.now()
        return True

    def pause_writing(self) -> None:
        # Called within `write`, so not acted on there.
        self._context.loop.call_soon(self.cut, "peer does not read")

    def eof_received(self) -> None:
        """The peer is done, so are we: None lets the transport close itself."""
        self._reason = self._reason or "closed by the peer"

    def connection_lost(self, exc: Exception | None) -> None:
        self.end(self._reason or (str(exc) if exc else "closed"))

    def end(self, reason: str) -> None:
        """It is over, or never began; tell, once."""
        if self._ended:
            return
        self._ended = True
        self._closing = True
        if self._wake is not None:
            self._wake.cancel()
        self._held = None
        context = self._context
        context.connections.remove(self)
        context.limiter.disconnect(self._source)
        if self._transport is not None:
            context.hooks.on_flow_closed(self.flow, reason)
        if self.routed:
            context.hooks.on_flow_closed(self.route, reason)

    def cut(self, reason: str) -> None:
        """Close at once, whatever is still to be written."""
        self._reason = self._reason or reason
        self._closing = True
        if self._transport is not None:
            self._transport.abort()
        else:
            self.end(self._reason)

    def close(self, reason: str) -> None:
        """Close when what was written is out."""
        self._reason = self._reason or reason
        self._closing = True
        if self._transport is not None:
            self._transport.close()
        else:
            self.end(self._reason)

    def overdue(self, now: float) -> str:
        """Why this connection should be cut now; "" when it may stay. While held back it owes us nothing."""
        if self._due_at and now >= self._due_at:
            return "message not completed in time"
        limits = self._context.limits
        idle = limits.kept_idle_seconds if self.kept else limits.idle_seconds
        if idle and now - self._quiet_since >= idle and self._held is None:
            return "idle"
        return ""


class Connections:
    """All connections: by number, and by route the one to reuse (RFC 5923 calls it an alias)."""

    def __init__(self, first_number: int) -> None:
        """`first_number` is above every number of an earlier run: registrations remember numbers."""
        self._number = first_number
        self._by_number: dict[int, Connection] = {}
        self._by_route: dict[Flow, Connection] = {}

    def __len__(self) -> int:
        return len(self._by_number)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._by_number.values()))

    def number(self) -> int:
        """A number that no connection had."""
        self._number += 1
        return self._number

    def add(self, connection: Connection) -> None:
        """From now it is found; the newest of a route is the one to reuse."""
        self._by_number[connection.flow.connection] = connection
        self._by_route[connection.route] = connection

    def remove(self, connection: Connection) -> None:
        """It is gone; another of the same route may take its place with the next `add`."""
        self._by_number.pop(connection.flow.connection, None)
        if self._by_route.get(connection.route) is connection:
            del self._by_route[connection.route]

    def find(self, flow: Flow) -> Connection | None:
        """The very connection of `flow` when it has a number, else one that goes there."""
        if not flow.connection:
            return self._by_route.get(flow)
        connection = self._by_number.get(flow.connection)
        if connection is None or connection.route[:3] != flow[:3]:
            return None
        return connection
