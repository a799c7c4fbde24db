"""The relay as an end of a call: what it says in time, what it writes down, which keys it hears."""

from __future__ import annotations

import os
import struct
import time
from array import array
from itertools import pairwise
from math import e, pi, sin
from pathlib import Path

import pytest

from softswitch.errors import PeerError
from softswitch.media.relay.coders import CODERS, Pcma
from softswitch.media.relay.dtmf import Keys
from softswitch.media.relay.player import Player
from softswitch.media.relay.recorder import Recorder
from softswitch.media.relay.talk import talk_answer
from softswitch.sip.sdp import Sdp
from softswitch.sound.g711 import ALAW_OF_ULAW, ULAW_OF_ALAW, alaw_of_pcm, pcm_of_alaw, samples_of
from softswitch.sound.library import tone
from softswitch.sound.wav import HEADER_BYTES, alaw_file, alaw_of

from .conftest import RelayProcess, media_ports, rtp
from .test_relay_srtp import Secure

WIDE = "G722" in CODERS


def offer(formats: str, *lines: str, protocol: str = "RTP/AVP", port: int = 4000) -> Sdp:
    head = ("v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0")
    return Sdp.parse(
        "".join(f"{line}\r\n" for line in (*head, f"m=audio {port} {protocol} {formats}", *lines)).encode()
    )


def answered(sdp: Sdp) -> bytes:
    return bytes(talk_answer(sdp, 7, 8)[0])


def test_the_first_of_the_two_codecs_is_taken_and_keys_are_wanted():
    answer = answered(
        offer("96 0 8 101", "a=rtpmap:96 opus/48000/2", "a=rtpmap:101 telephone-event/8000", "a=ptime:30")
    )
    assert b"m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n" in answer
    assert b"a=ptime:30\r\n" in answer
    assert b"a=sendrecv\r\n" in answer
    assert b"RTP/AVP 8\r\n" in answered(offer("8 0"))
    assert b"RTP/AVP 97\r\na=rtpmap:97 PCMA/8000\r\n" in answered(offer("97", "a=rtpmap:97 pcma/8000/1"))
    assert b"a=recvonly\r\n" in answered(offer("8", "a=sendonly"))
    assert b"a=ptime:20\r\n" in answered(offer("8", "a=ptime:17"))


@pytest.mark.skipif(not WIDE, reason="no G722 for this machine")
def test_g722_is_taken_where_nothing_else_is_offered():
    assert b"RTP/AVP 9\r\na=rtpmap:9 G722/8000\r\n" in answered(offer("9"))
    assert b"RTP/AVP 8\r\n" in answered(offer("9 8"))


@pytest.mark.parametrize("name", CODERS)
def test_what_is_encoded_can_be_recognised(name):
    """Tone by tone: the loudest frequency stays what it was."""
    coder = CODERS[name]()
    for hertz in (300, 440, 1000, 3000):
        samples = array("h", [int(9000 * sin(2 * pi * hertz * n / 8000)) for n in range(1600)])
        alaw = b"".join(coder.decode(coder.encode(alaw_of_pcm(samples[at : at + 160]))) for at in range(0, 1600, 160))
        assert len(alaw) == 1600
        back = samples_of(pcm_of_alaw(alaw))[800:]
        power = {
            one: abs(sum(s * e ** (2j * pi * one * n / 8000) for n, s in enumerate(back)))
            for one in range(100, 4000, 20)
        }
        assert max(power, key=power.__getitem__) == hertz
        assert 7000 < max(back) < 11_000


def test_who_holds_is_not_spoken_to():
    assert talk_answer(offer("8", "a=sendonly"), 1, 1)[1].heard is False
    assert talk_answer(offer("8", "a=inactive"), 1, 1)[1].heard is False
    assert talk_answer(offer("8", "a=recvonly"), 1, 1)[1].heard is True


@pytest.mark.parametrize(
    ("formats", "lines", "more"),
    [
        ("96", ["a=rtpmap:96 opus/48000/2"], {}),
        ("9", ["a=rtpmap:9 G722/16000"], {}),
        ("8", [], {"protocol": "UDP/TLS/RTP/SAVPF"}),
        ("8", [], {"port": 0}),
        ("8", ["a=rtpmap:8 G729/8000"], {}),
        ("999 x", [], {}),
    ],
)
def test_without_g711_in_rtp_there_is_no_answer(formats, lines, more):
    with pytest.raises(PeerError) as refused:
        talk_answer(offer(formats, *lines, **more), 1, 1)
    assert refused.value.status == 488


