"""What every storage engine promises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from contract.bindings import SITE, binding, change
from softswitch.registrar.bindings import Binding, BindingChange, BindingStore
from softswitch.store.errors import StoreError
from softswitch.store.open import ENGINES, open_store

URLS: dict[str, Callable[[Path], str]] = {
    "memory": lambda directory: "memory",
    "sqlite": lambda directory: f"sqlite:///{directory}/softswitch.db",
}


@pytest.fixture(params=sorted(ENGINES))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BindingStore]:
    stores = open_store(URLS[request.param](tmp_path))
    yield stores.bindings
    await stores.close()


async def save(store: BindingStore, *changes: BindingChange) -> None:
    """Save together, and wait until all is durable."""
    futures = [store.save(one) for one in changes]
    await asyncio.gather(*[future for future in futures if future is not None])


async def loaded(store: BindingStore, account: str = "anna", site: str = SITE) -> list[Binding]:
    return [one for one in await store.load() if (one.site, one.account) == (site, account)]


async def test_empty(store: BindingStore) -> None:
    assert list(await store.load()) == []


async def test_what_was_saved_is_loaded(store: BindingStore) -> None:
    strange = binding("änne'; --")._replace(
        contact="sip:%00@[2001:db8::7]",
        params=';x="\x00,\n"',
        q=0,
        expires_at=0.1,
        call_id="",
        cseq=2**31 - 1,
        flow="",
        path=("<sip:a;lr>", '"b" <sip:b>'),
        user_agent="☎",
        registered_at=-1.5,
    )
    await save(store, BindingChange(SITE, strange.account, (strange,)))
    assert await loaded(store, strange.account) == [strange]


async def test_order_within_an_account(store: BindingStore) -> None:
    await save(store, change("anna", 5, 3, 9, 1))
    assert [one.cseq for one in await loaded(store)] == [5, 3, 9, 1]


async def test_a_change_replaces_all(store: BindingStore) -> None:
    await save(store, change("anna", 1, 2, 3))
    await save(store, change("anna", 4))
    assert [one.cseq for one in await loaded(store)] == [4]


async def test_removing(store: BindingStore) -> None:
    await save(store, change("anna", 1), change("carla", 1))
    await save(store, change("anna"))
    assert list(await store.load()) == [binding("carla")]
    await save(store, change("nobody"))


async def test_two_firms_with_the_same_account(store: BindingStore) -> None:
    await save(store, change("101", 1), change("101", 2, site="other.example"))
    await save(store, change("101", 3))
    assert [one.cseq for one in await loaded(store, "101")] == [3]
    assert [one.cseq for one in await loaded(store, "101", "other.example")] == [2]


async def test_together_the_last_one_counts(store: BindingStore) -> None:
    await save(store, change("anna", 1), change("carla", 1), change("anna"), change("anna", 2, 3), change("carla"))
    assert [one.cseq for one in await loaded(store)] == [2, 3]
    assert await loaded(store, "carla") == []


async def test_in_the_order_of_saving(store: BindingStore) -> None:
    done: list[int] = []
    waiting = []
    for number in range(200):
        future = store.save(change("anna", number))
        if future is None:
            done.append(number)
        else:
            future.add_done_callback(lambda _, number=number: done.append(number))
            waiting.append(future)
        if number % 50 == 0:
            await asyncio.sleep(0)  # lets the writer begin, so that there are several commits
    await asyncio.gather(*waiting)
    await asyncio.sleep(0)
    assert done == list(range(200))
    assert [one.cseq for one in await loaded(store)] == [199]


async def test_many_together(store: BindingStore) -> None:
    await save(store, *[change(f"phone-{number}", number) for number in range(5000)])
    assert len(list(await store.load())) == 5000


async def test_after_close_nothing_is_promised(store: BindingStore) -> None:
    await store.close()
    future = store.save(change("anna", 1))
    assert future is not None
    with pytest.raises(StoreError, match="closed"):
        await future
