"""What every storage engine promises about messages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contract.test_store import URLS
from softswitch.store.open import ENGINES, open_store
from softswitch.voicemail.message import Change, Message, VoicemailStore


@pytest.fixture(params=sorted(ENGINES))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[VoicemailStore]:
    stores = open_store(URLS[request.param](tmp_path))
    yield stores.voicemail
    await stores.close()


def message(number: int, person: str = "anna", site: str = "acme.example") -> Message:
    return Message(site, person, f"m{number}", 1_800_000_000.25 + number, "102", f"c{number}@x", 3.5 + number)


async def written(store: VoicemailStore, change: Change) -> None:
    future = store.write(change)
    if future is not None:
        await future


async def test_empty(store: VoicemailStore) -> None:
    assert list(await store.load()) == []
    await written(store, Change())
    await written(store, Change((), (message(1),)))
    assert list(await store.load()) == []


async def test_what_was_written_is_there_the_oldest_first(store: VoicemailStore) -> None:
    strange = message(2)._replace(caller='"\x00\n;--', mail_to="änna@acme.example", heard_at=7.5, mailed_at=8.25)
    await written(store, Change((message(3), strange)))
    await written(store, Change((message(1, "carla"),)))
    assert list(await store.load()) == [message(1, "carla"), strange, message(3)]


async def test_a_new_state_replaces_the_old_one(store: VoicemailStore) -> None:
    await written(store, Change((message(1), message(2))))
    heard = message(1)._replace(heard_at=9.0)
    await written(store, Change((heard,), (message(2),)))
    assert list(await store.load()) == [heard]


async def test_boxes_and_sites_are_apart(store: VoicemailStore) -> None:
    others = (message(1), message(1, "carla"), message(1, site="other.example"))
    await written(store, Change(others))
    await written(store, Change((), (message(1),)))
    assert sorted(await store.load()) == sorted(others[1:])
