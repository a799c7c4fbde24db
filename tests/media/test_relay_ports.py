"""Ports are taken, kept apart and given back: forks, deletion, exhaustion, silence, and the end of the process."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess

from .conftest import SECONDS, media_ports, rtp

_FIRST = 24_000 + os.getpid() % 500 * 10
"""Where each port counts: another range for each run of the tests."""


def test_each_forked_branch_has_ports_and_sound_of_its_own(relay, party):
    a, b, c = party(), party(), party()
    for branch, one in (("z1", b), ("z2", c)):
        one.told(relay.sdp("offer", call_id="c", from_tag="a", via_branch=branch, sdp=a.sdp()))
    assert b.relay != c.relay
    early = relay.sdp("answer", call_id="c", from_tag="a", to_tag="tb", via_branch="z1", sdp=b.sdp())
    final = relay.sdp("answer", call_id="c", from_tag="a", to_tag="tc", via_branch="z2", sdp=c.sdp())
    assert media_ports(early) != media_ports(final)
    b.say(rtp(1))
    assert a.hear() == rtp(1)
    c.say(rtp(2))
    assert a.hear() == rtp(2)
    assert relay.command("delete", call_id="c", via_branch="z1")["sessions"] == 1
    assert relay.statistics()["sessions"] == 1
    a.told(final)
    a.say(rtp(3))
    assert c.hear() == rtp(3), "the other branch goes on"
    again = relay.sdp("offer", call_id="c", from_tag="tc", to_tag="a", via_branch="z7", sdp=c.sdp())
    assert media_ports(again)[0] == a.relay[1]


def test_all_ports_are_back_after_a_thousand_calls(start_relay, party):
    relay = start_relay("24000-24399")
    a, b = party(), party()
    free = relay.statistics()["pairs-free"]
    files = len(os.listdir(f"/proc/{relay.process.pid}/fd"))
    rng = random.Random(3)
    for number in range(1000):
        call_id = f"c{number}"
        for branch in ("z1", "z2")[: rng.randint(1, 2)]:
            relay.sdp("offer", call_id=call_id, from_tag="a", via_branch=branch, sdp=a.sdp())
        if rng.random() < 0.7:
            answer = relay.sdp("answer", call_id=call_id, from_tag="a", to_tag="b", via_branch="z1", sdp=b.sdp())
            a.told(answer)
            a.say(rtp(number))
        if rng.random() < 0.3:
            relay.command("delete", call_id=call_id, via_branch="z1")
        relay.command("delete", call_id=call_id)
    left = relay.statistics()
    assert (left["pairs-free"], left["pairs-taken"], left["calls"], left["sessions"]) == (free, 0, 0, 0)
    assert len(os.listdir(f"/proc/{relay.process.pid}/fd")) == files


def test_used_up_ports_refuse_the_new_call_and_spare_the_running_one(start_relay, party):
    relay = start_relay(f"{_FIRST}-{_FIRST + 7}")  # four pairs: one call has two, and a second one two
    a, b = party(), party()
    relay.call("c", a, b)
    relay.sdp("offer", call_id="d", from_tag="a", sdp=a.sdp())
    reply = relay.command("offer", call_id="e", from_tag="a", sdp=a.sdp())
    assert (reply["result"], reply["status"]) == (b"error", 503)
    more = a.sdp() + b"m=video 4000 RTP/AVP 96\r\n"
    assert relay.command("offer", call_id="c", from_tag="a", to_tag="b", sdp=more)["status"] == 503
    a.say(rtp(1))
    assert b.hear() == rtp(1)
    relay.sdp("answer", call_id="d", from_tag="a", to_tag="b", sdp=b.sdp())  # its ports were kept for it
    relay.command("delete", call_id="d")
    relay.sdp("offer", call_id="e", from_tag="a", sdp=a.sdp())


def test_ports_of_another_program_are_passed_over(start_relay, party):
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("127.0.0.1", _FIRST + 1))
    relay = start_relay(f"{_FIRST}-{_FIRST + 5}")
    a, b = party(), party()
    relay.call("c", a, b)
    assert {a.relay[1], b.relay[1]} == {_FIRST + 2, _FIRST + 4}
    taken.close()


def test_a_silent_call_is_given_up_and_counted(start_relay, party):
    relay = start_relay("24000-24199", "--silence", "0.3", "--held", "600")
    a, b = party(), party()
    relay.call("silent", a, b)
    relay.sdp("offer", call_id="ringing", from_tag="a", sdp=a.sdp())
    held = a.sdp(extra="a=inactive\r\n")
    relay.sdp("offer", call_id="held", from_tag="a", sdp=held)
    relay.sdp("answer", call_id="held", from_tag="a", to_tag="b", sdp=held)
    relay.until(lambda: relay.statistics()["timed-out"] == 1)
    assert relay.command("query", call_id="silent")["status"] == 404
    assert sorted(relay.command("list")["calls"]) == [b"held", b"ringing"]


def test_a_call_from_before_the_restart_is_taken_up_by_its_next_offer(relay, party):
    a, b = party(), party()
    keys = {"call_id": "old", "from_tag": "tb", "to_tag": "ta", "via_branch": "z5"}
    a.told(relay.sdp("offer", sdp=b.sdp(), **keys))
    b.told(relay.sdp("answer", sdp=a.sdp(), **keys))
    b.say(rtp(1))
    assert a.hear() == rtp(1)
    assert relay.command("delete", call_id="old", from_tag="ta")["sessions"] == 1


def test_broken_sdp_leaves_nothing_behind(relay, party):
    a = party()
    for sdp in (b"garbage", b"v=0\r\nm=audio x RTP/AVP 0\r\n", b"v=0\r\nm=audio 4000 RTP/AVP 0\r\n"):
        assert relay.command("offer", call_id="c", from_tag="a", sdp=sdp)["status"] == 488
    assert relay.command("offer", call_id="c", from_tag="a", sdp=a.sdp(), to_interface="moon")["status"] == 503
    assert relay.command("answer", call_id="c", from_tag="a", sdp=a.sdp())["status"] == 503
    assert relay.statistics()["pairs-taken"] == 0
    relay.sdp("offer", call_id="c", from_tag="a", sdp=a.sdp())
    more = a.sdp() + b"m=video 4000 RTP/AVP 96\r\n"
    assert relay.command("answer", call_id="c", from_tag="a", sdp=more)["status"] == 488


def test_garbage_on_the_control_socket_gets_an_error_or_silence(relay):
    rng = random.Random(1)
    for number in range(2000):
        relay.raw(b"" if number == 0 else rng.randbytes(rng.randint(1, 300)))
        relay.raw(b"junk%d " % number + rng.choice((b"", b"d7:command5:offere", b"i5e", b"d", b"l" * 50, b"9:x")))
        reply = relay.sock.recv(65_536)
        while not reply.startswith(b"junk%d " % number):
            reply = relay.sock.recv(65_536)
        assert b"6:result5:error" in reply
    relay.sock.settimeout(0.01)
    try:
        while relay.sock.recv(65_536):
            pass
    except TimeoutError:
        relay.sock.settimeout(SECONDS)
    assert relay.command("ping")["result"] == b"pong"


def test_the_end_frees_the_control_socket(relay, party):
    a, b = party(), party()
    relay.call("c", a, b)
    assert relay.end() == (0, b"")
    assert not os.path.exists(relay.path)


def test_it_takes_the_control_socket_over_from_a_dead_one(start_relay, tmp_path):
    relay = start_relay()
    relay.process.send_signal(signal.SIGKILL)
    relay.process.wait(timeout=SECONDS)
    assert os.path.exists(relay.path)
    second = subprocess.Popen(
        [*relay.process.args],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert second.stdout is not None
    try:
        assert second.stdout.readline() == b"ready\n"
        assert relay.command("ping")["result"] == b"pong"
    finally:
        second.terminate()
        second.wait(timeout=SECONDS)
