"""Bindings in a SQLite file: write-ahead log, synced at every commit."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from sys import intern

from softswitch.registrar.bindings import Binding, BindingChange
from softswitch.store.errors import StoreError
from softswitch.store.groupcommit import GroupCommit
from softswitch.store.migrate import migrate

_COLUMNS = "contact, params, q, expires_at, call_id, cseq, flow, path, user_agent, registered_at"
_SELECT = f"SELECT site, account, {_COLUMNS} FROM bindings ORDER BY site, account, position"
_DELETE = "DELETE FROM bindings WHERE site = ? AND account = ?"
_INSERT = f"INSERT INTO bindings (site, account, position, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def connect(path: str) -> sqlite3.Connection:
    """A connection that any thread may use, one at a time; transactions are ours to begin."""
    return sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)


class SqliteBindingStore:
    """Written by one thread; many saves share a commit. Only one switch may use the file."""

    def __init__(self, path: str, connector: Callable[[str], sqlite3.Connection] = connect) -> None:
        """Opens or creates the file and brings its schema up to date. Raises StoreError.

        `connector`: a test passes one whose disk forgets.
        """
        self._path = Path(path).absolute()
        self._connector = connector
        _prepare(self._path)
        try:
            self._connection = connector(str(self._path))
            self._connection.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error as error:
            raise _explained(self._path, error) from error
        self._writer = GroupCommit(self._commit, self._connection.close)

    async def load(self) -> Iterable[Binding]:
        return await asyncio.to_thread(self._load)

    def save(self, change: BindingChange) -> asyncio.Future[None] | None:
        return self._writer.put(change)

    async def close(self) -> None:
        await self._writer.close()

    def _load(self) -> list[Binding]:
        """On a connection of its own, for the other one is the writer's."""
        connection = self._connector(str(self._path))
        try:
            return [_binding(row) for row in connection.execute(_SELECT)]
        except sqlite3.Error as error:
            raise _explained(self._path, error) from error
        finally:
            connection.close()

    def _commit(self, changes: list[BindingChange]) -> list[Exception | None]:
        """In the writer thread."""
        try:
            self._write(changes)
            return [None] * len(changes)
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError, ValueError, OverflowError):
            # One row that can't be stored is not to take the others with it.
            return [self._commit_one(change) for change in changes]
        except sqlite3.Error as error:
            return [_explained(self._path, error)] * len(changes)

    def _commit_one(self, change: BindingChange) -> Exception | None:
        try:
            self._write([change])
        except sqlite3.OperationalError as error:
            return _explained(self._path, error)
        except (sqlite3.Error, ValueError, OverflowError) as error:
            return StoreError(f"{self._path}: {change.account} of {change.site} can't be stored: {error}")
        return None

    def _write(self, changes: list[BindingChange]) -> None:
        # Of several changes of one account only the last is seen after the commit.
        last = {(change.site, change.account): change.bindings for change in changes}
        rows = [_row(binding, position) for bindings in last.values() for position, binding in enumerate(bindings)]
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(_DELETE, list(last))
            connection.executemany(_INSERT, rows)
            connection.execute("COMMIT")
        except BaseException:
            # After a failed COMMIT (a full disk) the transaction may still be open, or already be undone.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


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


def _prepare(path: Path) -> None:
    """Make the file usable or say why it isn't."""
    directory = path.parent
    if not directory.is_dir():
        raise StoreError(f"{path}: the directory {directory} does not exist")
    if not path.exists():
        try:
            # Who is registered where is nobody else's business.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise StoreError(f"{path}: can't be created: {error.strerror}") from error
    if not os.access(path, os.R_OK | os.W_OK) or not os.access(directory, os.W_OK):
        raise StoreError(f"{path}: the switch's user needs write permission to the file and its directory")
    if not path.is_file():
        raise StoreError(f"{path}: not a file")
    try:
        _check(path)
    except sqlite3.Error as error:
        raise _explained(path, error) from error


def _check(path: Path) -> None:
    """Make the schema current, and see that nothing is damaged. Raises StoreError, sqlite3.Error."""
    connection = connect(str(path))
    try:
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise StoreError(f"{path}: no write-ahead log here ({mode}); a network file system won't do")
        migrate(path, connection)
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
    finally:
        connection.close()


def _explained(path: Path, error: sqlite3.Error) -> StoreError:
    text = str(error)
    if isinstance(error, sqlite3.OperationalError):
        if "locked" in text:
            return StoreError(f"{path}: in use by another program; is the switch running already?")
        if "full" in text:
            return StoreError(f"{path}: the disk is full")
        return StoreError(f"{path}: {text}")
    return StoreError(
        f"{path}: damaged, or no SQLite database ({text}); move it away with its -wal and -shm files and "
        "restore a backup, or start without: phones register again by themselves"
    )
