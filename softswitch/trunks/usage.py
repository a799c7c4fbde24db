"""What was called outside, as it is kept: limits and the look out for fraud survive a restart by it."""

from __future__ import annotations

import asyncio
from typing import NamedTuple, Protocol


class Use(NamedTuple):
    """What a channel is taken for."""

    site: str
    trunk: str
    line: int = 0
    """Of `outside`, counted from 1; 0 for calls that come in, tests and emergencies, which no limit counts."""
    person: str = ""
    """Who pays: the key of the caller, or of who forwards."""
    country: str = ""
    """Where the number is, "AT"; "" where nobody knows."""
    abroad: bool = False


class OutsideUse(NamedTuple):
    """One call over one trunk. Moments are wall clock."""

    use: Use
    begun_at: float
    call_id: str
    answered_at: float = 0.0
    """0 while nobody has answered, or for ever."""
    ended_at: float = 0.0
    """0 while it lasts."""


class Stop(NamedTuple):
    """Calls abroad of one site, stopped or released by an operator."""

    site: str
    at: float
    why: str
    """In words; "" where they were released."""


class UsageStore(Protocol):
    """What outlives a crash. `store` implements it; the contract tests run on every engine.

    Writes are done in order; a future is done when its write is durable, None says that it is already.
    """

    def write(self, use: OutsideUse) -> asyncio.Future[None] | None:
        """Keep a call, or what is known of it now."""
        ...

    def stop(self, stop: Stop) -> asyncio.Future[None] | None:
        """Keep the latest word about a site's calls abroad."""
        ...

    async def load(self, since: float) -> list[OutsideUse]:
        """The calls that began since then, oldest first. Raises StoreError."""
        ...

    async def stops(self) -> list[Stop]:
        """The latest word about each site. Raises StoreError."""
        ...

    async def delete_before(self, moment: float) -> int:
        """Forget calls that began earlier; how many. Raises StoreError."""
        ...

    async def forget(self, site: str, person: str) -> int:
        """Forget the calls of a person; how many. Raises StoreError."""
        ...
