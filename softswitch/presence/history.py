"""How everybody was, and when: changes of state with their cause, kept as long as the settings say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from softswitch.presence.compose import State

FLUSH_SECONDS = 0.2
"""A crash loses at most what happened within them."""
START = "start"
"""The cause of the first state after the switch was started."""
CAUSES = {
    "registered": "a phone registered",
    "removed": "a phone signed off",
    "expired": "a phone's registration ran out",
    "dead": "a phone did not answer any more",
    "closed": "a phone's connection closed",
    "refreshed": "a phone came back",
    "call trying": "began a call",
    "call ringing": "a call rings",
    "call answered": "a call was answered",
    "call ended": "a call ended",
    "published": "a device said so",
    "publication expired": "what a device said ran out",
    "schedule": "a schedule began or ended",
    "override": "a word of her own",
    "dialplan": "the dialplan changed",
    "forgotten": "what was kept of her was deleted",
    START: "the switch was started",
}
"""In words. Any other cause is somebody else's state, on which this one's rules depend: "dario offline"."""


class StateRecord(NamedTuple):
    """One person's state from this moment on."""

    site: str
    person: str
    at: float
    """Seconds since 1970 UTC."""
    availability: str
    place: str
    note: str
    lands: str
    cause: str
    """A key of CAUSES, or somebody else's name and state."""


class HistoryStore(Protocol):
    """What outlives a crash. `store` implements it; the contract tests run on every engine."""

    def write(self, records: Sequence[StateRecord]) -> asyncio.Future[None] | None:
        """Add records; the future is done when that is durable, None says that it is already. Never raises."""
        ...

    async def find(self, site: str, person: str, since: float) -> list[StateRecord]:
        """Of a person, oldest first; the one that was in force at `since` comes first. Raises StoreError."""
        ...

    async def delete_before(self, moment: float, at_most: int) -> int:
        """Delete at most so many that are older; how many were deleted."""
        ...

    async def forget(self, site: str, person: str) -> int:
        """Delete all of a person; how many they were."""
        ...


class History:
    """Hands changes to the store, those of a moment together."""

    def __init__(
        self,
        store: HistoryStore,
        later: Callable[[float, Callable[[], object]], object],
        on_error: Callable[[BaseException], None] = lambda error: None,
    ) -> None:
        """`later(seconds, call)` has `call` called so many seconds from now; `on_error` is told why a write failed."""
        self._store = store
        self._later = later
        self._on_error = on_error
        self._waiting: list[StateRecord] = []

    def changed(self, site: str, person: str, before: State, now: State, cause: str, wall: float) -> None:
        """Somebody's state is another one."""
        if not now.availability:
            return  # gone from the dialplan
        if not before.availability:
            cause = START
        if not self._waiting:
            self._later(FLUSH_SECONDS, self.flush)
        self._waiting.append(StateRecord(site, person, wall, *now, cause))

    def flush(self) -> asyncio.Future[None] | None:
        """Hand over what waits."""
        records, self._waiting = self._waiting, []
        if not records:
            return None
        written = self._store.write(records)
        if written is not None:
            written.add_done_callback(self._written)
        return written

    def _written(self, written: asyncio.Future[None]) -> None:
        error = asyncio.CancelledError() if written.cancelled() else written.exception()
        if error is not None:
            self._on_error(error)
