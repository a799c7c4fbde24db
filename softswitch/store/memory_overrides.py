"""Overrides in memory alone: they end with the switch."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from softswitch.dialplan.override import Override
from softswitch.overrides.change import OverrideChange

MOST_CHANGES = 10_000
"""Older ones make room: memory is not to grow for ever."""


class MemoryOverrideStore:
    """Every write is done at once."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str, str], Override] = {}
        self._changes: list[OverrideChange] = []

    def write(self, changes: Sequence[OverrideChange]) -> asyncio.Future[None] | None:
        for change in changes:
            key = (change.site, change.person, change.override.kind)
            if change.sets:
                self._held[key] = change.override
            elif key in self._held and self._held[key].set_at == change.override.set_at:
                del self._held[key]
        self._changes = [*self._changes, *changes][-MOST_CHANGES:]
        return None

    async def load(self) -> list[tuple[str, str, Override]]:
        return [(site, person, one) for (site, person, _), one in sorted(self._held.items())]

    async def history(self, site: str, person: str, since: float = 0.0) -> list[OverrideChange]:
        found = [one for one in self._changes if (one.site, one.person) == (site, person) and one.at >= since]
        return sorted(found, key=lambda one: (one.at, one.sets, one.override.kind))

    async def delete_before(self, moment: float) -> int:
        return self._keep([one for one in self._changes if one.at >= moment])

    async def forget(self, site: str, person: str) -> int:
        held = [key for key in self._held if key[:2] == (site, person)]
        for key in held:
            del self._held[key]
        return len(held) + self._keep([one for one in self._changes if (one.site, one.person) != (site, person)])

    def _keep(self, changes: list[OverrideChange]) -> int:
        gone = len(self._changes) - len(changes)
        self._changes = changes
        return gone
