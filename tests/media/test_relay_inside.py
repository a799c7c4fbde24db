"""Parts of the relay within the test's own process: its pool, its settings, and what it leaves behind."""

from __future__ import annotations

import gc
import re
import shlex
from pathlib import Path

import pytest

from softswitch.errors import PeerError
from softswitch.media.relay.calls import Calls, Key
from softswitch.media.relay.commands import Commands
from softswitch.media.relay.hold import Hold
from softswitch.media.relay.pairs import Pair, Pairs
from softswitch.media.relay.plane import Plane
from softswitch.media.relay.pool import PortPool
from softswitch.media.relay.port import Port
from softswitch.media.relay.session import Session, Stream
from softswitch.media.relay.settings import Network, RelaySettings, parse_arguments, parse_control
from softswitch.media.relay.talker import Talker
from softswitch.sip.sdp import Sdp
from softswitch.sound.library import tone

SDP = b"v=0\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\nm=video 4002 RTP/AVP 96\r\n"
CRYPTO = b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + b"A" * 40 + b"\r\n"
LAN, WAN = Network("lan", "127.0.0.1", "127.0.0.1"), Network("wan", "127.0.0.2", "192.0.2.1")


@pytest.fixture
def calls():
    settings = RelaySettings("udp:127.0.0.1:1", (LAN, WAN), 25_000, 25_199)
    plane = Plane(1000)
    calls = Calls(settings, Pairs(plane, PortPool(25_000, 25_199, seed=1), settings.networks))
    yield calls
    calls.close()
    plane.close()


def test_the_pool_gives_even_numbers_and_the_oldest_first():
    pool = PortPool(20_001, 20_010, seed=4)
    taken = [pool.take() for _ in range(4)]
    assert sorted(taken) == [20_002, 20_004, 20_006, 20_008], "20010 has no partner"
    assert pool.take() is None
    for number in (20_006, 20_002, 20_008):
        pool.give_back(number)
    assert (pool.free, pool.taken) == (3, 1)
    assert [pool.take(), pool.take(), pool.take()] == [20_006, 20_002, 20_008]
    with pytest.raises(KeyError):
        pool.give_back(20_010)


def test_a_call_leaves_no_cycles_for_the_collector(calls):
    """The relay runs without a collector: what is not freed by counting references stays for ever."""

    def one_call(number):
        call_id = b"c%d" % number
        calls.offer(Key(call_id, b"a", via_branch=b"z1"), SDP, "lan", "", 0.0)
        calls.offer(Key(call_id, b"a", via_branch=b"z2"), SDP, "wan", "", 0.0)
        calls.answer(Key(call_id, b"a", b"b", b"z1"), SDP, "lan", "", 0.0)
        calls.offer(Key(call_id, b"b", b"a", b"z3"), SDP.replace(b"4000", b"4010"), "wan", "", 0.0)
        calls.answer(Key(call_id, b"b", b"a", b"z3"), SDP, "lan", "", 0.0)
        calls.echo(Key(b"echo", b"a"), SDP, "lan", "", 0.0)
        with pytest.raises(PeerError):
            calls.offer(Key(call_id, b"a"), b"junk", "lan", "", 0.0)
        calls.talk(Key(b"talk", b"a"), SDP, "lan", "", 0.0)
        calls.talkers.run(0.0)
        calls.delete(b"talk")
        calls.talkers.run(1.0)
        secret = Key(b"secret", b"a")
        held = Key(b"held", b"a", b"b")
        for direction in (b"sendrecv", b"inactive"):
            calls.offer(held, SDP + b"a=" + direction + b"\r\n", "lan", "", 0.0, music=tone("music").file)
            calls.answer(held, SDP, "lan", "", 0.0)
            calls.look(0.3)
        calls.delete(b"held")
        calls.propose(Key(b"ours", b"a"), "lan", False, 0.0)
        calls.settle(Key(b"ours", b"a"), SDP[: SDP.rindex(b"m=")], "", 0.0)
        calls.delete(b"ours")
        calls.talkers.run(2.0)
        calls.offer(secret, SDP, "lan", "", 0.0, "OSRTP")
        calls.answer(secret, SDP.replace(b"RTP/AVP 0\r\n", b"RTP/AVP 0\r\n" + CRYPTO), "lan", "", 0.0)
        states = calls.states(b"secret")
        calls.delete(b"secret")
        calls.restore(*states.values(), 0.0)
        calls.delete(b"secret")
        calls.delete(b"echo")
        calls.delete(call_id)
        calls.sweep(0.0)
        calls.look(100.0)

    one_call(0)
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for number in range(50):
            one_call(number)
        assert len(gc.get_objects()) - before < 50 * 5, "pytest.raises itself leaves a little"
        kept = [thing for thing in gc.get_objects() if type(thing) in (Port, Pair, Session, Stream, Sdp, Talker, Hold)]
        assert kept == []
    finally:
        gc.enable()


