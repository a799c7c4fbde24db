"""How a call was heard comes into its record, also when the media engine tells it after the call is over."""

from __future__ import annotations

import pytest
from lab import Lab, Phone

from softswitch.media.quality import StreamQuality


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.fixture
def phones(lab: Lab) -> tuple[Phone, Phone]:
    return lab.phone("carla-home"), lab.phone("anna-desk")


def figures(party: bytes | str) -> StreamQuality:
    tag = party.decode() if isinstance(party, bytes) else party
    return StreamQuality(tag, "audio", "PCMA", 500, 2, 1.5, -1.0, 20.0, 4.3, (3, 1))


@pytest.mark.parametrize("delay", [None, 1.0])
def test_both_parties_are_named(lab: Lab, phones: tuple[Phone, Phone], delay: float | None) -> None:
    carla, anna = phones
    call = carla.invites("101")
    lab.advance(1)
    anna.call.answer()
    lab.advance(1)
    running = lab.switch.core.calls.get(call.call_id)
    assert running is not None
    lab.media.quality = [figures(running.from_tag), figures(next(iter(running.dialogs)))]
    lab.media.delay = delay
    call.bye()
    lab.advance(3)
    (record,) = lab.records()
    assert record.outcome == "answered"
    assert record.quality == (figures("102 (carla-home)"), figures("101 (anna-desk)"))
    lab.at_rest()


def test_the_echo_has_a_quality_too_and_a_refused_call_has_none(lab: Lab, phones: tuple[Phone, Phone]) -> None:
    carla, anna = phones
    call = carla.invites("600")
    lab.advance(1)
    running = lab.switch.core.calls.get(call.call_id)
    assert running is not None
    lab.media.quality = [figures(running.from_tag)]
    call.bye()
    lab.advance(1)
    anna.on_call = lambda ringing: ringing.refuse(486)
    carla.invites("101")
    lab.advance(60)
    echo, refused = lab.records()
    assert echo.quality == (figures("102 (carla-home)"),)
    assert refused.quality == ()
    lab.at_rest()
