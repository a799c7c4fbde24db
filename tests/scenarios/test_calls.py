"""A call from phone to phone: it rings, is answered, held, hung up, refused, cancelled, or nobody is there."""

from __future__ import annotations

import pytest
from lab import Lab, Phone
from lab.sdp import media_of

from softswitch.media.engine import MediaFailed


def talk(lab: Lab, caller: Phone, callee: Phone, number: str) -> None:
    """A call that is answered."""
    call = caller.invites(number)
    lab.advance()
    callee.call.answer()
    lab.advance()
    assert call.state == callee.call.state == "answered"


def test_a_call(lab: Lab, anna: Phone, carla: Phone) -> None:
    call = carla.invites("101")
    lab.advance()
    assert call.state == "ringing"
    assert call.statuses == [180]
    anna.call.answer()
    lab.advance()
    assert call.state == anna.call.state == "answered"
    assert len(anna.acks) == 1
    assert [c.caller for c in lab.switch.core.calls] == ["102"]
    call.bye()
    lab.advance()
    assert anna.call.why == "they hung up"
    assert lab.media.ports == 0
    lab.at_rest()


def test_sound_goes_through_the_media_engine_both_ways(lab: Lab, anna: Phone, carla: Phone) -> None:
    talk(lab, carla, anna, "101")
    assert anna.call.offered.startswith("203.0.113.9:")
    assert carla.call.media.startswith("203.0.113.9:")
    assert anna.call.offered != carla.call.media
    assert lab.media.ports == 2


def test_without_anchoring_bodies_pass_as_they_came() -> None:
    lab = Lab(anchors=False)
    anna, carla = lab.phone("anna-desk"), lab.phone("carla-home")
    talk(lab, carla, anna, "101")
    assert anna.call.offered == f"{carla.host}:40000"
    assert lab.media.asked == []


def test_the_callee_hangs_up(lab: Lab, anna: Phone, carla: Phone) -> None:
    talk(lab, carla, anna, "101")
    bye = anna.call.bye()
    lab.advance()
    assert bye.status == 200
    assert carla.call.why == "they hung up"
    lab.at_rest()


@pytest.mark.parametrize(("refusal", "told"), [(486, 486), (603, 603), (600, 600), (404, 404), (500, 500), (503, 480)])
def test_a_refusal(lab: Lab, carla: Phone, dario: Phone, refusal: int, told: int) -> None:
    carla.on_call = lambda call: call.refuse(refusal)
    call = dario.invites("102")
    lab.advance()
    assert call.status == told
    lab.at_rest()


def test_the_caller_gives_up(lab: Lab, anna: Phone, carla: Phone) -> None:
    call = carla.invites("101")
    lab.advance()
    cancel = call.cancel('Reason: SIP;cause=487;text="gone"')
    lab.advance()
    assert cancel.status == 200
    assert call.statuses == [180, 487]
    assert anna.call.why == "cancelled"
    assert anna.call.reasons == [b'SIP;cause=487;text="gone"']
    lab.at_rest()


def test_a_caller_gives_up_before_anybody_has_rung(lab: Lab, anna: Phone, carla: Phone) -> None:
    """No 1xx has come: the CANCEL waits for one, and is sent then (RFC 3261 §9.1)."""
    anna.on_call = lambda call: None
    call = carla.invites("101")
    lab.advance(0.3)
    call.cancel()
    lab.advance(0.3)
    assert not anna.requests_of("CANCEL")
    assert call.statuses == [487]
    anna.call.ring()
    lab.advance()
    assert anna.call.why == "cancelled"
    lab.at_rest()


def test_a_100_goes_no_further(lab: Lab, anna: Phone, carla: Phone) -> None:
    """It is hop by hop (RFC 3261 §16.7 step 5): the caller has the switch's own."""
    anna.on_call = lambda call: call.ring(100)
    call = carla.invites("101")
    lab.advance()
    assert call.invitation is not None
    assert call.invitation.statuses == [100]
    call.cancel()
    lab.at_rest()


def test_a_phone_without_power_does_not_keep_the_caller_waiting(lab: Lab, carla: Phone, dario: Phone) -> None:
    carla.switches_off()
    call = dario.invites("102")
    lab.advance(2)
    call.cancel()
    lab.advance(0.5)
    assert call.status == 487
    lab.at_rest()


