"""What every media engine has to do, run on our own relay and on rtpengine; and several of them as one."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from softswitch.media.client import RelayClient
from softswitch.media.engine import MediaFailed, MediaKey
from softswitch.media.ng import pack, unpack
from softswitch.media.pool import EnginePool
from softswitch.media.relay.settings import Network, RelaySettings
from softswitch.media.rtpengine import RtpengineClient, figures
from softswitch.media.supervise import RelaySupervisor
from softswitch.values import EngineAddress, media_engine

from .conftest import media_ports, rtp
from .test_relay_srtp import Secure

FIRST_PORT = 32_000 + os.getpid() % 100 * 200


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def rtpengine(tmp_path, first=FIRST_PORT) -> Iterator[int]:
    """A daemon in user space on loopback; its ng port."""
    if shutil.which("rtpengine") is None:
        if os.environ.get("INTEROP_REQUIRED"):
            pytest.fail("rtpengine is not installed")
        pytest.skip("rtpengine is not installed; scripts/setup test does it")
    port = free_udp_port()
    command = ["rtpengine", "--config-file=none", "--table=-1", "--foreground", "--log-stderr", "--log-level=6"]
    command += ["--interface=127.0.0.1", f"--listen-ng=127.0.0.1:{port}", f"--pidfile={tmp_path}/{port}.pid"]
    command += [f"--port-min={first}", f"--port-max={first + 90}"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "Startup complete" in line:
            break
    else:
        raise AssertionError("".join(said))
    drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(10)
        drain.wait(10)
        process.stderr.close()


@pytest.fixture(params=["built-in", "two of them", "rtpengine"])
async def engine(request, tmp_path, start_relay):
    if request.param == "two of them":
        clients = [RelayClient(f"unix:{start_relay(ports).path}") for ports in ("24000-24099", "24100-24199")]
        for client in clients:
            client.open()
        pool = EnginePool([(client, 1) for client in clients], clients[0])
        pool.open()
        yield pool
        for closed in (pool, *clients):
            closed.close()
        return
    if request.param == "built-in":
        client = RelayClient(f"unix:{start_relay().path}")
        client.open()
        yield client
        client.close()
        return
    with rtpengine(tmp_path) as port:
        client = RtpengineClient("127.0.0.1", port)
        client.open()
        yield client
        client.close()


async def placed(call, *arguments, **more):
    future = asyncio.get_running_loop().create_future()
    call(*arguments, future.set_result, **more)
    assert not future.done()
    return await asyncio.wait_for(future, 5)


async def call(engine, a, b, call_id="c", transport=""):
    key = MediaKey(call_id, "a", "", "z1")
    offer = await placed(engine.offer, key, a.sdp(), "lan", "127.0.0.1", transport=transport)
    assert isinstance(offer, bytes), offer
    b.told(offer)
    answer = await placed(engine.answer, MediaKey(call_id, "a", "b", "z1"), b.sdp(), "lan", "127.0.0.1")
    assert isinstance(answer, bytes), answer
    a.told(answer)
    return offer, answer


async def talk(a, b, numbers=range(1, 6)):
    """Each hears what the other says, first by first."""
    for number in numbers:
        a.say(rtp(number, b"%160d" % number))
        assert (await asyncio.to_thread(b.hear)) == rtp(number, b"%160d" % number)
        b.say(rtp(number, b"%-160d" % number, ssrc=9))
        assert (await asyncio.to_thread(a.hear)) == rtp(number, b"%-160d" % number, ssrc=9)


async def test_sound_passes_both_ways(engine, party):
    a, b = party(), party()
    offer, answer = await call(engine, a, b)
    assert media_ports(offer)[0] not in (a.port, b.port)
    assert media_ports(answer)[0] not in (a.port, b.port)
    await talk(a, b)


async def test_hold_and_resume_keep_the_ports_whoever_asks(engine, party):
    a, b = party(), party()
    await call(engine, a, b)
    await talk(a, b)
    before = a.relay, b.relay
    for extra in ("a=sendonly\r\n", ""):
        key = MediaKey("c", "b", "a", "z7")
        a.told(await placed(engine.offer, key, b.sdp(extra=extra), "lan", "127.0.0.1"))
        b.told(await placed(engine.answer, key, a.sdp(), "lan", "127.0.0.1"))
    assert (a.relay, b.relay) == before
    await talk(a, b, range(10, 13))


async def test_who_is_not_heard_is_told_and_when_he_is_after_all(engine, party):
    events = []
    for name in ("silence", "heard"):
        engine.subscribe(name, events.append)
    a, b = party(), party()
    await call(engine, a, b)
    a.say(rtp(1))
    await _until(lambda: events)
    assert {(one.name, one.call_id, one.tag) for one in events} == {("silence", "c", "b")}
    b.say(rtp(1, ssrc=9))
    await _until(lambda: events[-1].name == "heard")
    assert (events[-1].call_id, events[-1].tag) == ("c", "b")
    engine.delete("c")


async def test_nobody_waits_for_one_who_only_listens(engine, party):
    events = []
    engine.subscribe("silence", events.append)
    a, b = party(), party()
    key = MediaKey("c", "a", "", "z1")
    b.told(await placed(engine.offer, key, a.sdp(extra="a=sendonly\r\n"), "lan", "127.0.0.1"))
    answer = b.sdp(extra="a=recvonly\r\n")
    a.told(await placed(engine.answer, MediaKey("c", "a", "b", "z1"), answer, "lan", "127.0.0.1"))
    a.say(rtp(1))
    assert await asyncio.to_thread(b.hear) == rtp(1)
    await asyncio.sleep(2.6)
    assert events == []


async def test_a_deleted_call_has_no_ports(engine, party):
    a, b = party(), party()
    await call(engine, a, b)
    await talk(a, b)
    engine.delete("c")
    assert not isinstance(await placed(engine.offer, MediaKey("d", "a"), a.sdp(), "lan", ""), MediaFailed)
    a.say(rtp(77))
    b.rtp.settimeout(0.3)
    with pytest.raises(TimeoutError):
        b.hear()
    refused = await placed(engine.answer, MediaKey("c", "a", "b"), b.sdp(), "lan", "")
    assert isinstance(refused, MediaFailed)
    assert refused.status == 503


async def test_each_branch_has_ports_of_its_own_and_the_loser_gives_them_back(engine, party):
    a, c = party(), party()
    first = await placed(engine.offer, MediaKey("c", "a", "", "z1"), a.sdp(), "lan", "127.0.0.1")
    second = await placed(engine.offer, MediaKey("c", "a", "", "z2"), a.sdp(), "lan", "127.0.0.1")
    assert media_ports(first) != media_ports(second)
    engine.delete("c", "a", "z1")
    c.told(second)
    a.told(await placed(engine.answer, MediaKey("c", "a", "tc", "z2"), c.sdp(), "lan", "127.0.0.1"))
    await talk(a, c)


async def test_what_is_no_sdp_is_refused(engine):
    refused = await placed(engine.offer, MediaKey("c", "a"), b"v=0\r\nm=audio x y\r\n", "lan", "")
    assert isinstance(refused, MediaFailed)


async def test_the_quality_of_a_call_is_told_at_its_end(engine, party):
    a, b = party(), party()
    await call(engine, a, b)
    await talk(a, b, range(1, 31))
    told = asyncio.get_running_loop().create_future()
    engine.delete("c", told=told.set_result)
    found = {one.party: one for one in await asyncio.wait_for(told, 5)}
    assert set(found) == {"a", "b"}
    assert [(one.kind, one.codec, one.packets) for one in found.values()] == [("audio", "PCMU", 30)] * 2


async def test_a_phone_that_encrypts_and_one_that_does_not(engine, party):
    a, b = Secure(party()), party()
    offer, answer = await call(engine, a, b, transport="RTP/AVP")
    assert b"RTP/AVP " in offer
    assert b"crypto" not in offer
    assert b"RTP/SAVP " in answer
    await talk(a, b)
    key = MediaKey("c", "b", "a", "z7")
    again = await placed(engine.offer, key, b.sdp(), "lan", "127.0.0.1")
    assert b"SAVP" in again or not isinstance(engine, RelayClient) or isinstance(engine, RtpengineClient)


async def test_a_phone_that_has_to_encrypt_is_asked_to(engine, party):
    a, b = party(), Secure(party())
    offer, answer = await call(engine, a, b, transport="RTP/SAVP")
    assert b"RTP/SAVP " in offer
    assert b"RTP/AVP " in answer
    await talk(a, b)


async def test_nobody_there_is_a_failure_and_no_wait_for_ever():
    client = RtpengineClient("127.0.0.1", free_udp_port(), waits=(0.01, 0.02))
    client.open()
    failed = await placed(client.offer, MediaKey("c", "a"), b"v=0", "lan", "")
    assert failed == MediaFailed(503, "the media relay does not answer")
    client.close()


# -- several as one


class Daemon:
    """Answers ng as an rtpengine would, and counts."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.setblocking(False)
        self.port = self.sock.getsockname()[1]
        self.works = True
        self.offers: list[str] = []
        asyncio.get_running_loop().add_reader(self.sock.fileno(), self._ready)

    def _ready(self) -> None:
        datagram, asker = self.sock.recvfrom(65_536)
        if not self.works:
            return
        cookie, message = unpack(datagram)
        if message["command"] == b"offer":
            self.offers.append(message["call-id"].decode())
        self.sock.sendto(pack(cookie, {"result": "ok", "sdp": b"v=0 from %d" % self.port}), asker)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.sock.fileno())
        self.sock.close()


