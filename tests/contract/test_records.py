"""What every storage engine promises about call records."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contract.records import SITE, START, record
from contract.test_store import URLS
from softswitch.records.record import CallRecord, Query, RecordStore
from softswitch.store.open import ENGINES, open_store

ALL = Query()


@pytest.fixture(params=sorted(ENGINES))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RecordStore]:
    stores = open_store(URLS[request.param](tmp_path))
    yield stores.records
    await stores.close()


async def written(store: RecordStore, *records: CallRecord) -> None:
    """Write together, and wait until all is durable."""
    future = store.write(records)
    if future is not None:
        await future


async def numbers(store: RecordStore, query: Query = ALL) -> list[int]:
    return [round(one.started_at - START) for one in await store.find(query)]


async def test_empty(store: RecordStore) -> None:
    assert await store.find(ALL) == []
    assert await store.unfinished() == []
    assert await store.delete_before(START * 2, 100) == 0
    assert await store.forget(SITE, "anna") == 0


async def test_what_was_written_is_found(store: RecordStore) -> None:
    strange = record(people=("änne of 'x' and y@acme.example", "carla@acme.example"))._replace(
        caller='"\x00\n\t;--', called="", hung_up_by="", legs=(), steps=()
    )
    await written(store, strange, record(2), record(3, people=()))
    assert await store.find(ALL) == [record(3, people=()), record(2), strange]


async def test_a_later_state_replaces_an_earlier_one(store: RecordStore) -> None:
    await written(store, record(ended=False))
    assert await store.unfinished() == [record(ended=False)]
    await written(store, record())
    assert await store.find(ALL) == [record()]
    assert await store.unfinished() == []


async def test_the_same_call_id_at_another_time_or_site_is_another_call(store: RecordStore) -> None:
    again = record(5)._replace(call_id=record(1).call_id)
    await written(store, record(1), again, record(1, site="other.example"))
    assert await store.find(Query(call_id=again.call_id)) == [again, record(1), record(1, site="other.example")]
    assert await store.find(Query(call_id=again.call_id, site="other.example")) == [record(1, site="other.example")]


async def test_since_and_limit(store: RecordStore) -> None:
    await written(store, *[record(number) for number in range(10)])
    assert await numbers(store, Query(since=START + 7)) == [9, 8, 7]
    assert await numbers(store, Query(limit=2)) == [9, 8]
    assert await numbers(store, Query(since=START + 8, limit=5)) == [9, 8]


async def test_by_person(store: RecordStore) -> None:
    await written(
        store,
        record(1, people=("anna@acme.example", "carla@acme.example")),
        record(2, people=("joanna@acme.example",)),
        record(3, people=("anna@other.example",), site="other.example"),
        record(4, people=("anna@acme.example",), site="other.example"),
        record(5, people=()),
    )
    assert await numbers(store, Query(person="anna")) == [4, 3, 1]
    assert await numbers(store, Query(person="anna", site=SITE)) == [4, 1]
    assert await numbers(store, Query(person="ann")) == []
    assert await numbers(store, Query(site="other.example")) == [4, 3]


async def test_forgetting_a_person(store: RecordStore) -> None:
    await written(
        store,
        record(1, people=("anna@acme.example", "carla@acme.example")),
        record(2, people=("carla@acme.example",)),
        record(3, people=("anna@other.example",), site="other.example"),
        record(4, people=("anna@acme.example",), ended=False),
    )
    assert await store.forget(SITE, "anna") == 1
    assert await numbers(store) == [4, 3, 2]


async def test_what_is_old_is_deleted_a_few_at_a_time(store: RecordStore) -> None:
    await written(
        store,
        *[record(number) for number in range(4)],
        *[record(number, site="other.example") for number in range(4)],
        record(0, site="third.example", ended=False),
    )
    counts = [await store.delete_before(START + 3, 4) for _ in range(3)]
    assert counts == [4, 2, 0]
    left = [(one.site, round(one.started_at - START)) for one in await store.find(ALL)]
    assert left == [("acme.example", 3), ("other.example", 3), ("third.example", 0)]


async def test_many_writes_in_order(store: RecordStore) -> None:
    futures = [store.write([record(1)._replace(status=status)]) for status in range(200)]
    await asyncio.gather(*[future for future in futures if future is not None])
    assert [one.status for one in await store.find(ALL)] == [199]
