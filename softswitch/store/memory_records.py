"""Call records in memory alone: the newest ones, for as long as the switch runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from softswitch.records.record import CallRecord, Query

MOST_RECORDS = 10_000
"""Older ones make room: memory is not to grow for ever."""


class MemoryRecordStore:
    """Every write is done at once."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, float, str], CallRecord] = {}

    def write(self, records: Sequence[CallRecord]) -> asyncio.Future[None] | None:
        rows = self._rows
        for record in records:
            rows[record.site, record.started_at, record.call_id] = record
        while len(rows) > MOST_RECORDS:
            del rows[next(iter(rows))]
        return None

    async def find(self, query: Query) -> list[CallRecord]:
        found = [record for record in self._rows.values() if _matches(record, query)]
        found.sort(key=lambda record: (-record.started_at, record.site, record.call_id))
        return found[: query.limit or None]

    async def unfinished(self) -> list[CallRecord]:
        return [record for record in self._rows.values() if not record.ended_at]

    async def delete_before(self, moment: float, at_most: int) -> int:
        return self._delete(lambda record: record.started_at < moment, at_most)

    async def forget(self, site: str, person: str) -> int:
        name = f"{person}@{site}"
        return self._delete(lambda record: name in record.people, len(self._rows))

    def _delete(self, unwanted: Callable[[CallRecord], bool], at_most: int) -> int:
        found = [key for key, record in self._rows.items() if record.ended_at and unwanted(record)][:at_most]
        for key in found:
            del self._rows[key]
        return len(found)


def _matches(record: CallRecord, query: Query) -> bool:
    wanted = f"{query.person}@{query.site}"
    if query.person and query.site:
        fits = wanted in record.people
    elif query.person:
        fits = any(one.startswith(wanted) for one in record.people)
    else:
        fits = not query.site or record.site == query.site
    return fits and (not query.call_id or record.call_id == query.call_id) and record.started_at >= query.since
