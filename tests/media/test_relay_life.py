"""The relay and the switch each outlive the other for a while, and ports that are used up are told of."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time

import pytest

from softswitch.media.client import RelayClient
from softswitch.media.relay.settings import Network, RelaySettings
from softswitch.media.supervise import RelaySupervisor

from .conftest import rtp

NETWORKS = (Network("lan", "127.0.0.1", "127.0.0.1"),)


def settings(control, **more):
    return RelaySettings(control, NETWORKS, 28_000, 28_099, **more)


def runs(pid):
    """Whether this process is there and no zombie."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


async def test_a_switch_that_ends_leaves_its_calls_to_the_next_one(tmp_path, party):
    control = f"unix:{tmp_path}/ng"
    a, b = party(), party()
    first = RelaySupervisor(settings(control), leaves=lambda: True)
    await first.start()
    assert not first.took_over
    client = RelayClient(control)
    client.open()
    offer = {"command": "offer", "call-id": "c", "from-tag": "a", "sdp": a.sdp()}
    b.told((await client.ask(offer))["sdp"])
    a.told((await client.ask({**offer, "command": "answer", "to-tag": "b", "sdp": b.sdp()}))["sdp"])
    pid = first.status.pid
    client.close()
    await first.stop()
    assert runs(pid)
    a.say(rtp(1))
    assert await asyncio.to_thread(b.hear) == rtp(1), "nobody has noticed"
    second = RelaySupervisor(settings(control))
    await second.start()
    assert (second.took_over, second.status.pid, second.status.state) == (True, pid, "running")
    client = RelayClient(control)
    client.open()
    await client.recall()
    assert len(client.memory) == 1
    os.kill(pid, 9)
    await until(lambda: second.status.restarts == 1 and second.status.state == "running")
    client.back()
    assert (await client.ask({"command": "statistics"}))["sessions"] == 1
    client.close()
    await second.stop()
    assert not runs(second.status.pid or pid)


async def test_a_relay_of_other_settings_or_of_a_living_switch_is_not_taken_over(tmp_path):
    control = f"unix:{tmp_path}/ng"
    first = RelaySupervisor(settings(control), leaves=lambda: True)
    await first.start()
    with pytest.raises(RuntimeError, match="belongs to another switch"):
        await RelaySupervisor(settings(control)).start()
    pid = first.status.pid
    await first.stop()
    await asyncio.sleep(0.1)
    other = RelaySupervisor(settings(control, silence_seconds=7.0))
    await other.start()
    assert (other.took_over, other.status.pid != pid) == (False, True)
    assert runs(pid), "it has no streams, and ends by itself after a while"
    os.kill(pid, 15)
    await until(lambda: not runs(pid))
    assert (tmp_path / "ng").exists(), "the socket is the other one's"
    await other.stop()


async def test_a_relay_that_is_stuck_is_killed_and_replaced(tmp_path, monkeypatch, party):
    monkeypatch.setattr("softswitch.media.client._HEARTBEAT_SECONDS", 0.1)
    client = RelayClient(f"unix:{tmp_path}/ng", waits=(0.1, 0.1))
    supervisor = RelaySupervisor(settings(f"unix:{tmp_path}/ng"))
    await supervisor.start()
    client.open()
    client.keep_alive(supervisor.replace)
    await client.ask({"command": "offer", "call-id": "c", "from-tag": "a", "sdp": party().sdp()})
    pid = supervisor.status.pid
    await asyncio.sleep(1.0)
    assert supervisor.status.pid == pid, "who answers is let alone"
    os.kill(pid, 19)
    await until(lambda: supervisor.status.restarts == 1 and supervisor.status.state == "running", 10)
    assert not runs(pid)
    client.close()
    await supervisor.stop()


def test_without_a_word_from_the_switch_the_ports_come_back(start_relay, party):
    relay = start_relay("24000-24999", "--lease", "0.5")
    a, b = party(), party()
    relay.call("c", a, b)
    for number in range(40):
        a.say(rtp(number))
        time.sleep(0.02)
    assert relay.statistics()["pairs-taken"] == 0
    assert relay.process.poll() is None


def test_an_orphan_without_streams_ends(tmp_path, monkeypatch):
    code = (
        "import softswitch.media.relay.process as p, sys; from softswitch.media.relay.settings import parse_arguments; "
        "p._TAKEN_OVER_SECONDS = 0.3; sys.exit(p.main(parse_arguments(sys.argv[1:])))"
    )
    words = settings(f"unix:{tmp_path}/ng", until_stdin_closes=True).arguments()
    process = subprocess.Popen([sys.executable, "-c", code, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    time.sleep(0.6)
    assert process.poll() is None, "its switch lives and has nothing to say"
    process.stdin.close()
    assert process.wait(5) == 0
    process.stdout.close()
    assert not (tmp_path / "ng").exists()


async def test_used_up_ports_are_told_once_and_calls_go_on(tmp_path, party):
    control = f"unix:{tmp_path}/ng"
    supervisor = RelaySupervisor(settings(control))
    await supervisor.start()
    client = RelayClient(control)
    client.open()
    heard = []
    client.subscribe("ports", lambda event: heard.append(event.details))
    a, b = party(), party()
    offer = {"command": "offer", "from-tag": "a", "sdp": a.sdp()}
    answers = [await client.ask({**offer, "call-id": f"c{number}"}) for number in range(30)]
    assert [reply["result"] for reply in answers].count(b"ok") == 25
    assert answers[-1]["status"] == 503
    await until(lambda: heard)
    b.told(answers[0]["sdp"])
    a.told((await client.ask({**offer, "call-id": "c0", "command": "answer", "to-tag": "b", "sdp": b.sdp()}))["sdp"])
    a.say(rtp(1))
    assert await asyncio.to_thread(b.hear) == rtp(1)
    for number in range(1, 5):
        client.delete(f"c{number}")
    await until(lambda: len(heard) == 2)
    assert heard == [{"free": 0, "all": 50}, {"free": 8, "all": 50}]
    client.close()
    await supervisor.stop()
