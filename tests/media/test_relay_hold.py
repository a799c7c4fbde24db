"""Who is held hears music, unless the other party has music of its own."""

from __future__ import annotations

import struct
import time
from contextlib import suppress
from pathlib import Path

import pytest

from softswitch.media.relay.hold import answer_inactive, offer_to_hear
from softswitch.sip.sdp import Sdp
from softswitch.sound.library import tone
from softswitch.sound.wav import alaw_of

from .conftest import media_ports
from .test_relay_srtp import Secure

MUSIC = tone("music").file
SOUND = alaw_of(Path(MUSIC).read_bytes())
LOUD = b"\x13" * 160


def pcma(number: int, payload: bytes = LOUD, ssrc: int = 7) -> bytes:
    return struct.pack("!BBHII", 0x80, 8, number & 0xFFFF, number * 160, ssrc) + payload


def sdp(one, direction: str = "sendrecv", **more) -> bytes:
    return one.sdp(extra=f"a={direction}\r\n", **more).replace(b"AVP 0 101", b"AVP 8 101")


def in_a_call(relay, a, b):
    offer = {"call_id": "c", "from_tag": "a", "via_branch": "z1", "music": MUSIC}
    b.told(relay.sdp("offer", **offer, sdp=sdp(a)))
    a.told(relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", via_branch="z1", sdp=sdp(b)))
    talks(a, b)


def talks(a, b, numbers=range(1, 4)):
    for number in numbers:
        a.say(pcma(number))
        assert b.hear() == pcma(number)
        b.say(pcma(number, ssrc=9))
        assert a.hear() == pcma(number, ssrc=9)


def holds(
    relay, a, b, direction: str = "sendonly", answer: str = "recvonly", music: str = MUSIC, **more
) -> list[bytes]:
    """What b is offered and a is answered."""
    tags = {"call_id": "c", "from_tag": "a", "to_tag": "b"}
    offer = relay.sdp("offer", **tags, sdp=sdp(a, direction, **more), music=music)
    return [offer, relay.sdp("answer", **tags, sdp=sdp(b, answer))]


def hears_music(b, within: float = 5.0) -> None:
    heard, end = b"", time.monotonic() + within
    while len(heard) < 4000:
        packet = b.hear()
        assert time.monotonic() < end
        if packet[12:] != LOUD:
            heard += packet[12:]
    # The jump into the middle of the first second has no silence in it.
    assert heard[-1600:] in SOUND + SOUND


def hears_nothing(b, seconds: float = 0.5) -> None:
    b.rtp.settimeout(seconds)
    with pytest.raises(TimeoutError):
        b.hear()
    b.rtp.settimeout(5)


def test_who_holds_with_inactive_has_the_other_hear_music_until_the_end(relay, party):
    a, b = party("127.0.0.2"), party("127.0.0.3")
    in_a_call(relay, a, b)
    offer, answer = holds(relay, a, b, "inactive")
    assert b"a=sendonly" in offer, "b is to hear something"
    assert b"a=inactive" in answer, "and a needn't know"
    assert media_ports(offer) == [b.relay[1]]
    hears_music(b, 2.0)
    holds(relay, a, b, "inactive")  # a session refreshed: the music goes on
    first = b.hear()
    assert struct.unpack("!H", b.hear()[2:4])[0] == struct.unpack("!H", first[2:4])[0] + 1 & 0xFFFF
    offer, answer = holds(relay, a, b, "sendrecv", "sendrecv")
    assert b"a=sendrecv" in offer
    assert b"a=sendrecv" in answer
    b.rtp.setblocking(False)
    time.sleep(0.05)
    try:
        while b.rtp.recv(4096):
            pass
    except BlockingIOError:
        b.rtp.settimeout(5)
    talks(a, b, range(10, 13))
    hears_nothing(b, 0.2)


def test_a_phone_that_is_silent_on_hold_is_waited_for(relay, party):
    a, b = party("127.0.0.2"), party("127.0.0.3")
    in_a_call(relay, a, b)
    offer, answer = holds(relay, a, b)
    assert b"a=sendonly" in offer
    assert b"a=recvonly" in answer
    hears_nothing(b, 0.8)
    a.say(pcma(20, b"\xd5" * 160))
    hears_music(b, 4.0)
    a.say(pcma(21))
    while b.hear() != pcma(21):
        pass  # music of its own after all: ours ends
    hears_nothing(b, 0.2)
    for number in range(22, 30):
        a.say(pcma(number))
        assert b.hear() == pcma(number)


def test_a_phone_with_music_of_its_own_is_let_alone(relay, party):
    a, b = party("127.0.0.2"), party("127.0.0.3")
    in_a_call(relay, a, b)
    holds(relay, a, b)
    for number in range(100):
        a.say(pcma(number))
        assert b.hear() == pcma(number)
        time.sleep(0.02)
    hears_nothing(b)


def test_held_the_old_way_and_by_who_answered_and_without_music(relay, party):
    a, b = party("127.0.0.2"), party("127.0.0.3")
    in_a_call(relay, a, b)
    offer, _ = holds(relay, a, b, "sendrecv", host="0.0.0.0")
    assert b"0.0.0.0" not in offer.split(b"\r\nt=")[1]
    assert b"a=sendonly" in offer
    hears_music(b)
    holds(relay, a, b, "sendrecv", "sendrecv")
    tags = {"call_id": "c", "from_tag": "b", "to_tag": "a"}
    assert b"a=sendonly" in relay.sdp("offer", **tags, sdp=sdp(b, "inactive"), music=MUSIC)
    assert b"a=inactive" in relay.sdp("answer", **tags, sdp=sdp(a, "recvonly"))
    hears_music(a)
    # Its session is refreshed by who is held: the answer says "inactive", and that, too, means music.
    tags = {"call_id": "c", "from_tag": "a", "to_tag": "b"}
    relay.sdp("offer", **tags, sdp=sdp(a), music=MUSIC)
    assert b"a=sendonly" in relay.sdp("answer", **tags, sdp=sdp(b, "inactive"))
    hears_music(a)
    relay.sdp("offer", call_id="c", from_tag="b", to_tag="a", sdp=sdp(b), music="")
    relay.sdp("answer", call_id="c", from_tag="b", to_tag="a", sdp=sdp(a))
    offer, answer = holds(relay, a, b, "inactive", "inactive", music="")
    assert b"a=inactive" in offer
    assert b"a=inactive" in answer
    hears_nothing(b, 0.6)


def test_no_music_where_it_cannot_be_understood(relay, party):
    """Another codec, keys that pass us by, a file that is gone, and both on hold."""
    a, b = party("127.0.0.2"), party("127.0.0.3")
    in_a_call(relay, a, b)
    tags = {"call_id": "c", "from_tag": "a", "to_tag": "b"}
    for replaced, music in (
        ((b"AVP 8", b"AVP 18"), MUSIC),
        ((b"AVP 8", b"SAVP 8"), MUSIC),
        ((b"", b""), "/no/such.wav"),
    ):
        relay.sdp("offer", **tags, sdp=sdp(a, "inactive"), music=music)
        relay.sdp("answer", **tags, sdp=sdp(b, "recvonly").replace(*replaced))
        hears_nothing(b, 0.5)
    holds(relay, a, b, "inactive", "inactive")
    hears_nothing(b, 0.5)
    assert relay.command("delete", call_id="c")["sessions"] == 1
    assert relay.statistics()["pairs-taken"] == 0


def test_a_phone_that_encrypts_hears_it_encrypted(relay, party):
    a, b = party("127.0.0.2"), Secure(party("127.0.0.3"))
    secured = {"call_id": "c", "from_tag": "a", "via_branch": "z1", "music": MUSIC, "transport_protocol": "RTP/SAVP"}
    b.told(relay.sdp("offer", **secured, sdp=sdp(a)))
    answer = b.sdp().replace(b"AVP 0 101", b"AVP 8 101")
    a.told(relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", via_branch="z1", sdp=answer))
    tags = {"call_id": "c", "from_tag": "a", "to_tag": "b"}
    relay.sdp("offer", **tags, sdp=sdp(a, "inactive"), music=MUSIC)
    relay.sdp("answer", **tags, sdp=answer + b"a=recvonly\r\n")
    assert b"".join(b.hear()[12:] for _ in range(10)) in SOUND


def test_a_relay_that_is_started_anew_plays_on(start_relay, party):
    first, a, b = start_relay(), party("127.0.0.2"), party("127.0.0.3")
    in_a_call(first, a, b)
    tags = {"call_id": "c", "from_tag": "a", "to_tag": "b"}
    first.sdp("offer", **tags, sdp=sdp(a, "inactive"), music=MUSIC)
    state = first.command("answer", **tags, sdp=sdp(b, "recvonly"))["state"]
    hears_music(b)
    first.end()
    assert start_relay().command("restore", state=state)["result"] == b"ok"
    hears_music(b)


def test_two_ends_of_ours_have_music_too(relay, party):
    """A call that was parked and taken: one of the two holds."""
    a, b = party("127.0.0.2"), party("127.0.0.3")
    talk = {"flags": ["talk"], "music": MUSIC}
    for one, name in ((a, "a"), (b, "b")):
        one.told(relay.sdp("offer", call_id=name, from_tag=name, sdp=sdp(one), **talk))
    assert relay.command("connect", call_id="a", from_tag="a", other_call_id="b", other_from_tag="b")["result"] == b"ok"
    relay.sdp("offer", call_id="a", from_tag="a", sdp=sdp(a, "sendonly"), **talk)
    a.say(pcma(1))  # what was said before
    hears_music(b)
    time.sleep(0.4)
    a.say(pcma(2, b"\xd5" * 160))
    hears_music(b)
    relay.sdp("offer", call_id="a", from_tag="a", sdp=sdp(a), **talk)
    b.rtp.settimeout(0.3)
    with suppress(TimeoutError):
        while True:
            b.hear()
    b.rtp.settimeout(5)
    last = None
    for number in range(3, 6):
        a.say(pcma(number))
        heard = b.hear()
        assert heard[12:] == LOUD
        assert last is None or struct.unpack("!H", heard[2:4])[0] == last + 1 & 0xFFFF
        last = struct.unpack("!H", heard[2:4])[0]
    relay.sdp("offer", call_id="a", from_tag="a", sdp=sdp(a, "sendonly"), **talk)
    hears_music(b)
    time.sleep(0.4)
    a.say(pcma(9))
    while b.hear()[12:] != LOUD:
        pass  # it has music of its own
    hears_nothing(b, 0.2)


def test_only_what_says_that_nothing_is_sent_is_changed():
    for text, wanted in ((b"a=sendonly\n", False), (b"", False), (b"a=inactive\n", True)):
        parsed = Sdp.parse(b"v=0\nc=IN IP4 192.0.2.1\nm=audio 9 RTP/AVP 8\n" + text)
        assert offer_to_hear(parsed, parsed.media[0]) is wanted
        assert (b"a=sendonly\n" in bytes(parsed)) is (text != b"")
    parsed = Sdp.parse(b"v=0\na=inactive\nc=IN IP6 ::\nm=audio 9 RTP/AVP 8")
    assert offer_to_hear(parsed, parsed.media[0])
    assert bytes(parsed).endswith(b"\nm=audio 9 RTP/AVP 8\r\nc=IN IP6 ::1\r\na=sendonly\r\n")
    answer_inactive(parsed, parsed.media[0])
    assert bytes(parsed).endswith(b"a=sendonly\r\n")
