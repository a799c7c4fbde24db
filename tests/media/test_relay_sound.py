"""What goes in comes out: two parties through a real relay process."""

from __future__ import annotations

import socket
import struct

from softswitch.media.quality import from_message

from .conftest import media_ports, rtcp, rtp


def test_sound_passes_both_ways_byte_for_byte(relay, party):
    a, b = party("127.0.0.2"), party("127.0.0.3")
    relay.call("c1", a, b)
    for number in range(50):
        there, back = rtp(number, b"%160d" % number), rtp(number, b"%-160d" % number, ssrc=7)
        a.say(there)
        assert b.hear() == there
        b.say(back)
        assert a.hear() == back


def test_the_sdp_names_the_network_it_goes_to_and_even_ports(relay, party):
    a, b = party(), party()
    offer = relay.sdp("offer", call_id="c", from_tag="a", sdp=a.sdp(), to_interface="internet")
    answer = relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", sdp=b.sdp(), to_interface="lan")
    assert b"c=IN IP4 198.51.100.7\r\n" in offer
    assert b"c=IN IP4 127.0.0.1\r\n" in answer
    ports = media_ports(offer) + media_ports(answer)
    assert len(set(ports)) == 2
    assert all(port % 2 == 0 for port in ports)
    assert b"a=rtcp:%d\r\n" % (ports[0] + 1) in offer


def test_the_callee_is_heard_before_it_hears(relay, party):
    """Packets go to the address in the SDP as long as nothing has come from there."""
    a, b = party(), party()
    relay.call("c", a, b)
    b.say(rtp(1))
    assert a.hear() == rtp(1)
    a.say(rtp(2))
    assert b.hear() == rtp(2)


def test_rtcp_goes_beside_rtp(relay, party):
    a, b = party(), party()
    relay.call("c", a, b)
    a.report(rtcp())
    assert b.rtcp.recv(100) == rtcp()
    b.report(rtcp(9))
    assert a.rtcp.recv(100) == rtcp(9)


