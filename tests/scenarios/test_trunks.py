"""Calls over trunks, as phones and providers see them."""

from __future__ import annotations

import pytest
from lab import Lab, Phone, Provider
from lab.call import Call
from lab.provider import OFFICE


@pytest.fixture
def lab() -> Lab:
    return Lab(OFFICE)


@pytest.fixture
def city(lab: Lab) -> Provider:
    return Provider(lab, challenges=True)


@pytest.fixture
def backup(lab: Lab) -> Provider:
    return Provider(lab, "198.51.100.8")


def test_a_phone_calls_out_over_a_provider_that_challenges(lab: Lab, anna: Phone, city: Provider) -> None:
    call = anna.invites("01701234567")
    lab.advance()
    assert call.state == "ringing"
    outer = city.call.incoming.request
    assert outer.uri == b"sip:+491701234567@198.51.100.7"
    assert outer.from_.uri == b"sip:+498912340@198.51.100.7"
    assert outer.call_id != call.call_id
    assert outer.cseq[0] == 2
    assert b'username="acme"' in city.proved[0]
    assert b"192.0.2." not in outer.body.replace(b"o=- 1 1 IN IP4 192.0.2", b"")
    city.call.answer()
    lab.advance()
    assert call.state == "answered"
    assert call.media.startswith("203.0.113.9:")
    assert city.call.media.startswith("203.0.113.9:")
    assert city.acks
    call.bye()
    lab.advance()
    assert city.call.why == "they hung up"
    lab.at_rest()


def test_the_other_side_hangs_up(lab: Lab, anna: Phone, city: Provider) -> None:
    call = anna.invites("+49 170 1234567".replace(" ", ""))
    lab.advance()
    city.call.answer()
    lab.advance()
    city.call.bye()
    lab.advance()
    assert call.why == "they hung up"
    (record,) = lab.records()
    assert record.hung_up_by == "called"
    lab.at_rest()


def test_the_caller_gives_up_while_it_rings(lab: Lab, anna: Phone, city: Provider) -> None:
    call = anna.invites("01701234567")
    lab.advance()
    call.cancel()
    lab.advance()
    assert call.status == 487
    assert city.call.why == "cancelled"
    lab.at_rest()


def test_an_answer_that_crosses_the_cancel_is_hung_up_on(lab: Lab, anna: Phone, city: Provider) -> None:
    call = anna.invites("01701234567")
    lab.advance()
    call.cancel()
    lab.advance(0.006)
    city.call.answer()  # while our CANCEL is on its way to it
    lab.advance(2)
    assert city.call.state == "ended"
    assert call.state == "ended"
    lab.at_rest()


def test_busy_and_unknown_numbers_are_told(lab: Lab, anna: Phone, city: Provider) -> None:
    for status, told in ((486, 486), (404, 404), (603, 603), (480, 480), (403, 403)):
        city.on_call = lambda call, status=status: call.refuse(status)
        call = anna.invites("01701234567")
        lab.advance()
        assert call.status == told
    lab.at_rest()


def test_who_may_not_is_refused(lab: Lab, dario: Phone, carla: Phone, city: Provider) -> None:
    call = dario.invites("01701234567")
    lab.advance(8)  # it is said why
    assert call.status == 403
    call = carla.invites("+442079460958")
    lab.advance(8)
    assert call.status == 403
    assert not city.requests_of("INVITE")
    lab.at_rest()


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_trunk_that_fails_gives_way_to_the_next(
    lab: Lab, anna: Phone, city: Provider, backup: Provider, status: int
) -> None:
    city.refuses = status
    call = anna.invites("01701234567")
    lab.advance()
    assert call.state == "ringing"
    backup.call.answer()
    lab.advance()
    assert call.state == "answered"
    call.bye()
    lab.at_rest()


def test_a_silent_trunk_gives_way_after_some_seconds(lab: Lab, anna: Phone, city: Provider, backup: Provider) -> None:
    city.silent = True
    call = anna.invites("01701234567")
    lab.advance(3.5)
    assert not backup.calls_in
    lab.advance(1.0)
    assert backup.calls_in
    backup.call.answer()
    lab.advance()
    assert call.state == "answered"
    call.bye()
    lab.at_rest()