def test_a_player_fills_up_with_silence_and_repeats():
    player = Player()
    assert player.next(4) == b"\xd5" * 4
    player.play(b"abcdef", False)
    assert [player.next(4), player.is_done, player.next(4), player.is_done] == [
        b"abcd", False, b"ef\xd5\xd5", True,
    ]  # fmt: skip
    player.play(b"abc", True)
    assert b"".join(player.next(4) for _ in range(6)) == b"abcabcabcabcabcabcabcabc"
    assert not player.is_done
    player.play(b"", True)
    assert player.is_done


def written(path: Path, packets: list[bytes], seconds: float = 10) -> bytes:
    path.unlink(missing_ok=True)
    recorder = Recorder(str(path), seconds)
    for packet in packets:
        recorder.hear(memoryview(packet), Pcma())
    recorder.finish()
    assert not recorder.failed
    data = path.read_bytes()
    return alaw_of(data) if len(data) > HEADER_BYTES else b""


def test_packets_have_their_place_whatever_their_order(tmp_path):
    file, all_of_them = tmp_path / "r.wav", [rtp(number, bytes((number,)) * 160) for number in range(1, 5)]
    whole = b"".join(bytes((number,)) * 160 for number in range(1, 5))
    assert written(file, all_of_them) == whole
    assert written(file, [all_of_them[0], all_of_them[2], all_of_them[1], all_of_them[1], all_of_them[3]]) == whole
    assert written(file, [all_of_them[0], all_of_them[3]]) == whole[:160] + b"\xd5" * 320 + whole[480:]
    assert written(file, all_of_them, seconds=0.03) == whole[:240]
    assert written(file, []) == b""
    # A sender that begins anew, by its source or by a leap in time, goes on where the other ended.
    assert written(file, [all_of_them[0], rtp(900, b"x" * 160, ssrc=9)]) == whole[:160] + b"x" * 160
    assert written(file, [all_of_them[0], rtp(60_000, b"x" * 160)]) == whole[:160] + b"x" * 160


def test_a_long_recording_is_on_the_disk_before_its_end(tmp_path):
    file = tmp_path / "r.wav"
    recorder = Recorder(str(file), 60)
    for number in range(500):
        recorder.hear(memoryview(rtp(number)), Pcma())
    assert file.stat().st_size >= HEADER_BYTES + 8 * 8000
    recorder.hear(memoryview(rtp(2)), Pcma())  # much too late: the file stays as it is
    recorder.finish()
    assert len(alaw_of(file.read_bytes())) == 500 * 160


def test_padding_extensions_and_sources_are_no_sound(tmp_path):
    bare = b"\x01" * 160
    head = struct.pack("!HII", 1, 160, 5)
    padded = b"\xa0\x08" + head + bare + b"\0\0\x03"
    extended = b"\x91\x08" + head + b"csrc" + struct.pack("!HH", 0xBEDE, 1) + b"ext." + bare
    broken = b"\x90\x08" + head + b"\0\0\xff\xff"
    for packet in (padded, extended):
        assert written(tmp_path / "r.wav", [packet]) == bare
    assert written(tmp_path / "r.wav", [broken, b"\xaf\x08" + head, b"\xa0\x08" + head + b"\xff"]) == b""


def event(number: int, timestamp: int, *, end: bool = False, ssrc: int = 1, header: int = 0x80) -> memoryview:
    return memoryview(
        struct.pack("!BBHII", header, 101, 1, timestamp, ssrc) + bytes((number, 0x80 if end else 10, 0, 160))
    )


def test_each_key_is_heard_once():
    keys = Keys()
    heard = [keys.heard(event(5, 1000)), keys.heard(event(5, 1000)), keys.heard(event(5, 1000, end=True))]
    heard += [keys.heard(event(5, 3000)), keys.heard(event(5, 1000, end=True)), keys.heard(event(11, 5000))]
    heard += [keys.heard(event(1, 5000, ssrc=2)), keys.heard(event(16, 9000)), keys.heard(event(1, 9000)[:13])]
    assert heard == ["5", "", "", "5", "", "#", "1", "", ""]
    assert keys.heard(event(2, 20_000, header=0x90)) == ""


