"""What one source may ask of us, and all of them: messages a second, connections, time, memory."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds on strangers. 0 switches a limit off. The defaults suit a firm of some hundred phones."""

    messages_per_second: float = 100.0
    """Sustained, for each source: all phones behind one NAT are one source."""
    messages_burst: int = 500
    """So many at once before the rate counts; a whole office registering after a power cut."""
    connections_per_source: int = 200
    """Open TCP and TLS connections from one source, those still in their TLS handshake included."""
    connections_total: int = 10_000
    """Accepted connections in all; keep it under the process's limit of open files."""
    ipv6_prefix: int = 64
    """Bits of an IPv6 address that make a source: anyone can have 2^64. Link-local ones count whole."""
    first_message_seconds: float = 30.0
    """An accepted connection says something whole within this time, or goes."""
    message_seconds: float = 20.0
    """A started message is complete within this time, or its connection goes (slow senders)."""
    idle_seconds: float = 600.0
    """A connection without any traffic goes after this time; longer than timer C (RFC 3261 §16.6)."""
    kept_idle_seconds: float = 7_200.0
    """The same for connections that a registration holds (`TransportManager.keep`)."""
    handshake_seconds: float = 10.0
    """For the TLS handshake, ours and theirs; cannot be off, 0 means 60."""
    connect_seconds: float = 5.0
    """For opening a connection; cannot be off, 0 means 60."""
    header_bytes: int = 65_536
    """Start line and headers of a message on a stream; cannot be off."""
    body_bytes: int = 1_048_576
    """Body of a message on a stream; cannot be off."""
    write_buffer_bytes: int = 2_097_152
    """Waiting to be sent on one connection; a peer that does not read is cut off. Cannot be off."""
    sources: int = 50_000
    """Sources remembered; when more come the calm ones are forgotten first. Cannot be off."""


class SourceLimiter:
    """Counts by source. Time comes in as `now`, monotonic seconds; memory stays under `Limits.sources`."""

    def __init__(self, limits: Limits, exempt: Callable[[str], bool] | None = None) -> None:
        """`exempt(host)` tells the listed peers, which have no limits of their own but count in the total."""
        self._limits = limits
        self._exempt = exempt
        self._interval = 1 / limits.messages_per_second if limits.messages_per_second > 0 else 0.0
        self._window = self._interval * max(1, limits.messages_burst)
        # The bucket as one number (GCRA): when it would be full again. A full bucket needs no entry.
        self._full_at: dict[str, float] = {}
        self._connections: dict[str, int] = {}
        self.connections = 0
        """Accepted connections open now, exempt ones included."""
        self.dropped_messages = 0
        """Refused by `admit` since the start."""
        self.refused_connections = 0
        """Refused by `connect` since the start."""

    def source(self, host: str) -> str:
        """The name under which `host` (a literal address) is counted; "" when it has no limits."""
        if self._exempt is not None and self._exempt(host):
            return ""
        bits = self._limits.ipv6_prefix
        if ":" not in host or not 0 < bits < 128:
            return host
        address = ipaddress.IPv6Address(host)
        if address.is_link_local or address.is_loopback:
            return host
        return str(ipaddress.IPv6Network((address, bits), strict=False))

    def admit(self, source: str, now: float) -> bool:
        """Whether a message from `source` may pass now; one that may not costs nothing."""
        interval = self._interval
        if not source or not interval:
            return True
        full_at = self._full_at.get(source)
        if full_at is None:
            if len(self._full_at) >= self._limits.sources:
                self._forget(now)
            full_at = now
        elif full_at < now:
            full_at = now
        # The slack is for rounding: a burst of n is n messages, not n - 1.
        elif full_at + interval > now + self._window + 1e-9:
            self.dropped_messages += 1
            return False
        self._full_at[source] = full_at + interval
        return True

    def wait(self, source: str, now: float) -> float:
        """Seconds until `admit` would let a message pass; for streams, which can be made to wait."""
        if not source or not self._interval:
            return 0.0
        return max(0.0, self._full_at.get(source, now) + self._interval - now - self._window)

    def connect(self, source: str) -> bool:
        """Count a new connection in, or refuse it (False, not counted)."""
        total, each = self._limits.connections_total, self._limits.connections_per_source
        held = self._connections.get(source, 0)
        if (total and self.connections >= total) or (source and each and held >= each):
            self.refused_connections += 1
            return False
        self.connections += 1
        self._connections[source] = held + 1
        return True

    def disconnect(self, source: str) -> None:
        """Count a connection out again; once for each `connect` that was let in."""
        self.connections -= 1
        held = self._connections.get(source, 0) - 1
        if held > 0:
            self._connections[source] = held
        else:
            self._connections.pop(source, None)

    def sources(self) -> int:
        """Sources remembered for their message rate."""
        return len(self._full_at)

    def _forget(self, now: float) -> None:
        """Make room for a quarter of the table, so that this linear walk is rare.

        Full buckets first, which loses nothing; then the oldest: under a flood from invented addresses it
        matters more to stay small than to be just.
        """
        aim = self._limits.sources * 3 // 4
        self._full_at = {source: full_at for source, full_at in self._full_at.items() if full_at > now}
        excess = len(self._full_at) - aim
        if excess > 0:
            for source in list(self._full_at)[:excess]:
                del self._full_at[source]
