"""Sound between phones behind real NATs, in network namespaces of their own."""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from softswitch.media.ng import pack, unpack

from .conftest import SECONDS, media_ports, rtp

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(
        os.geteuid() != 0 or not (shutil.which("ip") and shutil.which("nft")), reason="wants root, ip and nft"
    ),
]

RELAY = "203.0.113.1"
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Net:
    """The relay on the public network, with two routers; behind each of them a home with two phones."""

    def __init__(self, masquerade: str) -> None:
        self.names = {name: f"ss{os.getpid()}{name}" for name in ("pub", "r1", "r2", "h1", "h2")}
        for name in self.names.values():
            self._run("ip", "netns", "add", name)
        self._in("pub", "ip link add br0 type bridge")
        self._in("pub", f"ip addr add {RELAY}/24 dev br0")
        self._in("pub", "ip addr add 203.0.113.66/24 dev br0")
        self._in("pub", "ip link set br0 up")
        for number in (1, 2):
            router, home = f"r{number}", f"h{number}"
            self._in(router, f"ip link add wan type veth peer name w{number} netns {self.names['pub']}")
            self._in(router, f"ip link add lan type veth peer name eth0 netns {self.names[home]}")
            self._in("pub", f"ip link set w{number} master br0 up")
            self._in(router, f"ip addr add 203.0.113.1{number}/24 dev wan")
            self._in(router, "ip addr add 192.168.1.1/24 dev lan")
            self._in(router, "ip link set wan up")
            self._in(router, "ip link set lan up")
            self._in(router, "sysctl -qw net.ipv4.ip_forward=1")
            self._in(router, "nft add table ip nat")
            self._in(router, "nft add chain ip nat out { type nat hook postrouting priority 100 ; }")
            self._in(router, f"nft add rule ip nat out oif wan {masquerade}")
            for last in (20, 21):
                self._in(home, f"ip addr add 192.168.1.{last}/24 dev eth0")
            self._in(home, "ip link set eth0 up")
            self._in(home, "ip route add default via 192.168.1.1")

    def _run(self, *words: str) -> None:
        subprocess.run(words, check=True, capture_output=True, text=True)

    def _in(self, name: str, command: str) -> None:
        self._run("ip", "netns", "exec", self.names[name], *command.split())

    def popen(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["ip", "netns", "exec", self.names[name], *words], stdout=subprocess.PIPE)

    def socket(self, name: str, host: str) -> socket.socket:
        """A UDP socket within this namespace; only a thread of its own enters there."""

        def make() -> socket.socket:
            with open(f"/run/netns/{self.names[name]}", "rb") as there:
                assert _libc.setns(there.fileno(), _CLONE_NEWNET) == 0
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((host, 0))
            sock.settimeout(SECONDS)
            return sock

        assert threading.current_thread() is threading.main_thread()
        with ThreadPoolExecutor(1) as entering:
            return entering.submit(make).result()

    def close(self) -> None:
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


class Phone:
    """A socket somewhere, and the address that its signalling is seen to come from."""

    def __init__(self, net: Net, name: str, host: str, seen_as: str) -> None:
        self.sock = net.socket(name, host)
        self.source = ["IP4", seen_as]
        self.sdp = f"v=0\r\nc=IN IP4 {host}\r\nm=audio {self.sock.getsockname()[1]} RTP/AVP 0\r\n".encode()
        self.port = 0

    def say(self, packet: bytes) -> None:
        self.sock.sendto(packet, (RELAY, self.port))


@pytest.fixture(params=["masquerade", "masquerade random,persistent"], ids=["keeps-ports", "changes-ports"])
def net(request) -> Iterator[Net]:
    net = Net(request.param)
    yield net
    net.close()


@pytest.fixture
def connect(net, tmp_path) -> Iterator[Callable[[Phone, Phone], None]]:
    """Offer and answer between two phones by a relay on the public network."""
    words = ["--control", f"unix:{tmp_path}/ng", "--ports", "20000-20999", "--network", f"internet={RELAY}"]
    process = net.popen("pub", sys.executable, "-m", "softswitch.media.relay", *words)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    control = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    control.bind(f"{tmp_path}/asker")  # names of the kernel's choice are seen within one namespace only
    control.settimeout(SECONDS)
    cookies = itertools.count()

    def ask(command: str, phone: Phone) -> int:
        message = {"command": command, "call-id": "c", "from-tag": "a", "to-tag": "b" if command == "answer" else ""}
        message |= {"sdp": phone.sdp, "received-from": phone.source}
        control.sendto(pack(b"%d" % next(cookies), message), f"{tmp_path}/ng")
        return media_ports(unpack(control.recv(65_536))[1]["sdp"])[0]

    def connect(a: Phone, b: Phone) -> None:
        b.port = ask("offer", a)
        a.port = ask("answer", b)

    yield connect
    control.close()
    process.terminate()
    process.wait(timeout=SECONDS)
    process.stdout.close()


def _find(a: Phone, b: Phone) -> None:
    """Both say something until they hear each other: the first packets open the routers."""
    found = 0
    for sock in (a.sock, b.sock):
        sock.settimeout(0.05)
    for _ in range(200):
        for one, other in ((a, b), (b, a)):
            one.say(rtp(0, b"hello"))
            try:
                assert other.sock.recv(2048) == rtp(0, b"hello")
                found += 1
            except TimeoutError:
                found = 0
        if found >= 4:
            break
    for sock in (a.sock, b.sock):
        sock.settimeout(SECONDS)
    assert found >= 4


def _talk(a: Phone, b: Phone) -> None:
    """All that is said is heard, and nothing else."""
    for number in range(1, 40):
        for one, other in ((a, b), (b, a)):
            packet = rtp(number, b"%160d" % number)
            one.say(packet)
            heard = other.sock.recv(2048)
            while heard == rtp(0, b"hello"):
                heard = other.sock.recv(2048)  # a late one
            assert heard == packet


def test_behind_two_different_routers_with_the_same_addresses(net, connect):
    a = Phone(net, "h1", "192.168.1.20", "203.0.113.11")
    b = Phone(net, "h2", "192.168.1.20", "203.0.113.12")
    connect(a, b)
    _find(a, b)
    _talk(a, b)


def test_behind_the_same_router(net, connect):
    a = Phone(net, "h1", "192.168.1.20", "203.0.113.11")
    b = Phone(net, "h1", "192.168.1.21", "203.0.113.11")
    connect(a, b)
    _find(a, b)
    _talk(a, b)


def test_a_stranger_on_the_public_network_is_not_heard(net, connect):
    a = Phone(net, "h1", "192.168.1.20", "203.0.113.11")
    b = Phone(net, "h2", "192.168.1.20", "203.0.113.12")
    stranger = Phone(net, "pub", "203.0.113.66", "")
    connect(a, b)
    for port in (a.port, b.port):
        stranger.port = port
        for number in range(50):
            stranger.say(rtp(number, b"evil", ssrc=666))
    _find(a, b)
    for port in (a.port, b.port):
        stranger.port = port
        for number in range(50):
            stranger.say(rtp(number, b"evil", ssrc=666))
    _talk(a, b)  # compares every packet
