"""A change of what somebody has set, and the store that keeps both."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from softswitch.dialplan.override import Override


class OverrideChange(NamedTuple):
    """Somebody set something, or ended it. Moments are seconds since 1970 UTC."""

    site: str
    person: str
    """Key in the dialplan."""
    at: float
    sets: bool
    """Whether it holds from now on; else it is over."""
    override: Override
    """What was set, or what is over."""
    by: str
    """Who did it: a phone's account, "the command line", or "time"."""


class OverrideStore(Protocol):
    """What outlives a crash. `store` implements it; the contract tests run on every engine."""

    def write(self, changes: Sequence[OverrideChange]) -> asyncio.Future[None] | None:
        """Keep what is set or over now, and that it was changed.

        The future is done when that is durable, None says that it is already. Never raises: what goes wrong is the
        future's exception. Writes are done in order.
        """
        ...

    async def load(self) -> list[tuple[str, str, Override]]:
        """All that is set, as site, person and override. Raises StoreError."""
        ...

    async def history(self, site: str, person: str, since: float = 0.0) -> list[OverrideChange]:
        """The changes of one person since then, oldest first."""
        ...

    async def delete_before(self, moment: float) -> int:
        """Delete the changes, not what is set, from before `moment`; how many."""
        ...

    async def forget(self, site: str, person: str) -> int:
        """Delete everything about this person; how many settings and changes that was."""
        ...
