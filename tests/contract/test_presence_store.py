"""What every storage engine promises about subscriptions and publications."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contract.test_store import URLS
from softswitch.presence.stored import PresenceChange, PresenceStore, StoredPublication, StoredSubscription
from softswitch.store.open import ENGINES, open_store

SITE = "acme.example"


@pytest.fixture(params=sorted(ENGINES))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[PresenceStore]:
    stores = open_store(URLS[request.param](tmp_path))
    yield stores.presence
    await stores.close()


def subscription(number: int, key: str = "anna", account: str = "carla-home") -> StoredSubscription:
    return StoredSubscription(
        SITE, f"call-{number}", "tag", key, "101", "presence", "", account, SITE, "102@acme.example", False,
        "<sip:101@acme.example>;tag=tag", "\xff<sip:102@acme.example>;tag=x", "x", "sip:carla@192.0.2.7",
        ("<sip:192.0.2.9;lr>",), "<sip:presence@192.0.2.1>", "udp|0|192.0.2.7|5060|0", number, 1, 2e9, 0.1, 0.0, 1e9,
    )  # fmt: skip


def publication(number: int, person: str = "anna") -> StoredPublication:
    return StoredPublication(SITE, person, f"tag-{number}", "anna-desk", True, "busy", "über", 1e9, 2e9)


async def saved(store: PresenceStore, row: StoredSubscription | StoredPublication, gone: bool = False) -> None:
    future = store.save(PresenceChange(row, gone))
    if future is not None:
        await future


async def test_what_was_saved_is_there(store: PresenceStore) -> None:
    assert list(await store.subscriptions()) == list(await store.publications()) == []
    await saved(store, subscription(1))
    await saved(store, subscription(2))
    await saved(store, publication(1))
    assert list(await store.subscriptions()) == [subscription(1), subscription(2)]
    assert list(await store.publications()) == [publication(1)]


async def test_a_later_state_replaces_an_earlier_one_and_what_is_over_is_gone(store: PresenceStore) -> None:
    later = subscription(1)._replace(local_cseq=77, lists=True, routes=())
    await saved(store, subscription(1))
    await saved(store, later)
    assert list(await store.subscriptions()) == [later]
    await saved(store, later, gone=True)
    await saved(store, later, gone=True)
    await saved(store, publication(1))
    await saved(store, publication(1), gone=True)
    assert list(await store.subscriptions()) == list(await store.publications()) == []


async def test_forgetting_a_person(store: PresenceStore) -> None:
    for row in (
        subscription(1),
        subscription(2, "carla", "anna-desk"),
        subscription(3, "carla", "dario-home"),
        publication(1),
        publication(2, "carla"),
    ):
        await saved(store, row)
    assert await store.forget(SITE, "anna", ["anna-desk", "anna-home"]) == 3
    assert list(await store.subscriptions()) == [subscription(3, "carla", "dario-home")]
    assert list(await store.publications()) == [publication(2, "carla")]
