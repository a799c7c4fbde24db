"""Bringing a SQLite file's schema up to date with alembic."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

from softswitch.store.errors import StoreError

HEAD = "0011"
"""The newest migration; a test holds that it is. Known here so that an up-to-date file opens without alembic."""


def migrate(path: Path, connection: sqlite3.Connection) -> None:
    """Run what is missing, in one transaction. Raises StoreError for a schema from the future; sqlite3.Error."""
    version = schema_version(connection)
    if version == HEAD:
        return
    if version is not None and version > HEAD:
        raise StoreError(
            f"{path}: written by a newer softswitch (schema {version}, this one knows up to {HEAD}); "
            "install that version again, or restore a backup made before the upgrade"
        )
    if version is None and _tables(connection):
        raise StoreError(f"{path}: a SQLite database of another program; choose another file")
    # Loaded here because they take half a second, which only the first start should pay.
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    logging.getLogger("alembic").setLevel(logging.WARNING)
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(path), poolclass=NullPool)
    try:
        with engine.begin() as bind:
            config.attributes["connection"] = bind
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def _tables(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]


def schema_version(connection: sqlite3.Connection) -> str | None:
    """The migration that a file is at; None for a file of none of ours."""
    if "alembic_version" not in _tables(connection):
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None
