"""Messages in a SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence

from softswitch.store.database import Database
from softswitch.voicemail.message import Change, Message

_COLUMNS = "site, person, id, received_at, caller, call_id, seconds, heard_at, mail_to, mailed_at"
_SELECT = f"SELECT {_COLUMNS} FROM voicemails ORDER BY received_at, id"
_WRITE = f"INSERT OR REPLACE INTO voicemails ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DELETE = "DELETE FROM voicemails WHERE site = ? AND person = ? AND id = ?"


class SqliteVoicemailStore:
    """The table `voicemails`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> Sequence[Message]:
        return await self._database.read(all_voicemails)

    def write(self, change: Change) -> asyncio.Future[None] | None:
        return self._database.put(self, change)

    def apply(self, connection: sqlite3.Connection, changes: Sequence[Change]) -> None:
        """The database's, in its thread."""
        for change in changes:
            connection.executemany(_WRITE, change.keep)
            if change.forget:
                # Overwritten in the file too, and not just marked as free space.
                connection.execute("PRAGMA secure_delete = ON")
                try:
                    connection.executemany(_DELETE, [(*message.box, message.id) for message in change.forget])
                finally:
                    connection.execute("PRAGMA secure_delete = OFF")

    def named(self, change: Change) -> str:
        """The database's."""
        return f"a message for {change.keep[0].person}" if change.keep else "the deletion of messages"


def all_voicemails(connection: sqlite3.Connection) -> list[Message]:
    """Every message, the oldest first."""
    return [Message._make(row) for row in connection.execute(_SELECT)]