async def _until(condition) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("never")


async def test_weights_health_and_failing_over(tmp_path, monkeypatch):
    monkeypatch.setattr("softswitch.media.pool.PING_SECONDS", 0.05)
    one, two = Daemon(), Daemon()
    changes = []
    clients = [(RtpengineClient("127.0.0.1", one.port, (0.03, 0.03)), 3)]
    clients.append((RtpengineClient("127.0.0.1", two.port, (0.03, 0.03)), 1))
    own = RelayClient(f"unix:{tmp_path}/nobody", waits=(0.01,))
    own.open()
    pool = EnginePool(clients, own, lambda member: changes.append((member.client.name, member.works)))
    pool.open()
    for number in range(8):
        assert isinstance(await placed(pool.offer, MediaKey(f"c{number}", "a"), b"v=0", "lan", ""), bytes)
    assert (len(one.offers), len(two.offers)) == (6, 2)
    # A call stays with its engine, dead or alive; a new one that meets the dead one goes on to the next.
    mine = one.offers[0]
    one.works = False
    failed = await placed(pool.answer, MediaKey(mine, "a", "b"), b"v=0", "lan", "")
    assert isinstance(failed, MediaFailed)
    for number in range(3):
        result = await placed(pool.offer, MediaKey(f"d{number}", "a"), b"v=0", "lan", "")
        assert result == b"v=0 from %d" % two.port
    await _until(lambda: changes)
    assert changes == [(f"rtpengine 127.0.0.1:{one.port}", False)]
    two.works = False
    failed = await placed(pool.offer, MediaKey("e", "a"), b"v=0", "lan", "")
    assert failed.status == 503
    one.works = True
    await _until(lambda: (f"rtpengine 127.0.0.1:{one.port}", True) in changes)
    assert isinstance(await placed(pool.offer, MediaKey("f", "a"), b"v=0", "lan", ""), bytes)
    pool.delete(mine)
    assert mine not in pool.members[0].calls
    echo = await placed(pool.echo, MediaKey("g", "a"), b"v=0", "lan", "")
    assert isinstance(echo, MediaFailed), "the relay of our own is asked, which is not there"
    for closed in (pool, own, one, two):
        closed.close()