def test_cancel_and_answer_cross(lab: Lab, anna: Phone, carla: Phone) -> None:
    call = carla.invites("101")
    lab.advance()
    anna.call.answer()
    call.cancel()
    lab.advance()
    assert call.state == "answered"
    assert anna.requests_of("CANCEL") == []
    call.bye()
    lab.at_rest()


def test_nobody_answers_and_nothing_follows(lab: Lab, carla: Phone, dario: Phone) -> None:
    call = dario.invites("102")
    lab.advance(29)
    assert call.state == "ringing"
    lab.advance(2)
    assert call.status == 480
    assert carla.call.why == "cancelled"
    assert carla.call.reasons == []
    lab.at_rest()


def test_who_picks_up_as_the_ring_time_ends_has_the_call(lab: Lab, carla: Phone, dario: Phone) -> None:
    """The 200 crosses our CANCEL: the caller gets it, not the 480."""
    lab.wire.weather.delay = 0.2
    call = dario.invites("102")
    lab.advance(1)
    lab.events.at(lab.now + 29.65, carla.call.answer)
    lab.advance(31)
    assert carla.requests_of("CANCEL")
    assert call.statuses[:2] == [180, 200]
    assert carla.call.state == call.state == "answered"
    call.bye()
    lab.at_rest()


def test_a_phone_that_rings_on_in_spite_of_cancel_keeps_nobody_waiting(lab: Lab, carla: Phone, dario: Phone) -> None:
    call = dario.invites("102")
    lab.advance(1)
    lab.events.at(lab.now + 28, carla.switches_off)
    lab.advance(29.5)
    assert call.status == 0
    lab.advance(2)
    assert call.status == 480
    lab.at_rest()


def test_a_dead_phone_is_unreachable(lab: Lab, carla: Phone, dario: Phone) -> None:
    carla.switches_off()
    call = dario.invites("102")
    lab.advance(29)
    assert call.status == 0
    lab.advance(5)
    assert call.status == 480
    lab.at_rest()


def test_calling_ones_own_number_rings_ones_other_phones(lab: Lab, dario: Phone) -> None:
    laptop = lab.phone("dario-laptop")
    dario.invites("103")
    lab.advance()
    assert laptop.call.state == "ringing"
    assert len(dario.calls) == 1


