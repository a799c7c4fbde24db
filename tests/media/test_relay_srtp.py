"""SRTP on one side and RTP on the other: parties with keys of their own through a real relay process."""

from __future__ import annotations

import base64
import os
import re

import pylibsrtp
import pytest

from softswitch.media.relay.srtp import OFFERED, SUITES, Crypto, cryptos_of, make_key, opening, sealing
from softswitch.sip.sdp import Sdp

from .conftest import rtcp, rtp

SUITE = OFFERED[0]


class Secure:
    """A party that speaks SRTP."""

    def __init__(self, party, suite=SUITE, profile=b"RTP/SAVP", tag=1):
        self.party = party
        self.profile = profile
        self.own = Crypto(tag, suite, os.urandom(SUITES[suite].length))
        self.seal = sealing(self.own)

    def sdp(self):
        lines = self.party.sdp().replace(b"RTP/AVP", self.profile)
        return lines + b"a=crypto:9 NO_SUCH_SUITE inline:AAAA\r\n" + bytes(self.own)

    def told(self, sdp):
        self.party.told(sdp)
        (theirs,) = [one for one in cryptos_of(Sdp.parse(sdp).media[0]) if one.suite == self.own.suite]
        self.theirs = theirs
        self.own = self.own._replace(tag=theirs.tag)  # an answer names what it takes
        self.open = opening(theirs)

    def say(self, packet):
        self.party.say(self.seal.rtp(packet))

    def hear(self):
        return self.open.rtp(self.party.hear())


def _both_ways(a, b, numbers=range(1, 4)):
    for number in numbers:
        a.say(rtp(number, b"%160d" % number))
        assert b.hear() == rtp(number, b"%160d" % number)
        b.say(rtp(number, b"%-160d" % number, ssrc=9))
        assert a.hear() == rtp(number, b"%-160d" % number, ssrc=9)


@pytest.mark.parametrize("suite", SUITES)
def test_a_phone_that_encrypts_calls_one_that_does_not(relay, party, suite):
    a, b = Secure(party("127.0.0.2"), suite), party("127.0.0.3")
    offer = relay.sdp("offer", call_id="c", from_tag="a", sdp=a.sdp(), transport_protocol="RTP/AVP")
    assert b" RTP/AVP 0 101" in offer
    assert b"a=crypto" not in offer
    b.told(offer)
    answer = relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", sdp=b.sdp())
    assert b" RTP/SAVP 0 101" in answer
    a.told(answer)
    assert a.theirs.tag == a.own.tag
    _both_ways(a, b)
    a.party.report(a.seal.rtcp(rtcp()))
    assert b.rtcp.recv(200) == rtcp()
    b.report(rtcp(9))
    assert a.open.rtcp(a.party.rtcp.recv(200)) == rtcp(9)
    (one, two) = relay.command("delete", call_id="c")["quality"]
    assert (one["packets"], two["packets"], one["lost"]) == (3, 3, 0)


