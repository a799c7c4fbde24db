"""Who is pinged when, and who is dead."""

from ipaddress import ip_network

from registrar.phone import SITE
from softswitch.registrar.bindings import Binding
from softswitch.registrar.ping import Pings


def phone(number: int, flow: str = "udp|0|198.51.100.7|40000|0", path: tuple[str, ...] = ()) -> Binding:
    return Binding(SITE, f"phone-{number}", "sip:x@10.0.0.3", "", 1000, 9e9, "c", 1, flow, path, "", 0.0)


def test_each_once_an_interval_and_evenly() -> None:
    pings = Pings(25)
    phones = [phone(number) for number in range(100)]
    for one in phones:
        pings.watch(one)
    seconds = [pings.due(1000.0 + second) for second in range(50)]
    assert [len(batch) for batch in seconds] == [4] * 50
    assert sorted(one for batch in seconds[:25] for one in batch) == sorted(phones)


def test_called_often_or_seldom() -> None:
    pings = Pings(25)
    for number in range(25):
        pings.watch(phone(number))
    assert len(pings.due(1000.0)) == 1
    assert pings.due(1000.5) == []
    assert len(pings.due(1003.2)) == 3
    assert len(pings.due(1000000.0)) == 25
    assert len(pings.due(500.0)) == 1  # the clock was set back


def test_a_phone_that_tells_its_public_address() -> None:
    pings = Pings(25)
    pings.watch(phone(1)._replace(contact="sip:x@198.51.100.7:40000"))
    assert len(pings) == 1


def test_only_udp_without_path_and_of_local_networks_only_behind_nat() -> None:
    pings = Pings(25, [ip_network("198.51.100.0/24"), ip_network("2001:db8::/32")])
    pings.watch(phone(1, "tcp|1|198.51.100.7|40000|3"))
    pings.watch(phone(2)._replace(contact="sip:x@198.51.100.7:40000"))
    pings.watch(phone(3, path=("<sip:edge.example;lr>",)))
    pings.watch(phone(5, "udp|2|2001:db8::7|5060|0")._replace(contact="sip:x@[2001:db8::7]"))
    assert len(pings) == 0
    pings.watch(phone(4))
    pings.watch(phone(6, "udp|0|192.0.2.7|5060|0")._replace(contact="sip:x@192.0.2.7"))
    assert len(pings) == 2
    pings.watch(phone(4, "tcp|1|198.51.100.7|40000|3"))
    assert len(pings) == 1


def test_three_misses_are_death_and_any_answer_is_life() -> None:
    pings = Pings(25)
    one = phone(1)
    pings.watch(one)
    assert [pings.missed(one), pings.missed(one)] == [False, False]
    pings.answered(one)
    assert [pings.missed(one) for _ in range(3)] == [False, False, True]


def test_registering_is_life_too() -> None:
    pings = Pings(25)
    old, new = phone(1), phone(1)._replace(cseq=2)
    pings.watch(old)
    pings.missed(old)
    pings.missed(old)
    pings.refreshed(old, new)
    assert not pings.missed(new)
    assert [binding for second in range(25) for binding in pings.due(second)] == [new]


def test_a_phone_that_moved_is_not_blamed_for_its_old_flow() -> None:
    pings = Pings(25)
    old, new = phone(1), phone(1, "udp|0|198.51.100.7|40001|0")
    pings.watch(old)
    pings.refreshed(old, new)
    assert [pings.missed(old) for _ in range(5)] == [False] * 5


def test_forgotten() -> None:
    pings = Pings(25)
    pings.watch(phone(1))
    pings.forget(phone(1))
    pings.forget(phone(2))
    assert pings.due(1000.0) + pings.due(2000.0) == []
    assert not pings.missed(phone(1))


def test_switched_off() -> None:
    pings = Pings(0)
    pings.watch(phone(1))
    assert pings.due(1000.0) == []