def test_a_trunk_that_rang_is_not_tried_again_elsewhere(
    lab: Lab, anna: Phone, city: Provider, backup: Provider
) -> None:
    call = anna.invites("01701234567")
    lab.advance()
    city.call.refuse(503)
    lab.advance(10)
    assert call.state == "ended"
    assert not backup.calls_in
    lab.at_rest()


def test_a_full_trunk_gives_way_and_full_trunks_refuse(lab: Lab, anna: Phone, city: Provider, backup: Provider) -> None:
    calls = [anna.invites("01701234567") for _ in range(7)]
    lab.advance(1)
    assert [len(city.calls_in), len(backup.calls_in)] == [4, 2]
    assert sorted(call.state for call in calls) == ["ended"] + ["ringing"] * 6
    for call in calls:
        if call.state == "ringing":
            call.cancel()
    lab.at_rest()


def test_a_limit_counts_calls_under_way(lab: Lab, anna: Phone, backup: Provider) -> None:
    first, second = anna.invites("+442079460958"), anna.invites("+442079460959")
    lab.advance()
    assert first.state == "ringing"
    assert second.status == 480
    first.cancel()
    lab.advance()
    third = anna.invites("+442079460958")
    lab.advance()
    assert third.state == "ringing"
    third.cancel()
    lab.at_rest()


def test_hold_and_update_go_through(lab: Lab, anna: Phone, city: Provider) -> None:
    call = anna.invites("01701234567")
    lab.advance()
    city.call.answer()
    lab.advance()
    hold = call.reinvite("sendonly")
    lab.advance()
    assert hold.status == 200
    assert b"a=sendonly" in city.call.reinvited.request.body
    assert lab.media.music == ["music", "music"], "for who is held"
    back = city.call.reinvite()
    lab.advance()
    assert back.status == 200
    info = call.sends("INFO", "Content-Type: application/dtmf-relay", body=b"Signal=5\r\n")
    lab.advance()
    assert info.status == 200
    assert city.requests_of("INFO")[0].body == b"Signal=5\r\n"
    call.bye()
    lab.at_rest()


def test_both_offer_at_once(lab: Lab, anna: Phone, city: Provider) -> None:
    call = anna.invites("01701234567")
    lab.advance()
    city.call.answer()
    lab.advance()
    one, other = call.reinvite("sendonly"), city.call.reinvite("inactive")
    lab.advance(2)
    assert sorted((one.status, other.status)) in ([200, 491], [491, 491])
    again = call.reinvite()
    lab.advance()
    assert again.status == 200
    call.bye()
    lab.at_rest()


def test_a_late_offer(lab: Lab, anna: Phone, city: Provider) -> None:
    call = anna.invites("01701234567", late_offer=True)
    lab.advance()
    city.call.answer()
    lab.advance()
    assert call.state == "answered"
    assert city.call.answers
    assert city.call.answers[0]
    call.bye()
    lab.at_rest()


def test_a_call_from_outside_reaches_a_person(lab: Lab, anna: Phone, city: Provider) -> None:
    call = city.dials("+498912340", caller="030123456")
    lab.advance()
    assert call.state == "ringing"
    inner = anna.call.incoming.request
    assert inner.from_.uri == b"sip:+4930123456@acme.example"
    assert inner.call_id != call.call_id
    assert b"198.51.100" not in inner.to_bytes().replace(
        b"o=- 1 1 IN IP4 198.51.100.7", b""
    )  # the real relay does that
    anna.call.answer()
    lab.advance()
    assert call.state == "answered"
    anna.call.bye()
    lab.advance()
    assert call.why == "they hung up"
    lab.at_rest()


def test_a_call_from_outside_reaches_a_team_and_the_caller_hangs_up(
    lab: Lab, carla: Phone, dario: Phone, city: Provider
) -> None:
    call = city.dials("08912341")
    lab.advance()
    carla.call.answer()
    lab.advance()
    assert dario.call.why == "cancelled"
    hold = carla.call.reinvite("sendonly")
    lab.advance()
    assert hold.status == 200
    call.bye()
    lab.advance()
    assert carla.call.why == "they hung up"
    lab.at_rest()


def test_two_answer_at_the_same_moment(lab: Lab, carla: Phone, dario: Phone, city: Provider) -> None:
    call = city.dials("+498912341")
    lab.advance()
    carla.call.answer()
    dario.call.answer()
    lab.advance(2)
    assert sorted((carla.call.state, dario.call.state)) == ["answered", "ended"]
    call.bye()
    lab.at_rest()