@pytest.mark.parametrize(
    ("wanted", "profile"),
    [({"transport_protocol": "RTP/SAVP"}, b"RTP/SAVP"), ({"OSRTP": ["offer"]}, b"RTP/AVP")],
)
def test_a_phone_that_does_not_encrypt_calls_one_that_does(relay, party, wanted, profile):
    a, b = party("127.0.0.2"), Secure(party("127.0.0.3"), OFFERED[1], profile, tag=2)
    offer = relay.sdp("offer", call_id="c", from_tag="a", sdp=a.sdp(), **wanted)
    assert b" " + profile + b" 0 101" in offer
    b.told(offer)
    assert [one.suite for one in cryptos_of(Sdp.parse(offer).media[0])] == list(OFFERED)
    a.told(relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", sdp=b.sdp()))
    _both_ways(a, b)


def test_who_may_say_no_says_no_and_who_may_not_has_no_stream(relay, party):
    a, b = party(), party()
    b.told(relay.sdp("offer", call_id="c", from_tag="a", sdp=a.sdp(), OSRTP=["offer"]))
    answer = relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", sdp=b.sdp())
    assert b"crypto" not in answer
    a.told(answer)
    _both_ways(a, b)
    relay.sdp("offer", call_id="d", from_tag="a", sdp=a.sdp(), transport_protocol="RTP/SAVP")
    refused = relay.sdp("answer", call_id="d", from_tag="a", to_tag="b", sdp=b.sdp())
    assert b"m=audio 0 " in refused


def test_both_encrypt_and_the_second_can_choose(relay, party):
    a, b = Secure(party("127.0.0.2")), Secure(party("127.0.0.3"), profile=b"RTP/AVP")
    b.told(relay.sdp("offer", call_id="c", from_tag="a", sdp=a.sdp(), OSRTP=["offer"]))
    a.told(relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", sdp=b.sdp()))
    assert a.theirs.key != b.own.key, "each has a key of the relay's"
    _both_ways(a, b)


def test_where_both_agree_the_keys_pass(relay, party):
    a = Secure(party())
    offer = relay.sdp("offer", call_id="c", from_tag="a", sdp=a.sdp(), transport_protocol="RTP/SAVP")
    assert bytes(a.own) in offer


def test_hold_and_resume_keep_keys_and_counters_and_encryption(relay, party):
    a, b = Secure(party("127.0.0.2")), party("127.0.0.3")
    b.told(relay.sdp("offer", call_id="c", from_tag="a", sdp=a.sdp(), transport_protocol="RTP/AVP"))
    a.told(relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", sdp=b.sdp()))
    _both_ways(a, b)
    own = a.theirs
    for held in (b"a=sendonly\r\n", b""):
        b.told(relay.sdp("offer", call_id="c", from_tag="a", to_tag="b", sdp=a.sdp() + held))
        a.theirs = None
        answer = relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", sdp=b.sdp())
        assert bytes(own) in answer
    # The other one asks: the phone that encrypts is offered what it had.
    offer = relay.sdp("offer", call_id="c", from_tag="b", to_tag="a", sdp=b.sdp())
    assert b"RTP/SAVP" in offer
    assert own.key in [one.key for one in cryptos_of(Sdp.parse(offer).media[0])]
    relay.sdp("answer", call_id="c", from_tag="b", to_tag="a", sdp=a.sdp())
    _both_ways(a, b, range(10, 14))
    plain = relay.command("offer", call_id="c", from_tag="a", to_tag="b", sdp=a.party.sdp())
    assert (plain["status"], plain["error-reason"]) == (
        488,
        b"SDP: a stream that was encrypted can't go on in the clear",
    )
    _both_ways(a, b, range(20, 22))


def test_a_stranger_on_the_right_address_is_not_believed_without_the_key(relay, party):
    a, b, stranger = Secure(party("127.0.0.2")), party("127.0.0.3"), party("127.0.0.2")
    b.told(relay.sdp("offer", call_id="c", from_tag="a", sdp=a.sdp(), transport_protocol="RTP/AVP"))
    a.told(relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", sdp=b.sdp()))
    stranger.relay = a.party.relay
    for number in range(50):
        stranger.say(rtp(number))
        stranger.say(sealing(Crypto(1, SUITE, os.urandom(30))).rtp(rtp(number)))
    _both_ways(a, b)
    (session,) = relay.command("query", call_id="c")["sessions"]
    facing_a = session["streams"][0][0]["rtp"]
    assert (facing_a["packets"], facing_a["dropped"]) == (3, 100)
    # Not even from the very address: a packet that was changed on the way.
    sealed = bytearray(a.seal.rtp(rtp(4)))
    sealed[20] ^= 1
    a.party.say(bytes(sealed))
    a.say(rtp(5))
    assert b.hear() == rtp(5)


def test_the_echo_speaks_as_the_caller(relay, party):
    a = Secure(party("127.0.0.2"))
    a.told(relay.sdp("offer", call_id="c", from_tag="a", sdp=a.sdp(), flags=["echo"]))
    for number in range(1, 4):
        a.say(rtp(number, b"%160d" % number))
        assert a.hear()[12:] == b"%160d" % number


def test_keys_that_cannot_be_used_are_refused(relay, party):
    lines = [
        b"a=crypto:1 NO_SUCH inline:AAAA",
        b"a=crypto:1 %b inline:%b|2^20|1:4",
        b"a=crypto:1 %b inline:%b UNENCRYPTED_SRTP",
    ]
    lines += [
        b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA",
        b"a=crypto:x %b inline:%b",
        b"a=fingerprint:sha-256 AA",
    ]
    good = base64.b64encode(bytes(30))
    for line in lines:
        text = line % (SUITE, good) if b"%b" in line else line
        sdp = party().sdp().replace(b"RTP/AVP", b"RTP/SAVP") + text + b"\r\n"
        reply = relay.command("offer", call_id="c", from_tag="a", sdp=sdp, transport_protocol="RTP/AVP")
        assert reply["status"] == 488, line
    assert relay.statistics()["pairs-taken"] == 0
    wrong = relay.command("offer", call_id="c", from_tag="a", sdp=party().sdp(), transport_protocol="UDP/XX")
    assert wrong["status"] == 400


def test_a_browser_is_told_what_is_missing(relay, party):
    sdp = party().sdp().replace(b"RTP/AVP", b"UDP/TLS/RTP/SAVPF") + b"a=ice-ufrag:x\r\na=fingerprint:sha-256 AA\r\n"
    reply = relay.command("offer", call_id="c", from_tag="a", sdp=sdp)
    assert (reply["status"], b"wants rtpengine" in reply["error-reason"]) == (488, True)
    assert relay.statistics()["pairs-taken"] == 0


def test_keys_follow_from_the_seed_and_the_stream():
    keys = {make_key(seed, name, suite) for seed in (b"1", b"2") for name in (b"c|a", b"c|b") for suite in OFFERED}
    assert len(keys) == 8
    assert {len(key) for key in keys} == {44}
    assert make_key(b"1", b"c") == make_key(b"1", b"c")
    assert re.fullmatch(rb"a=crypto:7 X inline:[A-Za-z0-9+/]{40}\r\n", bytes(Crypto(7, b"X", bytes(30))))
    with pytest.raises(pylibsrtp.Error):
        opening(Crypto(1, SUITE, bytes(30))).rtp(rtp(1))


def test_the_switch_itself_speaks_as_the_caller(relay, party):
    a = Secure(party("127.0.0.2"))
    a.told(relay.sdp("offer", call_id="c", from_tag="a", sdp=a.sdp(), flags=["talk"]))
    a.say(rtp(1))
    heard = [a.hear() for _ in range(5)]
    assert {len(packet) for packet in heard} == {172}
    assert [packet[1] & 0x7F for packet in heard] == [0] * 5
