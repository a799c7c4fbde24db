"""What every storage engine promises about how everybody was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contract.test_store import URLS
from softswitch.presence.history import HistoryStore, StateRecord
from softswitch.store.open import ENGINES, open_store

SITE = "acme.example"


@pytest.fixture(params=sorted(ENGINES))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[HistoryStore]:
    stores = open_store(URLS[request.param](tmp_path))
    yield stores.history
    await stores.close()


def state(at: float, person: str = "anna", availability: str = "available") -> StateRecord:
    return StateRecord(SITE, person, at, availability, "office", "über", "anna at office", "registered")


async def written(store: HistoryStore, *records: StateRecord) -> None:
    future = store.write(records)
    if future is not None:
        await future


async def test_what_was_written_is_found_in_order(store: HistoryStore) -> None:
    assert await store.find(SITE, "anna", 0.0) == []
    await written(store, state(30.0), state(10.0), state(20.0, "carla"))
    await written(store, state(20.0, availability="busy"))
    assert [one.at for one in await store.find(SITE, "anna", 0.0)] == [10.0, 20.0, 30.0]
    assert await store.find(SITE, "carla", 0.0) == [state(20.0, "carla")]


async def test_what_was_in_force_comes_first(store: HistoryStore) -> None:
    await written(store, *[state(float(at)) for at in (10, 20, 30)])
    assert [one.at for one in await store.find(SITE, "anna", 25.0)] == [20.0, 30.0]
    assert [one.at for one in await store.find(SITE, "anna", 99.0)] == [30.0]


async def test_what_is_old_is_deleted_a_few_at_a_time(store: HistoryStore) -> None:
    await written(store, *[state(float(at), person) for at in range(10) for person in ("anna", "carla")])
    assert [await store.delete_before(4.0, 5) for _ in range(3)] == [5, 3, 0]
    assert [one.at for one in await store.find(SITE, "anna", 0.0)] == [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]


async def test_forgetting_a_person(store: HistoryStore) -> None:
    await written(store, state(1.0), state(2.0), state(3.0, "carla"))
    assert await store.forget(SITE, "anna") == 2
    assert await store.find(SITE, "anna", 0.0) == []
    assert len(await store.find(SITE, "carla", 0.0)) == 1
