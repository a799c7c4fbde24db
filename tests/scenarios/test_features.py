"""Subscriptions, transfers, refreshes and other dialogs between phones, which pass through."""

from __future__ import annotations

from lab import Lab, Phone
from lab.call import Call
from lab.exchange import Exchange
from lab.lines import build
from lab.sdp import media_of, sdp


def talk(lab: Lab, caller: Phone, callee: Phone, number: str) -> Call:
    call = caller.invites(number)
    lab.advance()
    callee.call.answer()
    lab.advance()
    assert call.state == callee.call.state == "answered"
    return call


def test_a_subscription_between_phones(lab: Lab, carla: Phone, dario: Phone) -> None:
    """Within their call: the switch is no end of that dialog. Its NOTIFYs come back by the route set."""
    call = talk(lab, carla, dario, "103")
    subscribe = call.sends("SUBSCRIBE", "Event: kpml", "Expires: 300", b"Contact: " + carla.contact)
    lab.advance()
    assert subscribe.status == 200
    notify = dario.call.sends("NOTIFY", "Event: kpml", "Subscription-State: active", b"Contact: " + dario.contact)
    lab.advance()
    assert notify.status == 200
    assert carla.requests_of("NOTIFY")[0].get(b"event") == b"kpml"
    call.bye()
    lab.at_rest()


def test_a_transfer_between_phones(lab: Lab, anna: Phone, carla: Phone, dario: Phone) -> None:
    """Carla talks with Anna and transfers her to Dario: REFER, NOTIFY, a new call, the old one ends (RFC 3515)."""
    call = talk(lab, carla, anna, "101")
    anna.replies["REFER"] = (202, (), b"")
    refer = call.sends("REFER", "Refer-To: <sip:103@acme.example>", b"Contact: " + carla.contact)
    lab.advance()
    assert refer.status == 202
    notify = anna.call.sends("NOTIFY", "Event: refer", "Subscription-State: active")
    talk(lab, anna, dario, "103")
    assert notify.status == 200
    call.bye()
    lab.advance()
    assert anna.calls[0].state == "ended"
    assert anna.calls[1].state == "answered"
    anna.call.bye()
    lab.at_rest()


def test_credentials_end_here_within_a_dialog_too(lab: Lab, anna: Phone, carla: Phone) -> None:
    call = talk(lab, carla, anna, "101")
    own = 'Proxy-Authorization: Digest username="x", realm="acme.example", nonce="1", uri="sip:x", response="1"'
    other = 'Proxy-Authorization: Digest username="x", realm="far.example", nonce="1", uri="sip:x", response="1"'
    call.sends("INFO", own, other)
    lab.advance()
    lines = [line for line in anna.requests_of("INFO")[0].lines if line.startswith(b"Proxy-Auth")]
    assert lines == [other.encode()]


def test_offerless_reinvite(lab: Lab, anna: Phone, carla: Phone) -> None:
    """The offer is in its 200, the answer in the ACK (RFC 3264 §5)."""
    talk(lab, carla, anna, "101")
    ports = lab.media.ports
    exchange = carla.call.sends("INVITE")
    lab.advance()
    assert exchange.status == 200
    assert exchange.final is not None
    assert media_of(exchange.final.body).startswith("203.0.113.9:")
    assert lab.media.ports == ports
    carla.call.bye()
    lab.at_rest()


def test_a_reinvite_that_is_refused_leaves_the_call(lab: Lab, anna: Phone, carla: Phone) -> None:
    talk(lab, carla, anna, "101")
    anna.replies["INVITE"] = (488, (), b"")
    hold = carla.call.reinvite("sendonly")
    lab.advance()
    assert hold.status == 488
    assert lab.media.ports == 2
    assert len(list(lab.switch.core.calls)) == 1
    carla.call.bye()
    lab.at_rest()


def test_a_reinvite_can_be_cancelled(lab: Lab, anna: Phone, carla: Phone) -> None:
    call = talk(lab, carla, anna, "101")
    anna.replies["INVITE"] = (180, (), b"")
    hold = call.reinvite("sendonly")
    lab.advance()
    lines = [line for line in hold.lines if not line.startswith((b"Content", b"Contact"))]
    cancel = Exchange(carla, "CANCEL", hold.uri, lines)
    line = b"CSeq: %d CANCEL" % hold.cseq
    carla.cancels(cancel, build("CANCEL", hold.uri, carla.via(hold.branch), [*lines, line]), hold.branch)
    lab.advance()
    assert cancel.status == 200
    assert anna.requests_of("CANCEL")
    anna.incoming[anna.requests_of("CANCEL")[0].via.branch + b"INVITE"].reply(487)
    lab.advance()
    assert hold.status == 487
    call.bye()
    lab.at_rest()


def test_two_reinvites_cross(lab: Lab, anna: Phone, carla: Phone) -> None:
    call = talk(lab, carla, anna, "101")
    anna.replies["INVITE"] = carla.replies["INVITE"] = (491, (), b"")
    one, other = call.reinvite(), anna.call.reinvite()
    lab.advance()
    assert one.status == other.status == 491
    call.bye()
    lab.at_rest()


