"""Emergency calls in a SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence

from softswitch.bridge.emergencies import EmergencyCall
from softswitch.store.database import Database

_COLUMNS = "site, account, at, call_id, number, shown, location, ended_at, mailed_at"
_PUT = f"INSERT OR REPLACE INTO emergency_calls ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


class _Before:
    """A deletion of what began before a moment."""

    def __init__(self, moment: float) -> None:
        self.moment = moment
        self.deleted = 0


class SqliteEmergencyStore:
    """The table `emergency_calls`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, call: EmergencyCall) -> asyncio.Future[None] | None:
        return self._database.put(self, call)

    async def load(self, since: float) -> list[EmergencyCall]:
        return await self._database.read(lambda connection: emergency_calls(connection, since))

    async def delete_before(self, moment: float) -> int:
        deletion = _Before(moment)
        await self._database.put(self, deletion)
        return deletion.deleted

    def apply(self, connection: sqlite3.Connection, changes: Sequence[EmergencyCall | _Before]) -> None:
        """The database's, in its thread."""
        for change in changes:
            if isinstance(change, _Before):
                found = connection.execute("DELETE FROM emergency_calls WHERE at < ?", (change.moment,))
                change.deleted = found.rowcount
            else:
                connection.execute(_PUT, change._replace(shown="\n".join(change.shown)))  # type: ignore[arg-type]

    def named(self, change: EmergencyCall | _Before) -> str:
        """The database's."""
        return "a deletion" if isinstance(change, _Before) else f"an emergency call of {change.account}"


def emergency_calls(connection: sqlite3.Connection, since: float) -> list[EmergencyCall]:
    """The calls since then, oldest first."""
    query = f"SELECT {_COLUMNS} FROM emergency_calls WHERE at >= ? ORDER BY at, call_id"
    calls = [EmergencyCall(*row) for row in connection.execute(query, (since,))]
    return [call._replace(shown=tuple(str(call.shown).split("\n")) if call.shown else ()) for call in calls]
