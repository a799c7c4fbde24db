"""Bindings: which contact of which phone is reachable over which flow, and until when (RFC 3261 §10)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple, Protocol


class Binding(NamedTuple):
    """One contact of one account. A tuple, because 100 000 of them are held in memory and each REGISTER makes one."""

    site: str
    """The domain of the firm, e.g. "acme.example"."""
    account: str
    """The phone that registered: its digest user name."""
    contact: str
    """The Contact URI as registered, without brackets; header parameters are in `params`."""
    params: str
    """Contact header parameters other than q and expires, as written, e.g. ';+sip.instance="<urn:uuid:…>"'."""
    q: int
    """Preference in thousandths, 0 to 1000."""
    expires_at: float
    """Wall clock, seconds since 1970 UTC."""
    call_id: str
    cseq: int
    flow: str
    """Where the REGISTER came from, as `registrar.flows` writes it: "udp|0|192.0.2.7|5060|0"
    (transport, listener index, address, port, connection number); "" when that went with a restart."""
    path: tuple[str, ...]
    """Path header values in order (RFC 3327); empty when there are none."""
    user_agent: str
    registered_at: float
    """Wall clock of the first REGISTER of this contact."""


class BindingChange(NamedTuple):
    """What one REGISTER does to an account: its whole new set of bindings replaces the old one, or nothing does."""

    site: str
    account: str
    bindings: tuple[Binding, ...]


class BindingStore(Protocol):
    """What outlives a crash. `store` implements it; the contract tests run on every engine."""

    async def load(self) -> Iterable[Binding]:
        """Every stored binding, expired ones too (the caller drops those); those of an account in their order."""
        ...

    def save(self, change: BindingChange) -> asyncio.Future[None] | None:
        """Replace an account's bindings; the future is done when that is durable, None says that it is already.

        Never raises: what goes wrong is the future's exception. Calls made together are committed together, in order.
        """
        ...

    async def close(self) -> None:
        """Finish what was begun; a save after that fails."""
        ...
