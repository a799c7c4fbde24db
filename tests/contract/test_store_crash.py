"""What was acknowledged is there after kill -9, and after a power cut."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from contract.bindings import change
from contract.letters import add, content, fetch, letter, remove
from softswitch.store.database import Database
from softswitch.store.sqlite import SqliteBindingStore
from softswitch.store.sqlite_messages import SqliteMessageStore

apsw = pytest.importorskip("apsw")

from contract.forgetful import NAME, Disk  # noqa: E402

HERE = Path(__file__).parent


async def newest(file: Path) -> dict[str, int]:
    """For each stored account the number of its last save."""
    store = SqliteBindingStore(Database(str(file)))
    try:
        return {binding.account: binding.cseq for binding in await store.load()}
    finally:
        await store.close()


@pytest.mark.parametrize("acknowledged_before_the_end", [1, 700])
def test_kill_9(tmp_path: Path, acknowledged_before_the_end: int) -> None:
    file = tmp_path / "softswitch.db"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE.parent.parent)])}
    with subprocess.Popen(
        [sys.executable, "-m", "contract.crashing", str(file)], stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(acknowledged_before_the_end)]
        process.send_signal(signal.SIGKILL)
        # What it wrote to the pipe before it died was acknowledged as well.
        lines += [line for line in process.stdout.read().splitlines(True) if line.endswith(b"\n")]
    numbers = [int(line) for line in lines]
    assert len(numbers) >= acknowledged_before_the_end
    acknowledged: dict[str, int] = {}
    for number in numbers:
        account = f"phone-{number % 100}"
        acknowledged[account] = max(number, acknowledged.get(account, 0))
    stored = asyncio.run(newest(file))
    lost = {account: number for account, number in acknowledged.items() if stored.get(account, 0) < number}
    assert not lost


def left_after_power_loss(tmp_path: Path, synchronous: str, checkpoint: int) -> tuple[dict[str, int], dict[str, int]]:
    """Save on a forgetful disk until the power goes: (what was acknowledged, what is left)."""
    file, after = tmp_path / "softswitch.db", tmp_path / "after"
    after.mkdir()
    asyncio.run(newest(file))  # makes the file, on a good day
    disk = Disk()
    acknowledged: dict[str, int] = {}

    def connector(path: str) -> sqlite3.Connection:
        connection = apsw.Connection(path, vfs=NAME)
        connection.execute(f"PRAGMA wal_autocheckpoint = {checkpoint}")
        return connection  # type: ignore[no-any-return]

    async def work() -> None:
        store = SqliteBindingStore(Database(str(file), connector))
        store._database.connection.execute(f"PRAGMA synchronous = {synchronous}")
        for number in range(300):
            account = f"phone-{number % 40}"
            saved = store.save(change(account, number))
            if number % 3 == 0:
                assert saved is not None
                await saved
                acknowledged[account] = number
        # The power goes here, with saves under way.
        disk.after_power_loss(after)
        await store.close()

    asyncio.run(work())
    disk.unregister()
    return acknowledged, asyncio.run(newest(after / file.name))


@pytest.mark.parametrize("checkpoint", [1000, 5])
def test_power_loss(tmp_path: Path, checkpoint: int) -> None:
    acknowledged, left = left_after_power_loss(tmp_path, "FULL", checkpoint)
    assert len(acknowledged) == 40
    lost = {account: number for account, number in acknowledged.items() if left.get(account, -1) < number}
    assert not lost


def test_the_disk_does_forget(tmp_path: Path) -> None:
    """With a setting that doesn't sync each commit: were nothing lost here, the test above would show nothing."""
    acknowledged, left = left_after_power_loss(tmp_path, "NORMAL", 1000)
    assert acknowledged
    assert left == {}


def letters_after_power_loss(tmp_path: Path, synchronous: str) -> tuple[set[int], set[int]]:
    """Add and remove messages on a forgetful disk until the power goes: (what must be there, what is)."""
    file, after = tmp_path / "softswitch.db", tmp_path / "after"
    after.mkdir()
    asyncio.run(newest(file))
    disk = Disk()
    there: set[int] = set()

    async def work() -> None:
        database = Database(str(file), lambda path: apsw.Connection(path, vfs=NAME))
        store = SqliteMessageStore(database)
        database.connection.execute(f"PRAGMA synchronous = {synchronous}")
        for number in range(200):
            if number % 4 == 3:
                store.add([letter(number)], content(number), lambda error: None)  # under way, promised to nobody
                continue
            await add(store, letter(number))
            there.add(number)
            if number % 5 == 0:
                await remove(store, [letter(number)])
                there.discard(number)
        disk.after_power_loss(after)
        await database.close()

    async def found() -> set[int]:
        database = Database(str(after / file.name))
        store = SqliteMessageStore(database)
        letters = await store.load()
        assert [await fetch(store, one) for one in letters] == [content(one.number) for one in letters]
        await database.close()
        return {one.number for one in letters}

    asyncio.run(work())
    disk.unregister()
    return there, asyncio.run(found())


def test_messages_and_power_loss(tmp_path: Path) -> None:
    there, left = letters_after_power_loss(tmp_path, "FULL")
    assert len(there) == 120
    assert there <= left
    assert not {number for number in left if number % 5 == 0 and number % 4 != 3}


def test_messages_on_a_disk_that_is_not_synced(tmp_path: Path) -> None:
    there, left = letters_after_power_loss(tmp_path, "NORMAL")
    assert there
    assert left == set()
