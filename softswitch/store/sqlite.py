"""Bindings in a SQLite file."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterable, Sequence
from sys import intern

from softswitch.registrar.bindings import Binding, BindingChange
from softswitch.store.database import Database

_COLUMNS = "contact, params, q, expires_at, call_id, cseq, flow, path, user_agent, registered_at"
_SELECT = f"SELECT site, account, {_COLUMNS} FROM bindings ORDER BY site, account, position"
_DELETE = "DELETE FROM bindings WHERE site = ? AND account = ?"
_INSERT = f"INSERT INTO bindings (site, account, position, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class SqliteBindingStore:
    """The table `bindings`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> Iterable[Binding]:
        return await self._database.read(all_bindings)

    def save(self, change: BindingChange) -> asyncio.Future[None] | None:
        return self._database.put(self, change)

    async def close(self) -> None:
        await self._database.close()

    def apply(self, connection: sqlite3.Connection, changes: Sequence[BindingChange]) -> None:
        """The database's, in its thread."""
        # Of several changes of one account only the last is seen after the commit.
        last = {(change.site, change.account): change.bindings for change in changes}
        rows = [_row(binding, position) for bindings in last.values() for position, binding in enumerate(bindings)]
        connection.executemany(_DELETE, list(last))
        connection.executemany(_INSERT, rows)

    def named(self, change: BindingChange) -> str:
        """The database's."""
        return f"{change.account} of {change.site}"


def all_bindings(connection: sqlite3.Connection) -> list[Binding]:
    """Every stored binding, expired ones too."""
    return [_binding(row) for row in connection.execute(_SELECT)]


def _row(binding: Binding, position: int) -> tuple[object, ...]:
    site, account, contact, params, q, expires_at, call_id, cseq, flow, path, user_agent, registered_at = binding
    path_text = json.dumps(path) if path else ""
    return (
        site,
        account,
        position,
        contact,
        params,
        q,
        expires_at,
        call_id,
        cseq,
        flow,
        path_text,
        user_agent,
        registered_at,
    )


def _binding(row: tuple[str, str, str, str, int, float, str, int, str, str, str, float]) -> Binding:
    site, account, contact, params, q, expires_at, call_id, cseq, flow, path_text, user_agent, registered_at = row
    path = tuple(json.loads(path_text)) if path_text else ()
    # Repeated texts are held once.
    return Binding(
        intern(site),
        account,
        contact,
        params,
        q,
        expires_at,
        call_id,
        cseq,
        flow,
        path,
        intern(user_agent),
        registered_at,
    )