def test_a_mistake_of_ours_ends_its_own_call_with_500_and_no_other(
    lab: Lab, anna: Phone, carla: Phone, dario: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk(lab, carla, anna, "101")
    with monkeypatch.context() as broken:
        broken.setattr(type(lab.switch.core), "log_step", lambda *_: 1 // 0)
        call = dario.invites("102")
        with pytest.raises(AssertionError):
            lab.advance()
        lab.log.bugs.clear()
        lab.advance()
        assert call.status == 500
    assert [one.called for one in lab.switch.core.calls] == ["101"]
    carla.call.bye()
    lab.advance()
    assert anna.call.why == "they hung up"
    lab.at_rest()


def test_to_nobody_and_to_somebody_without_phone(lab: Lab, anna: Phone) -> None:
    assert_status(lab, anna, "199", 404)
    assert_status(lab, anna, "102", 480)
    lab.at_rest()


def assert_status(lab: Lab, phone: Phone, number: str, status: int) -> None:
    call = phone.invites(number)
    lab.advance()
    assert call.status == status


def test_hold_and_resume(lab: Lab, anna: Phone, carla: Phone) -> None:
    talk(lab, carla, anna, "101")
    ports = lab.media.ports
    hold = anna.call.reinvite("sendonly")
    lab.advance()
    assert hold.status == 200
    assert lab.media.music == ["music", "music"]
    assert carla.call.offered.startswith("203.0.113.9:")
    assert len(carla.acks) == 1
    resume = carla.call.reinvite()
    lab.advance()
    assert resume.status == 200
    assert lab.media.ports == ports
    carla.call.bye()
    lab.at_rest()


def test_update_info_and_unknown_methods_within_a_call(lab: Lab, anna: Phone, carla: Phone) -> None:
    talk(lab, carla, anna, "101")
    for method in ("UPDATE", "INFO", "NOTIFY", "JUMP", "OPTIONS"):
        there, back = carla.call.sends(method), anna.call.sends(method)
        lab.advance()
        assert there.status == back.status == 200, method
        assert anna.requests_of(method)
        assert carla.requests_of(method)
    carla.call.bye()
    lab.at_rest()


def test_a_late_offer_and_its_answer_in_the_ack(lab: Lab, anna: Phone, carla: Phone) -> None:
    call = carla.invites("101", late_offer=True)
    lab.advance()
    assert anna.call.late_offer
    anna.call.answer()
    lab.advance()
    assert media_of(call.answers[0]).startswith("203.0.113.9:")
    assert media_of(anna.call.answers[0]).startswith("203.0.113.9:")
    assert media_of(anna.call.answers[0]) != media_of(call.answers[0])
    assert lab.media.ports == 2
    call.bye()
    lab.at_rest()


def test_the_callee_never_hears_an_ack_and_hangs_up(lab: Lab, anna: Phone, carla: Phone) -> None:
    carla.invites("101")
    lab.advance()
    carla.switches_off()
    anna.call.answer()
    lab.advance(40)
    assert anna.call.why == "never acknowledged"
    lab.at_rest()


def test_a_slow_media_engine_changes_nothing(lab: Lab, anna: Phone, carla: Phone) -> None:
    lab.media.delay = 0.3
    call = carla.invites("101")
    lab.advance(0.2)
    assert not anna.calls
    lab.advance(1)
    anna.call.ring(183, anna.call.own_sdp)
    anna.call.answer()
    lab.advance(1)
    assert call.statuses == [180, 183, 200]
    assert call.media == media_of(call.early[anna.call.local_tag])
    call.bye()
    lab.at_rest()


def test_a_caller_who_gives_up_while_the_media_engine_thinks(lab: Lab, anna: Phone, carla: Phone) -> None:
    lab.media.delay = 1.0
    call = carla.invites("101")
    lab.advance(0.5)
    call.cancel()
    lab.advance(3)
    assert call.status == 487
    assert not anna.calls
    lab.at_rest()


@pytest.mark.parametrize("status", [488, 503])
def test_without_media_there_is_no_call(lab: Lab, anna: Phone, carla: Phone, status: int) -> None:
    lab.media.fails = MediaFailed(status, "No")
    call = carla.invites("101")
    lab.advance()
    assert call.status == status
    assert call.invitation is not None
    assert call.invitation.final is not None
    assert call.invitation.final.has(b"retry-after") == (status == 503)
    assert not anna.calls
    lab.at_rest()


def test_an_answer_that_the_media_engine_cannot_place_passes_as_it_is(lab: Lab, anna: Phone, carla: Phone) -> None:
    call = carla.invites("101")
    lab.advance()
    lab.media.fails = MediaFailed(503, "No")
    anna.call.answer()
    lab.advance()
    assert call.media == f"{anna.host}:40000"
    assert lab.notes("no media")
    call.bye()
    lab.at_rest()


def test_nothing_within_a_call_is_rewritten(lab: Lab, anna: Phone, carla: Phone) -> None:
    """REFER, Replaces, session timers, PRACK: what is not ours passes byte for byte (C3)."""
    own = [
        b"Supported:  replaces , timer,100rel",
        b"x:1800 ;refresher=uac",
        b"Min-SE: 90",
        b"Require: 100rel",
        b'X-Odd:   a,,b ;c="d\\"e"',
        b"rEPLACES: abc@x;to-tag=1;from-tag=2;early-only",
    ]
    carla.invites("101", *own)
    lab.advance()
    invite = anna.requests_of("INVITE")[0]
    assert [line for line in invite.lines if line in own] == own
    anna.call.ring(183, b"", "RSeq: 77", "Require: 100rel")
    lab.advance()
    prack = carla.call.sends("PRACK", "RAck: 77 1 INVITE")
    lab.advance()
    assert prack.status == 200
    assert anna.requests_of("PRACK")[0].get(b"rack") == b"77 1 INVITE"
    anna.call.answer("Session-Expires: 1800;refresher=uac")
    lab.advance()
    assert carla.call.invitation is not None
    assert carla.call.invitation.final is not None
    assert carla.call.invitation.final.get(b"session-expires") == b"1800;refresher=uac"
    refer_to = b"Refer-To: <sip:103@acme.example?Replaces=1%40x%3Bto-tag%3D2%3Bfrom-tag%3D3>"
    anna.replies["REFER"] = (202, (), b"")
    refer = carla.call.sends("REFER", refer_to, "Referred-By: <sip:102@acme.example>")
    lab.advance()
    assert refer.status == 202
    assert refer_to in anna.requests_of("REFER")[0].lines
    carla.call.bye()
    lab.at_rest()
