"""Messages in a SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from softswitch.messaging.letter import Done, Letter
from softswitch.store.database import Database
from softswitch.store.errors import StoreError

_COLUMNS = (
    "site, person, number, sender, sender_person, mark, received_at, expires_at, secure, size_bytes, had, delivered_at"
)
_SELECT = f"SELECT {_COLUMNS} FROM messages"
_INSERT = f"INSERT INTO messages ({_COLUMNS}, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_KEY = "site = ? AND person = ? AND number = ?"
_UPDATE = f"UPDATE messages SET had = ?, delivered_at = ?, expires_at = ? WHERE {_KEY}"
_CONTENT = f"SELECT content FROM messages WHERE {_KEY}"
_OF_PERSON = "(site = ? AND person = ?) OR sender_person = ?"


@dataclass(slots=True, eq=False)
class _Change:
    """Letters to add with their content, to update, to remove; or a person to forget."""

    add: tuple[Letter, ...] = ()
    content: bytes = b""
    update: tuple[Letter, ...] = ()
    remove: tuple[Letter, ...] = ()
    forget: tuple[str, str] | None = None
    forgotten: int = 0


class SqliteMessageStore:
    """The table `messages`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reads: set[asyncio.Task[None]] = set()

    async def load(self) -> list[Letter]:
        return await self._database.read(
            lambda connection: [_letter(row) for row in connection.execute(f"{_SELECT} ORDER BY number")]
        )

    def add(self, letters: Sequence[Letter], content: bytes, done: Done) -> None:
        self._put(_Change(add=tuple(letters), content=content), done)

    def update(self, letter: Letter, done: Done) -> None:
        self._put(_Change(update=(letter,)), done)

    def remove(self, letters: Sequence[Letter], done: Done) -> None:
        self._put(_Change(remove=tuple(letters)), done)

    def fetch(self, letter: Letter, done: Callable[[bytes | None], None]) -> None:
        task = asyncio.get_running_loop().create_task(self._fetch(letter, done))
        self._reads.add(task)
        task.add_done_callback(self._reads.discard)

    async def forget(self, site: str, person: str) -> int:
        change = _Change(forget=(site, person))
        await self._database.put(self, change)
        return change.forgotten

    async def _fetch(self, letter: Letter, done: Callable[[bytes | None], None]) -> None:
        try:
            found = await self._database.read(lambda connection: content_of(connection, letter))
        except StoreError:
            found = None  # a disk that fails is noticed, and told, where something is to be written
        done(found)

    def _put(self, change: _Change, done: Done) -> None:
        self._database.put(self, change).add_done_callback(partial(_tell, done))

    def apply(self, connection: sqlite3.Connection, changes: Sequence[_Change]) -> None:
        """The database's, in its thread."""
        # What is deleted is overwritten in the file too: what people wrote to each other is not to be found there.
        connection.execute("PRAGMA secure_delete = ON")
        try:
            for change in changes:
                connection.executemany(_INSERT, [(*_row(letter), change.content) for letter in change.add])
                connection.executemany(
                    _UPDATE,
                    [("\n".join(one.had), one.delivered_at, one.expires_at, *_key(one)) for one in change.update],
                )
                connection.executemany(f"DELETE FROM messages WHERE {_KEY}", [_key(one) for one in change.remove])
                if change.forget is not None:
                    deleted = connection.execute(f"DELETE FROM messages WHERE {_OF_PERSON}", _of(*change.forget))
                    change.forgotten = deleted.rowcount
        finally:
            connection.execute("PRAGMA secure_delete = OFF")

    def named(self, change: _Change) -> str:
        """The database's."""
        letters = (*change.add, *change.update, *change.remove)
        return f"the message of {letters[0].sender} to {letters[0].person}" if letters else "a deletion"


def letters_of(connection: sqlite3.Connection, site: str = "", person: str = "") -> Iterator[Letter]:
    """What waits for somebody, or for everybody of a site, or of all sites; in order."""
    conditions = {"site = ?": site, "person = ?": person}
    used = {condition: value for condition, value in conditions.items() if value}
    where = f" WHERE {' AND '.join(used)}" if used else ""
    for row in connection.execute(f"{_SELECT}{where} ORDER BY number", tuple(used.values())):
        yield _letter(row)


def letters_about(connection: sqlite3.Connection, site: str, person: str) -> Iterator[Letter]:
    """What waits for a person, and what waits for others and was sent by her."""
    for row in connection.execute(f"{_SELECT} WHERE {_OF_PERSON} ORDER BY number", _of(site, person)):
        yield _letter(row)


def content_of(connection: sqlite3.Connection, letter: Letter) -> bytes | None:
    """As `messaging/form` keeps it; None when it is there no more."""
    row = connection.execute(_CONTENT, _key(letter)).fetchone()
    return bytes(row[0]) if row is not None else None


def _tell(done: Done, future: asyncio.Future[None]) -> None:
    done(asyncio.CancelledError() if future.cancelled() else future.exception())


def _key(letter: Letter) -> tuple[str, str, int]:
    return letter.site, letter.person, letter.number


def _of(site: str, person: str) -> tuple[str, str, str]:
    return site, person, f"{person}@{site}"


def _row(letter: Letter) -> tuple[object, ...]:
    return tuple(letter._replace(had="\n".join(letter.had)))  # type: ignore[arg-type]


def _letter(row: tuple[Any, ...]) -> Letter:
    letter = Letter._make(row)
    had: str = row[Letter._fields.index("had")]
    return letter._replace(secure=bool(letter.secure), had=tuple(had.split("\n")) if had else ())
