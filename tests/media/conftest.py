"""A real relay process on loopback, an ng socket to it, and parties with sockets of their own."""

from __future__ import annotations

import asyncio
import itertools
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from softswitch.media.client import RelayClient
from softswitch.media.ng import EVENT, pack, unpack

SECONDS = 5.0
"""How long a test waits for what must come."""


def rtp(number: int, payload: bytes = b"\xd5" * 160, ssrc: int = 0x01020304) -> bytes:
    """An RTP packet of PCMU."""
    return struct.pack("!BBHII", 0x80, 0, number & 0xFFFF, number * 160, ssrc) + payload


def rtcp(ssrc: int = 0x01020304) -> bytes:
    """An empty receiver report."""
    return struct.pack("!BBHI", 0x80, 201, 1, ssrc)


def media_ports(sdp: bytes) -> list[int]:
    """The ports of all media lines."""
    return [int(port) for port in re.findall(rb"^m=\w+ (\d+)", sdp, re.MULTILINE)]


class Party:
    """A phone's sockets: a pair for RTP and RTCP, on a loopback address of its own."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.rtp = socket.socket(family, socket.SOCK_DGRAM)
        self.rtcp = socket.socket(family, socket.SOCK_DGRAM)
        for sock in (self.rtp, self.rtcp):
            sock.bind((host, 0))
            sock.settimeout(SECONDS)
        self.relay = ("", 0)

    @property
    def port(self) -> int:
        return int(self.rtp.getsockname()[1])

    def sdp(self, host: str = "", port: int | None = None, extra: str = "") -> bytes:
        host = host or self.host
        family = "IP6" if ":" in host else "IP4"
        return (
            f"v=0\r\no=- 1 1 IN {family} {host}\r\ns=-\r\nc=IN {family} {host}\r\nt=0 0\r\n"
            f"m=audio {self.port if port is None else port} RTP/AVP 0 101\r\n"
            f"a=rtcp:{self.rtcp.getsockname()[1]}\r\na=rtpmap:0 PCMU/8000\r\n{extra}"
        ).encode()

    def told(self, sdp: bytes) -> None:
        """Remember where the other side's SDP wants packets; on loopback, whatever address is advertised."""
        self.relay = ("::1" if ":" in self.host else "127.0.0.1", media_ports(sdp)[0])

    def say(self, packet: bytes) -> None:
        self.rtp.sendto(packet, self.relay)

    def report(self, packet: bytes) -> None:
        self.rtcp.sendto(packet, (self.relay[0], self.relay[1] + 1))

    def hear(self) -> bytes:
        """The next RTP packet; fails when none comes."""
        return self.rtp.recv(4096)

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


class RelayProcess:
    """`python -m softswitch.media.relay`, and an ng socket to it."""

    def __init__(self, directory: Path, ports: str, *more: str) -> None:
        self.path = str(directory / "ng")
        words = ["--control", f"unix:{self.path}", "--ports", ports, "--patience", "0.2"]
        words += ["--network", "lan=127.0.0.1", "--network", "internet=127.0.0.1/198.51.100.7", "--network", "six=::1"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "softswitch.media.relay", *words, *more],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("")
        self.sock.settimeout(SECONDS)
        self._cookies = itertools.count()
        self.events: list[dict[str, object]] = []

    def command(self, command: str, **values: object) -> dict[str, object]:
        cookie = b"t%d" % next(self._cookies)
        message = {"command": command, **{name.replace("_", "-"): value for name, value in values.items()}}
        self.sock.sendto(pack(cookie, message), self.path)  # type: ignore[arg-type]
        while (got := unpack(self.sock.recv(65_536)))[0] == EVENT:
            self._keep(dict(got[1]))
        assert got[0] == cookie
        return dict(got[1])

    def event(self) -> dict[str, object]:
        """The next event; fails when none comes."""
        while not self.events:
            cookie, event = unpack(self.sock.recv(65_536))
            assert cookie == EVENT
            self._keep(dict(event))
        return self.events.pop(0)

    def _keep(self, event: dict[str, object]) -> None:
        if event["event"] != b"state":  # what is for the switch's memory
            self.events.append(event)

    def sdp(self, command: str, **values: object) -> bytes:
        reply = self.command(command, **values)
        assert reply["result"] == b"ok", reply
        assert isinstance(reply["sdp"], bytes)
        return reply["sdp"]

    def statistics(self) -> dict[str, object]:
        return self.command("statistics")

    def raw(self, datagram: bytes) -> None:
        self.sock.sendto(datagram, self.path)

    def until(self, wanted: Callable[[], bool]) -> None:
        """Ask again and again until it is so; fails after a while."""
        end = time.monotonic() + SECONDS
        while not wanted():
            assert time.monotonic() < end

    def call(self, call_id: str, a: Party, b: Party, **more: object) -> None:
        """An offer from a and an answer from b."""
        b.told(self.sdp("offer", call_id=call_id, from_tag="a", via_branch="z1", sdp=a.sdp(), **more))
        a.told(self.sdp("answer", call_id=call_id, from_tag="a", to_tag="b", via_branch="z1", sdp=b.sdp(), **more))

    def end(self) -> tuple[int, bytes]:
        """SIGTERM; the exit status and what it wrote to standard error."""
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=SECONDS)
        self.sock.close()
        return self.process.returncode, errors


@pytest.fixture
def start_relay(tmp_path: Path) -> Iterator[Callable[..., RelayProcess]]:
    """Start a relay with these ports and more words; it is ended, and must have nothing to complain about."""
    started: list[RelayProcess] = []

    def start(ports: str = "24000-24999", *more: str) -> RelayProcess:
        directory = tmp_path / f"relay{len(started)}"
        directory.mkdir()
        started.append(RelayProcess(directory, ports, *more))
        return started[-1]

    yield start
    for relay in started:
        if relay.process.poll() is None:
            status, errors = relay.end()
            assert status == 0
            assert b"Traceback" not in errors


@pytest.fixture
def relay(start_relay: Callable[..., RelayProcess]) -> RelayProcess:
    return start_relay()


@pytest.fixture
def party() -> Iterator[Callable[..., Party]]:
    """Make parties; their sockets are closed after the test."""
    made: list[Party] = []

    def make(host: str = "127.0.0.1") -> Party:
        made.append(Party(host))
        return made[-1]

    yield make
    for one in made:
        one.close()


def connect(control: str, a: Party, b: Party) -> None:
    """Have the relay at this address connect two parties, as the call "c"."""

    async def by_client() -> None:
        client = RelayClient(control)
        client.open()
        offer = {"command": "offer", "call-id": "c", "from-tag": "a", "sdp": a.sdp()}
        b.told((await client.ask(offer))["sdp"])
        a.told((await client.ask({**offer, "command": "answer", "to-tag": "b", "sdp": b.sdp()}))["sdp"])
        client.close()

    asyncio.run(by_client())
