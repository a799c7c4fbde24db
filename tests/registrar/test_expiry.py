"""Buckets of what ends when."""

from dataclasses import dataclass

from softswitch.registrar.expiry import Expiry


@dataclass(eq=False)
class Item:
    wake_at: int = 0


def test_not_early_and_not_late() -> None:
    expiry: Expiry[Item] = Expiry(1000.0)
    item = Item()
    expiry.schedule(item, 1010.5)
    assert expiry.due(1010.9) == []
    assert expiry.due(1011.0) == [item]
    assert expiry.due(1012.0) == []


def test_later_wishes_wait_for_the_first_bucket() -> None:
    expiry: Expiry[Item] = Expiry(1000.0)
    item = Item()
    for at in range(1010, 2000):
        expiry.schedule(item, at)
    assert expiry.due(1011.0) == [item]
    expiry.schedule(item, 1999)
    assert expiry.due(1999.0) == []
    assert expiry.due(2000.0) == [item]


def test_an_earlier_wish_wins_and_the_old_bucket_is_void() -> None:
    expiry: Expiry[Item] = Expiry(1000.0)
    item = Item()
    expiry.schedule(item, 1500)
    expiry.schedule(item, 1100)
    assert expiry.due(1200.0) == [item]
    assert expiry.due(1600.0) == []


def test_long_sleep_and_past_moments() -> None:
    expiry: Expiry[Item] = Expiry(1000.0)
    late, past = Item(), Item()
    expiry.schedule(late, 5000)
    expiry.schedule(past, 10)
    assert expiry.due(1e9) == [past, late]


def test_a_clock_set_back() -> None:
    expiry: Expiry[Item] = Expiry(1000.0)
    assert expiry.due(2000.0) == []
    assert expiry.due(1000.0) == []
    item = Item()
    expiry.schedule(item, 1500)
    assert expiry.due(1501.0) == [item]
