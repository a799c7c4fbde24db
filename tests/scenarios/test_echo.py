"""600, the call that the switch takes itself."""

from __future__ import annotations

from lab import Lab, Phone

from softswitch.media.engine import MediaFailed


def count(lab: Lab, start: bytes, phone: Phone) -> int:
    return sum(1 for data in lab.to(phone) if data.startswith(start))


def test_it_answers_and_hangs_up_with_the_caller(lab: Lab, carla: Phone) -> None:
    call = carla.invites("600")
    lab.advance()
    assert call.statuses == [200]
    assert call.media.startswith("203.0.113.9:")
    assert [one.called for one in lab.switch.core.calls] == ["600"]
    bye = call.bye()
    lab.advance()
    assert bye.status == 200
    assert not list(lab.switch.core.calls)
    assert count(lab, b"SIP/2.0 481", carla) == 0
    lab.at_rest()


def test_the_200_is_repeated_until_the_ack_and_then_there_is_a_bye(lab: Lab, carla: Phone) -> None:
    carla.invites("600")
    lab.advance(0.012)
    lab.events.after(0.006, carla.switches_off)
    lab.advance(64 * 0.5 + 2)
    assert (
        count(lab, b"SIP/2.0 200", carla) == 12
    )  # RFC 3261 §13.3.1.4: at 0, 0.5, 1.5, 3.5, 7.5, 11.5 … and REGISTER's
    assert count(lab, b"BYE", carla) >= 1
    lab.at_rest()


def test_a_lost_ack_is_asked_for_again(lab: Lab, carla: Phone) -> None:
    call = carla.invites("600")
    lab.advance(0.005)
    lost = 0
    send = carla.sender

    def lossy(data: bytes) -> None:
        nonlocal lost
        if data.startswith(b"ACK") and lab.now < 3 and b"CSeq: 2" in data:
            lost += 1
        else:
            send(data)

    carla.sender = lossy
    lab.advance(8)
    assert lost >= 1
    assert call.state == "answered"
    call.bye()
    lab.at_rest()


def test_hold_and_update_are_answered_and_repeated(lab: Lab, carla: Phone) -> None:
    call = carla.invites("600")
    lab.advance()
    hold = call.reinvite("sendonly")
    lab.advance()
    assert hold.status == 200
    update = call.sends("UPDATE", "Content-Type: application/sdp", body=call.own_sdp)
    lab.advance()
    assert update.status == 200
    assert update.final is not None
    assert update.final.body
    assert call.sends("INFO").cseq
    lab.advance()
    assert lab.media.ports == 2
    call.bye()
    lab.at_rest()


def test_a_200_to_a_reinvite_that_is_lost_comes_again(lab: Lab, carla: Phone) -> None:
    call = carla.invites("600")
    lab.advance()
    hold = call.reinvite("sendonly")
    carla.deaf = True
    lab.advance(0.3)
    carla.deaf = False
    lab.advance(2)
    assert hold.status == 200
    call.bye()
    lab.at_rest()


def test_a_request_with_an_old_number_is_refused(lab: Lab, carla: Phone) -> None:
    """RFC 3261 §12.2.2."""
    call = carla.invites("600")
    lab.advance()
    call._cseq = 0
    info = call.sends("INFO")
    lab.advance()
    assert info.status == 500
    call._cseq = 0
    call.sends("BYE")
    lab.advance()
    assert len(lab.switch.legs) == 1
    call._cseq = 10
    call.bye()
    lab.at_rest()


def test_methods_it_does_not_have(lab: Lab, carla: Phone) -> None:
    call = carla.invites("600")
    lab.advance()
    refer = call.sends("REFER", "Refer-To: <sip:103@acme.example>")
    lab.advance()
    assert refer.status == 405
    call.bye()
    lab.at_rest()


def test_who_calls_without_an_offer_gets_ours(lab: Lab, carla: Phone) -> None:
    """RFC 3261 §13.2.1: the 200 has the offer, the ACK the answer; later too (§14.2)."""
    call = carla.invites("600", late_offer=True)
    lab.advance()
    assert call.statuses == [200]
    assert call.media.startswith("203.0.113.9:")
    assert [one[0] for one in lab.media.asked] == ["propose", "settle"]
    again = call.sends("INVITE")
    lab.advance()
    assert again.status == 200
    assert again.final is not None
    assert b"m=audio" in again.final.body
    assert [one[0] for one in lab.media.asked[2:]] == ["propose", "settle"]
    assert lab.media.ports == 2
    assert len(lab.switch.legs) == 1
    call.bye()
    lab.at_rest()


def test_an_ack_without_an_answer_ends_the_call(lab: Lab, carla: Phone) -> None:
    call = carla.invites("600", late_offer=True)
    call.late_offer = False
    lab.advance(2)
    assert call.why == "they hung up"
    assert lab.notes("no media")[0]["status"] == 488
    lab.at_rest()


def test_an_answer_that_will_not_do_ends_the_call(lab: Lab, carla: Phone) -> None:
    call = carla.invites("600", late_offer=True)
    lab.media.delay = 0.1
    lab.events.after(0.15, lambda: setattr(lab.media, "fails", MediaFailed(488, "no")))
    lab.advance(2)
    assert call.why == "they hung up"
    lab.at_rest()


def test_without_media(lab: Lab, carla: Phone) -> None:
    lab.media.fails = MediaFailed(503, "No Ports")
    call = carla.invites("600")
    lab.advance()
    assert call.status == 503
    lab.at_rest()


def test_the_caller_gives_up_while_the_engine_thinks(lab: Lab, carla: Phone) -> None:
    lab.media.delay = 1.0
    call = carla.invites("600")
    lab.advance(0.5)
    call.cancel()
    lab.advance(2)
    assert call.status == 487
    lab.at_rest()


def test_a_stranger_cannot_hang_it_up(lab: Lab, carla: Phone, dario: Phone) -> None:
    call = carla.invites("600")
    lab.advance()
    thief = lab.phone("dario-laptop")
    carla.sender, sender = thief.sender, carla.sender
    carla.incoming.clear()
    bye = call.sends("BYE")
    lab.advance(1)
    assert [one.called for one in lab.switch.core.calls] == ["600"]
    bye.stop()
    carla.sender = sender
    call.bye()
    lab.at_rest()


def test_the_same_invite_by_two_ways_is_answered_once(lab: Lab, carla: Phone) -> None:
    """RFC 3261 §8.2.2.2: another branch, all else the same."""
    lab.directory.peers[carla.host] = "fork"
    call = carla.invites("600")
    assert call.invitation is not None
    again = call.invitation.sent.replace(call.invitation.branch, b"z9hG4bKanother")
    carla.send(again)
    lab.advance()
    assert count(lab, b"SIP/2.0 482", carla) == 1
    assert call.state == "answered"
    call.bye()
    lab.at_rest()


def test_a_leg_that_lasts_too_long_is_hung_up(lab: Lab, carla: Phone) -> None:
    call = carla.invites("600")
    lab.advance(3590)
    assert call.state == "answered"
    lab.advance(30)
    assert call.why == "they hung up"
    lab.at_rest()
