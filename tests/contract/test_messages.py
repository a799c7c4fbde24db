"""What every storage engine promises about messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contract.letters import SITE, Told, add, content, fetch, letter, remove, update
from contract.test_store import URLS
from softswitch.messaging.letter import MessageStore
from softswitch.store.open import ENGINES, open_store


@pytest.fixture(params=sorted(ENGINES))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MessageStore]:
    stores = open_store(URLS[request.param](tmp_path))
    yield stores.messages
    await stores.close()


async def test_empty(store: MessageStore) -> None:
    assert await store.load() == []
    assert await fetch(store, letter()) is None
    assert await store.forget(SITE, "anna") == 0
    await remove(store, [letter()])
    await update(store, letter())
    assert await store.load() == []


async def test_what_was_added_is_there_byte_for_byte(store: MessageStore) -> None:
    strange = letter(1)._replace(
        sender='sip:ä"\x00;--@x', sender_person="", secure=True, had=("anna-desk", "anna-home")
    )
    body = bytes(range(256)) * 200
    await add(store, strange, text=body)
    await add(store, letter(2))
    assert await store.load() == [strange, letter(2)]
    assert await fetch(store, strange) == body
    assert await fetch(store, letter(2)) == content(2)


async def test_by_number_whoever_it_is_for(store: MessageStore) -> None:
    several = [letter(9), letter(3, person="dario"), letter(5, site="other.example"), letter(1)]
    for one in several:
        await add(store, one)
    assert [one.number for one in await store.load()] == [1, 3, 5, 9]


async def test_one_content_for_several(store: MessageStore) -> None:
    both = (letter(1), letter(2, person="dario"))
    await add(store, *both, text=b"to the team")
    assert await store.load() == list(both)
    assert [await fetch(store, one) for one in both] == [b"to the team"] * 2


async def test_what_changes(store: MessageStore) -> None:
    await add(store, letter(1))
    later = letter(1)._replace(had=("anna-desk",), delivered_at=7.5, expires_at=8.5)
    await update(store, later)
    assert await store.load() == [later]
    assert await fetch(store, later) == content(1)


async def test_what_is_removed_is_gone(store: MessageStore) -> None:
    for number in range(1, 5):
        await add(store, letter(number))
    await remove(store, [letter(2), letter(4)])
    assert [one.number for one in await store.load()] == [1, 3]
    assert await fetch(store, letter(2)) is None


async def test_forgetting_a_person(store: MessageStore) -> None:
    await add(store, letter(1))
    await add(store, letter(2, person="dario"))
    await add(store, letter(3, person="carla", sender="anna@acme.example"))
    await add(store, letter(4, person="anna", site="other.example", sender="anna@other.example"))
    await add(store, letter(5, person="dario", sender=""))
    assert await store.forget(SITE, "anna") == 2
    assert [one.number for one in await store.load()] == [2, 4, 5]


async def test_changes_together_keep_their_order(store: MessageStore) -> None:
    told = [Told() for _ in range(4)]
    store.add([letter(1)], content(1), told[0])
    store.add([letter(2)], content(2), told[1])
    store.update(letter(1)._replace(had=("anna-desk",)), told[2])
    store.remove([letter(2)], told[3])
    await asyncio.gather(*[one.well() for one in told])
    assert await store.load() == [letter(1)._replace(had=("anna-desk",))]


async def test_after_close_nothing_is_promised(tmp_path: Path) -> None:
    stores = open_store(URLS["sqlite"](tmp_path))
    await stores.close()
    with pytest.raises(Exception, match="closed"):
        await add(stores.messages, letter(1))


def test_what_is_removed_is_not_left_in_the_file(tmp_path: Path) -> None:
    secret = b"what carla wrote to anna" * 3000

    async def comes() -> None:
        stores = open_store(URLS["sqlite"](tmp_path))
        await add(stores.messages, letter(1), text=secret)
        await stores.close()

    asyncio.run(comes())
    assert secret[:24] in (tmp_path / "softswitch.db").read_bytes()

    async def goes() -> None:
        stores = open_store(URLS["sqlite"](tmp_path))
        await remove(stores.messages, [letter(1)])
        await stores.close()

    asyncio.run(goes())
    assert secret[:24] not in (tmp_path / "softswitch.db").read_bytes()
