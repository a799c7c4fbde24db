"""Kernel forwarding between namespaces: packets pass a relay that is stopped, and nobody else's do."""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from softswitch.media.ng import EVENT, pack, unpack
from tests.media.conftest import media_ports, rtcp, rtp

from .conftest import StartSwitch
from .netlab import PUBLIC, PUBLIC_6, Host, Lab
from .peers.process import wait_until
from .sound import RATE
from .test_silence import softswitch
from .test_sound import OLD_DIGEST, Home, hears, public_listeners

pytestmark = [pytest.mark.interop, pytest.mark.netns]

NEEDS = ("baresip", "ip", "nft")
REPORT = rtcp() + bytes(8)
_NEWNET = 0x40000000
_RECEIVE_TTL = 12  # not in the standard library


def run(netns: str, command: str) -> str:
    done = subprocess.run(["ip", "netns", "exec", netns, *command.split()], text=True, capture_output=True, check=True)
    return done.stdout


def socket_in(netns: str, address: str) -> socket.socket:
    """A bound UDP socket in this namespace, for us to use from here."""
    made: list[socket.socket] = []

    def make() -> None:
        with open(f"/run/netns/{netns}") as file:
            assert ctypes.CDLL(None).setns(file.fileno(), _NEWNET) == 0
        made.append(socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    (sock,) = made
    sock.bind((address, 0))
    sock.settimeout(2)
    return sock


class Party:
    """Somebody with a socket on a host."""

    def __init__(self, host: Host, address: str) -> None:
        self.address = address
        self.sock = socket_in(host.netns, address)
        for option in (socket.IP_RECVTOS, _RECEIVE_TTL):
            self.sock.setsockopt(socket.IPPROTO_IP, option, 1)
        self.relay = ("", 0)
        self.said = 0

    def sdp(self, direction: str = "sendrecv") -> bytes:
        at = f"IN {'IP6' if ':' in self.address else 'IP4'} {self.address}"
        port = self.sock.getsockname()[1]
        return (
            f"v=0\r\no=- 1 1 {at}\r\ns=-\r\nc={at}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\na={direction}\r\n".encode()
        )

    def say(self, other: Party) -> int:
        """One packet, and whether the other has it (0 or 1)."""
        packet = self.send()
        try:
            heard, options, _, source = other.sock.recvmsg(2048, 256)
        except TimeoutError:
            return 0
        assert heard == packet
        assert source[:2] == other.relay, "it comes from where the other sends to"
        if other.sock.family == socket.AF_INET:
            assert {kind: value[0] for _, kind, value in options} == {socket.IP_TOS: 184, socket.IP_TTL: 64}
        return 1

    def send(self) -> bytes:
        self.said += 1
        packet = rtp(self.said, os.urandom(160))
        self.sock.sendto(packet, self.relay)
        return packet

    def quiet(self) -> bool:
        """Whether nothing has come."""
        return not select.select([self.sock], [], [], 0)[0]


def reported(a: Party, b: Party) -> bool:
    """Whether a report has come to b; if not, it is sent once more."""
    try:
        return b.sock.recv(2048) == REPORT
    except TimeoutError:
        a.sock.sendto(REPORT, a.relay)
        return False


class Relay:
    """A relay in a namespace, with kernel forwarding; two parties who talk through it."""

    def __init__(self, netns: str, folder: Path, addresses: tuple[str, str, str], hosts: tuple[Host, Host]) -> None:
        self.netns, own = netns, addresses[0]
        control = folder / "relay.sock"
        words = ["--control", f"unix:{control}", "--ports", "20000-20099", "--network", f"net={own}", "--kernel"]
        command = ["ip", "netns", "exec", netns, sys.executable, "-m", "softswitch.media.relay", *words]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(str(folder / "asker.sock"))  # a name without a file would be of our namespace alone
        self.sock.connect(str(control))
        self.sock.settimeout(5)
        self.own = own
        self.parties = tuple(Party(host, address) for host, address in zip(hosts, addresses[1:], strict=True))

    def ask(self, **message: Any) -> dict[str, Any]:
        self.sock.send(pack(b"1", {name.replace("_", "-"): value for name, value in message.items()}))
        while True:
            cookie, reply = unpack(self.sock.recv(65_535))
            if cookie != EVENT:
                assert reply["result"] in (b"ok", b"pong"), reply
                return reply

    def call(self, direction: str = "sendrecv") -> None:
        """The call, or the same one again."""
        a, b = self.parties
        offered = self.ask(command="offer", call_id="c", from_tag="a", sdp=a.sdp(direction))["sdp"]
        answered = self.ask(command="answer", call_id="c", from_tag="a", to_tag="b", sdp=b.sdp())["sdp"]
        b.relay, a.relay = (self.own, media_ports(offered)[0]), (self.own, media_ports(answered)[0])

    def talk(self, rounds: int) -> int:
        """How many of twice so many packets arrived."""
        a, b = self.parties
        return sum(a.say(b) + b.say(a) for _ in range(rounds))

    def latch(self) -> None:
        """Each knows the other's way: a first packet of both."""
        a, b = self.parties
        wait_until(lambda: a.say(b) + b.say(a) == 2, "sound", 10)

    @property
    def streams(self) -> int:
        return int(self.ask(command="statistics")["kernel-streams"])

    @property
    def trouble(self) -> str:
        return str(self.ask(command="statistics")["kernel-trouble"], "utf-8")

    def handed_over(self) -> None:
        """Wait until both directions are the kernel's."""
        wait_until(lambda: self.streams == 2, "both directions in the kernel", 15)

    @property
    def note(self) -> str:
        return str(self.ask(command="statistics")["kernel-note"], "utf-8")

    def elements(self) -> int:
        """Entries in the maps."""
        return run(self.netns, "nft list ruleset").count("counter packets")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


Made = Callable[..., Relay]


@pytest.fixture
def made(netlab: Lab, tmp_path: Path) -> Iterator[Made]:
    """Makes a relay with two parties on two hosts, over IPv4 or IPv6; of which the system forwards what it is told."""
    relays: list[Relay] = []

    def make(version: int = 4, forward: tuple[int, int] = (1, 1)) -> Relay:
        hosts = (netlab.public_host(21), netlab.public_host(22))
        addresses = (PUBLIC, *(host.address for host in hosts))
        if version == 6:
            addresses = (PUBLIC_6, *(host.ipv6 for host in hosts))
        run(
            netlab.internet.netns,
            f"sysctl -q -w net.ipv4.ip_forward={forward[0]} net.ipv6.conf.all.forwarding={forward[1]}",
        )
        relays.append(Relay(netlab.internet.netns, tmp_path, addresses, hosts))
        return relays[-1]

    yield make
    for relay in relays:
        relay.stop()


@pytest.mark.parametrize("version", [4, 6])
def test_the_kernel_forwards_while_the_relay_is_stopped(version: int, made: Made, netlab: Lab) -> None:
    host = netlab.public_host(23)  # first of all: a bridge that gets a port may change its address
    stranger = Party(host, host.ipv6 if version == 6 else host.address)
    relay = made(version)
    relay.call()
    a, b = relay.parties
    relay.latch()
    relay.handed_over()
    os.kill(relay.process.pid, signal.SIGSTOP)
    try:
        assert relay.talk(50) == 100
        for aim in (a.relay, b.relay):
            for _ in range(5):
                stranger.sock.sendto(rtp(1, b"x" * 160), aim)
        a.sock.sendto(REPORT, a.relay)
        assert relay.talk(10) == 20, "and nothing else has come in between"
        assert a.quiet()
        assert b.quiet()
    finally:
        os.kill(relay.process.pid, signal.SIGCONT)
    # What the kernel leaves alone is the relay's: a report on the sound's port.
    wait_until(lambda: reported(a, b), "a report", 10)
    assert relay.streams == 2
    (session,) = relay.ask(command="query", call_id="c")["sessions"]
    assert [one["packets"] for one in session["quality"]] == [a.said, b.said], "what the kernel has counted"
    assert [one["lost"] for one in session["quality"]] == [0, 0]

    # A new offer takes it back, nothing is lost, and it goes on in the kernel.
    relay.call("sendonly")
    assert relay.streams == 0
    assert relay.talk(5) == 10
    relay.handed_over()
    assert relay.talk(5) == 10
    quality = relay.ask(command="delete", call_id="c")["quality"]
    assert [one["packets"] for one in quality] == [a.said, b.said]
    assert [one["lost"] for one in quality] == [0, 0]
    wait_until(lambda: relay.elements() == 0, "the rules gone", 5)


def test_a_killed_relay_takes_its_table_along(made: Made) -> None:
    relay = made()
    relay.call()
    relay.latch()
    relay.handed_over()
    assert relay.elements() == 4
    run(relay.netns, "nft flush ruleset")
    assert relay.elements() == 4, "a firewall that is loaded again doesn't touch them"
    assert relay.talk(5) == 10
    relay.process.kill()
    wait_until(lambda: run(relay.netns, "nft list tables") == "", "the table gone", 5)


@pytest.mark.parametrize(
    ("forward", "words"), [((0, 0), "net.ipv4.ip_forward=1"), ((0, 1), ""), ((1, 0), "")], ids=["none", "v6", "v4"]
)
def test_without_forwarding_the_relay_says_so_and_does_it_itself(
    forward: tuple[int, int], words: str, made: Made
) -> None:
    relay = made(6 if forward[0] else 4, forward)
    relay.call()
    relay.latch()
    if words:
        wait_until(lambda: words in relay.trouble, "a reason", 10)
    else:
        wait_until(lambda: f"only IPv{4 if forward[0] else 6}" in relay.note, "a note", 10)
        threading.Event().wait(1.5)  # else it would be the kernel's by now
    assert relay.talk(20) == 40
    assert relay.streams == 0


def test_a_firewall_in_the_way_is_noticed(made: Made) -> None:
    relay = made()
    wait_until(lambda: relay.trouble == "", "the table", 10)
    run(relay.netns, "nft add table inet wall")
    run(relay.netns, "nft add chain inet wall forward { type filter hook forward priority 0 ; policy drop ; }")
    relay.call()
    relay.latch()
    a, b = relay.parties
    until = time.monotonic() + 15
    while not relay.trouble:
        assert time.monotonic() < until
        for one in relay.parties:
            one.send()
        threading.Event().wait(0.02)
    assert "firewall" in relay.trouble
    for one in (a, b):
        while not one.quiet():
            one.sock.recv(2048)
    assert relay.talk(20) == 40, "the relay does it itself again"


def test_phones_hear_each_other_through_the_kernel(netlab: Lab, start_switch: StartSwitch, tmp_path: Path) -> None:
    run(netlab.internet.netns, "sysctl -q -w net.ipv4.ip_forward=1")
    server = start_switch(
        public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST, relay="kernel_forwarding: yes"
    )
    if server.standin:
        pytest.skip("the stand-in's relay is another one")

    def status() -> Any:
        return json.loads(softswitch(server.folder, "status", "--json"))

    with ExitStack() as stack:
        home = Home(server, tmp_path, stack)
        anna = home.phone("baresip", "anna-home", netlab.home(1), "udp")
        carla = home.phone("baresip", "carla-home", netlab.home(2), "udp")
        anna.dial("102")
        carla.answer()
        anna.established()
        wait_until(lambda: status()["relay"]["streams in the kernel"] == 2, "both directions in the kernel", 15)
        pid = status()["relay"]["pid"]
        os.kill(pid, signal.SIGSTOP)
        recorded = anna.recorded_bytes()
        try:
            wait_until(lambda: anna.recorded_bytes() > recorded + 4 * RATE * 2, "recording", 12)
        finally:
            os.kill(pid, signal.SIGCONT)
        anna.hang_up()
        carla.closed()
        hears(anna, "carla")
        hears(carla, "anna")
    wait_until(lambda: status()["relay"]["streams in the kernel"] == 0, "nothing left", 5)
    assert status()["relay"]["kernel forwarding"] == "on"