def test_an_outside_caller_gives_up(lab: Lab, anna: Phone, city: Provider) -> None:
    call = city.dials("+498912340")
    lab.advance()
    call.cancel()
    lab.advance()
    assert (call.status, anna.call.why) == (487, "cancelled")
    lab.at_rest()


def test_an_outside_call_with_a_late_offer(lab: Lab, anna: Phone, city: Provider) -> None:
    call = city.dials("+498912340", late_offer=True)
    lab.advance()
    anna.call.answer()
    lab.advance()
    assert call.state == "answered"
    assert anna.call.answers[0]
    call.bye()
    lab.at_rest()


def test_an_outside_call_is_forwarded_to_the_mobile(lab: Lab, anna: Phone, city: Provider, backup: Provider) -> None:
    city.challenges = False
    call = city.dials("+498912340", caller="+4930123456")
    lab.advance(16)
    mobile = city.calls_in[-1]
    assert anna.call.why == "cancelled"
    assert mobile.incoming.request.from_.uri == b"sip:+4930123456@198.51.100.7"
    assert mobile.incoming.request.get(b"diversion").startswith(b"<sip:+498912340@")
    mobile.answer()
    lab.advance()
    assert call.state == "answered"
    assert call.media.startswith("203.0.113.9:")
    hold = mobile.reinvite("sendonly")
    lab.advance()
    assert hold.status == 200
    mobile.bye()
    lab.advance()
    assert call.why == "they hung up"
    lab.at_rest()


def test_the_switch_itself_answers_an_outside_call(lab: Lab, city: Provider) -> None:
    call = city.dials("+498912342")
    lab.advance()
    assert call.state == "answered"
    assert len(next(iter(lab.switch.trunks)).channels) == 1
    call.bye()
    lab.at_rest()


def test_a_provider_reaches_nothing_but_the_numbers(lab: Lab, anna: Phone, city: Provider) -> None:
    for number in ("101", "600", "anna", "+442079460958", "112"):
        call = city.dials(number)
        lab.advance()
        assert call.status == 404
    lab.at_rest()


def test_a_stranger_is_no_provider(lab: Lab, anna: Phone) -> None:
    stranger = Provider(lab, "203.0.113.66", password="")
    call = stranger.dials("+498912340")
    lab.advance()
    assert call.status == 407
    call = stranger.dials("+442079460958")
    lab.advance()
    assert call.status == 407
    lab.at_rest()


def test_a_party_that_dies_takes_the_other_with_it(lab: Lab, anna: Phone, city: Provider) -> None:
    call = anna.invites("01701234567")
    lab.advance()
    city.call.answer()
    lab.advance()
    city.switches_off()
    call.reinvite()
    lab.advance(40)
    assert call.why == "they hung up"
    lab.at_rest()


def test_a_phone_that_has_connected_anew_is_hung_up_on(lab: Lab, city: Provider) -> None:
    anna = lab.phone("anna-desk", tcp=True)
    call = anna.invites("01701234567")
    lab.advance()
    city.call.answer()
    lab.advance()
    anna.stream.close()
    lab.advance()
    anna.registers()
    lab.advance()
    city.call.bye()
    lab.advance()
    assert call.why == "they hung up"
    lab.at_rest()


def test_a_provider_that_answers_without_sound_is_hung_up_on(lab: Lab, anna: Phone, city: Provider) -> None:
    city.on_call = lambda call: call.answer(body=b"")
    call = anna.invites("01701234567")
    lab.advance()
    assert call.state == "ended"
    assert city.call.why == "they hung up"
    assert "without saying where its sound is" in next(iter(lab.switch.trunks)).last_failure
    lab.at_rest()


def test_early_sound_counts_when_the_answer_says_nothing_new(lab: Lab, anna: Phone, city: Provider) -> None:
    city.on_call = lambda call: call.ring(183, call.own_sdp)
    call = anna.invites("01701234567")
    lab.advance()
    assert call.early
    city.call.answer(body=b"")
    lab.advance()
    assert call.state == "answered"
    assert call.media.startswith("203.0.113.9:")
    call.bye()
    lab.at_rest()


