"""Every state of a subscription meets every event: it is in the table, and what it does is seen."""

from __future__ import annotations

import pytest

from softswitch.presence import subscription as s
from softswitch.presence.subscription import TABLE, Subscription

EVENTS = {s.SUBSCRIBE, s.CHANGED, s.TIMER, s.DELIVERED, s.REFUSED, s.DEFERRED, s.BROKEN, s.FOUND, s.END}


class Notifier:
    """Writes down what is asked of it."""

    def __init__(self, outcome: str = s.SENDING) -> None:
        self.now = 100.0
        self.outcome = outcome
        self.done: list[str] = []

    def deliver(self, subscription: Subscription, forced: bool) -> str:
        self.done.append("forced" if forced else "sent")
        return self.outcome

    def wake(self, subscription: Subscription, at: float) -> None:
        self.done.append(f"wake {at:g}")

    def drop(self, subscription: Subscription) -> None:
        self.done.append("dropped")


def made(notifier: Notifier, state: str, **more: object) -> Subscription:
    one = Subscription.__new__(Subscription)
    one.notifier, one.state, one.owed, one.retries, one.next_at = notifier, state, False, 0, 0.0
    one.interval, one.longest, one.due, one.in_flight = 0.1, 0.0, None, None
    for name, value in more.items():
        setattr(one, name, value)
    return one


def test_the_table_is_whole() -> None:
    assert set(TABLE) == {s.QUIET, s.SENDING, s.HELD, s.LOST, s.ENDING, s.OVER}
    assert all(set(row) == EVENTS for row in TABLE.values())


@pytest.mark.parametrize(
    ("state", "event", "more", "after", "done"),
    [
        (s.QUIET, s.CHANGED, {}, s.SENDING, ["sent"]),
        (s.QUIET, s.CHANGED, {"next_at": 105.0}, s.HELD, ["wake 105"]),
        (s.QUIET, s.SUBSCRIBE, {"next_at": 105.0}, s.SENDING, ["forced"]),
        (s.QUIET, s.TIMER, {}, s.SENDING, ["forced"]),
        (s.SENDING, s.CHANGED, {}, s.SENDING, []),
        (s.SENDING, s.DELIVERED, {}, s.QUIET, []),
        (s.SENDING, s.DELIVERED, {"longest": 9.0}, s.QUIET, ["wake 109"]),
        (s.SENDING, s.DELIVERED, {"owed": True}, s.SENDING, ["sent"]),
        (s.SENDING, s.DELIVERED, {"owed": True, "next_at": 103.0}, s.HELD, ["wake 103"]),
        (s.SENDING, s.REFUSED, {}, s.OVER, ["dropped"]),
        (s.SENDING, s.DEFERRED, {"next_at": 110.0}, s.HELD, ["wake 110"]),
        (s.SENDING, s.BROKEN, {}, s.SENDING, ["forced"]),
        (s.SENDING, s.BROKEN, {"retries": s.MOST_RETRIES}, s.LOST, []),
        (s.SENDING, s.END, {}, s.ENDING, ["forced"]),
        (s.HELD, s.CHANGED, {}, s.HELD, []),
        (s.HELD, s.TIMER, {}, s.SENDING, ["sent"]),
        (s.HELD, s.SUBSCRIBE, {}, s.SENDING, ["forced"]),
        (s.HELD, s.END, {}, s.ENDING, ["forced"]),
        (s.LOST, s.FOUND, {}, s.SENDING, ["forced"]),
        (s.LOST, s.CHANGED, {}, s.SENDING, ["forced"]),
        (s.ENDING, s.DELIVERED, {}, s.OVER, ["dropped"]),
        (s.ENDING, s.BROKEN, {}, s.OVER, ["dropped"]),
        (s.ENDING, s.SUBSCRIBE, {}, s.ENDING, []),
    ],
)
def test_what_it_does(state: str, event: str, more: dict[str, object], after: str, done: list[str]) -> None:
    notifier = Notifier()
    one = made(notifier, state, **more)
    one.receive(event)
    assert (one.state, notifier.done) == (after, done)


def test_without_a_way_it_waits_and_ends_without_a_word() -> None:
    notifier = Notifier(s.LOST)
    one = made(notifier, s.QUIET)
    one.receive(s.CHANGED)
    assert one.state == s.LOST
    one.receive(s.END)
    assert (one.state, notifier.done[-1]) == (s.OVER, "dropped")


def test_what_is_absorbed_changes_nothing() -> None:
    for state, row in TABLE.items():
        for event, action in row.items():
            if action == "ignore":
                notifier = Notifier()
                one = made(notifier, state)
                one.receive(event)
                assert (one.state, notifier.done) == (state, []), (state, event)
