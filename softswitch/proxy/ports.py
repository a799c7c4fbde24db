"""What the proxy needs from elsewhere, as it sees it. Answers that take time come by call-back, inside the pump."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from softswitch.flow import Flow
from softswitch.registrar.bindings import Binding


class Contacts(Protocol):
    """Who is registered where."""

    def bindings(self, site: str, account: str, wall: float) -> Sequence[Binding]:
        """The live bindings of a phone, highest q first."""
        ...

    def flow_of(self, binding: Binding) -> Flow | None:
        """The way to this contact, or None when there is none any more."""
        ...

    def alive(self, flow: Flow) -> bool:
        """Whether this way still exists: its connection is open, or it needs none."""
        ...

    def newest(self, contact: bytes) -> Flow | None:
        """The way to the phone with this Contact URI as it registered last; it may have connected anew."""
        ...

    def knows(self, flow: Flow) -> bool:
        """Whether a phone is registered from just this address."""
        ...


class Resolver(Protocol):
    """RFC 3263, off the message path."""

    def resolve(self, uri: bytes, size_bytes: int, done: Callable[[Sequence[Flow]], None]) -> None:
        """Ways to a SIP URI in order of preference, none when it cannot be reached.

        A request of `size_bytes` that is too large for UDP gets the streams first (RFC 3261 §18.1.1).
        """
        ...


class Directory(Protocol):
    """Which sources are served without a password."""

    def peer(self, host: str) -> str | None:
        """The operator's name of the peer with this address, or None for everyone else."""
        ...
