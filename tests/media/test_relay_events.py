"""What the relay says of its own accord: to whom, and when somebody is not heard."""

from __future__ import annotations

import asyncio
import socket

import pytest

from softswitch.media.client import RelayClient
from softswitch.media.engine import MediaEvent
from softswitch.media.ng import pack, unpack
from softswitch.media.relay.calls import Key
from softswitch.media.relay.control import Control, open_control
from softswitch.media.relay.silence import AGAIN_SECONDS, FIRST_SECONDS

from .conftest import rtp
from .test_relay_inside import SDP, calls  # noqa: F401  the fixture


@pytest.fixture(params=["unix", "udp"])
def control(request, tmp_path):
    """A control socket that answers every command with its own words."""
    address = f"unix:{tmp_path}/ng" if request.param == "unix" else "udp:127.0.0.1:26998"
    sock = open_control(address)
    yield address, Control(sock, lambda message, now: {"result": "ok", **message})
    sock.close()


async def test_an_event_reaches_whoever_asked_last(control):
    """The contract between both ends: what `Control.tell` sends is what a subscriber of `RelayClient` gets."""
    address, relay = control
    relay.tell({"event": "nobody there yet"})
    asyncio.get_running_loop().add_reader(relay._sock.fileno(), relay.ready)
    first, second = RelayClient(address), RelayClient(address)
    heard = asyncio.Queue()
    for client in (first, second):
        client.open()
        client.subscribe("noise", lambda event, client=client: heard.put_nowait((client, event)))
        assert (await client.ask({"command": "ping"}))["command"] == b"ping"
    relay.tell({"event": "unheard of"})
    relay.tell({"event": "noise", "call-id": b"c\xff1", "from-tag": b"a", "tag": b"b", "digit": "7", "count": 3})
    who, event = await asyncio.wait_for(heard.get(), 5)
    assert who is second
    assert event == MediaEvent("noise", "c\udcff1", "a", "b", {"digit": b"7", "count": 3})
    await first.ask({"command": "ping"})
    relay.tell({"event": "noise"})
    assert await asyncio.wait_for(heard.get(), 5) == (first, MediaEvent("noise", "", "", "", {}))
    for client in (first, second):
        client.close()
    asyncio.get_running_loop().remove_reader(relay._sock.fileno())


async def test_a_handler_of_one_event_hears_no_other_and_answers_still_come(tmp_path):
    relay = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    relay.bind(f"{tmp_path}/ng")
    relay.setblocking(False)
    client = RelayClient(f"unix:{tmp_path}/ng")
    client.open()
    heard = []
    client.subscribe("noise", heard.append)
    asking = asyncio.ensure_future(client.ask({"command": "ping"}))
    await asyncio.sleep(0)
    cookie = unpack(asker_data := relay.recv(65_536))[0]
    assert asker_data.startswith(cookie)
    asker = client._sock.getsockname()
    for junk in (b"event", b"event x", b"event le", pack(b"event", {"event": 5}), pack(b"event", {"event": b"other"})):
        relay.sendto(junk, asker)
    relay.sendto(pack(b"event", {"event": "noise"}), asker)
    relay.sendto(pack(cookie, {"result": "pong"}), asker)
    assert await asking == {"result": b"pong"}
    assert [event.name for event in heard] == ["noise"]
    client.close()
    relay.close()


class Told:
    """Takes the events of `Calls`."""

    def __init__(self, calls):  # noqa: F811
        self.events = []
        calls._send = self.events.append

    def take(self):
        told = [(event["event"], event["tag"]) for event in self.events]
        self.events.clear()
        return told


def _call(calls, a=SDP, b=SDP, now=0.0):  # noqa: F811
    calls.offer(Key(b"c", b"a", via_branch=b"z1"), a, "lan", "", now)
    calls.answer(Key(b"c", b"a", b"b", b"z1"), b, "lan", "", now)


def test_who_is_silent_after_the_answer_is_told_until_he_is_heard(calls, party):  # noqa: F811
    told = Told(calls)
    a, b = party(), party()
    _call(calls, a.sdp(), b.sdp())
    (session,) = calls.sessions_of(b"c")
    facing_a = session.streams[0].pairs[0].rtp
    a.rtp.sendto(rtp(1), facing_a.sock.getsockname())
    facing_a.plane.run_once(1.0)
    calls.look(FIRST_SECONDS - 0.1)
    assert told.take() == []
    calls.look(FIRST_SECONDS)
    assert told.take() == [("silence", b"b")]
    calls.look(FIRST_SECONDS + AGAIN_SECONDS)
    assert told.take() == [("silence", b"b")]
    facing_b = session.streams[0].pairs[1].rtp
    b.rtp.sendto(rtp(1), facing_b.sock.getsockname())
    facing_b.plane.run_once(1.0)
    calls.look(FIRST_SECONDS + 2 * AGAIN_SECONDS)
    assert told.take() == [("heard", b"b")]
    calls.look(100.0)
    assert told.take() == []


def test_nothing_is_expected_of_who_is_held_or_only_listens_or_is_gone(calls):  # noqa: F811
    told = Told(calls)
    _call(calls, SDP + b"a=sendonly\r\n", SDP + b"a=recvonly\r\n")
    calls.delete(b"c")
    video = b"v=0\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 4002 RTP/AVP 96\r\n"
    _call(calls, video, video)
    calls.delete(b"c")
    _call(calls)
    calls.delete(b"c")
    calls.look(100.0)
    assert told.take() == []
    audio = b"v=0\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4002 RTP/AVP 0\r\n"
    _call(calls, audio + b"a=sendonly\r\n", audio + b"a=recvonly\r\n")
    calls.look(200.0)
    assert told.take() == [("silence", b"a")], "who listens need not speak; who holds plays music"


def test_a_caller_whom_the_echo_does_not_hear(calls):  # noqa: F811
    told = Told(calls)
    calls.echo(Key(b"c", b"a"), SDP, "lan", "", 0.0)
    calls.look(FIRST_SECONDS)
    assert told.take() == [("silence", b"a")]
