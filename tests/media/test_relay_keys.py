"""Keys in the relay: pressed into what a party says, made for one that is silent, taken out and told."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest

from .conftest import RelayProcess, rtp

EVENTS = "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"


def said(number: int) -> bytes:
    """A packet of sound, in time with its number."""
    return struct.pack("!BBHII", 0x80, 0, number, number * 160, 77) + b"s" * 160


def pressed(number: int, key: int, timestamp: int, duration: int = 160, end: bool = False) -> bytes:
    return struct.pack("!BBHII", 0x80, 101, number, timestamp, 77) + struct.pack("!BBH", key, end << 7 | 10, duration)


@pytest.fixture
def pair(relay: RelayProcess, party):
    a, b = party(), party()
    b.told(relay.sdp("offer", call_id="c", from_tag="a", via_branch="z1", sdp=a.sdp(extra=EVENTS)))
    a.told(relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", via_branch="z1", sdp=b.sdp(extra=EVENTS)))
    for one, other in ((a, b), (b, a)):
        one.say(rtp(1))
        assert other.hear()
    return a, b


A_TO_B = {"call_id": "c", "from_tag": "a", "to_tag": "b"}


def test_a_key_takes_the_place_of_sound(relay: RelayProcess, pair) -> None:
    a, b = pair
    for _ in range(2):  # the answer to the first one was lost
        assert relay.command("play DTMF", **A_TO_B, code="5", duration=100, serial=9)["result"] == b"ok"
    packets = []
    for number in range(10, 26):
        a.say(said(number))
        packets.append(b.hear())
    heads = [struct.unpack("!BBHII", packet[:12]) for packet in packets]
    assert [head[2] for head in heads] == list(range(10, 26)), "no gap, nothing twice"
    assert {head[4] for head in heads} == {77}
    kinds = [head[1] & 0x7F for head in heads]
    assert kinds == [101] * 7 + [0] * 9
    events = packets[:7]
    assert {packet[12] for packet in events} == {5}
    assert {struct.unpack("!I", packet[4:8])[0] for packet in events} == {10 * 160}
    assert [int.from_bytes(packet[14:16], "big") for packet in events] == [160, 320, 480, 640, 800, 800, 800]
    assert [packet[13] >> 7 for packet in events] == [0, 0, 0, 0, 1, 1, 1]
    assert [head[1] >> 7 for head in heads[:3]] == [1, 0, 0]


def test_two_keys_have_a_pause_between_them(relay: RelayProcess, pair) -> None:
    a, b = pair
    for key in "1#":
        relay.command("play DTMF", **A_TO_B, code=key, duration=60)
    kinds = []
    for number in range(20):
        a.say(said(number))
        kinds.append(b.hear()[1] & 0x7F)
    assert kinds == [101] * 5 + [0] * 4 + [101] * 5 + [0] * 6


def test_a_silent_party_has_a_stream_made_for_it(relay: RelayProcess, pair) -> None:
    _, b = pair
    relay.command("play DTMF", **A_TO_B, code="D", duration=100)
    packets = [b.hear() for _ in range(7)]
    heads = [struct.unpack("!BBHII", packet[:12]) for packet in packets]
    assert {head[1] & 0x7F for head in heads} == {101}
    assert {packet[12] for packet in packets} == {15}
    assert all((two[2] - one[2]) & 0xFFFF == 1 for one, two in pairwise(heads))
    assert packets[-1][13] >> 7


def test_keys_are_taken_out_and_told(relay: RelayProcess, pair) -> None:
    a, b = pair
    assert relay.command("block DTMF", **A_TO_B)["result"] == b"ok"
    a.say(said(2))
    a.say(pressed(3, 7, 480))
    a.say(pressed(4, 7, 480, 320, True))
    a.say(said(5))
    assert [struct.unpack("!H", b.hear()[2:4])[0] for _ in range(2)] == [2, 5]
    event = relay.event()
    assert (event["event"], event["tag"], event["key"]) == (b"dtmf", b"a", b"7")
    relay.command("unblock DTMF", **A_TO_B)
    a.say(pressed(6, 8, 960))
    assert b.hear()[1] & 0x7F == 101


def test_an_answer_with_another_payload_type_counts(relay: RelayProcess, pair) -> None:
    a, b = pair
    relay.command("block DTMF", **A_TO_B)
    more = EVENTS.replace("101", "96")
    relay.sdp("offer", call_id="c", from_tag="a", to_tag="b", sdp=a.sdp(extra=more))
    relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", sdp=b.sdp(extra=more))
    a.say(pressed(2, 7, 480).replace(b"\x80\x65", b"\x80\x60", 1))
    assert relay.event()["key"] == b"7"


def test_a_relay_that_takes_the_call_up_goes_on_taking_keys(relay: RelayProcess, pair) -> None:
    a, _ = pair
    state = relay.command("block DTMF", **A_TO_B)["state"]
    relay.command("delete", call_id="c")
    assert relay.command("restore", state=state)["result"] == b"ok"
    a.say(pressed(3, 7, 480))
    assert relay.event()["key"] == b"7"


def test_mistakes_are_told(relay: RelayProcess, party) -> None:
    a, b = party(), party()
    assert relay.command("play DTMF", **A_TO_B, code="5")["status"] == 404
    relay.call("c", a, b)
    assert relay.command("play DTMF", **A_TO_B, code="5")["status"] == 488, "b knows no telephone events"
    for more in ({"code": "x"}, {"code": "55"}, {"code": "5", "duration": 1}, {"code": "5", "duration": b"9"}):
        assert relay.command("play DTMF", **A_TO_B, **more)["status"] == 400
    relay.command("offer", call_id="e", from_tag="a", sdp=a.sdp(), flags=["talk"])
    assert relay.command("play DTMF", call_id="e", from_tag="a", to_tag="b", code="5")["status"] == 404


def test_a_call_that_ends_in_the_middle_of_a_key(relay: RelayProcess, pair) -> None:
    relay.command("play DTMF", **A_TO_B, code="5", duration=5000)
    relay.command("delete", call_id="c")
    assert relay.statistics()["pairs-taken"] == 0
