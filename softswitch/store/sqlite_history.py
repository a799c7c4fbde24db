"""How everybody was, in a SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from softswitch.presence.history import StateRecord
from softswitch.store.database import Database

_COLUMNS = "site, person, at, availability, place, note, lands, cause"
_WRITE = f"INSERT OR REPLACE INTO presence_history ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_OF_PERSON = f"SELECT {_COLUMNS} FROM presence_history WHERE site = ? AND person = ?"
_SINCE = f"{_OF_PERSON} AND at > ? ORDER BY at"
_IN_FORCE = f"{_OF_PERSON} AND at <= ? ORDER BY at DESC LIMIT 1"
_DELETE_OLD = """DELETE FROM presence_history WHERE (site, person, at) IN (
    SELECT site, person, at FROM presence_history WHERE at < ? LIMIT ?)"""
_FORGET = "DELETE FROM presence_history WHERE site = ? AND person = ?"


@dataclass(slots=True, eq=False)
class _Deletion:
    """A statement and its values."""

    text: str
    values: tuple[object, ...]
    deleted: int = 0


class SqliteHistoryStore:
    """The table `presence_history`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, records: Sequence[StateRecord]) -> asyncio.Future[None] | None:
        return self._database.put(self, tuple(records))

    async def find(self, site: str, person: str, since: float) -> list[StateRecord]:
        return await self._database.read(lambda connection: states_of(connection, site, person, since))

    async def delete_before(self, moment: float, at_most: int) -> int:
        return await self._delete(_Deletion(_DELETE_OLD, (moment, at_most)))

    async def forget(self, site: str, person: str) -> int:
        return await self._delete(_Deletion(_FORGET, (site, person)))

    async def _delete(self, deletion: _Deletion) -> int:
        await self._database.put(self, deletion)
        return deletion.deleted

    def apply(self, connection: sqlite3.Connection, changes: Sequence[tuple[StateRecord, ...] | _Deletion]) -> None:
        """The database's, in its thread."""
        for change in changes:
            if not isinstance(change, _Deletion):
                connection.executemany(_WRITE, change)
                continue
            # What is deleted is overwritten in the file too, and not just marked as free space.
            connection.execute("PRAGMA secure_delete = ON")
            try:
                change.deleted = connection.execute(change.text, change.values).rowcount
            finally:
                connection.execute("PRAGMA secure_delete = OFF")

    def named(self, change: tuple[StateRecord, ...] | _Deletion) -> str:
        """The database's."""
        return "a deletion" if isinstance(change, _Deletion) else f"{len(change)} states of people"


def states_of(connection: sqlite3.Connection, site: str, person: str, since: float) -> list[StateRecord]:
    """Of a person, oldest first; the one that was in force at `since` comes first."""
    rows = [*connection.execute(_IN_FORCE, (site, person, since)), *connection.execute(_SINCE, (site, person, since))]
    return [StateRecord._make(row) for row in rows]
