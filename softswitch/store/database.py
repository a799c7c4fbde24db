"""One SQLite file, written by one thread: write-ahead log, synced at every commit, which many changes share."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from softswitch.store.errors import StoreError
from softswitch.store.groupcommit import GroupCommit
from softswitch.store.migrate import migrate

T = TypeVar("T")


def connect(path: str) -> sqlite3.Connection:
    """A connection that any thread may use, one at a time; transactions are ours to begin."""
    return sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)


class Writer(Protocol):
    """Who knows how changes of one kind are written."""

    def apply(self, connection: sqlite3.Connection, changes: Sequence[Any]) -> None:
        """Within a transaction, in the writer thread. Done again from the start when a batch fails."""
        ...

    def named(self, change: Any) -> str:
        """What a change is about, for the message that it can't be stored."""
        ...


class Change(NamedTuple):
    """Something to write."""

    writer: Writer
    content: Any


class Database:
    """The file. Only one switch may write to it; readers are welcome."""

    def __init__(self, path: str, connector: Callable[[str], sqlite3.Connection] = connect) -> None:
        """Opens or creates the file and brings its schema up to date. Raises StoreError.

        `connector`: a test passes one whose disk forgets.
        """
        self._path = Path(path).absolute()
        self._connector = connector
        _prepare(self._path)
        try:
            self.connection = connector(str(self._path))
            self.connection.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error as error:
            raise explained(self._path, error) from error
        self._commits = GroupCommit(self._commit, self.connection.close)

    def put(self, writer: Writer, content: object) -> asyncio.Future[None]:
        """Done once the change is durable; what goes wrong is the future's exception. From the event loop only."""
        return self._commits.put(Change(writer, content))

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` finds, in a thread. Raises StoreError."""
        return await asyncio.to_thread(self._read, work)

    async def close(self) -> None:
        """Write what is queued, then close; once or more."""
        await self._commits.close()

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """On a connection of its own, for the other one is the writer's."""
        connection = self._connector(str(self._path))
        try:
            return work(connection)
        except sqlite3.Error as error:
            raise explained(self._path, error) from error
        finally:
            connection.close()

    def _commit(self, changes: list[Change]) -> list[Exception | None]:
        """In the writer thread."""
        try:
            self._write(changes)
            return [None] * len(changes)
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError, ValueError, OverflowError):
            # One row that can't be stored is not to take the others with it.
            return [self._commit_one(change) for change in changes]
        except sqlite3.Error as error:
            return [explained(self._path, error)] * len(changes)

    def _commit_one(self, change: Change) -> Exception | None:
        try:
            self._write([change])
        except sqlite3.OperationalError as error:
            return explained(self._path, error)
        except (sqlite3.Error, ValueError, OverflowError) as error:
            return StoreError(f"{self._path}: {change.writer.named(change.content)} can't be stored: {error}")
        return None

    def _write(self, changes: list[Change]) -> None:
        by_writer: dict[Writer, list[Any]] = {}
        for writer, content in changes:
            by_writer.setdefault(writer, []).append(content)
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            for writer, contents in by_writer.items():
                writer.apply(connection, contents)
            connection.execute("COMMIT")
        except BaseException:
            # After a failed COMMIT (a full disk) the transaction may still be open, or already be undone.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


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
        raise explained(path, error) from error


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


def explained(path: Path, error: sqlite3.Error) -> StoreError:
    """What went wrong, and what to do."""
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
