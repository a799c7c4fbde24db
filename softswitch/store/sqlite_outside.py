"""What was called outside, and when calls abroad were stopped, in a SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from softswitch.store.database import Database
from softswitch.trunks.usage import OutsideUse, Stop, Use

_COLUMNS = "site, trunk, line, person, country, abroad, begun_at, call_id, answered_at, ended_at"
_PUT = f"INSERT OR REPLACE INTO outside_calls ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_STOP = "INSERT OR REPLACE INTO abroad_stops (site, at, why) VALUES (?, ?, ?)"


@dataclass(slots=True, eq=False)
class _Deletion:
    """Either everything of a person, or what began before a moment."""

    site: str = ""
    person: str = ""
    before: float = 0.0
    deleted: int = 0


class SqliteUsageStore:
    """The tables `outside_calls` and `abroad_stops`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, use: OutsideUse) -> asyncio.Future[None] | None:
        return self._database.put(self, use)

    def stop(self, stop: Stop) -> asyncio.Future[None] | None:
        return self._database.put(self, stop)

    async def load(self, since: float) -> list[OutsideUse]:
        return await self._database.read(lambda connection: calls_since(connection, since))

    async def stops(self) -> list[Stop]:
        query = "SELECT site, at, why FROM abroad_stops ORDER BY site"
        return await self._database.read(lambda connection: [Stop(*row) for row in connection.execute(query)])

    async def delete_before(self, moment: float) -> int:
        return await self._delete(_Deletion(before=moment))

    async def forget(self, site: str, person: str) -> int:
        return await self._delete(_Deletion(site, person))

    async def _delete(self, deletion: _Deletion) -> int:
        await self._database.put(self, deletion)
        return deletion.deleted

    def apply(self, connection: sqlite3.Connection, changes: Sequence[OutsideUse | Stop | _Deletion]) -> None:
        """The database's, in its thread."""
        for change in changes:
            match change:
                case OutsideUse():
                    connection.execute(_PUT, (*change.use, *change[1:]))
                case Stop():
                    connection.execute(_STOP, change)
                case _Deletion():
                    change.deleted = _carry_out(connection, change)

    def named(self, change: OutsideUse | Stop | _Deletion) -> str:
        """The database's."""
        return "a call outside" if isinstance(change, OutsideUse) else "a word about calls abroad"


def calls_since(connection: sqlite3.Connection, since: float, site: str = "", person: str = "") -> list[OutsideUse]:
    """The calls that began since then, oldest first; of one person where one is named."""
    query = f"SELECT {_COLUMNS} FROM outside_calls WHERE begun_at >= ?"
    query += " AND site = ? AND person = ?" if person else ""
    query += " ORDER BY begun_at, call_id, trunk"
    return [
        OutsideUse(Use._make((*row[:5], bool(row[5]))), *row[6:])
        for row in connection.execute(query, (since, site, person) if person else (since,))
    ]


def _carry_out(connection: sqlite3.Connection, deletion: _Deletion) -> int:
    if not deletion.person:
        return connection.execute("DELETE FROM outside_calls WHERE begun_at < ?", (deletion.before,)).rowcount
    connection.execute("PRAGMA secure_delete = ON")
    try:
        return connection.execute(
            "DELETE FROM outside_calls WHERE site = ? AND person = ?", (deletion.site, deletion.person)
        ).rowcount
    finally:
        connection.execute("PRAGMA secure_delete = OFF")