@pytest.mark.parametrize("status", [499, 470, 699, 302])
def test_statuses_nobody_knows(lab: Lab, anna: Phone, city: Provider, backup: Provider, status: int) -> None:
    city.on_call = lambda call: call.refuse(status)
    call = anna.invites("01701234567")
    lab.advance()
    assert call.state == "ended"
    assert not backup.calls_in
    lab.at_rest()


def test_an_endless_183_is_cancelled_when_the_ring_time_is_over(lab: Lab, anna: Phone, city: Provider) -> None:
    def again(call: Call) -> None:
        call.ring(183)
        if call.state == "ringing":
            lab.events.after(10, lambda: again(call))

    city.on_call = again
    call = anna.invites("01701234567")
    lab.advance(185)
    assert city.call.why == "cancelled"
    assert call.status == 480
    lab.at_rest()


def test_refused_credentials_give_way_to_the_next_trunk(
    lab: Lab, anna: Phone, city: Provider, backup: Provider
) -> None:
    city.refuses = 401
    call = anna.invites("01701234567")
    lab.advance()
    assert backup.calls_in
    assert "credentials" in next(iter(lab.switch.trunks)).last_failure
    call.cancel()
    lab.at_rest()


def test_a_trunk_over_tcp() -> None:
    lab = Lab(OFFICE.replace("peer: 198.51.100.7,", "peer: 198.51.100.7, transport: tcp,"))
    anna = lab.phone("anna-desk")
    city = Provider(lab, listener=lab.listeners[1])
    lab.advance(20)  # its first OPTIONS found nobody there
    call = anna.invites("01701234567")
    lab.advance()
    city.call.answer()
    lab.advance()
    assert call.state == "answered"
    city.call.bye()
    lab.advance()
    assert call.why == "they hung up"
    into = city.dials("+498912340")
    lab.advance()
    anna.call.answer()
    lab.advance()
    assert into.state == "answered"
    anna.call.bye()
    lab.advance()
    assert into.why == "they hung up"
    lab.at_rest()


def test_a_hidden_caller_stays_hidden(lab: Lab, anna: Phone, city: Provider) -> None:
    into = city.dials("+498912340", "Privacy: id", "P-Asserted-Identity: <sip:+4930777@provider.example>")
    lab.advance()
    inner = anna.call.incoming.request
    assert inner.from_.uri == b"sip:anonymous@anonymous.invalid"
    assert b"777" not in inner.to_bytes()
    into.cancel()
    lab.advance()
    out = anna.invites("01701234567", "Privacy: id")
    lab.advance()
    assert city.call.incoming.request.get(b"privacy") == b"id"
    out.cancel()
    lab.at_rest()


def test_emergency_calls_pass_for_everybody_over_any_trunk(
    lab: Lab, dario: Phone, city: Provider, backup: Provider
) -> None:
    city.refuses = 503
    for line in lab.switch.trunks:
        for _ in range(10):
            line.take()
    call = dario.invites("112")
    lab.advance(1)
    assert backup.call.incoming.request.uri == b"sip:112@198.51.100.8"
    backup.call.answer()
    lab.advance()
    assert call.state == "answered"
    call.bye()
    for line in lab.switch.trunks:
        for channel in list(line.channels):
            channel.release()
    lab.at_rest()


ROUND = OFFICE.replace("country: DE}", "country: DE, forwards: 3}").replace("channels: 4, ", "").replace("15s", "2s")


@pytest.mark.parametrize("tells", [True, False])
def test_a_mobile_that_is_forwarded_to_the_office_does_not_go_round_for_ever(tells: bool) -> None:
    """Whether the other network says that it sent the call on, or not."""
    lab = Lab(ROUND)
    city = Provider(lab)
    rounds: list[Call] = []

    def send_back(call: Call) -> None:
        call.ring()
        assert call.incoming is not None
        said = [b"Diversion: " + value for value in call.incoming.request.values(b"diversion")] if tells else []
        rounds.append(city.dials("+498912340", *said))

    city.on_call = send_back
    first = city.dials("+498912340")
    lab.advance(5)
    assert [call.status for call in rounds] == [0, 0, 482]
    assert first.status == 0
    first.cancel()
    lab.advance(60)
    lab.at_rest()


CONFIRM = OFFICE.replace("mobile: {dial: 0170 1234567}", "mobile: {dial: 0170 1234567, confirm: press 1}")