# A real process


def talking(relay: RelayProcess, one, sdp: bytes = b"") -> bytes:
    answer = relay.sdp("offer", call_id="c", from_tag="a", sdp=sdp or one.sdp(), flags=["talk"])
    one.told(answer)
    return answer


def test_it_says_a_file_in_time_and_in_the_callers_codec(relay, party):
    one = party()
    talking(relay, one)
    sound = alaw_of(Path(tone("confirm").file).read_bytes())
    reply = relay.command("play media", call_id="c", from_tag="a", files=[tone("confirm").file])
    assert reply == {"result": b"ok", "duration": len(sound) // 8}
    packets, moments = [], []
    while len(packets) < 40:
        packets.append(one.hear())
        moments.append(time.monotonic())
    said = b"".join(packet[12:] for packet in packets)
    assert sound.translate(ULAW_OF_ALAW) in said
    heads = [struct.unpack("!BBHII", packet[:12]) for packet in packets]
    assert {(head[0], head[1], head[4]) for head in heads} == {(0x80, 0, heads[0][4])}
    assert {(b[2] - a[2]) & 0xFFFF for a, b in pairwise(heads)} == {1}
    assert {(b[3] - a[3]) & 0xFFFFFFFF for a, b in pairwise(heads)} == {160}
    assert moments[-1] - moments[0] == pytest.approx(39 * 0.02, abs=0.15)


def test_what_is_heard_is_written_down(relay, party, tmp_path):
    one, file = party(), tmp_path / "heard.wav"
    talking(relay, one)
    start = {"call_id": "c", "from_tag": "a", "file": str(file), "seconds": 60}
    assert relay.command("start recording", **start)["result"] == b"ok"
    assert relay.command("start recording", **start)["result"] == b"ok", "asked once more, for want of an answer"
    said = os.urandom(160 * 20)
    for number in range(20):
        one.say(rtp(number, said[number * 160 : number * 160 + 160]))
        one.hear()
    one.say(b"\x80\x65" + rtp(20)[2:])  # no sound but a key
    relay.until(lambda: relay.command("query", call_id="c")["sessions"][0]["streams"][0][0]["rtp"]["packets"] == 21)
    assert relay.command("stop recording", call_id="c", from_tag="a")["result"] == b"ok"
    assert relay.command("stop recording", call_id="c", from_tag="a")["result"] == b"ok"
    assert alaw_of(file.read_bytes()) == said.translate(ALAW_OF_ULAW)
    assert file.stat().st_mode & 0o077 == 0


def test_a_call_that_ends_finishes_its_recording(relay, party, tmp_path):
    one, file = party(), tmp_path / "heard.wav"
    talking(relay, one)
    relay.command("start recording", call_id="c", from_tag="a", file=str(file), seconds=60)
    one.say(rtp(1))
    relay.until(lambda: relay.command("query", call_id="c")["sessions"][0]["streams"][0][0]["rtp"]["packets"] == 1)
    assert relay.command("delete", call_id="c")["sessions"] == 1
    assert len(alaw_of(file.read_bytes())) == 160
    assert relay.statistics()["pairs-taken"] == 0


def test_mistakes_are_told(relay, party, tmp_path):
    one = party()
    talking(relay, one)
    for more, status in (
        ({"files": ["/nowhere.wav"]}, 404),
        ({"files": [__file__]}, 404),
        ({"files": "x"}, 400),
        ({"from_tag": "b", "files": []}, 404),
        ({"call_id": "d", "files": []}, 404),
    ):
        assert relay.command("play media", **{"call_id": "c", "from_tag": "a", **more})["status"] == status, more
    for more, status in (
        ({"file": "/nowhere/x.wav", "seconds": 5}, 503),
        ({"file": "", "seconds": 5}, 400),
        ({"file": str(tmp_path / "x"), "seconds": 0}, 400),
        ({"file": str(tmp_path / "x"), "seconds": b"5"}, 400),
    ):
        assert relay.command("start recording", call_id="c", from_tag="a", **more)["status"] == status, more
    relay.command("offer", call_id="e", from_tag="a", sdp=one.sdp(), flags=["echo"])
    assert relay.command("stop media", call_id="e", from_tag="a")["status"] == 404
    assert relay.command("stop media", call_id="c", from_tag="a")["result"] == b"ok"


def test_hold_keeps_the_port_and_resume_goes_on(relay, party):
    one = party()
    first = talking(relay, one)
    assert one.hear()
    held = relay.sdp(
        "offer", call_id="c", from_tag="a", to_tag="t", sdp=one.sdp(extra="a=sendonly\r\n"), flags=["talk"]
    )
    assert b"a=recvonly" in held
    assert held.split(b"m=audio ")[1][:5] == first.split(b"m=audio ")[1][:5]
    time.sleep(0.1)
    one.rtp.setblocking(False)
    try:
        while one.rtp.recv(4096):
            pass
    except BlockingIOError:
        pass
    one.rtp.settimeout(0.1)
    with pytest.raises(TimeoutError):
        one.hear()
    one.rtp.settimeout(5)
    relay.sdp("offer", call_id="c", from_tag="a", to_tag="t", sdp=one.sdp(), flags=["talk"])
    assert one.hear()


def test_packets_of_others_do_not_wait_for_a_hundred_who_listen(start_relay, party):
    """The worst of 200 round trips through the relay while it speaks to a hundred."""
    relay, a, b, mute = start_relay("24000-24999"), party(), party(), party()
    relay.call("x", a, b)
    for number in range(100):
        relay.sdp("offer", call_id=f"m{number}", from_tag="a", sdp=mute.sdp(), flags=["talk"])
        relay.command("play media", call_id=f"m{number}", from_tag="a", files=[tone("music").file], repeat=1)
    delays = []
    for number in range(200):
        began = time.monotonic()
        a.say(rtp(number))
        b.hear()
        delays.append(time.monotonic() - began)
        time.sleep(0.002)
    assert sorted(delays)[100] < 0.005, sorted(delays)[-5:]


def test_an_unready_file_is_no_sound(tmp_path, relay, party):
    one = party()
    talking(relay, one)
    (tmp_path / "x.wav").write_bytes(alaw_file(b"abc")[:-3])
    reply = relay.command("play media", call_id="c", from_tag="a", files=[str(tmp_path / "x.wav")])
    assert reply["status"] == 404


# Whispering


def test_who_answered_is_asked_and_hears_nobody_else_until_then(relay, party):
    a, b = party(), party()
    relay.call("c", a, b)
    answer = b.sdp(extra="a=rtpmap:101 telephone-event/8000\r\n")
    whisper = {"call_id": "c", "from_tag": "a", "via_branch": "z1"}
    sound = alaw_of(Path(tone("confirm").file).read_bytes()).translate(ULAW_OF_ALAW)
    reply = relay.command("whisper", **whisper, sdp=answer, files=[tone("confirm").file], repeat=1)
    assert reply == {"result": b"ok", "duration": len(sound) // 8}
    for number in range(60):
        a.say(rtp(number, b"a" * 160))
    said = b"".join(b.hear()[12:] for _ in range(80))
    assert sound in said
    assert b"a" * 160 not in said
    b.say(rtp(1, b"b" * 160))
    b.say(bytes(event(1, 4000)))
    heard = relay.event()
    assert (heard["event"], heard["key"], heard["branch"], heard["tag"]) == (b"dtmf", b"1", b"z1", b"b")
    a.rtp.settimeout(0.1)
    with pytest.raises(TimeoutError):
        a.hear()
    a.rtp.settimeout(5)
    assert relay.command("stop whisper", **whisper)["result"] == b"ok"
    b.say(rtp(2, b"b" * 160))
    assert a.hear() == rtp(2, b"b" * 160)
    a.say(rtp(99, b"a" * 160))
    while (packet := b.hear()) != rtp(99, b"a" * 160):
        assert packet[12:] in said or packet[12:] in sound * 3 or packet[12:] == b"\xff" * 160


def test_whispering_where_nobody_is(relay, party):
    a, b = party(), party()
    key = {"call_id": "c", "from_tag": "a", "via_branch": "z1"}
    assert relay.command("whisper", **key, sdp=b.sdp(), files=[])["status"] == 404
    assert relay.command("stop whisper", **key)["status"] == 404
    relay.sdp("offer", **key, sdp=a.sdp())
    assert relay.command("whisper", **key, sdp=b.sdp(), files=[])["status"] == 404
    relay.sdp("answer", **key, to_tag="b", sdp=b.sdp())
    assert relay.command("whisper", **key, sdp=b.sdp().replace(b"AVP 0", b"AVP 18"), files=[])["status"] == 488
    assert relay.command("whisper", **key, sdp=b.sdp(), files=["/nowhere"])["status"] == 404
    assert relay.command("whisper", **key, sdp=b.sdp(), files=[])["result"] == b"ok"
    assert relay.command("delete", call_id="c")["sessions"] == 1
    assert relay.statistics()["pairs-taken"] == 0


# Connecting


def test_two_ends_of_ours_are_connected_each_in_its_own_codec(relay, party):
    a, b = party(), party()
    events = "a=rtpmap:101 telephone-event/8000\r\n"
    for one, name, sdp in (
        (a, "a", a.sdp(extra=events)),
        (b, "b", b.sdp().replace(b"AVP 0 101", b"AVP 8 96") + b"a=rtpmap:96 telephone-event/8000\r\n"),
    ):
        one.told(relay.sdp("offer", call_id=name, from_tag=name, sdp=sdp, flags=["talk"]))
    before = [struct.unpack("!BBHII", one.hear()[:12]) for one in (a, b)]
    connect = {"call_id": "a", "from_tag": "a", "other_call_id": "b", "other_from_tag": "b"}
    assert relay.command("connect", **connect)["result"] == b"ok"
    for one in (a, b):
        one.rtp.setblocking(False)
        try:
            while one.rtp.recv(4096):
                pass
        except BlockingIOError:
            one.rtp.settimeout(5)
    for number in range(5):
        a.say(rtp(number, b"\x13" * 160, ssrc=77))
        b.say(b"\x80\x08" + rtp(40_000 + number, b"\x55" * 160, ssrc=88)[2:])
    heard_b, heard_a = [b.hear() for _ in range(5)], [a.hear() for _ in range(5)]
    for heard, payload, number, was in (
        (heard_b, (b"\x13" * 160).translate(ALAW_OF_ULAW), 8, before[1]),
        (heard_a, (b"\x55" * 160).translate(ULAW_OF_ALAW), 0, before[0]),
    ):
        heads = [struct.unpack("!BBHII", packet[:12]) for packet in heard]
        assert {packet[12:] for packet in heard} == {payload}
        assert {(head[0], head[1], head[4]) for head in heads} == {(0x80, number, was[4])}, "one stream goes on"
        assert 0 < (heads[0][2] - was[2]) & 0xFFFF < 50
        assert {(y[3] - x[3]) & 0xFFFFFFFF for x, y in pairwise(heads)} == {160}
    a.say(bytes(event(5, 9000, ssrc=77)))
    assert b.hear()[1] == 96, "keys too, under the number that each has for them"
    assert relay.command("delete", call_id="a")["sessions"] == 1
    assert b.hear()[12:] == b"\xd5" * 160, "and then silence of ours again"
    assert relay.command("connect", **connect)["status"] == 404


def test_it_offers_by_itself_and_takes_the_answer(relay, party):
    one = party()
    proposed = {"call_id": "c", "from_tag": "a", "to_tag": "s", "flags": ["talk"]}
    ours = relay.sdp("offer", **proposed)
    assert b" RTP/AVP 8 0%b 101\r\n" % (b" 9" * WIDE) in ours
    assert b"a=rtpmap:101 telephone-event/8000\r\n" in ours
    assert relay.sdp("offer", **proposed).split(b"\r\n")[2:] == ours.split(b"\r\n")[2:], "asked once more"
    one.told(ours)
    answer = one.sdp().replace(b"AVP 0 101", b"AVP 8 101") + b"a=rtpmap:101 telephone-event/8000\r\n"
    settle = {"call_id": "c", "from_tag": "a", "to_tag": "s", "flags": ["own"]}
    assert relay.command("answer", **settle, sdp=one.sdp().replace(b"AVP 0 101", b"AVP 18"))["status"] == 488
    assert relay.command("answer", **settle, sdp=answer)["result"] == b"ok"
    relay.command("play media", call_id="c", from_tag="a", files=[tone("confirm").file])
    sound = alaw_of(Path(tone("confirm").file).read_bytes())
    heard = b""
    while sound[:2000] not in heard:
        packet = one.hear()
        assert packet[1] == 8
        heard += packet[12:]
        assert len(heard) < 40_000
    one.say(bytes(event(7, 9000)))
    while (told := relay.event())["event"] != b"dtmf":
        pass
    assert told["key"] == b"7"
    # Within the call: the same port, the same number for keys, and the refused line again (RFC 3264 §8).
    held = relay.sdp("offer", call_id="c", from_tag="a", to_tag="s", sdp=one.sdp(extra="m=video 0 RTP/AVP 96\r\n"),
                     flags=["talk"])  # fmt: skip
    anew = relay.sdp("offer", **proposed)
    assert media_ports(anew) == [media_ports(ours)[0], 0] == media_ports(held)
    assert relay.command("answer", **settle, sdp=one.sdp())["result"] == b"ok"
    until_ulaw = [one.hear()[1] for _ in range(20)]
    assert until_ulaw[-1] == 0
    assert relay.command("delete", call_id="c")["sessions"] == 1
    assert relay.command("answer", **settle, sdp=answer)["status"] == 503
    assert relay.statistics()["pairs-taken"] == 0


def test_its_own_offer_may_be_to_encrypt(relay, party):
    one = party()
    proposed = {"call_id": "c", "from_tag": "a", "flags": ["echo"], "transport_protocol": "RTP/SAVP"}
    ours = relay.sdp("offer", **proposed)
    assert b" RTP/SAVP 8 0%b 101\r\n" % (b" 9" * WIDE) in ours
    assert ours.count(b"a=crypto:") >= 2
    refused = relay.command("answer", call_id="c", from_tag="a", flags=["own"], sdp=one.sdp())
    assert refused["status"] == 488
    secure = Secure(one)
    secure.told(ours)
    relay.sdp("answer", call_id="c", from_tag="a", flags=["own"], sdp=secure.sdp())
    secure.say(rtp(1, b"\x13" * 160))
    assert secure.hear()[12:] == b"\x13" * 160


@pytest.mark.skipif(not WIDE, reason="no G722 for this machine")
def test_g722_is_spoken_and_connected_with_g711(relay, party):
    a, b = party(), party()
    wide = a.sdp().replace(b"AVP 0 101", b"AVP 9")
    a.told(relay.sdp("offer", call_id="a", from_tag="a", sdp=wide, flags=["talk"]))
    b.told(relay.sdp("offer", call_id="b", from_tag="b", sdp=b.sdp().replace(b"AVP 0 101", b"AVP 8"), flags=["talk"]))
    relay.command("play media", call_id="a", from_tag="a", files=[tone("confirm").file])
    sound, decoder, heard = alaw_of(Path(tone("confirm").file).read_bytes()), CODERS["G722"](), b""
    for _ in range(30):
        packet = a.hear()
        assert (packet[1], len(packet)) == (9, 172)
        heard += decoder.decode(packet[12:])
    loud = [abs(sample) for sample in samples_of(pcm_of_alaw(heard))]
    assert max(loud) > 0.7 * max(abs(sample) for sample in samples_of(pcm_of_alaw(sound)))
    connect = {"call_id": "a", "from_tag": "a", "other_call_id": "b", "other_from_tag": "b"}
    assert relay.command("connect", **connect)["result"] == b"ok"
    encoder = CODERS["G722"]()
    samples = array("h", [int(9000 * sin(2 * pi * 500 * n / 8000)) for n in range(1600)])
    for number in range(10):
        payload = encoder.encode(alaw_of_pcm(samples[number * 160 : number * 160 + 160]))
        a.say(b"\x80\x09" + rtp(number, payload, ssrc=77)[2:])
    heard = b""
    while not heard or max(samples_of(pcm_of_alaw(heard[-160:]))) < 7000:
        packet = b.hear()
        assert packet[1] == 8
        heard += packet[12:]