def test_figures_that_make_sense_of_rtpengines_words():
    stats = {"stats": {"packets": 500, "bytes": 1, "errors": 0}, "SSRC": 7}
    reply = {
        "tags": {"a": {"medias": [{"type": b"audio", "codec": b"PCMA/8000", "streams": [stats]}]}, "b": {"medias": []}},
        "SSRC": {"7": {"average MOS": {"MOS": 43, "packet loss": 2, "jitter": 3, "round-trip time": 20_000}}},
    }
    (one,) = figures(reply)
    assert (one.party, one.codec, one.packets, one.jitter_ms, one.round_trip_ms) == ("a", "PCMA", 500, 3.0, 20.0)
    assert one.reported_loss == 0.02
    assert 4.0 < one.mos < 4.4
    assert figures({}) == []


def test_the_one_line_that_chooses():
    assert media_engine("built-in") == ()
    assert media_engine("rtpengine 127.0.0.1:2223") == (EngineAddress("127.0.0.1", 2223),)
    assert media_engine(["rtpengine 127.0.0.1:2223 weight 3", "rtpengine [::1]:9"]) == (
        EngineAddress("127.0.0.1", 2223, 3),
        EngineAddress("::1", 9),
    )
    for wrong in ("bulit-in", "rtpengine", "rtpengine box:22", "rtpengine 1.2.3.4", "rtpengine 1.2.3.4:5 weight 0", {}):
        with pytest.raises(ValueError):
            media_engine(wrong)


