#!/usr/bin/env python3
"""CPU time of recording a call, in microseconds: `python scripts/bench/records.py`.

What the message path does, what the event loop does a moment later, and all of it with a SQLite file.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence

from softswitch.records.diary import Diary
from softswitch.records.record import CallRecord
from softswitch.records.recorder import Recorder
from softswitch.store.database import Database
from softswitch.store.memory_records import MemoryRecordStore
from softswitch.store.sqlite_records import SqliteRecordStore

CALLS = 20_000
BATCH = 100
REASONS = ("it is office hours", "anna is rung at office first")


class Nowhere(MemoryRecordStore):
    """Forgets at once."""

    def write(self, records: Sequence[CallRecord]) -> None:
        return None


def note(recorder: Recorder, number: int) -> Diary:
    """All that a call with one phone has noted: begun, rung, answered, hung up."""
    diary = Diary("acme.example", b"%x@192.0.2.7" % number, "102", "101", "carla-home", "acme.example", 1000.0 + number)
    recorder.changed(diary)
    diary.step(1000.0, "ring", "anna at office", 15.0, REASONS)
    leg = diary.leg("anna-desk", b"sip:anna@192.0.2.8:5060", 1000.0)
    leg.rang_at, leg.status = 1000.1, 200
    diary.answered_at, diary.answered_by = 1001.0, "anna-desk"
    recorder.changed(diary)
    diary.hung_up_by, diary.ended_at = "caller", 1002.0
    recorder.changed(diary)
    return diary


def in_memory() -> None:
    recorder = Recorder(Nowhere(), lambda seconds, call: None, lambda site, user: "anna")
    begun = time.process_time()
    for number in range(CALLS):
        note(recorder, number)
    noted = time.process_time()
    recorder.flush()
    flushed = time.process_time()
    print(f"message path      {(noted - begun) / CALLS * 1e6:6.1f} a call")
    print(f"handing over      {(flushed - noted) / CALLS * 1e6:6.1f} a write")


async def on_disk(writes: int) -> None:
    """`writes` for each call: one when it is over within a moment, three when not."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"{folder}/softswitch.db")
        recorder = Recorder(SqliteRecordStore(database), lambda seconds, call: None, lambda site, user: "anna")
        begun = time.process_time()
        for start in range(0, CALLS // 2, BATCH):
            diaries = [note(recorder, number) for number in range(start, start + BATCH)]
            for _ in range(writes):
                for diary in diaries:
                    recorder.changed(diary)
                written = recorder.flush()
                assert written is not None
                await written
        taken = time.process_time() - begun
        print(f"all, with SQLite  {taken / (CALLS // 2) * 1e6:6.1f} a call that is written {writes} times")
        await database.close()


if __name__ == "__main__":
    in_memory()
    for times in (1, 3):
        asyncio.run(on_disk(times))
