"""Subscriptions and publications in a SQLite file."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from softswitch.presence.stored import PresenceChange, StoredPublication, StoredSubscription
from softswitch.store.database import Database


def _texts(table: str, fields: tuple[str, ...], keys: tuple[str, ...]) -> tuple[str, str, str]:
    """SELECT, INSERT and DELETE. The fields of the rows and the columns of the tables have the same names."""
    columns, marks = ", ".join(fields), ", ".join("?" * len(fields))
    where = " AND ".join(f"{key} = ?" for key in keys)
    return (
        f"SELECT {columns} FROM {table}",
        f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({marks})",
        f"DELETE FROM {table} WHERE {where}",
    )


_ALL_SUBSCRIPTIONS, _SUBSCRIBE, _UNSUBSCRIBE = _texts(
    "subscriptions", StoredSubscription._fields, ("site", "call_id", "local_tag")
)
_ALL_PUBLICATIONS, _PUBLISH, _UNPUBLISH = _texts("publications", StoredPublication._fields, ("site", "person", "etag"))
_ROUTES = StoredSubscription._fields.index("routes")
_LISTS = StoredSubscription._fields.index("lists")
_OPEN = StoredPublication._fields.index("open")


@dataclass(slots=True, eq=False)
class _Deletion:
    """Everything of a person."""

    site: str
    person: str
    accounts: tuple[str, ...]
    deleted: int = 0


class SqlitePresenceStore:
    """The tables `subscriptions` and `publications`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def subscriptions(self) -> Iterable[StoredSubscription]:
        return await self._database.read(all_subscriptions)

    async def publications(self) -> Iterable[StoredPublication]:
        return await self._database.read(all_publications)

    def save(self, change: PresenceChange) -> asyncio.Future[None] | None:
        return self._database.put(self, change)

    async def forget(self, site: str, person: str, accounts: Iterable[str]) -> int:
        deletion = _Deletion(site, person, tuple(accounts))
        await self._database.put(self, deletion)
        return deletion.deleted

    def apply(self, connection: sqlite3.Connection, changes: Sequence[PresenceChange | _Deletion]) -> None:
        """The database's, in its thread."""
        for change in changes:
            if isinstance(change, _Deletion):
                change.deleted = _forget(connection, change)
                continue
            row, gone = change
            if isinstance(row, StoredSubscription):
                if gone:
                    connection.execute(_UNSUBSCRIBE, (row.site, row.call_id, row.local_tag))
                else:
                    connection.execute(_SUBSCRIBE, row._replace(routes=json.dumps(row.routes)))  # type: ignore[arg-type]
            elif gone:
                connection.execute(_UNPUBLISH, (row.site, row.person, row.etag))
            else:
                connection.execute(_PUBLISH, row)

    def named(self, change: PresenceChange | _Deletion) -> str:
        """The database's."""
        if isinstance(change, _Deletion):
            return "a deletion"
        row = change.row
        return f"a subscription to {row.key}" if isinstance(row, StoredSubscription) else f"the state of {row.person}"


def all_subscriptions(connection: sqlite3.Connection) -> list[StoredSubscription]:
    """Every stored subscription, expired ones too."""
    found = []
    for row in connection.execute(_ALL_SUBSCRIPTIONS):
        values: list[Any] = list(row)
        values[_ROUTES] = tuple(json.loads(values[_ROUTES]))
        values[_LISTS] = bool(values[_LISTS])
        found.append(StoredSubscription._make(values))
    return found


def all_publications(connection: sqlite3.Connection) -> list[StoredPublication]:
    """Every stored publication, expired ones too."""
    found = []
    for row in connection.execute(_ALL_PUBLICATIONS):
        values: list[Any] = list(row)
        values[_OPEN] = bool(values[_OPEN])
        found.append(StoredPublication._make(values))
    return found


def _forget(connection: sqlite3.Connection, deletion: _Deletion) -> int:
    # What is deleted is overwritten in the file too, and not just marked as free space.
    connection.execute("PRAGMA secure_delete = ON")
    try:
        site, person = deletion.site, deletion.person
        count = connection.execute("DELETE FROM subscriptions WHERE site = ? AND key = ?", (site, person)).rowcount
        for account in deletion.accounts:
            text = "DELETE FROM subscriptions WHERE watcher_site = ? AND account = ?"
            count += connection.execute(text, (site, account)).rowcount
        count += connection.execute("DELETE FROM publications WHERE site = ? AND person = ?", (site, person)).rowcount
        return count
    finally:
        connection.execute("PRAGMA secure_delete = OFF")