@pytest.mark.parametrize("late", [False, True])
def test_a_mobile_that_presses_1_has_the_call(late: bool) -> None:
    lab = Lab(CONFIRM)
    carla, city = lab.phone("carla-home"), Provider(lab)
    call = carla.invites("101", late_offer=late)
    lab.advance(1)
    mobile = city.call
    mobile.answer()
    lab.advance()
    assert call.state == "ringing"
    lab.media.notices("dtmf", mobile.call_id, key=b"7")
    lab.advance()
    assert call.state == "ringing"
    lab.media.notices("dtmf", mobile.call_id, key=b"1")
    lab.advance()
    assert call.state == "answered"
    assert call.media.startswith("203.0.113.9:")
    mobile.bye()
    lab.advance()
    assert call.why == "they hung up"
    lab.at_rest()


def test_a_mailbox_never_has_the_call() -> None:
    lab = Lab(CONFIRM.replace("ring: office, for: 15s, then: mobile", "ring: mobile, for: 60s, then: carla"))
    dario, carla, city = lab.phone("dario-home"), lab.phone("carla-home"), Provider(lab)
    call = dario.invites("101")
    lab.advance(1)
    mobile = city.call
    mobile.answer()
    lab.advance(21)
    assert mobile.why == "they hung up"
    assert carla.call.state == "ringing"
    assert lab.notes("outcome")[-1]["outcome"] == "no answer"
    carla.call.answer()
    lab.advance()
    assert call.state == "answered"
    call.bye()
    lab.at_rest()


def test_the_caller_gives_up_while_the_mobile_is_asked() -> None:
    lab = Lab(CONFIRM)
    carla, city = lab.phone("carla-home"), Provider(lab)
    call = carla.invites("101")
    lab.advance(1)
    mobile = city.call
    mobile.answer()
    lab.advance()
    call.cancel()
    lab.advance()
    assert call.status == 487
    assert mobile.why == "they hung up"
    lab.at_rest()


def test_a_mobile_that_hangs_up_instead_is_busy() -> None:
    lab = Lab(CONFIRM)
    carla, city = lab.phone("carla-home"), Provider(lab)
    call = carla.invites("101")
    lab.advance(1)
    mobile = city.call
    mobile.answer()
    lab.advance()
    mobile.bye()
    lab.advance()
    assert call.status == 486
    lab.at_rest()


def test_a_provider_that_sends_a_forwarded_call_on_is_not_followed(lab: Lab, carla: Phone, city: Provider) -> None:
    city.on_call = lambda call: call.refuse(302, "Contact: <sip:+442079460958@192.0.2.1>")
    call = carla.invites("101")
    lab.advance(20)
    assert call.status == 480
    assert len(city.requests_of("INVITE")) == 2  # a challenge, and one call
    lab.at_rest()


BOTH = OFFICE.replace("calls: [{ring: office, for: 15s, then: mobile}]", "calls: [{ring: [office, mobile]}]")


def test_a_mobile_learns_that_the_call_was_answered_elsewhere() -> None:
    lab = Lab(BOTH)
    anna, carla, city = lab.phone("anna-desk"), lab.phone("carla-home"), Provider(lab)
    call = carla.invites("101")
    lab.advance(1)
    assert city.call.state == "ringing"
    anna.call.answer()
    lab.advance()
    assert call.state == "answered"
    assert city.call.why == "cancelled"
    assert b"Call completed elsewhere" in b"".join(city.call.reasons)
    call.bye()
    lab.at_rest()


def test_a_mailbox_that_was_faster_does_not_keep_the_desk_from_answering() -> None:
    """The carrier's mailbox answers at once and is asked for a 1; meanwhile the phone on the desk is taken."""
    lab = Lab(BOTH.replace("mobile: {dial: 0170 1234567}", "mobile: {dial: 0170 1234567, confirm: press 1}"))
    anna, carla, city = lab.phone("anna-desk"), lab.phone("carla-home"), Provider(lab)
    call = carla.invites("101")
    lab.advance(1)
    city.call.answer()
    lab.advance(3)
    assert call.state == "ringing"
    assert anna.call.state == "ringing"
    anna.call.answer()
    lab.advance()
    assert call.state == "answered"
    assert city.call.state == "ended"
    call.bye()
    lab.at_rest()
