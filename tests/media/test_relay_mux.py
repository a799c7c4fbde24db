"""RTP and RTCP on one port (RFC 5761), on both sides or on one: parties with sockets of their own, a real relay."""

from __future__ import annotations

import pytest

from .conftest import media_ports, rtcp, rtp
from .test_relay_srtp import Secure

MUX = "a=rtcp-mux\r\n"


def can(sdp: bytes) -> bool:
    return b"\r\na=rtcp-mux\r\n" in sdp


def call(relay, a, b, offers: str, answers: str) -> tuple[bytes, bytes]:
    offer = relay.sdp("offer", call_id="c", from_tag="a", via_branch="z", sdp=a.sdp(extra=offers))
    b.told(offer)
    sdp = b.sdp(extra=answers)
    answer = relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", via_branch="z", sdp=sdp)
    a.told(answer)
    return offer, answer


def sound_passes(a, b) -> None:
    for number in range(3):
        a.say(rtp(number))
        assert b.hear() == rtp(number)
        b.say(rtp(number, ssrc=9))
        assert a.hear() == rtp(number, ssrc=9)


def test_both_can(relay, party):
    a, b = party(), party()
    offer, answer = call(relay, a, b, MUX, MUX)
    assert (can(offer), can(answer)) == (True, True)
    assert b"a=rtcp:%d\r\n" % (media_ports(offer)[0] + 1) in offer, "for who can't"
    assert b"a=rtcp:%d\r\n" % media_ports(answer)[0] in answer
    sound_passes(a, b)
    a.say(rtcp())
    assert b.hear() == rtcp()
    b.say(rtcp(9))
    assert a.hear() == rtcp(9)
    (one, two) = relay.command("delete", call_id="c")["quality"]
    assert (one["packets"], two["packets"], one["lost"], two["lost"]) == (3, 3, 0, 0), "RTCP is no sound"


@pytest.mark.parametrize("rtcp_first", [False, True])
def test_one_of_them_can_and_the_relay_is_in_between(relay, party, rtcp_first):
    a, b = party(), party()
    offer, answer = call(relay, a, b, MUX, "")
    assert (can(offer), can(answer)) == (True, True)
    if not rtcp_first:
        sound_passes(a, b)
    a.say(rtcp())
    assert b.rtcp.recv(200) == rtcp()
    b.report(rtcp(9))
    assert a.hear() == rtcp(9)
    sound_passes(a, b)


def test_who_is_not_asked_can_not(relay, party):
    a, b = party(), party()
    offer, answer = call(relay, a, b, "", MUX)
    assert (can(offer), can(answer)) == (False, False)
    sound_passes(a, b)
    b.report(rtcp(9))
    assert a.rtcp.recv(200) == rtcp(9)
    a.report(rtcp())
    assert b.rtcp.recv(200) == rtcp()


def test_who_can_not_puts_on_hold_who_can(relay, party):
    a, b = party(), party()
    call(relay, a, b, MUX, "")
    sound_passes(a, b)
    for direction in ("a=sendonly\r\n", ""):
        offer = relay.sdp("offer", call_id="c", from_tag="b", to_tag="a", sdp=b.sdp(extra=direction))
        assert can(offer), "he keeps what he has"
        answer = relay.sdp("answer", call_id="c", from_tag="b", to_tag="a", sdp=a.sdp(extra=MUX))
        assert not can(answer)
        a.say(rtcp())
        assert b.rtcp.recv(200) == rtcp()
        b.report(rtcp(9))
        assert a.hear() == rtcp(9)


def test_one_who_stops_doing_it(relay, party):
    a, b = party(), party()
    call(relay, a, b, MUX, MUX)
    sound_passes(a, b)
    relay.sdp("offer", call_id="c", from_tag="a", to_tag="b", sdp=a.sdp())
    assert not can(relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", sdp=b.sdp(extra=MUX)))
    sound_passes(a, b)
    a.report(rtcp())
    assert b.hear() == rtcp()
    b.say(rtcp(9))
    assert a.rtcp.recv(200) == rtcp(9)


def test_secure_on_one_side(relay, party):
    a, b = Secure(party("127.0.0.2")), party("127.0.0.3")
    sdp = a.sdp() + MUX.encode()
    b.told(relay.sdp("offer", call_id="c", from_tag="a", sdp=sdp, transport_protocol="RTP/AVP"))
    answer = relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", sdp=b.sdp())
    assert can(answer)
    a.told(answer)
    sound_passes(a, b)
    a.party.say(a.seal.rtcp(rtcp()))
    assert b.rtcp.recv(200) == rtcp()
    b.report(rtcp(9))
    assert a.open.rtcp(a.party.hear()) == rtcp(9)


@pytest.mark.parametrize("flag", ["echo", "talk"])
def test_the_relay_as_an_end_can(relay, party, flag):
    a = party()
    answer = relay.sdp("offer", call_id="c", from_tag="a", sdp=a.sdp(extra=MUX), flags=[flag])
    assert can(answer)
    assert not can(relay.sdp("offer", call_id="d", from_tag="a", sdp=a.sdp(), flags=[flag]))
    a.told(answer)
    a.say(rtcp())
    for number in range(2):
        a.say(rtp(number))
    relay.until(lambda: relay.command("query", call_id="c")["sessions"][0]["streams"][0][0]["rtcp"]["packets"] == 1)
    assert len(a.hear()) > 12


def test_a_relay_that_was_started_anew_goes_on_so(relay, party):
    a, b = party(), party()
    call(relay, a, b, MUX, "")
    ((_, state),) = relay.command("states", call_id="c")["states"]
    relay.command("delete", call_id="c")
    assert relay.command("restore", state=state)["result"] == b"ok"
    sound_passes(a, b)
    a.say(rtcp())
    assert b.rtcp.recv(200) == rtcp()
    b.report(rtcp(9))
    assert a.hear() == rtcp(9)


def test_a_stranger_is_heard_on_neither_port(relay, party):
    a, b, stranger = party("127.0.0.2"), party("127.0.0.3"), party("127.0.0.4")
    call(relay, a, b, MUX, MUX)
    stranger.relay = a.relay
    for _ in range(5):
        stranger.say(rtcp())
        stranger.report(rtcp())
        stranger.say(rtp(1))
    sound_passes(a, b)
    b.rtp.settimeout(0.2)
    with pytest.raises(TimeoutError):
        b.hear()
    a.say(rtcp())
    assert b.hear() == rtcp()
