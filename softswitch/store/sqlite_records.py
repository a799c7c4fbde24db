"""Call records in a SQLite file."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from softswitch.media.quality import StreamQuality
from softswitch.records.record import CallRecord, LegRecord, Query, StepRecord
from softswitch.store.database import Database

_COLUMNS = (
    "site, call_id, started_at, caller, caller_account, called, answered_at, ended_at, outcome, status, answered_by, "
    "hung_up_by, legs, steps, people, remarks, quality, dialog"
)
_WRITE = f"INSERT OR REPLACE INTO calls ({_COLUMNS}) VALUES ({', '.join('?' * 18)})"
_SELECT = f"SELECT {_COLUMNS} FROM calls"
_UNFINISHED = f"{_SELECT} WHERE ended_at = 0 ORDER BY site, started_at"
_NEXT_SITE = "SELECT min(site) FROM calls WHERE site > ?"
_DELETE_OLD = """DELETE FROM calls WHERE (site, started_at, call_id) IN (
    SELECT site, started_at, call_id FROM calls
    WHERE site = ? AND started_at < ? AND ended_at > 0 ORDER BY started_at LIMIT ?)"""
_TOOK_PART = "instr(people, char(10) || ? || char(10)) > 0"
_FORGET = f"DELETE FROM calls WHERE ended_at > 0 AND {_TOOK_PART}"


@dataclass(slots=True, eq=False)
class _Deletion:
    """Either everything of a person, or what is older than a moment."""

    person: str = ""
    before: float = 0.0
    at_most: int = 0
    deleted: int = 0


class SqliteRecordStore:
    """The table `calls`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, records: Sequence[CallRecord]) -> asyncio.Future[None] | None:
        return self._database.put(self, tuple(records))

    async def find(self, query: Query) -> list[CallRecord]:
        return await self._database.read(lambda connection: list(select(connection, query)))

    async def unfinished(self) -> list[CallRecord]:
        return await self._database.read(lambda connection: [_record(row) for row in connection.execute(_UNFINISHED)])

    async def delete_before(self, moment: float, at_most: int) -> int:
        return await self._delete(_Deletion(before=moment, at_most=at_most))

    async def forget(self, site: str, person: str) -> int:
        return await self._delete(_Deletion(person=f"{person}@{site}"))

    async def _delete(self, deletion: _Deletion) -> int:
        await self._database.put(self, deletion)
        return deletion.deleted

    def apply(self, connection: sqlite3.Connection, changes: Sequence[tuple[CallRecord, ...] | _Deletion]) -> None:
        """The database's, in its thread."""
        for change in changes:
            if isinstance(change, _Deletion):
                change.deleted = _carry_out(connection, change)
            else:
                connection.executemany(_WRITE, [_row(record) for record in change])

    def named(self, change: tuple[CallRecord, ...] | _Deletion) -> str:
        """The database's."""
        return "a deletion" if isinstance(change, _Deletion) else f"the records of {len(change)} calls"


def select(connection: sqlite3.Connection, query: Query) -> Iterator[CallRecord]:
    """What matches, newest first."""
    conditions: dict[str, object] = {"started_at >= ?": query.since}
    if query.person and query.site:
        conditions[_TOOK_PART] = f"{query.person}@{query.site}"
    elif query.person:
        conditions["instr(people, char(10) || ? || '@') > 0"] = query.person
    elif query.site:
        conditions["site = ?"] = query.site
    if query.call_id:
        conditions["call_id = ?"] = query.call_id
    text = f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY started_at DESC, site, call_id LIMIT ?"
    for row in connection.execute(text, (*conditions.values(), query.limit or -1)):
        yield _record(row)


def _carry_out(connection: sqlite3.Connection, deletion: _Deletion) -> int:
    # What is deleted is overwritten in the file too, and not just marked as free space.
    connection.execute("PRAGMA secure_delete = ON")
    try:
        if deletion.person:
            return connection.execute(_FORGET, (deletion.person,)).rowcount
        left, site = deletion.at_most, ""
        while left > 0 and (site := connection.execute(_NEXT_SITE, (site,)).fetchone()[0]) is not None:
            left -= connection.execute(_DELETE_OLD, (site, deletion.before, left)).rowcount
        return deletion.at_most - left
    finally:
        connection.execute("PRAGMA secure_delete = OFF")


def _row(record: CallRecord) -> tuple[object, ...]:
    *plain, legs, steps, people, remarks, quality, dialog = record
    named = "\n".join(("", *people, "")) if people else ""
    return (
        *plain, json.dumps(legs), json.dumps(steps), named, json.dumps(remarks), json.dumps(quality),
        "\n".join(dialog) if any(dialog) else "",
    )  # fmt: skip


def _record(row: tuple[Any, ...]) -> CallRecord:
    *plain, legs, steps, people, remarks, quality, dialog = row
    return CallRecord._make(
        (
            *plain,
            tuple([LegRecord._make(leg) for leg in json.loads(legs)]),
            tuple([StepRecord._make((*start, tuple(why), end)) for *start, why, end in json.loads(steps)]),
            tuple(people.split("\n")[1:-1]),
            tuple(json.loads(remarks)),
            tuple([StreamQuality._make((*start, tuple(added))) for *start, added in json.loads(quality)]),
            tuple(dialog.split("\n")) if dialog else ("", "", ""),
        )
    )
