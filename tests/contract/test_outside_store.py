"""What every storage engine promises about calls outside and emergency calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contract.test_store import URLS
from softswitch.bridge.emergencies import EmergencyCall
from softswitch.store.open import ENGINES, Stores, open_store
from softswitch.trunks.usage import OutsideUse, Stop, Use

ANNA = OutsideUse(Use("acme.example", "city", 2, "anna", "AT", True), 100.0, "a@x")
CARLA = OutsideUse(Use("acme.example", "city", 1, "carla", "DE"), 50.0, "b@x", 51.0, 60.0)
HELP = EmergencyCall("acme.example", "anna-desk", 70.0, "e@x", "112", ("+49891", "+49892"), "Marienplatz")


@pytest.fixture(params=sorted(ENGINES))
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stores]:
    stores = open_store(URLS[request.param](tmp_path))
    yield stores
    await stores.close()


async def written(stores: Stores, *what: OutsideUse | Stop | EmergencyCall) -> None:
    """Write, and wait until all is durable."""
    for one in what:
        match one:
            case OutsideUse():
                future = stores.usage.write(one)
            case Stop():
                future = stores.usage.stop(one)
            case EmergencyCall():
                future = stores.emergencies.write(one)
        if future is not None:
            await future


async def test_empty(stores: Stores) -> None:
    assert await stores.usage.load(0.0) == []
    assert await stores.usage.stops() == []
    assert await stores.usage.delete_before(1e9) == 0
    assert await stores.usage.forget("acme.example", "anna") == 0
    assert await stores.emergencies.load(0.0) == []
    assert await stores.emergencies.delete_before(1e9) == 0


async def test_the_last_that_is_known_of_a_call_is_kept_and_the_oldest_comes_first(stores: Stores) -> None:
    later = ANNA._replace(answered_at=101.0, ended_at=130.0)
    await written(stores, ANNA, CARLA, later)
    assert await stores.usage.load(0.0) == [CARLA, later]
    assert await stores.usage.load(60.0) == [later]


async def test_old_ones_and_those_of_a_person_can_be_forgotten(stores: Stores) -> None:
    await written(stores, ANNA, CARLA)
    assert await stores.usage.delete_before(60.0) == 1
    assert await stores.usage.forget("acme.example", "carla") == 0
    assert await stores.usage.forget("acme.example", "anna") == 1
    assert await stores.usage.load(0.0) == []


async def test_the_last_word_about_calls_abroad_holds(stores: Stores) -> None:
    other = Stop("beta.example", 5.0, "many")
    await written(stores, Stop("acme.example", 1.0, "too many"), other, Stop("acme.example", 9.0, ""))
    assert await stores.usage.stops() == [Stop("acme.example", 9.0, ""), other]


async def test_emergency_calls(stores: Stores) -> None:
    later = HELP._replace(ended_at=90.0, mailed_at=80.0)
    bare = HELP._replace(at=99.0, call_id="f@x", shown=(), location="")
    await written(stores, HELP, bare, later)
    assert await stores.emergencies.load(0.0) == [later, bare]
    assert await stores.emergencies.load(80.0) == [bare]
    assert await stores.emergencies.delete_before(80.0) == 1
    assert await stores.emergencies.load(0.0) == [bare]
