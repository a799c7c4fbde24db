"""Several phones: all at once, one after another, joining, redirecting, and which of their answers goes back."""

from __future__ import annotations

import pytest
from lab import Lab, Phone
from lab.sdp import media_of

ELSEWHERE = b'SIP;cause=200;text="Call completed elsewhere"'


@pytest.fixture
def laptop(lab: Lab) -> Phone:
    return lab.phone("dario-laptop")


@pytest.fixture
def mobile(lab: Lab) -> Phone:
    return lab.phone("anna-mobile")


def test_all_phones_ring_and_the_first_to_answer_has_it(lab: Lab, carla: Phone, dario: Phone, laptop: Phone) -> None:
    call = carla.invites("103")
    lab.advance()
    assert dario.call.state == laptop.call.state == "ringing"
    assert lab.media.ports == 4
    laptop.call.answer()
    lab.advance()
    assert call.state == "answered"
    assert dario.call.why == "cancelled"
    assert dario.call.reasons == [ELSEWHERE]
    assert lab.media.ports == 2
    call.bye()
    lab.advance()
    assert laptop.call.why == "they hung up"
    lab.at_rest()


def test_two_answer_at_once_and_both_answers_go_back(lab: Lab, carla: Phone, dario: Phone, laptop: Phone) -> None:
    call = carla.invites("103")
    lab.advance()
    dario.call.answer()
    laptop.call.answer()
    lab.advance()
    assert call.statuses.count(200) == 2
    states = sorted(phone.call.state for phone in (dario, laptop))
    assert states == ["answered", "ended"]
    assert call.others[0].status == 200
    call.bye()
    lab.at_rest()


def test_each_branch_has_an_offer_and_early_media_of_its_own(
    lab: Lab, carla: Phone, dario: Phone, laptop: Phone
) -> None:
    for phone in (dario, laptop):
        phone.on_call = lambda call: call.ring(183, call.own_sdp)
    call = carla.invites("103")
    lab.advance()
    assert dario.call.offered != laptop.call.offered
    assert len({media_of(body) for body in call.early.values()}) == 2
    dario.call.answer()
    lab.advance()
    assert call.media == media_of(call.early[dario.call.local_tag])
    call.bye()
    lab.at_rest()


def test_q_says_which_contact_rings_first(lab: Lab, carla: Phone) -> None:
    first = lab.phone("dario-home", registered=False)
    second = lab.phone("dario-home", registered=False)
    first.registers(q=0.9)
    second.registers(q=0.5)
    lab.advance()
    call = carla.invites("103")
    lab.advance()
    assert first.call.state == "ringing"
    assert not second.calls
    first.call.refuse(486)
    lab.advance()
    assert second.call.state == "ringing"
    second.call.answer()
    lab.advance()
    assert call.state == "answered"
    call.bye()
    lab.at_rest()


def test_the_dialplan_goes_on_when_the_desk_is_busy(lab: Lab, carla: Phone, anna: Phone, mobile: Phone) -> None:
    call = carla.invites("101")
    lab.advance()
    assert not mobile.calls
    anna.call.refuse(486)
    lab.advance()
    assert mobile.call.state == "ringing"
    mobile.call.answer()
    lab.advance()
    assert call.state == "answered"
    call.bye()
    lab.at_rest()


def test_ring_time_over_the_next_one_rings(lab: Lab, carla: Phone, anna: Phone, mobile: Phone) -> None:
    call = carla.invites("101")
    lab.advance(14.5)
    assert not mobile.calls
    lab.advance(1)
    assert anna.call.why == "cancelled"
    assert mobile.call.state == "ringing"
    lab.advance(31)
    assert call.status == 480
    lab.at_rest()


def test_the_first_phone_may_still_answer_while_the_next_rings(
    lab: Lab, carla: Phone, anna: Phone, mobile: Phone
) -> None:
    lab.wire.weather.delay = 0.2
    call = carla.invites("101")
    lab.events.after(15.7, anna.invitee_answers)
    lab.advance(18)
    assert anna.requests_of("CANCEL")
    assert call.state == "answered"
    assert anna.call.state == "answered"
    assert mobile.call.why == "cancelled"
    call.bye()
    lab.at_rest()