def test_early_update_with_an_offer(lab: Lab, anna: Phone, carla: Phone) -> None:
    """RFC 3311: the offer of an UPDATE before the answer goes through the engine of its branch."""
    anna.on_call = lambda call: call.ring(183, call.own_sdp)
    call = carla.invites("101")
    lab.advance()
    anna.replies["UPDATE"] = (200, (b"Content-Type: application/sdp",), sdp(anna.host, 40000, version=2))
    update = call.sends("UPDATE", "Content-Type: application/sdp", body=sdp(carla.host, 40000, version=2))
    lab.advance()
    assert update.status == 200
    assert update.final is not None
    assert media_of(update.final.body) == media_of(call.early[anna.call.local_tag])
    assert lab.media.ports == 2
    anna.call.answer()
    lab.advance()
    call.bye()
    lab.at_rest()


def test_a_late_offer_in_a_reliable_provisional_response(lab: Lab, anna: Phone, carla: Phone) -> None:
    """RFC 3262 §5: the offer is in the 183, the answer in the PRACK; only then further offers."""
    anna.on_call = lambda call: call.ring(183, call.own_sdp, "RSeq: 1", "Require: 100rel")
    call = carla.invites("101", late_offer=True)
    lab.advance()
    body = sdp(carla.host, 40000)
    prack = call.sends("PRACK", "RAck: 1 1 INVITE", "Content-Type: application/sdp", body=body)
    lab.advance()
    assert prack.status == 200
    assert media_of(anna.requests_of("PRACK")[0].body).startswith("203.0.113.9:")
    assert [what for what, *_ in lab.media.asked] == ["offer", "answer"]
    assert lab.media.ports == 2
    prack = call.sends("PRACK", "RAck: 2 1 INVITE", "Content-Type: application/sdp", body=body)
    lab.advance()
    assert [what for what, *_ in lab.media.asked] == ["offer", "answer", "offer"]
    anna.call.answer()
    lab.advance()
    call.bye()
    lab.at_rest()


def test_a_bye_to_one_that_only_rings_leaves_the_others_ringing(lab: Lab, carla: Phone, dario: Phone) -> None:
    """RFC 3261 §15: the caller drops one early dialog."""
    laptop = lab.phone("dario-laptop")
    call = carla.invites("103")
    lab.advance()
    laptop.on_call = dario.on_call
    tag = laptop.call.local_tag
    call.remote = b"<sip:103@acme.example>;tag=" + tag
    call.routes = laptop.call.routes
    call.target = laptop.contact.strip(b"<>")
    bye = call.sends("BYE")
    lab.advance()
    assert bye.status == 200
    assert len(list(lab.switch.core.calls)) == 1
    dario.call.answer()
    lab.advance()
    assert call.state == "answered"
    assert call.media.startswith("203.0.113.9:")
    call.bye()
    lab.at_rest()


def test_the_callee_of_a_peer_hangs_up(lab: Lab, anna: Phone) -> None:
    """A peer is no phone: it is reached as its Contact says."""
    peer = lab.phone("trunk", "198.51.100.200", registered=False, password="", site="provider.example", port=5080)
    lab.directory.peers[peer.host] = "provider"
    call = peer.invites("sip:101@acme.example")
    lab.advance()
    anna.call.answer()
    lab.advance()
    anna.call.bye()
    lab.advance()
    assert call.why == "they hung up"
    lab.at_rest()


def test_an_old_client_without_branches(lab: Lab, anna: Phone, carla: Phone) -> None:
    """RFC 2543: no magic cookie; its ACK to the 200 still reaches Anna."""
    carla.new_branch = lambda: b"1"  # type: ignore[method-assign]
    carla.password = ""
    lab.directory.peers[carla.host] = "old"
    call = carla.invites("101")
    lab.advance()
    anna.call.answer()
    lab.advance(3)
    assert call.state == "answered"
    assert anna.call.incoming is not None
    assert anna.call.incoming.acknowledged
    lab.advance(40)
    call.bye()
    lab.at_rest()


def test_compact_and_folded_headers_pass(lab: Lab, carla: Phone, dario: Phone) -> None:
    exchange = carla.sends("MESSAGE", "103", "s: Lunch?", "X-Folded: one\r\n  two", "o: none", "Subject-Not: ;;,")
    lab.advance()
    assert exchange.status == 200
    lines = dario.requests_of("MESSAGE")[0].lines
    for line in (b"s: Lunch?", b"X-Folded: one\r\n  two", b"o: none", b"Subject-Not: ;;,"):
        assert line in lines


def test_a_multipart_body_is_anchored_within(lab: Lab, anna: Phone, carla: Phone) -> None:
    body = (
        b"--b\r\nContent-Type: application/sdp\r\n\r\n"
        + sdp(carla.host, 40000)
        + b"\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n\x00\x01\xff\r\n--b--\r\n"
    )
    carla.invites("101", "Content-Type: multipart/mixed;boundary=b", offer=body)
    lab.advance()
    came = anna.requests_of("INVITE")[0].body
    assert b"203.0.113.9" in came
    assert b"\r\n\r\n\x00\x01\xff\r\n--b--\r\n" in came
    assert carla.host.encode() not in came.replace(b"o=- 1 1 IN IP4 " + carla.host.encode(), b"")


def test_draining_refuses_what_is_new_and_ends_what_rings(lab: Lab, anna: Phone, carla: Phone, dario: Phone) -> None:
    running = talk(lab, carla, anna, "101")
    ringing = carla.invites("103")
    lab.advance()
    lab.switch.drain()
    call = dario.invites("102")
    lab.advance()
    assert call.status == 503
    lab.switch.shut()
    lab.advance()
    assert ringing.status == 503
    assert dario.calls[0].why == "cancelled"
    running.bye()
    lab.advance()
    assert anna.calls[0].why == "they hung up"
    lab.at_rest()
