"""The recorder on stores that fail or take their time, and what is exported of odd records."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC
from pathlib import Path

from contract.records import record

from softswitch.records.diary import Diary
from softswitch.records.export import as_json, csv_row
from softswitch.records.record import OUTCOMES, CallRecord
from softswitch.records.recorder import FLUSH_SECONDS, Recorder
from softswitch.records.retention import AT_ONCE, delete_old
from softswitch.records.words import told
from softswitch.store.memory_records import MOST_RECORDS, MemoryRecordStore


class SlowStore(MemoryRecordStore):
    """A write is done when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[tuple[CallRecord, ...]] = []
        self.futures: list[asyncio.Future[None]] = []

    def write(self, records: Sequence[CallRecord]) -> asyncio.Future[None] | None:
        self.writes.append(tuple(records))
        self.futures.append(asyncio.get_running_loop().create_future())
        return self.futures[-1]


class Bench:
    """A recorder, and what it asked to be called for later."""

    def __init__(self) -> None:
        self.store = SlowStore()
        self.later: list[tuple[float, Callable[[], object]]] = []
        self.errors: list[BaseException] = []
        self.recorder = Recorder(
            self.store, lambda seconds, call: self.later.append((seconds, call)), lambda *_: "", self.errors.append
        )

    def flush(self) -> None:
        seconds, call = self.later.pop()
        assert seconds == FLUSH_SECONDS
        assert not self.later
        call()


def diary(call_id: bytes = b"c1") -> Diary:
    return Diary("acme.example", call_id, "102", "101", "carla-home", "acme.example", 1000.0)


async def test_a_call_that_goes_on_while_it_is_written() -> None:
    bench, call = Bench(), diary()
    bench.recorder.changed(call)
    call.answered_at = 1001.0
    bench.recorder.changed(call)
    bench.flush()
    call.ended_at = 1002.0
    bench.recorder.changed(call)
    bench.flush()
    assert [[one.outcome for one in records] for records in bench.store.writes] == [["talking"], ["answered"]]


async def test_nothing_to_write() -> None:
    bench = Bench()
    assert bench.recorder.flush() is None
    assert bench.store.writes == []


async def test_a_write_that_fails_is_told_and_the_next_one_is_tried() -> None:
    bench = Bench()
    bench.recorder.changed(diary())
    bench.flush()
    bench.store.futures[0].set_exception(OSError("the disk is full"))
    await asyncio.sleep(0)
    assert [str(error) for error in bench.errors] == ["the disk is full"]
    bench.recorder.changed(diary(b"c2"))
    bench.flush()
    bench.store.futures[1].set_result(None)
    await asyncio.sleep(0)
    assert len(bench.errors) == 1
    assert [one.call_id for one in bench.store.writes[1]] == ["c2"]


async def test_a_bye_of_a_call_that_nobody_knows() -> None:
    bench = Bench()
    bench.recorder.hung_up(b"c1", 1000.0)
    assert bench.later == []


async def test_a_call_id_that_is_no_text() -> None:
    bench = Bench()
    bench.recorder.changed(diary(b"\xff" * 300))
    bench.flush()
    assert bench.store.writes[0][0].call_id == "\N{REPLACEMENT CHARACTER}" * 255


def test_memory_keeps_the_newest() -> None:
    store = MemoryRecordStore()
    store.write([record(number) for number in range(MOST_RECORDS + 5)])
    found = asyncio.run(store.unfinished())
    assert found == []
    assert asyncio.run(store.delete_before(1e12, MOST_RECORDS * 2)) == MOST_RECORDS


async def test_retention_works_in_small_portions() -> None:
    store = MemoryRecordStore()
    store.write([record(number) for number in range(2 * AT_ONCE + 1)])
    counts: list[int] = []
    delete_before = store.delete_before

    async def counted(moment: float, at_most: int) -> int:
        counts.append(await delete_before(moment, at_most))
        return counts[-1]

    store.delete_before = counted  # type: ignore[method-assign]
    assert await delete_old(store, 2e9, 10.0) == 2 * AT_ONCE + 1
    assert counts == [AT_ONCE, AT_ONCE, 1]
    assert await delete_old(store, 2e9, 0.0) == 0
    assert len(counts) == 3


def test_what_never_was_has_no_moment() -> None:
    ringing = record()._replace(answered_at=0.0, ended_at=0.0, outcome="ringing", status=0)
    told_of = as_json(ringing, UTC)
    assert (told_of["answered_at"], told_of["ended_at"]) == (None, None)
    assert csv_row(ringing, UTC)[12:14] == ["", ""]
    assert list(told(ringing, UTC))[-1] == "still ringing"


def test_cells_that_a_spreadsheet_would_run() -> None:
    shown = {name: csv_row(record()._replace(caller=name), UTC)[5] for name in ("=1", "@x", "+1-1", "-x", "+49301", "")}
    assert shown == {"=1": "'=1", "@x": "'@x", "+1-1": "'+1-1", "-x": "'-x", "+49301": "+49301", "": ""}


def test_the_page_explains_every_outcome() -> None:
    page = (Path(__file__).parent.parent.parent / "docs/sysadmin.md").read_text()
    assert [word for word in OUTCOMES if f"`{word}`" not in page] == []
