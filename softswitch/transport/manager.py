"""All transports behind one door: messages in through callbacks, messages out by flow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from softswitch.clock import Clock, SystemClock
from softswitch.errors import PeerError
from softswitch.flow import Flow, Listener
from softswitch.ops.limits import Limits, SourceLimiter
from softswitch.transport.connection import Connection, Connections
from softswitch.transport.endpoint import Context, Endpoint, Hooks
from softswitch.transport.registry import TRANSPORTS
from softswitch.transport.tls import TlsContexts


class TransportManager:
    """Listens on every listener, keeps the connections, sends.

    What can be told about a flow, in one place: `on_flow_closed(flow, reason)` when a connection ended, under its
    number and, when something was sent by its address alone, under that flow too; also when a
    connection could not be opened. `on_send_failed(flow, reason)` when one message did not leave. Neither is called
    from within `send`, nor for what `stop` closes.
    """

    def __init__(
        self,
        listeners: Sequence[Listener],
        on_message: Callable[[bytes, Flow], None],
        on_flow_closed: Callable[[Flow, str], None],
        tls: TlsContexts | None = None,
        limits: Limits = Limits(),  # noqa: B008  (frozen)
        loop: asyncio.AbstractEventLoop | None = None,
        *,
        on_send_failed: Callable[[Flow, str], None] | None = None,
        on_keepalive: Callable[[Flow], None] | None = None,
        on_framing_error: Callable[[PeerError, Flow], None] | None = None,
        exempt: Callable[[str], bool] | None = None,
        urgent: Callable[[bytes, Flow], bool] = lambda data, flow: False,
        clock: Clock | None = None,
    ) -> None:
        """Nothing is bound before `start`.

        `tls` is needed by TLS listeners. `loop` is the running one unless given. Without `on_send_failed` its
        reports go to `on_flow_closed`. `on_framing_error` may answer on the flow, which closes after it.
        `exempt(host)` tells listed peers, which no limit per source holds back; it is remembered, see `forget`.
        `urgent` tells the messages that pass all the same.
        """
        self.listeners = tuple(listeners)
        self._told = on_flow_closed
        self._limits = limits
        self._stopping = False
        self._sweeper: asyncio.TimerHandle | None = None
        self._gone: asyncio.Event | None = None
        loop = loop or asyncio.get_running_loop()
        clock = clock or SystemClock()
        # The numbers of an earlier run are in stored registrations and must not come to mean another phone.
        self._connections = Connections(first_number=int(clock.wall()) << 20)
        hooks = Hooks(
            on_message, self._flow_closed, on_send_failed or on_flow_closed, on_keepalive, on_framing_error, urgent
        )
        self.limiter = SourceLimiter(limits, exempt)
        self._context = Context(loop, clock.monotonic, hooks, limits, self.limiter, tls, self._connections)
        self._endpoints: dict[Listener, Endpoint] = {
            listener: TRANSPORTS[listener.transport](listener, self._context) for listener in self.listeners
        }
        self._senders = {listener: endpoint.send for listener, endpoint in self._endpoints.items()}

    async def start(self) -> None:
        """Listen everywhere. Raises OSError naming the listener that cannot be; then nowhere is listened."""
        for listener, endpoint in self._endpoints.items():
            try:
                endpoint.bind()
            except (OSError, ValueError) as error:
                for bound in self._endpoints.values():
                    bound.stop()
                where = Flow(listener, listener.host, listener.port)
                text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
                code = error.errno if isinstance(error, OSError) else None
                raise OSError(code, f"cannot listen on {where}: {text}") from error
        for endpoint in self._endpoints.values():
            await endpoint.start()
        self._sweep_on()

    def send(self, data: bytes, flow: Flow) -> None:
        """Send one message; never blocks, never raises. What fails is told through the callbacks."""
        try:
            send = self._senders[flow[0]]
        except KeyError:
            self._context.fail(flow, "no such listener")
            return
        send(data, flow)

    def is_open(self, flow: Flow) -> bool:
        """Whether `flow` can still be sent on: always for an address alone, else while its connection lives."""
        return not flow.connection or self._connections.find(flow) is not None

    def keep(self, flow: Flow) -> bool:
        """A registration holds this connection: it may be quiet for longer. False when it is gone already.

        Counted: each `keep` wants its `release`. Flows without a connection need neither.
        """
        connection = self._connections.find(flow) if flow.connection else None
        if connection is not None:
            connection.kept += 1
        return connection is not None

    def release(self, flow: Flow) -> None:
        """The registration is over."""
        connection = self._connections.find(flow) if flow.connection else None
        if connection is not None and connection.kept:
            connection.kept -= 1

    def close(self, flow: Flow, reason: str) -> None:
        """End the connection of `flow`, once what was sent on it is out."""
        connection = self._connections.find(flow)
        if connection is not None:
            connection.close(reason)

    def forget(self) -> None:
        """The listed peers have changed: ask `exempt` again for everyone."""
        for endpoint in self._endpoints.values():
            endpoint.forget()

    def connections(self) -> list[Connection]:
        """Those there are, for status; accepted, opened and being opened."""
        return list(self._connections)

    async def stop(self, grace_seconds: float = 1.0) -> None:
        """Close everything; connections get `grace_seconds` to send what waits. Nothing is told any more."""
        self._stopping = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for endpoint in self._endpoints.values():
            endpoint.stop()
        tasks = list(self._context.tasks)
        for task in tasks:
            task.cancel()
        for connection in self._connections:
            connection.close("stopped")
        await asyncio.gather(*tasks, return_exceptions=True)
        self._gone = asyncio.Event()
        try:
            async with asyncio.timeout(grace_seconds):
                while len(self._connections):
                    self._gone.clear()
                    await self._gone.wait()
        except TimeoutError:
            for connection in self._connections:
                connection.cut("stopped")
        # Closed transports say so in the loop's next rounds.
        await asyncio.sleep(0)

    def _flow_closed(self, flow: Flow, reason: str) -> None:
        if self._gone is not None:
            self._gone.set()
        if not self._stopping:
            self._told(flow, reason)

    def sweep(self) -> None:
        """Cut who is too slow or too quiet by now. Goes on by itself after `start`."""
        now = self._context.now()
        for connection in self._connections:
            reason = connection.overdue(now)
            if reason:
                connection.cut(reason)

    def _sweep_on(self) -> None:
        """One timer for all connections, at a quarter of the shortest patience."""
        self.sweep()
        limits = self._limits
        patience = (limits.first_message_seconds, limits.message_seconds, limits.idle_seconds)
        period = min([1.0, *(seconds / 4 for seconds in patience if seconds)])
        self._sweeper = self._context.loop.call_later(period, self._sweep_on)