def test_ipv4_and_ipv6_meet(relay, party):
    a, b = party("127.0.0.1"), party("::1")
    offer = relay.sdp("offer", call_id="c", from_tag="a", sdp=a.sdp(), to_interface="six")
    assert b"c=IN IP6 ::1\r\n" in offer
    b.told(offer)
    a.told(relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", sdp=b.sdp(), to_interface="lan"))
    a.say(rtp(1))
    assert b.hear() == rtp(1)
    b.say(rtp(2))
    assert a.hear() == rtp(2)


def test_two_streams_have_ports_of_their_own(relay, party):
    a, b, va, vb = party(), party(), party(), party()

    def both(audio, video):
        return audio.sdp() + b"m=video %d RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n" % video.port

    offer = relay.sdp("offer", call_id="c", from_tag="a", sdp=both(a, va))
    answer = relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", sdp=both(b, vb))
    vb.relay = ("127.0.0.1", media_ports(offer)[1])
    va.relay = ("127.0.0.1", media_ports(answer)[1])
    assert len({*media_ports(offer), *media_ports(answer)}) == 4
    va.say(rtp(1, b"picture"))
    assert vb.hear() == rtp(1, b"picture")


def test_a_refused_stream_stays_refused(relay, party):
    a, b = party(), party()
    both = a.sdp() + b"m=video 9000 RTP/AVP 96\r\n"
    relay.sdp("offer", call_id="c", from_tag="a", sdp=both)
    answer = relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", sdp=b.sdp() + b"m=video 0 RTP/AVP 96\r\n")
    assert media_ports(answer)[1] == 0
    assert media_ports(answer)[0] > 0


def test_hold_and_resume_keep_the_ports(relay, party):
    a, b = party(), party()
    relay.call("c", a, b)
    a.say(rtp(1))
    assert b.hear() == rtp(1)
    b.say(rtp(1))
    assert a.hear() == rtp(1)
    keys = {"call_id": "c", "from_tag": "a", "to_tag": "b", "via_branch": "z2"}
    for held in (a.sdp(host="0.0.0.0"), a.sdp(extra="a=sendonly\r\n"), a.sdp()):
        offer = relay.sdp("offer", sdp=held, **keys)
        assert media_ports(offer)[0] == b.relay[1]
        assert (b"c=IN IP4 0.0.0.0" in held) == (b"c=IN IP4 0.0.0.0" in offer)
        answer = relay.sdp("answer", sdp=b.sdp(), **keys)
        assert media_ports(answer)[0] == a.relay[1]
        b.say(rtp(2))
        assert a.hear() == rtp(2)


def test_an_offer_from_the_callee_moves_the_callee(relay, party):
    a, b, moved = party("127.0.0.2"), party("127.0.0.3"), party("127.0.0.4")
    relay.call("c", a, b)
    for one, other in ((a, b), (b, a)):
        one.say(rtp(1))
        assert other.hear() == rtp(1)
    keys = {"call_id": "c", "from_tag": "b", "to_tag": "a", "via_branch": "z9"}
    offer = relay.sdp("offer", sdp=moved.sdp(), **keys)
    assert media_ports(offer)[0] == a.relay[1], "the party that is asked keeps its ports"
    a.say(rtp(2))
    assert b.hear() == rtp(2), "an offer may still be refused: until the answer the old address counts"
    moved.told(relay.sdp("answer", sdp=a.sdp(), **keys))
    assert moved.relay == b.relay
    a.say(rtp(3))
    assert moved.hear() == rtp(3)
    moved.say(rtp(4))
    assert a.hear() == rtp(4)
    a.say(rtp(5))
    assert moved.hear() == rtp(5)


def test_the_same_answer_again_changes_nothing(relay, party):
    a, b = party(), party()
    relay.call("c", a, b)
    b.say(rtp(1))
    a.hear()
    again = relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", via_branch="z1", sdp=b.sdp())
    assert media_ports(again)[0] == a.relay[1]
    (session,) = relay.command("query", call_id="c")["sessions"]
    facing_b = session["streams"][0][1]
    assert facing_b["rtp"]["latched"] == b"127.0.0.1 %d" % b.port, "still latched"


def test_fax_passes_though_it_is_no_rtp(relay, party):
    a, b = party(), party()

    def fax(one):
        return one.sdp().replace(b"m=audio", b"m=image").replace(b"RTP/AVP 0 101", b"udptl t38")

    relay.call("c", a, b)
    a.say(b"\x00\x01not rtp at all")  # dropped: this is an audio stream
    keys = {"call_id": "c", "from_tag": "b", "to_tag": "a"}
    relay.sdp("offer", sdp=fax(b), **keys)
    relay.sdp("answer", sdp=fax(a), **keys)
    a.say(b"\x00\x02udptl")
    assert b.hear() == b"\x00\x02udptl"


def test_the_echo_answers_with_a_mirror(relay, party):
    a = party("127.0.0.2")
    answer = relay.sdp("offer", call_id="c", from_tag="a", sdp=a.sdp(extra="a=sendrecv\r\n"), flags=["echo"])
    assert b"a=rtpmap:0 PCMU/8000\r\n" in answer
    assert b"a=sendrecv\r\n" in answer
    a.told(answer)
    for number in range(20):
        a.say(rtp(number, b"%160d" % number))
        heard = a.hear()
        assert heard[12:] == b"%160d" % number
        assert heard[:8] == rtp(number)[:8]
        assert struct.unpack("!I", heard[8:12])[0] != 0x01020304, "our own SSRC coming back would be a loop"


def test_the_echo_is_held_and_resumed_on_the_same_port(relay, party):
    a = party("127.0.0.2")
    echo = {"call_id": "c", "from_tag": "a", "flags": ["echo"]}
    a.told(relay.sdp("offer", via_branch="z1", sdp=a.sdp(), **echo))
    held = relay.sdp("offer", to_tag="ours", via_branch="z2", sdp=a.sdp(extra="a=sendonly\r\n"), **echo)
    assert media_ports(held)[0] == a.relay[1]
    assert b"a=recvonly\r\n" in held
    relay.sdp("offer", to_tag="ours", via_branch="z3", sdp=a.sdp(), **echo)
    a.say(rtp(1))
    assert a.hear()[12:] == rtp(1)[12:]
    assert relay.statistics()["sessions"] == 1
    assert relay.command("delete", call_id="c")["sessions"] == 1
    assert relay.statistics()["pairs-taken"] == 0


def test_an_echo_after_a_phone_that_did_not_answer_is_a_session_of_its_own(relay, party):
    a = party("127.0.0.2")
    relay.sdp("offer", call_id="c", from_tag="a", via_branch="z1", sdp=a.sdp())
    a.told(relay.sdp("offer", call_id="c", from_tag="a", via_branch="z0", sdp=a.sdp(), flags=["echo"]))
    assert relay.command("delete", call_id="c", via_branch="z1")["sessions"] == 1
    a.say(rtp(1))
    assert a.hear()[12:] == rtp(1)[12:]


def test_the_echo_refuses_what_it_cannot_send_back(relay, party):
    secure = party().sdp().replace(b"RTP/AVP", b"RTP/SAVP")
    reply = relay.command("offer", call_id="c", from_tag="a", sdp=secure, flags=["echo"])
    assert (reply["result"], reply["status"]) == (b"error", 488)
    assert relay.statistics()["pairs-taken"] == 0


def test_counters_tell_what_passed(relay, party):
    a, b = party(), party()
    relay.call("c", a, b)
    for number in range(10):
        a.say(rtp(number))
        b.hear()
    (session,) = relay.command("query", call_id="c")["sessions"]
    facing_a, facing_b = session["streams"][0]
    assert facing_a["rtp"]["packets"] == 10
    assert facing_a["rtp"]["bytes"] == 10 * len(rtp(0))
    assert facing_a["rtp"]["port"] == a.relay[1]
    assert facing_b["rtp"]["packets"] == 0


def test_a_dead_party_does_not_stop_the_other(relay, party):
    """An ICMP error of one packet loses no later one."""
    a, b = party(), party()
    relay.call("c", a, b)
    b.say(rtp(1))
    a.hear()
    host, port = b.rtp.getsockname()
    b.rtp.close()
    for number in range(5):
        a.say(rtp(number))
    relay.until(lambda: relay.command("query", call_id="c")["sessions"][0]["streams"][0][0]["rtp"]["packets"] == 5)
    b.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    b.rtp.bind((host, port))
    b.rtp.settimeout(5)
    b.say(rtp(6))
    assert a.hear() == rtp(6)
    a.say(rtp(7))
    assert b.hear() == rtp(7)


def _report_of(ssrc: int, about: int, lost: int, last: int, since: float) -> bytes:
    """A receiver report with one block."""
    return struct.pack("!BBHIIIIIII", 0x81, 201, 7, ssrc, about, lost, 0, 0, last, int(65536 * since))


def test_quality_is_told_at_any_time_and_at_the_end(relay, party):
    a, b = party("127.0.0.2"), party("127.0.0.3")
    relay.call("c", a, b)
    for number in range(200):
        if number % 20 != 7:
            a.say(rtp(number, ssrc=5))
            b.hear()
        b.say(rtp(number, ssrc=6))
        a.hear()
    a.report(struct.pack("!BBHIIIIII", 0x80, 200, 6, 5, 0x11112222, 0x33334444, 0, 0, 0))
    b.rtcp.recv(100)
    b.report(_report_of(6, about=5, lost=20, last=0x22223333, since=0.0))
    a.rtcp.recv(100)
    (session,) = relay.command("query", call_id="c")["sessions"]
    of_a, of_b = (from_message(one) for one in session["quality"])
    assert (of_a.party, of_a.kind, of_a.codec, of_a.packets, of_a.lost) == ("a", "audio", "PCMU", 190, 10)
    assert (of_b.party, of_b.packets, of_b.lost, of_b.reported_loss) == ("b", 200, 0, -1.0)
    assert round(of_a.reported_loss, 2) == 0.1
    assert 0 <= of_b.round_trip_ms < 1000
    assert of_a.mos < of_b.mos
    assert sum(of_b.added) == 3, "one packet in 64"
    assert 0 < of_b.jitter_ms < 25, "sent at once instead of every 20 ms"
    assert sum(relay.statistics()["added"]) == 5
    answer = relay.command("delete", call_id="c")
    assert [from_message(one)._replace(mos=0) for one in answer["quality"]] == [
        one._replace(mos=0) for one in (of_a, of_b)
    ]


def test_fax_and_secret_reports_tell_no_quality(relay, party):
    a, b = party(), party()

    def secret(one):
        return one.sdp().replace(b"RTP/AVP", b"RTP/SAVP")

    b.told(relay.sdp("offer", call_id="c", from_tag="a", sdp=secret(a)))
    a.told(relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", sdp=secret(b)))
    a.say(rtp(1, ssrc=5))
    b.hear()
    b.report(_report_of(6, about=5, lost=20, last=0, since=0.0))
    a.rtcp.recv(100)
    (one,) = relay.command("delete", call_id="c")["quality"]
    assert from_message(one).reported_loss == -1.0
