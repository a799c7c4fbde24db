"""A party that is not heard: what the log, the record and the status say, and who hears of it when."""

from __future__ import annotations

import pytest
from lab import Lab, Phone


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.fixture
def phones(lab: Lab) -> tuple[Phone, Phone]:
    return lab.phone("carla-home"), lab.phone("anna-desk")


def test_one_way_silence_is_said_once_and_corrected(lab: Lab, phones: tuple[Phone, Phone]) -> None:
    carla, anna = phones
    call = carla.invites("101")
    lab.advance(4)
    callee = lab.switch.core.calls.get(call.call_id)
    assert callee is not None
    lab.media.notices("silence", call.call_id, callee.from_tag)
    assert lab.notes("silence") == [], "before the answer nobody has to speak"
    anna.call.answer()
    lab.advance(1)
    (tag,) = callee.dialogs
    lab.media.notices("silence", call.call_id, tag)
    assert lab.notes("silence") == []
    lab.advance(1.5)
    for _ in range(3):
        lab.media.notices("silence", call.call_id, tag)
    text = "no packets from 101 (anna-desk): probably NAT or firewall"
    assert lab.notes("silence") == [{"remark": text}]
    lab.advance(1)
    assert lab.records()[0].remarks == (text,), "in the record while the call still runs"
    lab.advance(4)
    lab.media.notices("silence", call.call_id, callee.from_tag)
    lab.media.notices("heard", call.call_id, tag)
    lab.media.notices("heard", b"nobody's", tag)
    call.bye()
    lab.advance(1)
    assert lab.records()[0].remarks == (
        "first packets from 101 (anna-desk) only 7 s after the answer",
        "no packets from 102 (carla-home): probably NAT or firewall",
    )
    lab.at_rest()
