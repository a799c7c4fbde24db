"""`media: direct in office-lan`: two phones in that network talk without the relay, and no others."""

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
