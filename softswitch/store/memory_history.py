"""How everybody was, in memory alone: the newest changes, for as long as the switch runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from softswitch.presence.history import StateRecord

MOST_RECORDS = 10_000
"""Older ones make room: memory is not to grow for ever."""


class MemoryHistoryStore:
    """Every write is done at once."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, float], StateRecord] = {}

    def write(self, records: Sequence[StateRecord]) -> asyncio.Future[None] | None:
        for record in records:
            self._rows[record.site, record.person, record.at] = record
        while len(self._rows) > MOST_RECORDS:
            del self._rows[next(iter(self._rows))]
        return None

    async def find(self, site: str, person: str, since: float) -> list[StateRecord]:
        rows = sorted(row for row in self._rows.values() if (row.site, row.person) == (site, person))
        before = [row for row in rows if row.at <= since]
        return before[-1:] + [row for row in rows if row.at > since]

    async def delete_before(self, moment: float, at_most: int) -> int:
        return self._delete(lambda row: row.at < moment, at_most)

    async def forget(self, site: str, person: str) -> int:
        return self._delete(lambda row: (row.site, row.person) == (site, person), len(self._rows))

    def _delete(self, unwanted: Callable[[StateRecord], bool], at_most: int) -> int:
        found = [key for key, row in self._rows.items() if unwanted(row)][:at_most]
        for key in found:
            del self._rows[key]
        return len(found)
