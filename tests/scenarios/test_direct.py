"""Phones that may talk straight to each other do so where they can; who goes elsewhere comes to the relay."""

from __future__ import annotations

import pytest
from lab import Lab, Phone
from lab.lab import OFFICE, listener
from lab.wire import Nat

LAN = listener(0, host="10.0.0.1", network="office-lan")
PUBLIC = listener(1, host="192.0.2.1")
WORDED = ("carla-home", "anna-desk", "dario-home")


def office(**words: str) -> Lab:
    text = OFFICE
    for name in WORDED:
        word = words.get(name.replace("-", "_"), "media: direct in office-lan")
        text = text.replace(f"{name}: {{secret: {name}}}", f"{name}: {{secret: {name}, {word}}}")
    return Lab(text, listeners=(LAN, PUBLIC))


def phones(lab: Lab, callee: str = "10.0.0.30") -> tuple[Phone, Phone]:
    carla = lab.phone("carla-home", "10.0.0.20", listener=LAN)
    anna = lab.phone("anna-desk", callee, listener=LAN if callee.startswith("10.") else PUBLIC)
    return carla, anna


def test_two_phones_in_the_network_need_no_relay_in_all_of_the_call() -> None:
    lab = office()
    carla, anna = phones(lab)
    call = carla.invites("101")
    lab.advance(1)
    anna.call.answer()
    lab.advance(1)
    assert call.status == 200
    call.reinvite()
    lab.advance(1)
    call.bye()
    lab.advance(1)
    assert [what for what, *_ in lab.media.asked] == ["delete"], "which frees nothing"
    assert lab.records()[0].outcome == "answered"
    assert lab.records()[0].remarks == ("sound went straight from phone to phone",)
    lab.at_rest()


@pytest.mark.parametrize(
    "words",
    [
        {"anna_desk": "gateway: no"},
        {"anna_desk": "media: direct in other-lan"},
        {"anna_desk": "{media: direct in office-lan, srtp: prefer}"[1:-1]},
    ],
)
def test_one_of_them_has_another_word(words: dict[str, str]) -> None:
    lab = office(**words)
    carla, anna = phones(lab)
    call = carla.invites("101")
    lab.advance(1)
    anna.call.answer()
    lab.advance(1)
    assert [what for what, *_ in lab.media.asked] == ["offer", "answer"]
    call.bye()
    lab.at_rest()


def test_one_of_them_is_elsewhere_or_names_another_address() -> None:
    lab = office()
    carla, anna = phones(lab, "192.0.2.30")
    call = carla.invites("101")
    lab.advance(1)
    anna.call.answer()
    lab.advance(1)
    assert [what for what, *_ in lab.media.asked] == ["offer", "answer"]
    call.bye()
    lab.advance(1)
    dario = lab.phone("dario-home", nat=Nat(lab.wire, "10.0.0.99"), listener=LAN)
    lab.media.asked.clear()
    call = dario.invites("102")
    lab.advance(1)
    carla.call.answer()
    lab.advance(1)
    assert [what for what, *_ in lab.media.asked] == ["offer", "answer"], "a router stands between"
    call.bye()
    lab.at_rest()


def asked_in(lab: Lab, carla: Phone, anna: Phone) -> list[str]:
    """What the relay was asked in a call of these two."""
    lab.media.asked.clear()
    call = carla.invites("101")
    lab.advance(1)
    anna.call.answer()
    lab.advance(1)
    assert call.status == 200
    asked = [what for what, *_ in lab.media.asked]
    call.bye()
    lab.advance(1)
    lab.at_rest()
    return asked


RELAYED, STRAIGHT = ["offer", "answer"], list[str]()


@pytest.mark.parametrize(
    ("firm", "anna_desk", "networks", "asked"),
    [
        ("", "", (), RELAYED),
        ("", "", ("office-lan",), STRAIGHT),
        ("", "", ("internet",), RELAYED),
        ("", "media: relay", ("office-lan",), RELAYED),
        ("media: direct", "", (), STRAIGHT),
        ("media: relay", "", ("office-lan",), RELAYED),
        ("media: relay", "media: direct", ("office-lan",), RELAYED),
        ("media: direct in other-lan", "", (), RELAYED),
    ],
)
def test_a_phone_s_own_word_counts_then_its_firm_s_then_the_network_s(
    firm: str, anna_desk: str, networks: tuple[str, ...], asked: list[str]
) -> None:
    text = OFFICE.replace("country: DE}", f"country: DE, {firm}}}" if firm else "country: DE}")
    text = text.replace(
        "anna-desk: {secret: anna-desk}", f"anna-desk: {{secret: anna-desk, {anna_desk or 'gateway: no'}}}"
    )
    lab = Lab(text, listeners=(LAN, PUBLIC), straight_networks=frozenset(networks))
    carla, anna = phones(lab)
    assert asked_in(lab, carla, anna) == asked


