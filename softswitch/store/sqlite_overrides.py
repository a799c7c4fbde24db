"""Overrides and their changes in a SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from softswitch.dialplan.override import Override
from softswitch.overrides.change import OverrideChange
from softswitch.store.database import Database

_OVERRIDE = "kind, target, until, set_by, set_at"
_SET = f"INSERT OR REPLACE INTO overrides (site, person, {_OVERRIDE}) VALUES (?, ?, ?, ?, ?, ?, ?)"
_END = "DELETE FROM overrides WHERE site = ? AND person = ? AND kind = ? AND set_at = ?"
_NOTE = (
    f"INSERT OR REPLACE INTO override_changes (site, person, at, sets, {_OVERRIDE}, changed_by) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_HISTORY = (
    f"SELECT site, person, at, sets, {_OVERRIDE}, changed_by FROM override_changes "
    "WHERE site = ? AND person = ? AND at >= ? ORDER BY at, sets, kind"
)


@dataclass(slots=True, eq=False)
class _Deletion:
    """Either everything of a person, or what was changed before a moment."""

    site: str = ""
    person: str = ""
    before: float = 0.0
    deleted: int = 0


class SqliteOverrideStore:
    """The tables `overrides` and `override_changes`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, changes: Sequence[OverrideChange]) -> asyncio.Future[None] | None:
        return self._database.put(self, tuple(changes))

    async def load(self) -> list[tuple[str, str, Override]]:
        query = f"SELECT site, person, {_OVERRIDE} FROM overrides ORDER BY site, person, kind"
        return await self._database.read(
            lambda connection: [
                (site, person, Override._make(rest)) for site, person, *rest in connection.execute(query)
            ]
        )

    async def history(self, site: str, person: str, since: float = 0.0) -> list[OverrideChange]:
        return await self._database.read(lambda connection: changes_of(connection, site, person, since))

    async def delete_before(self, moment: float) -> int:
        return await self._delete(_Deletion(before=moment))

    async def forget(self, site: str, person: str) -> int:
        return await self._delete(_Deletion(site, person))

    async def _delete(self, deletion: _Deletion) -> int:
        await self._database.put(self, deletion)
        return deletion.deleted

    def apply(self, connection: sqlite3.Connection, changes: Sequence[tuple[OverrideChange, ...] | _Deletion]) -> None:
        """The database's, in its thread."""
        for change in changes:
            if isinstance(change, _Deletion):
                change.deleted = _carry_out(connection, change)
                continue
            for site, person, at, sets, override, by in change:
                if sets:
                    connection.execute(_SET, (site, person, *override))
                else:
                    connection.execute(_END, (site, person, override.kind, override.set_at))
                connection.execute(_NOTE, (site, person, at, sets, *override, by))

    def named(self, change: tuple[OverrideChange, ...] | _Deletion) -> str:
        """The database's."""
        return "a deletion" if isinstance(change, _Deletion) else f"what {change[0].person} has set"


def changes_of(connection: sqlite3.Connection, site: str, person: str, since: float = 0.0) -> list[OverrideChange]:
    """The changes of one person since then, oldest first."""
    return [
        OverrideChange(site, person, at, bool(sets), Override._make(rest), by)
        for site, person, at, sets, *rest, by in connection.execute(_HISTORY, (site, person, since))
    ]


def _carry_out(connection: sqlite3.Connection, deletion: _Deletion) -> int:
    if not deletion.person:
        return connection.execute("DELETE FROM override_changes WHERE at < ?", (deletion.before,)).rowcount
    connection.execute("PRAGMA secure_delete = ON")
    try:
        return sum(
            connection.execute(
                f"DELETE FROM {table} WHERE site = ? AND person = ?", (deletion.site, deletion.person)
            ).rowcount
            for table in ("overrides", "override_changes")
        )
    finally:
        connection.execute("PRAGMA secure_delete = OFF")
