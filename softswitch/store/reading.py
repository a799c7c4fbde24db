"""Reading a SQLite store beside the switch, or while none is running; nothing is ever written to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from softswitch.store.database import explained
from softswitch.store.errors import StoreError
from softswitch.store.migrate import HEAD, schema_version


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that only reads, and sees what was durable at each query. Raises StoreError, also while it is used.

    A reader never keeps the writer waiting (write-ahead log).
    """
    try:
        if not path.exists():
            raise StoreError(f"{path}: not there; nothing is kept before the switch has run")
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            version = schema_version(connection)
            if version != HEAD:
                raise StoreError(
                    f"{path}: its schema is {version or 'unknown'}, this softswitch reads {HEAD}; start the switch of "
                    "this version once"
                )
            yield connection
        finally:
            connection.close()
    except PermissionError as error:
        raise StoreError(f"{path} is for the switch's own user and root") from error
    except sqlite3.Error as error:
        if "unable to open" in str(error):
            raise StoreError(f"{path} is for the switch's own user and root") from error
        raise explained(path, error) from error