# -- several relays of our own


@pytest.fixture
async def two(tmp_path):
    """A pool of two relay processes, with ports of their own."""
    clients, keepers = [], []
    for number, first in ((1, 28_500), (2, 28_520)):
        control = f"unix:{tmp_path}/ng{number}"
        networks = (Network("lan", "127.0.0.1", "127.0.0.1"),)
        keeper = RelaySupervisor(RelaySettings(control, networks, first, first + 19))
        await keeper.start()
        keepers.append(keeper)
        client = RelayClient(control)
        client.name = f"media relay {number}"
        client.open()
        clients.append(client)
    pool = EnginePool([(client, 1) for client in clients], clients[0])
    pool.open()
    yield pool, clients, keepers
    for closed in (pool, *clients):
        closed.close()
    for keeper in keepers:
        await keeper.stop()


async def _sessions(client):
    return (await client.ask({"command": "statistics"}))["sessions"]


async def _calls_in(pool, number, a, b):
    b.told(await placed(pool.offer, MediaKey(f"c{number}", "a", "", "z"), a.sdp(), "lan", "127.0.0.1"))
    a.told(await placed(pool.answer, MediaKey(f"c{number}", "a", "b", "z"), b.sdp(), "lan", "127.0.0.1"))


async def test_two_relays_share_the_calls_and_one_that_dies_touches_only_its_own(two, party):
    pool, clients, keepers = two
    pairs = [(party(), party()) for _ in range(4)]
    for number, (a, b) in enumerate(pairs):
        await _calls_in(pool, number, a, b)
    assert [await _sessions(client) for client in clients] == [2, 2]
    ports = [a.relay[1] for a, _ in pairs]
    assert sorted(port // 20 for port in ports) == [1425, 1425, 1426, 1426], "each has ports of its own"
    for a, b in pairs:
        a.say(rtp(1))
        assert await asyncio.to_thread(b.hear) == rtp(1)
    clients[1].away()
    os.kill(keepers[1].status.pid, 9)
    first = [pair for pair, port in zip(pairs, ports, strict=True) if port < 28_520]
    for a, b in first:
        a.say(rtp(2))
        assert await asyncio.to_thread(b.hear) == rtp(2)
    await _until(lambda: keepers[1].status.restarts == 1 and keepers[1].status.state == "running")
    clients[1].back()
    assert [await _sessions(client) for client in clients] == [2, 2]
    for number in range(4):
        pool.delete(f"c{number}")
    assert [await _sessions(client) for client in clients] == [0, 0]


async def test_when_one_has_no_ports_left_the_other_takes_the_call(two, party):
    pool, clients, _ = two
    a = party()
    done = [await placed(pool.offer, MediaKey(f"c{one}", "a"), a.sdp(), "lan", "") for one in range(11)]
    assert [isinstance(one, bytes) for one in done] == [True] * 10 + [False], "ten pairs each, two for a call"
    assert done[-1].status == 503
    assert [await _sessions(client) for client in clients] == [5, 5]


async def test_a_call_that_rang_in_one_relay_may_end_in_the_other(two, party):
    """Voicemail after nobody has answered: the switch's own calls are all in the first relay."""
    pool, clients, _ = two
    a = party()
    for number in range(2):
        await placed(pool.offer, MediaKey(f"c{number}", "a", "", "z"), a.sdp(), "lan", "")
        a.told(await placed(pool.talk, MediaKey(f"c{number}", "a", "", "z"), a.sdp(), "lan", ""))
    assert [await _sessions(client) for client in clients] == [3, 1]
    told = asyncio.get_running_loop().create_future()
    pool.query("c1", told.set_result)
    assert await asyncio.wait_for(told, 5) == []
    told = asyncio.get_running_loop().create_future()
    pool.delete("c1", told=told.set_result)
    assert await asyncio.wait_for(told, 5) == []
    assert [await _sessions(client) for client in clients] == [2, 0]
    again = EnginePool([(client, 1) for client in clients], clients[0])
    again.recall()
    assert [member.calls for member in again.members] == [{"c0"}, set()]
    again.delete("c0")
    assert [await _sessions(client) for client in clients] == [0, 0]
