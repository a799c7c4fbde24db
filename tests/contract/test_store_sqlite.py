"""The SQLite engine alone: schema, files that are not right, and group commit."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import time
from pathlib import Path

import pytest

from contract.bindings import SITE, binding, change
from softswitch.registrar.bindings import BindingChange
from softswitch.store.database import Database, connect
from softswitch.store.errors import StoreError
from softswitch.store.groupcommit import GroupCommit
from softswitch.store.migrate import HEAD
from softswitch.store.open import open_store
from softswitch.store.schema import metadata
from softswitch.store.sqlite import SqliteBindingStore


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "softswitch.db"


async def saved(file: Path) -> None:
    """A good file with anna in it."""
    store = SqliteBindingStore(Database(str(file)))
    await store.save(change("anna", 1))
    await store.close()


async def test_what_was_saved_is_there_when_opened_again(file: Path) -> None:
    await saved(file)
    stores = open_store(f"sqlite:///{file}")
    assert list(await stores.bindings.load()) == [binding()]
    await stores.close()


async def test_close_writes_what_is_queued(file: Path) -> None:
    store = SqliteBindingStore(Database(str(file)))
    futures = [store.save(change(f"phone-{number}", number)) for number in range(3000)]
    await store.close()
    assert all(future is not None and future.done() and future.exception() is None for future in futures)
    again = SqliteBindingStore(Database(str(file)))
    assert len(list(await again.load())) == 3000
    await again.close()


def test_nobody_else_reads_the_file(file: Path) -> None:
    asyncio.run(saved(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_closing_an_idle_store_lets_go_of_the_file(file: Path) -> None:
    store = SqliteBindingStore(Database(str(file)))
    await store.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        store._database.connection.execute("SELECT 1")


async def test_every_commit_is_synced(file: Path) -> None:
    store = SqliteBindingStore(Database(str(file)))
    assert store._database.connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store._database.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    await store.close()


async def test_saves_that_come_together_share_a_commit(file: Path) -> None:
    statements: list[str] = []

    def traced(path: str) -> sqlite3.Connection:
        connection = connect(path)
        connection.set_trace_callback(statements.append)
        return connection

    store = SqliteBindingStore(Database(str(file), traced))
    await asyncio.gather(*[store.save(change(f"phone-{number}", 1)) for number in range(1000)])
    await store.close()
    assert 1 <= statements.count("COMMIT") < 100


async def test_a_row_that_cannot_be_stored_fails_alone(file: Path) -> None:
    store = SqliteBindingStore(Database(str(file)))
    broken = BindingChange(SITE, "eve", (binding("eve")._replace(user_agent="\ud800"),))
    huge = BindingChange(SITE, "mallory", (binding("mallory")._replace(cseq=2**70),))
    changes = [change("anna", 1), broken, change("carla", 1), huge, change("dario", 1)]
    results = await asyncio.gather(*[store.save(one) for one in changes], return_exceptions=True)
    assert [type(result) for result in results] == [type(None), StoreError, type(None), StoreError, type(None)]
    assert [one.account for one in await store.load()] == ["anna", "carla", "dario"]
    await store.close()


async def test_a_full_disk_is_told_and_passes(file: Path) -> None:
    store = SqliteBindingStore(Database(str(file)))
    pages = store._database.connection.execute("PRAGMA page_count").fetchone()[0]
    store._database.connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="disk is full"):
        await store.save(change("anna", *range(500)))
    store._database.connection.execute("PRAGMA max_page_count = 100000")
    await store.save(change("anna", 1))
    assert [one.cseq for one in await store.load()] == [1]
    await store.close()


async def test_a_file_in_use_is_told(file: Path) -> None:
    store = SqliteBindingStore(Database(str(file), lambda path: sqlite3.connect(path, 0.01, 0, None, False)))
    other = connect(str(file))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="in use by another program"):
        await store.save(change("anna", 1))
    other.execute("ROLLBACK")
    await store.save(change("anna", 1))
    other.close()
    await store.close()


def test_no_such_directory(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=f"the directory {tmp_path}/none does not exist"):
        open_store(f"sqlite:///{tmp_path}/none/softswitch.db")


def test_no_permission(bound_by_permissions: Path) -> None:
    bound_by_permissions.chmod(0o500)
    with pytest.raises(StoreError, match="can't be created: Permission denied"):
        open_store(f"sqlite:///{bound_by_permissions}/softswitch.db")
    bound_by_permissions.chmod(0o700)


def test_a_directory_in_its_place(file: Path) -> None:
    file.mkdir()
    with pytest.raises(StoreError, match=str(file)):
        open_store(f"sqlite:///{file}")


def test_not_a_database(file: Path) -> None:
    file.write_bytes(b"account,contact\n" * 500)
    with pytest.raises(StoreError, match="damaged, or no SQLite database"):
        open_store(f"sqlite:///{file}")
    assert file.read_bytes().startswith(b"account,contact")


def test_a_damaged_file(file: Path) -> None:
    async def filled() -> None:
        store = SqliteBindingStore(Database(str(file)))
        await asyncio.gather(*[store.save(change(f"phone-{number}", number)) for number in range(500)])
        await store.close()

    asyncio.run(filled())
    data = bytearray(file.read_bytes())
    for at in range(4 * 4096, len(data)):
        data[at] = 0xAA
    file.write_bytes(data)
    with pytest.raises(StoreError, match="damaged"):
        open_store(f"sqlite:///{file}")


async def test_a_newer_schema(file: Path) -> None:
    await saved(file)
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreError, match="newer softswitch"):
        open_store(f"sqlite:///{file}")


def test_another_programs_database(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE contacts (name TEXT)")
    connection.close()
    with pytest.raises(StoreError, match="another program"):
        open_store(f"sqlite:///{file}")


@pytest.mark.parametrize("url", ["mysql://db/x", "sqlite:softswitch.db", "sqlite:///", "", "Memory"])
def test_urls(url: str) -> None:
    with pytest.raises(StoreError):
        open_store(url)


async def test_migrations_and_schema_agree(file: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlalchemy import create_engine

    await saved(file)
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert context.get_current_revision() == HEAD
        assert compare_metadata(context, metadata) == []
    engine.dispose()
    assert all(table.primary_key.columns.keys()[0] == "site" for table in metadata.sorted_tables)


async def test_a_file_of_the_first_release_keeps_its_bindings(file: Path) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine

    from softswitch.store import migrations

    await saved(file)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as bind:
        config.attributes["connection"] = bind
        command.downgrade(config, "0001")
    engine.dispose()
    stores = open_store(f"sqlite:///{file}")
    assert list(await stores.bindings.load()) == [binding()]
    assert await stores.records.unfinished() == []
    await stores.close()


def test_head_is_the_newest_migration() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from softswitch.store import migrations

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


@pytest.mark.long
async def test_100_000_bindings_load_in_5_seconds(file: Path) -> None:
    store = SqliteBindingStore(Database(str(file)))
    for start in range(0, 100_000, 10_000):
        await asyncio.gather(*[store.save(change(f"phone-{n}", n)) for n in range(start, start + 10_000)])
    await store.close()
    begun = time.monotonic()
    again = SqliteBindingStore(Database(str(file)))
    count = len(list(await again.load()))
    taken = time.monotonic() - begun
    await again.close()
    assert count == 100_000
    assert taken < 5


async def test_a_mistake_of_ours_fails_its_own_writes_and_no_later_ones() -> None:
    def commit(items: list[int]) -> list[Exception | None]:
        if 13 in items:
            raise KeyError("unlucky")
        return [None] * len(items)

    commits = GroupCommit(commit, lambda: None)
    with pytest.raises(StoreError, match="unlucky"):
        await commits.put(13)
    await commits.put(14)
    await commits.close()
