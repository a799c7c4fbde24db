"""The registrar with a store that a test commits by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import pytest

from registrar.phone import CONTACT, DESK, SITE, TCP, refused, register
from softswitch.events import BindingChanged, Bus
from softswitch.flow import Flow
from softswitch.registrar.bindings import Binding, BindingChange
from softswitch.registrar.service import Registrar
from softswitch.registrar.wishes import RegistrarLimits
from softswitch.sip.message import Request
from softswitch.store.memory import MemoryBindingStore

WALL = 1_000_000.0
NATTED = "<sip:anna@10.0.0.3>"


class SlowStore:
    """Saves wait until the test says how they end."""

    def __init__(self, stored: Sequence[Binding] = ()) -> None:
        self.stored = stored
        self.waiting: list[tuple[BindingChange, asyncio.Future[None]]] = []

    async def load(self) -> Iterable[Binding]:
        return self.stored

    def save(self, change: BindingChange) -> asyncio.Future[None]:
        self.waiting.append((change, asyncio.get_running_loop().create_future()))
        return self.waiting[-1][1]

    async def close(self) -> None:
        assert not self.waiting

    async def end(self, error: Exception | None = None) -> BindingChange:
        """End the oldest save, and let what waits for it run."""
        change, future = self.waiting.pop(0)
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
        await asyncio.sleep(0)
        return change


class Office:
    """A registrar, what it answered and what it published."""

    def __init__(self, store: SlowStore | MemoryBindingStore | None = None) -> None:
        self.store = store or MemoryBindingStore()
        self.answers: list[tuple[int, list[bytes]]] = []
        self.events: list[str] = []
        self.errors: list[BaseException] = []
        bus = Bus()
        bus.subscribe(BindingChanged, lambda event: self.events.append(f"{event.cause} {event.contact}"))
        limits = RegistrarLimits()
        self.registrar = Registrar(self.store, bus, limits, WALL, 25.0, self.errors.append)

    def arrives(self, request: Request, wall: float = WALL, account: str = "anna", site: str = SITE) -> None:
        self.registrar.on_register(
            request,
            site,
            account,
            request.flow,
            wall,
            lambda status, reason, headers: self.answers.append((status, list(headers))),
        )

    @property
    def statuses(self) -> list[int]:
        return [status for status, _ in self.answers]

    def reached(self, wall: float = WALL, account: str = "anna", site: str = SITE) -> list[str]:
        return [binding.contact for binding in self.registrar.bindings(site, account, wall)]

    def happened(self) -> list[str]:
        events, self.events = self.events, []
        return events


def test_memory_answers_at_once() -> None:
    office = Office()
    office.arrives(register(CONTACT))
    assert office.answers == [
        (200, [b"Contact: <sip:anna@192.0.2.7>;expires=3600", b"Date: Mon, 12 Jan 1970 13:46:40 GMT"])
    ]
    assert office.reached() == ["sip:anna@192.0.2.7"]
    assert office.happened() == ["registered sip:anna@192.0.2.7"]


def test_events_say_what_became_of_each_contact() -> None:
    office = Office()
    office.arrives(register(CONTACT))
    office.arrives(register(CONTACT, cseq=2))
    office.arrives(register(CONTACT, "<sip:anna@192.0.2.8>", cseq=3))
    office.happened()
    office.arrives(register(CONTACT, "<sip:anna@192.0.2.8>;expires=0", cseq=4))
    assert office.happened() == ["removed sip:anna@192.0.2.8", "refreshed sip:anna@192.0.2.7"]
    office.arrives(register("*", cseq=5, headers=["Expires: 0"]))
    assert office.happened() == ["removed sip:anna@192.0.2.7"]
    assert office.reached() == []
    assert len(office.registrar) == 0


def test_two_firms_may_both_own_an_account() -> None:
    office = Office()
    office.arrives(register(CONTACT))
    office.arrives(register("<sip:anna@192.0.2.9>"), site="other.example")
    assert office.reached() == ["sip:anna@192.0.2.7"]
    assert office.reached(site="other.example") == ["sip:anna@192.0.2.9"]


def test_preferred_contacts_first() -> None:
    office = Office()
    office.arrives(register("<sip:a@192.0.2.1>;q=0.1", "<sip:b@192.0.2.1>;q=0.9", "<sip:c@192.0.2.1>;q=0.9"))
    assert office.reached() == ["sip:b@192.0.2.1", "sip:c@192.0.2.1", "sip:a@192.0.2.1"]


def test_a_fetch() -> None:
    office = Office()
    office.arrives(register(CONTACT))
    office.arrives(register(cseq=2), WALL + 600)
    assert office.answers[1][1][0] == b"Contact: <sip:anna@192.0.2.7>;expires=3000"
    assert office.happened() == ["registered sip:anna@192.0.2.7"]


def test_a_fetch_of_nothing() -> None:
    office = Office()
    office.arrives(register())
    assert office.statuses == [200]
    assert len(office.registrar) == 0


def test_a_required_extension_that_is_not_ours() -> None:
    office = Office()
    with refused(420) as caught:
        office.arrives(register(CONTACT, headers=["Require: path, outbound, gruu"]))
    assert caught.value.headers == (b"Unsupported: outbound, gruu",)
    assert office.reached() == []
    office.arrives(register(CONTACT, headers=["Require: path"]))
    assert office.statuses == [200]


def test_expiry() -> None:
    office = Office()
    office.arrives(register(CONTACT, "<sip:anna@192.0.2.8>;expires=100"))
    office.arrives(register("<sip:carla@192.0.2.9>"), account="carla")
    office.happened()
    assert len(office.reached(WALL + 99.9)) == 2
    assert office.reached(WALL + 100) == ["sip:anna@192.0.2.7"]
    assert office.reached(WALL + 3600, "carla") == []
    for second in range(102):
        office.registrar.sweep(WALL + second)
    assert office.happened() == ["expired sip:anna@192.0.2.8"]
    office.arrives(register(CONTACT, cseq=2), WALL + 3000)
    office.happened()
    office.registrar.sweep(WALL + 3601)
    assert office.happened() == ["expired sip:carla@192.0.2.9"]
    office.registrar.sweep(WALL + 6601)
    assert office.happened() == ["expired sip:anna@192.0.2.7"]
    assert len(office.registrar) == 0


def test_a_register_after_expiry_and_before_the_sweep() -> None:
    office = Office()
    office.arrives(register(CONTACT))
    office.arrives(register("<sip:anna@192.0.2.8>", cseq=2), WALL + 3600)
    assert office.happened() == [
        "registered sip:anna@192.0.2.7",
        "expired sip:anna@192.0.2.7",
        "registered sip:anna@192.0.2.8",
    ]


async def test_durable_before_200() -> None:
    store = SlowStore()
    office = Office(store)
    office.arrives(register(CONTACT))
    assert office.reached() == ["sip:anna@192.0.2.7"]
    assert office.statuses == []
    assert office.happened() == []
    change = await store.end()
    assert [binding.contact for binding in change.bindings] == ["sip:anna@192.0.2.7"]
    assert office.statuses == [200]
    assert office.happened() == ["registered sip:anna@192.0.2.7"]


async def test_a_failed_save_is_undone() -> None:
    store = SlowStore()
    office = Office(store)
    office.arrives(register(CONTACT))
    await store.end()
    office.happened()
    office.arrives(register("<sip:anna@192.0.2.8>", cseq=2))
    assert len(office.reached()) == 2
    full = OSError("disk full")
    await store.end(full)
    assert office.statuses == [200, 500]
    assert office.reached() == ["sip:anna@192.0.2.7"]
    assert office.happened() == []
    assert office.errors == [full]


async def test_a_first_save_that_fails_leaves_nothing() -> None:
    store = SlowStore()
    office = Office(store)
    office.arrives(register(CONTACT))
    await store.end(OSError())
    assert office.reached() == []
    assert len(office.registrar) == 0


@pytest.mark.parametrize(
    ("first", "second", "reached"),
    [
        (True, True, 2),
        (True, False, 1),
        (False, False, 0),
        # The second save holds the whole set, and with it the contact of the first.
        (False, True, 2),
    ],
)
async def test_two_saves_under_way(first: bool, second: bool, reached: int) -> None:
    store = SlowStore()
    office = Office(store)
    office.arrives(register(CONTACT))
    office.arrives(register("<sip:anna@192.0.2.8>", cseq=2))
    for good in (first, second):
        await store.end(None if good else OSError())
    assert office.statuses == [200 if good else 500 for good in (first, second)]
    assert len(office.reached()) == reached


async def test_a_refresh_while_the_first_save_is_under_way() -> None:
    store = SlowStore()
    office = Office(store)
    office.arrives(register(CONTACT))
    office.arrives(register(CONTACT, cseq=2))
    await store.end()
    await store.end()
    assert office.happened() == ["registered sip:anna@192.0.2.7", "refreshed sip:anna@192.0.2.7"]


async def test_a_connection_that_closes_during_the_save() -> None:
    store = SlowStore()
    office = Office(store)
    flow = Flow(TCP, "192.0.2.7", 40000, 5)
    office.arrives(register(NATTED, flow=flow))
    office.registrar.flow_closed(flow)
    assert office.happened() == ["closed sip:anna@10.0.0.3"]
    await store.end()
    assert office.reached() == []
    assert office.happened() == []
    assert len(office.registrar) == 0


async def test_expired_rows_leave_the_store() -> None:
    store = SlowStore()
    office = Office(store)
    office.arrives(register(CONTACT))
    await store.end()
    office.registrar.sweep(WALL + 3601)
    assert (await store.end()).bindings == ()
    assert len(office.registrar) == 0


def test_a_closed_connection() -> None:
    office = Office()
    flow, other = Flow(TCP, "192.0.2.7", 40000, 5), Flow(TCP, "192.0.2.7", 40001, 6)
    office.arrives(register(NATTED, flow=flow))
    office.arrives(register("<sip:anna@10.0.0.4>", call_id="b", flow=other))
    office.arrives(register("<sip:carla@10.0.0.4>", flow=flow), account="carla")
    office.happened()
    office.registrar.flow_closed(DESK)
    office.registrar.flow_closed(Flow(TCP, "192.0.2.7", 40000, 7))
    assert office.happened() == []
    office.registrar.flow_closed(flow)
    assert sorted(office.happened()) == ["closed sip:anna@10.0.0.3", "closed sip:carla@10.0.0.4"]
    assert office.reached() == ["sip:anna@10.0.0.4"]
    assert office.reached(account="carla") == []


def test_a_phone_that_reconnected_before_its_old_connection_closed() -> None:
    office = Office()
    old, new = Flow(TCP, "192.0.2.7", 40000, 5), Flow(TCP, "192.0.2.7", 40001, 6)
    office.arrives(register(NATTED, flow=old))
    office.arrives(register(NATTED, cseq=2, flow=new))
    office.registrar.flow_closed(old)
    assert office.reached() == ["sip:anna@10.0.0.3"]


def test_behind_an_edge_proxy_the_connection_is_the_proxys() -> None:
    office = Office()
    flow = Flow(TCP, "192.0.2.7", 40000, 5)
    office.arrives(register(NATTED, flow=flow, headers=["Path: <sip:edge.example;lr>"]))
    office.registrar.flow_closed(flow)
    assert office.reached() == ["sip:anna@10.0.0.3"]


def test_three_missed_pings() -> None:
    office = Office()
    office.arrives(register(NATTED))
    office.happened()
    pinged = []
    for second in range(75):
        for binding in office.registrar.pings_due(WALL + second):
            pinged.append(second)
            office.registrar.ping_missed(binding, WALL + second)
    assert len(pinged) == 3
    assert office.happened() == ["dead sip:anna@10.0.0.3"]
    assert office.reached() == []


async def test_the_dead_leave_the_store() -> None:
    store = SlowStore()
    office = Office(store)
    office.arrives(register(NATTED, "<sip:anna@192.0.2.7>"))
    await store.end()
    due = [one for second in range(25) for one in office.registrar.pings_due(WALL + second)]
    binding = next(one for one in due if one.contact == "sip:anna@10.0.0.3")
    for _ in range(3):
        office.registrar.ping_missed(binding, WALL + 75)
    assert [one.contact for one in (await store.end()).bindings] == ["sip:anna@192.0.2.7"]


def test_answered_pings() -> None:
    office = Office()
    office.arrives(register(NATTED))
    for second in range(250):
        for binding in office.registrar.pings_due(WALL + second):
            office.registrar.ping_missed(binding, WALL + second)
            office.registrar.ping_answered(binding)
    assert office.reached() == ["sip:anna@10.0.0.3"]


async def test_after_a_restart() -> None:
    before = Office()
    before.arrives(register(NATTED))
    before.arrives(register("<sip:carla@192.0.2.9>;expires=60"), account="carla")
    before.arrives(register("<sip:dario@10.0.0.9>", flow=Flow(TCP, "192.0.2.9", 40000, 5)), account="dario")
    stored = list(before.registrar.all(WALL))
    assert len(stored) == 3
    office = Office(SlowStore(stored))
    assert await office.registrar.load(WALL + 61) == 2
    assert office.reached(WALL + 61) == ["sip:anna@10.0.0.3"]
    assert office.reached(WALL + 61, "carla") == []
    # There, so that it can be told why he can't be called; but without a way to him.
    assert [one.flow for one in office.registrar.bindings(SITE, "dario", WALL + 61)] == [""]
    assert len([one for second in range(25) for one in office.registrar.pings_due(WALL + 61 + second)]) == 1
    office.registrar.sweep(WALL + 3601)
    assert office.happened() == []  # not before it is durable
    assert isinstance(office.store, SlowStore)
    await office.store.end()
    await office.store.end()
    assert sorted(office.happened()) == ["expired sip:anna@10.0.0.3", "expired sip:dario@10.0.0.9"]