def test_a_party_that_moves_to_another_network_gets_new_ports_there(calls):
    key = Key(b"c", b"a", b"b")
    calls.offer(Key(b"c", b"a"), SDP, "lan", "", 0.0)
    calls.answer(key, SDP, "lan", "", 0.0)
    taken = calls.pairs.pool.taken
    assert b"c=IN IP4 192.0.2.1" in calls.offer(key, SDP, "wan", "", 0.0)
    assert calls.pairs.pool.taken == taken


def test_commands_refuse_what_they_cannot_read(calls):
    commands = Commands(calls)
    for message in (
        {},
        {"command": 5},
        {"command": b"explode"},
        {"command": b"offer"},
        {"command": b"offer", "call-id": b"c", "from-tag": b"a"},
        {"command": b"offer", "call-id": [], "from-tag": b"a", "sdp": SDP},
        {"command": b"offer", "call-id": b"c", "from-tag": b"a", "sdp": SDP, "flags": b"echo"},
        {"command": b"list", "limit": b"x"},
        {"command": b"delete"},
    ):
        assert commands.run(message, 0.0)["status"] == 400
    assert commands.run({"command": b"delete", "call-id": b"nobody's"}, 0.0) == {
        "result": "ok",
        "sessions": 0,
        "ended": [],
        "quality": [],
    }


def test_settings_go_through_the_command_line():
    settings = RelaySettings("unix:/run/x/ng", (LAN, WAN), 30_000, 30_999, 60.0, 70.0, 0.1, 500, 45.0, True)
    assert parse_arguments(settings.arguments()) == settings


@pytest.mark.parametrize("text", ["", "lan", "=1.2.3.4", "lan=", "lan=x", "lan=0.0.0.0", "lan=10.0.0.1/::1"])
def test_networks_that_make_no_sense(text):
    with pytest.raises(ValueError):
        Network.parse(text)


@pytest.mark.parametrize(
    "text", ["", "unix:", "tcp:127.0.0.1:1", "udp:192.0.2.1:2223", "udp:0.0.0.0:2223", "udp:::1", "udp:127.0.0.1:0"]
)
def test_the_control_socket_is_never_open_to_the_world(text):
    with pytest.raises(ValueError):
        parse_control(text)


def test_control_addresses():
    assert parse_control("unix:/run/x/ng") == "/run/x/ng"
    assert parse_control("udp:127.0.0.1:2223") == ("127.0.0.1", 2223)
    assert parse_control("udp:[::1]:2223") == ("::1", 2223)


def test_the_command_in_the_documentation_is_understood():
    text = (Path(__file__).parents[2] / "docs" / "media.md").read_text()
    found = re.search(r"^    python -m softswitch.media.relay ((?:.*\\\n)*.*)", text, re.MULTILINE)
    assert found is not None
    settings = parse_arguments(shlex.split(found.group(1).replace("\\\n", " ")))
    assert settings.networks[1] == Network("internet", "10.0.0.1", "198.51.100.1")
    for option, value in (("silence", settings.silence_seconds), ("held", settings.held_seconds)):
        assert f"| `--{option}` | {value:.0f} |" in text
    assert f"| `--patience` | {settings.patience_seconds} |" in text
    assert f"| `--max-rate` | {settings.max_packets_per_second} |" in text