def test_after_a_decline_the_others_stop_and_the_dialplan_may_go_on(
    lab: Lab, carla: Phone, dario: Phone, laptop: Phone
) -> None:
    call = carla.invites("103")
    lab.advance()
    dario.call.refuse(603)
    lab.advance()
    assert laptop.call.why == "cancelled"
    assert call.status == 603
    lab.at_rest()


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        (486, 404, 486),
        (404, 486, 486),
        (480, 415, 415),
        (486, 600, 600),
        (500, 404, 404),
        (503, 500, 500),
        (408, 488, 480),  # one rang in vain: that is "no answer", as simulate says
    ],
)
def test_the_best_answer_goes_back(
    lab: Lab, carla: Phone, dario: Phone, laptop: Phone, one: int, other: int, told: int
) -> None:
    call = carla.invites("103")
    lab.advance()
    dario.call.refuse(one)
    lab.advance()
    if laptop.call.state == "ringing":
        laptop.call.refuse(other)
    lab.advance()
    assert call.status == told
    lab.at_rest()


def test_challenges_of_two_phones_are_merged(lab: Lab, carla: Phone, dario: Phone, laptop: Phone) -> None:
    carla.password = ""
    lab.directory.peers[carla.host] = "gateway"
    call = carla.invites("103")
    lab.advance()
    dario.call.refuse(401, 'WWW-Authenticate: Digest realm="one", nonce="1"')
    laptop.call.refuse(407, 'Proxy-Authenticate: Digest realm="two", nonce="2"')
    lab.advance()
    assert call.status in (401, 407)
    assert call.invitation is not None
    final = call.invitation.final
    assert final is not None
    assert b'"one"' in (final.get(b"www-authenticate") or b"")
    assert b'"two"' in (final.get(b"proxy-authenticate") or b"")
    lab.at_rest()


def test_a_device_that_registers_while_its_person_rings_joins(lab: Lab, carla: Phone, dario: Phone) -> None:
    call = carla.invites("103")
    lab.advance(2)
    laptop = lab.phone("dario-laptop")
    lab.advance()
    assert laptop.call.state == "ringing"
    laptop.call.answer()
    lab.advance()
    assert call.state == "answered"
    assert dario.call.reasons == [ELSEWHERE]
    call.bye()
    lab.at_rest()


def test_the_callers_own_device_does_not_join(lab: Lab, dario: Phone, laptop: Phone) -> None:
    dario.invites("103")
    lab.advance()
    dario.registers(contact=b"<sip:again@%b:5060>" % dario.host.encode())
    lab.advance()
    assert laptop.call.state == "ringing"
    assert not dario.requests_of("INVITE")


@pytest.mark.parametrize(("rings", "who"), [(False, "dario-home"), (True, "anna-desk")])
def test_a_dead_phone_is_unreachable_and_one_that_rang_did_not_answer(rings: bool, who: str) -> None:
    lab = Lab(
        """
site: {domain: acme.example, timezone: Europe/Berlin, country: DE}
people:
  anna: {name: Anna Berger, number: 101, places: {office: {phone: anna-desk}}}
  carla:
    number: 102
    places: {home: {phone: carla-home}}
    calls: [{ring: home, for: 60s, then: {unreachable: dario, no answer: anna}}]
  dario: {name: Dario Conti, number: 103, places: {home: {phone: dario-home}}}
phones: {carla-home: {secret: a}, dario-home: {secret: b}, anna-desk: {secret: c}}
"""
    )
    phones = {account: lab.phone(account) for account in ("anna-desk", "carla-home", "dario-home")}
    carla = phones["carla-home"]
    caller = lab.phone("peer", registered=False, password="")
    lab.directory.peers[caller.host] = "peer"
    if rings:
        carla.on_call = lambda call: (call.ring(), call.phone.switches_off())[0]
    else:
        carla.switches_off()
    caller.invites("102")
    lab.advance(62)
    assert [account for account, phone in phones.items() if phone.calls and phone is not carla] == [who]