@pytest.mark.parametrize(
    ("word", "anna_at", "asked"),
    [
        ("direct behind one router", "192.168.1.30", STRAIGHT),
        ("direct behind one router", "192.168.2.30", RELAYED),
        ("direct", "192.168.1.30", RELAYED),
    ],
)
def test_two_phones_in_one_home(word: str, anna_at: str, asked: list[str]) -> None:
    words = f"media: {word}"
    lab = office(carla_home=words, anna_desk=words)
    router = Nat(lab.wire, "198.51.100.7")
    carla = lab.phone("carla-home", "192.168.1.20", nat=router, listener=PUBLIC)
    anna = lab.phone("anna-desk", anna_at, nat=router, listener=PUBLIC)
    assert asked_in(lab, carla, anna) == asked


def test_who_goes_home_in_the_middle_of_a_call_comes_to_the_relay_and_so_does_the_other_one() -> None:
    lab = office()
    carla, anna = phones(lab)
    call = carla.invites("101")
    lab.advance(1)
    anna.call.answer()
    lab.advance(1)
    assert not lab.media.asked
    office_host, office_end = carla.host, lab.wire.ends.pop(("10.0.0.20", 5060))
    carla.nat, carla.host, carla.listener = Nat(lab.wire, "198.51.100.7"), "192.168.1.20", PUBLIC
    carla.registers()
    lab.advance(1)
    call.reinvite()
    lab.advance(1)
    assert [(what, network) for what, _, network, _ in lab.media.asked] == [
        ("offer", "office-lan"),
        ("answer", "internet"),
    ]
    assert anna.call.media.startswith("203.0.113.9:")
    lab.media.asked.clear()
    anna.call.reinvite("sendonly")
    lab.advance(1)
    assert call.offered.startswith("203.0.113.9:"), "what came from where she was before is no way there"
    assert [what for what, *_ in lab.media.asked] == ["offer", "answer"]
    carla.nat, carla.host, carla.listener = None, office_host, LAN
    lab.wire.ends["10.0.0.20", 5060] = office_end
    carla.registers()
    lab.advance(1)
    lab.media.asked.clear()
    call.reinvite()
    lab.advance(1)
    assert [what for what, *_ in lab.media.asked] == ["offer", "answer"], "it stays there to the end"
    anna.call.bye()
    lab.advance(1)
    assert call.why == "they hung up"
    (remark,) = lab.records()[0].remarks
    assert remark == "sound went straight from phone to phone at first, then through the relay"
    lab.at_rest()


def test_who_holds_in_the_old_way_has_not_gone_elsewhere() -> None:
    lab = office()
    carla, anna = phones(lab)
    call = carla.invites("101")
    lab.advance(1)
    anna.call.answer()
    lab.advance(1)
    held = call.own_sdp.replace(b"c=IN IP4 10.0.0.20", b"c=IN IP4 0.0.0.0")
    call.sends("INVITE", "Content-Type: application/sdp", body=held)
    lab.advance(1)
    call.reinvite()
    lab.advance(1)
    assert not lab.media.asked
    call.bye()
    lab.at_rest()


def test_after_a_restart_the_call_is_still_straight_and_a_phone_that_moves_is_noticed() -> None:
    lab = office()
    carla, anna = phones(lab)
    call = carla.invites("101")
    lab.advance(1)
    anna.call.answer()
    lab.advance(1)
    lab.starts_switch()
    call.reinvite()
    lab.advance(1)
    assert not lab.media.asked
    anna.nat, anna.host, anna.listener = Nat(lab.wire, "198.51.100.7"), "192.168.1.20", PUBLIC
    anna.registers()
    lab.advance(1)
    anna.call.reinvite()
    lab.advance(1)
    assert [what for what, *_ in lab.media.asked] == ["offer", "answer"]
    assert call.offered.startswith("203.0.113.9:")
    call.bye()
    lab.advance(1)


def test_a_late_offer_goes_through_the_relay() -> None:
    lab = office()
    carla, anna = phones(lab)
    call = carla.invites("101", late_offer=True)
    lab.advance(1)
    anna.call.answer()
    lab.advance(1)
    assert [what for what, *_ in lab.media.asked] == ["offer", "answer"]
    call.bye()
    lab.at_rest()
