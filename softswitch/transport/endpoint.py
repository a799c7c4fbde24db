"""What a transport is to the manager, and what the manager gives it: the seam behind the registry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from softswitch.errors import PeerError
from softswitch.flow import Flow, Listener
from softswitch.ops.limits import Limits, SourceLimiter
from softswitch.transport.tls import TlsContexts

if TYPE_CHECKING:
    from softswitch.transport.connection import Connections


@dataclass(frozen=True, slots=True)
class Hooks:
    """Whom to tell. None of these is called from within `send`."""

    on_message: Callable[[bytes, Flow], None]
    """A whole datagram, or a message framed out of a stream; keep-alives never."""
    on_flow_closed: Callable[[Flow, str], None]
    """The connection is gone, or could not be opened; with the reason in words."""
    on_send_failed: Callable[[Flow, str], None]
    """One message did not leave; the flow may be good for the next."""
    on_keepalive: Callable[[Flow], None] | None
    """The peer showed that it is there (RFC 5626 §3.5.1); the pong has been sent."""
    on_framing_error: Callable[[PeerError, Flow], None] | None
    """A stream broke the rules; what is sent on the flow within this call still goes out, then it closes."""
    urgent: Callable[[bytes, Flow], bool] = lambda data, flow: False
    """Whether this message passes though its source has said too much; asked of such messages only."""


@dataclass(slots=True)
class Context:
    """What every endpoint works with."""

    loop: asyncio.AbstractEventLoop
    now: Callable[[], float]
    """Monotonic seconds; limits and patience go by it."""
    hooks: Hooks
    limits: Limits
    limiter: SourceLimiter
    tls: TlsContexts | None
    connections: Connections
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    """Connections being opened or in their handshake; held so that they are not collected, ended by `stop`."""

    def fail(self, flow: Flow, reason: str) -> None:
        """Report a message that did not leave, after the caller has returned."""
        self.loop.call_soon(self.hooks.on_send_failed, flow, reason)


class Endpoint(Protocol):
    """One listener of one transport."""

    listener: Listener

    def bind(self) -> None:
        """Take the address. Raises OSError or ValueError when that cannot be."""
        ...

    async def start(self) -> None:
        """Begin to receive."""
        ...

    def send(self, data: bytes, flow: Flow) -> None:
        """Send now, or queue, or report through the hooks; never blocks, never raises."""
        ...

    def forget(self) -> None:
        """Forget what was learnt about sources: the limits' exceptions have changed."""
        ...

    def stop(self) -> None:
        """Receive nothing more and accept no one; connections live on. Also undoes `bind` alone."""
        ...
