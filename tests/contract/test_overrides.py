"""What every storage engine promises about what people have set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contract.test_store import URLS
from softswitch.dialplan.override import AT, DO_NOT_DISTURB, FORWARD_ALL, Override
from softswitch.overrides.change import OverrideChange, OverrideStore
from softswitch.store.open import ENGINES, open_store

SITE = "acme.example"
HOME = Override(AT, "home", 500.0, "anna-desk", 100.0)
QUIET = Override(DO_NOT_DISTURB, "", 0.0, "anna-desk", 101.0)


def change(override: Override, at: float = 0.0, sets: bool = True, person: str = "anna") -> OverrideChange:
    return OverrideChange(SITE, person, at or override.set_at, sets, override, override.by)


@pytest.fixture(params=sorted(ENGINES))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OverrideStore]:
    stores = open_store(URLS[request.param](tmp_path))
    yield stores.overrides
    await stores.close()


async def written(store: OverrideStore, *changes: OverrideChange) -> None:
    """Write together, and wait until all is durable."""
    future = store.write(changes)
    if future is not None:
        await future


async def test_empty(store: OverrideStore) -> None:
    assert await store.load() == []
    assert await store.history(SITE, "anna") == []
    assert await store.delete_before(1e9) == 0
    assert await store.forget(SITE, "anna") == 0


async def test_what_is_set_is_kept_until_it_is_over(store: OverrideStore) -> None:
    await written(store, change(HOME), change(QUIET), change(QUIET, person="carla"))
    assert await store.load() == [(SITE, "anna", HOME), (SITE, "anna", QUIET), (SITE, "carla", QUIET)]
    await written(store, change(HOME, 200.0, sets=False))
    assert await store.load() == [(SITE, "anna", QUIET), (SITE, "carla", QUIET)]


async def test_the_last_of_a_kind_holds_and_the_end_of_an_earlier_one_changes_nothing(store: OverrideStore) -> None:
    later = HOME._replace(target="office", set_at=150.0)
    await written(store, change(HOME), change(later))
    await written(store, change(HOME, 200.0, sets=False))
    assert await store.load() == [(SITE, "anna", later)]


async def test_who_changed_what_when_in_order(store: OverrideStore) -> None:
    forward = Override(FORWARD_ALL, 'ä"\x00;--', 0.0, "the command line", 300.0)
    changes = [change(HOME), change(QUIET), change(HOME, 300.0, sets=False), change(forward, 300.0)]
    await written(store, *changes)
    await written(store, change(QUIET, 50.0, person="carla"))
    assert await store.history(SITE, "anna") == changes
    assert await store.history(SITE, "anna", since=101.0) == changes[1:]
    assert await store.history("other.example", "anna") == []


async def test_old_changes_go_and_what_is_set_stays(store: OverrideStore) -> None:
    await written(store, change(HOME), change(QUIET))
    assert await store.delete_before(101.0) == 1
    assert await store.history(SITE, "anna") == [change(QUIET)]
    assert len(await store.load()) == 2


async def test_forgetting_a_person(store: OverrideStore) -> None:
    await written(store, change(HOME), change(QUIET, person="carla"))
    assert await store.forget(SITE, "anna") == 2
    assert await store.load() == [(SITE, "carla", QUIET)]
    assert await store.history(SITE, "anna") == []


async def test_many_writes_in_order(store: OverrideStore) -> None:
    futures = [store.write([change(HOME._replace(set_at=float(number)))]) for number in range(1, 100)]
    await asyncio.gather(*[future for future in futures if future is not None])
    assert [one.set_at for _, _, one in await store.load()] == [99.0]