def test_a_device_of_somebody_else_does_not_join(lab: Lab, carla: Phone, dario: Phone) -> None:
    carla.invites("103")
    lab.advance(2)
    anna = lab.phone("anna-desk")
    lab.advance()
    assert not anna.calls


def test_the_caller_cancels_and_all_stop(lab: Lab, carla: Phone, dario: Phone, laptop: Phone) -> None:
    call = carla.invites("103")
    lab.advance()
    call.cancel()
    lab.advance()
    assert call.status == 487
    assert dario.call.why == laptop.call.why == "cancelled"
    assert lab.media.ports == 0
    lab.at_rest()


def test_one_dead_phone_does_not_hold_up_the_others(lab: Lab, carla: Phone, dario: Phone, laptop: Phone) -> None:
    laptop.switches_off()
    call = carla.invites("103")
    lab.advance()
    dario.call.answer()
    lab.advance()
    assert call.state == "answered"
    call.bye()
    lab.at_rest()


def test_timer_c_ends_a_phone_that_goes_silent() -> None:
    """A ring time longer than timer C; the phone rang once and fell asleep."""
    plan = """
site: {domain: acme.example, timezone: Europe/Berlin, country: DE}
people:
  carla: {name: Carla Ruiz, number: 102, places: {home: {phone: carla-home}}, calls: [{ring: home, for: 300s}]}
  dario: {name: Dario Conti, number: 103, places: {home: {phone: dario-home}}}
phones: {carla-home: {secret: a}, dario-home: {secret: b}}
"""
    lab = Lab(plan)
    carla, dario = lab.phone("carla-home"), lab.phone("dario-home")
    call = dario.invites("102")
    lab.advance(180)
    assert call.state == "ringing"
    lab.advance(3)
    assert carla.call.why == "cancelled"
    assert call.status == 480
    lab.at_rest()


def test_a_provisional_response_starts_timer_c_anew() -> None:
    lab = Lab(
        """
site: {domain: acme.example, timezone: Europe/Berlin, country: DE}
people:
  carla: {name: Carla Ruiz, number: 102, places: {home: {phone: carla-home}}, calls: [{ring: home, for: 300s}]}
  dario: {name: Dario Conti, number: 103, places: {home: {phone: dario-home}}}
phones: {carla-home: {secret: a}, dario-home: {secret: b}}
"""
    )
    carla, dario = lab.phone("carla-home"), lab.phone("dario-home")
    call = dario.invites("102")
    lab.advance(100)
    carla.call.ring()
    lab.advance(150)
    assert call.state == "ringing"
    lab.advance(60)
    assert call.status == 480
    lab.at_rest()


# -- redirections (RFC 3261 §8.1.3.4, §16.5)


def test_a_redirection_to_a_colleague_is_followed(lab: Lab, anna: Phone, carla: Phone, dario: Phone) -> None:
    anna.on_call = lambda call: call.refuse(302, "Contact: <sip:103@acme.example>")
    call = carla.invites("101")
    lab.advance()
    assert dario.call.state == "ringing"
    dario.call.answer()
    lab.advance()
    assert call.state == "answered"
    call.bye()
    lab.at_rest()


@pytest.mark.parametrize("contact", ["<sip:x@elsewhere.example>", "<tel:+4930>", "<<>", "*", ""])
def test_a_redirection_that_leads_nowhere_is_unreachable(
    lab: Lab, anna: Phone, carla: Phone, mobile: Phone, contact: str
) -> None:
    anna.on_call = lambda call: call.refuse(302, f"Contact: {contact}")
    carla.invites("101")
    lab.advance()
    assert mobile.call.state == "ringing"


def test_redirections_in_a_circle_end(lab: Lab, anna: Phone, carla: Phone, dario: Phone) -> None:
    anna.on_call = lambda call: call.refuse(302, "Contact: <sip:103@acme.example>")
    dario.on_call = lambda call: call.refuse(302, "Contact: <sip:101@acme.example>")
    call = carla.invites("101")
    lab.advance(3)
    assert call.status == 480
    assert len(anna.calls) == len(dario.calls) == 1
    lab.at_rest()


