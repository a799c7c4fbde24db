"""The engine's client and the supervisor, with a real relay and with a socket that misbehaves."""

from __future__ import annotations

import asyncio
import os
import signal
import socket

import pytest

from softswitch.media.client import RelayClient
from softswitch.media.engine import MediaEngine, MediaFailed, MediaKey
from softswitch.media.ng import pack, unpack
from softswitch.media.relay.settings import Network, RelaySettings
from softswitch.media.supervise import RelaySupervisor

SDP = b"v=0\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
KEY = MediaKey("c1@acme.example", "a", via_branch="z1")


def _settings(control):
    return RelaySettings(control, (Network("lan", "127.0.0.1", "127.0.0.1"),), 26_000, 26_199)


async def _done(call, *arguments):
    """What `done` is called with; it must not be called before the engine's method has returned."""
    future = asyncio.get_running_loop().create_future()
    call(*arguments, future.set_result)
    assert not future.done()
    async with asyncio.timeout(5):
        return await future


@pytest.fixture(params=["unix", "udp"])
async def supervised(request, tmp_path):
    control = f"unix:{tmp_path}/ng" if request.param == "unix" else "udp:127.0.0.1:26999"
    supervisor = RelaySupervisor(_settings(control))
    await supervisor.start()
    client = RelayClient(supervisor.address)
    client.open()
    yield supervisor, client
    client.close()
    await supervisor.stop()


async def test_a_call_by_the_engine_interface(supervised):
    supervisor, client = supervised
    engine: MediaEngine = client
    offer = await _done(engine.offer, KEY, SDP, "lan", "127.0.0.1")
    assert isinstance(offer, bytes)
    answer = await _done(engine.answer, MediaKey("c1@acme.example", "a", "b", "z1"), SDP, "lan", "")
    assert isinstance(answer, bytes)
    assert answer != offer
    echo = await _done(engine.echo, MediaKey("c2", "a"), SDP, "lan", "127.0.0.1")
    assert b"s=echo" in echo
    assert (await client.ask({"command": "statistics"}))["sessions"] == 2
    engine.delete("c1@acme.example", via_branch="z1")
    engine.delete("c2")
    assert (await client.ask({"command": "statistics"}))["pairs-taken"] == 0
    assert supervisor.status.state == "running"


async def test_what_the_relay_refuses_has_a_fitting_status(supervised):
    _, client = supervised
    refused = await _done(client.offer, KEY, b"junk", "lan", "")
    assert isinstance(refused, MediaFailed)
    assert refused.status == 488
    refused = await _done(client.offer, KEY, SDP, "moon", "")
    assert (refused.status, "moon" in refused.reason) == (503, True)


async def test_a_thousand_at_once_are_all_answered(supervised):
    """More than a unix socket's queue holds."""
    _, client = supervised
    keys = [MediaKey(f"c{number}", "a") for number in range(1000)]
    got = await asyncio.gather(*(_done(client.offer, key, SDP, "lan", "") for key in keys))
    assert sum(isinstance(result, bytes) for result in got) == 50, "two pairs of a hundred for each"
    assert {result.status for result in got if isinstance(result, MediaFailed)} == {503}
    assert client.failures == 0


async def test_a_relay_that_dies_is_started_again_and_found_again(supervised):
    supervisor, client = supervised
    first = supervisor.status.pid
    os.kill(first, signal.SIGKILL)
    assert isinstance(await _done(client.offer, KEY, SDP, "lan", ""), bytes)
    status = supervisor.status
    assert (status.state, status.restarts, status.last_exit) == ("running", 1, -signal.SIGKILL)
    assert status.pid != first


async def test_the_end_of_the_supervisor_is_the_end_of_the_relay(tmp_path):
    changes = []
    supervisor = RelaySupervisor(_settings(f"unix:{tmp_path}/ng"), changes.append)
    await supervisor.start()
    pid = supervisor.status.pid
    await supervisor.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert [change.state for change in changes] == ["starting", "running", "stopped"]
    await supervisor.stop()


async def test_a_relay_that_cannot_start_says_why(tmp_path):
    supervisor = RelaySupervisor(_settings(f"unix:{tmp_path}/missing/ng"))
    with pytest.raises(RuntimeError, match="No such file"):
        await supervisor.start()
    assert supervisor.status.state == "stopped"


async def test_nobody_there_is_a_failure_and_no_wait_for_ever(tmp_path):
    client = RelayClient(f"unix:{tmp_path}/ng", waits=(0.01, 0.02))
    client.open()
    failed = await _done(client.offer, KEY, SDP, "lan", "")
    assert failed == MediaFailed(503, "the media relay does not answer")
    assert client.failures == 1
    with pytest.raises(TimeoutError):
        await client.ask({"command": "ping"})
    client.close()


async def test_a_lost_answer_is_asked_for_again_with_the_same_cookie(tmp_path):
    relay = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    relay.bind(f"{tmp_path}/ng")
    relay.setblocking(False)
    loop = asyncio.get_running_loop()
    asked = []

    def answer():
        datagram, asker = relay.recvfrom(65_536)
        asked.append(datagram)
        if len(asked) == 2:
            cookie = unpack(datagram)[0]
            for junk in (b"junk", b"other d6:result2:oke", cookie + b" le"):
                relay.sendto(junk, asker)
            for _ in range(2):  # an answer to each try
                relay.sendto(pack(cookie, {"result": "ok", "sdp": "v=0"}), asker)

    loop.add_reader(relay.fileno(), answer)
    client = RelayClient(f"unix:{tmp_path}/ng", waits=(0.02, 2.0))
    client.open()
    assert await _done(client.offer, KEY, SDP, "lan", "") == b"v=0"
    assert asked[0] == asked[1]
    client.close()
    loop.remove_reader(relay.fileno())
    relay.close()


async def test_closing_tells_those_who_wait(tmp_path):
    client = RelayClient(f"unix:{tmp_path}/ng", waits=(60.0,))
    client.open()
    got = []
    client.offer(KEY, SDP, "lan", "", got.append)
    client.close()
    assert got == [MediaFailed(503, "the media relay does not answer")]
    client.close()


async def test_without_a_relay_everything_fails_and_nothing_breaks():
    got = await _done(RelayClient("unix:/nowhere").echo, MediaKey("c", "a"), SDP, "lan", "")
    assert isinstance(got, MediaFailed)
    assert got.status == 503


async def test_all_calls_are_recalled_some_at_a_time(supervised, monkeypatch):
    monkeypatch.setattr("softswitch.media.client._RECALLED", 7)
    supervisor, client = supervised
    for number in range(20):
        assert isinstance(await _done(client.offer, MediaKey(f"c{number}", "a"), SDP, "lan", ""), bytes)
    other = RelayClient(supervisor.address)
    other.open()
    await other.recall()
    assert dict(other.memory.calls()).keys() == {f"c{number}" for number in range(20)}
    assert set(other.memory) == set(client.memory)
    for wrong in ({"first": -1}, {"first": b"x"}, {"limit": -1}):
        assert (await client.ask({"command": "list", **wrong}))["status"] == 400
    assert (await client.ask({"command": "list", "first": 10**15}))["calls"] == []
    other.close()
