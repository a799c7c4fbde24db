"""A call from phone to phone: it rings, is answered, held, hung up, refused, cancelled, or nobody is there."""

from __future__ import annotations

from lab import Lab, Phone


def test_a_call(lab: Lab, anna: Phone, carla: Phone) -> None:
    call = carla.invites("101")
    lab.advance()
    assert call.state == "ringing"
    anna.call.answer()
    lab.advance()
    assert call.state == anna.call.state == "answered"
    assert anna.call.incoming is not None
    assert anna.call.incoming.acknowledged
    call.bye()
    lab.advance()
    assert anna.call.why == "they hung up"
    lab.at_rest()