# -- Max-Breadth (RFC 5393 §5)


def test_breadth_is_shared_out_and_none_is_refused(lab: Lab, carla: Phone, dario: Phone, laptop: Phone) -> None:
    call = carla.invites("103", "Max-Breadth: 0")
    lab.advance()
    assert call.status == 440
    carla.invites("103", "Max-Breadth: 9")
    lab.advance()
    shares = [int(phone.requests_of("INVITE")[0].get(b"max-breadth") or b"0") for phone in (dario, laptop)]
    assert min(shares) >= 1
    assert sum(shares) <= 9
    for method in ("MESSAGE", "INFO"):
        exchange = carla.sends(method, "103", "Max-Breadth: 1")
        lab.advance()
        assert exchange.status == 440


def test_breadth_of_one_rings_one_after_another(lab: Lab, carla: Phone, anna: Phone, mobile: Phone) -> None:
    carla.invites("101", "Max-Breadth: 1")
    lab.advance()
    anna.call.refuse(486)
    lab.advance()
    assert mobile.requests_of("INVITE")[0].get(b"max-breadth") == b"1"


# -- requests that are no calls


def test_a_message_goes_to_every_device_and_one_answer_back(
    lab: Lab, carla: Phone, dario: Phone, laptop: Phone
) -> None:
    message = carla.sends("MESSAGE", "103", "Content-Type: text/plain", body=b"hello")
    lab.advance()
    assert message.statuses[-1] == 200
    assert message.statuses.count(200) == 1
    assert dario.requests_of("MESSAGE")[0].body == laptop.requests_of("MESSAGE")[0].body == b"hello"
    lab.at_rest()


def test_a_request_is_refused_only_when_all_refuse(lab: Lab, carla: Phone, dario: Phone, laptop: Phone) -> None:
    dario.replies["INFO"] = (415, (), b"")
    info = carla.sends("INFO", "103")
    lab.advance()
    assert info.status == 200
    laptop.replies["INFO"] = (486, (), b"")
    info = carla.sends("INFO", "103")
    lab.advance()
    assert info.status == 415
    lab.at_rest()


def test_the_first_yes_does_not_wait_for_the_others(lab: Lab, carla: Phone, dario: Phone, laptop: Phone) -> None:
    dario.replies["INFO"] = (0, (), b"")
    info = carla.sends("INFO", "103")
    lab.advance()
    assert info.status == 200
    laptop.replies["INFO"] = (603, (), b"")
    info = carla.sends("INFO", "103")
    lab.advance()
    assert info.status == 603
    lab.at_rest()


def test_no_408_for_what_nobody_answers(lab: Lab, carla: Phone, dario: Phone) -> None:
    """RFC 4320 §4.2; and a 100 only late."""
    dario.replies["INFO"] = (0, (), b"")
    info = carla.sends("INFO", "103")
    lab.advance(6)
    assert info.statuses in ([407], [])
    lab.advance(60)
    assert info.timed_out
    assert info.status == 0
    lab.at_rest()


def test_a_408_of_a_phone_is_not_passed_on(lab: Lab, carla: Phone, dario: Phone) -> None:
    dario.replies["INFO"] = (408, (), b"")
    info = carla.sends("INFO", "103")
    lab.advance(60)
    assert info.status == 0
    lab.at_rest()


@pytest.mark.parametrize("method", ["OPTIONS", "JUMP", "NOTIFY", "INFO"])
def test_any_method_reaches_the_phones(lab: Lab, carla: Phone, dario: Phone, method: str) -> None:
    exchange = carla.sends(method, "103", "X-Thing: untouched")
    lab.advance()
    assert exchange.status == 200
    assert dario.requests_of(method)[0].get(b"x-thing") == b"untouched"
    lab.at_rest()


def test_options_to_the_switch_itself_is_answered(lab: Lab, carla: Phone) -> None:
    options = carla.sends("OPTIONS", "sip:acme.example")
    lab.advance()
    assert options.status == 200
    assert options.final is not None
    assert options.final.has(b"allow")
