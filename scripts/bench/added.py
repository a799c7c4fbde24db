"""What the switch adds to the way of an INVITE, from the caller sending it to the phone having it: p50 and p99.

    python scripts/bench/added.py [--calls 2000] [--rate 50] [--rounds 3]

One caller, a listed peer, and one registered phone on loopback sockets; each call is refused with 486 and over. Beside
it, in turn and in the same run: the bare way from socket to socket, and kamailio where it is installed (its
configuration is with the load generators, see `signalling.py`). Servers on core 0, caller and phone on core 1.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers import ROOT, CannotMeasure, Place, Setup, kamailio, softswitch

LOAD_CORE = 1
HOST = "127.0.0.1"
SDP = f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8 0\r\n"


class Phone:
    """A UDP socket that writes SIP by hand, so that nothing but the server takes time."""

    def __init__(self, port: int) -> None:
        """`port` is the server's."""
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.socket.settimeout(2.0)
        self.server = (HOST, port)
        self.own = self.socket.getsockname()[1]

    def send(self, lines: list[str], body: str = "") -> None:
        text = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])
        self.socket.sendto(text.encode(), self.server)

    def receive(self, wanted: str) -> list[str]:
        """The lines of the next message that begins so; others are passed over."""
        while True:
            lines = self.socket.recv(65536).decode().split("\r\n")
            if lines[0].startswith(wanted):
                return lines

    def request(self, method: str, uri: str, to: str, who: str, number: int, cseq: int = 1) -> list[str]:
        """The head of a request."""
        return [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {HOST}:{self.own};branch=z9hG4bKa{number}.{cseq}",
            "Max-Forwards: 70",
            f"From: <sip:{who}@bench.local>;tag={number}",
            f"To: {to}",
            f"Call-ID: {number}.{self.own}@{HOST}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:{who}@{HOST}:{self.own}>",
        ]


def register(phone: Phone) -> None:
    """c0 comes in, with digest (MD5)."""
    head = phone.request("REGISTER", "sip:bench.local", "<sip:c0@bench.local>", "c0", 0)
    phone.send(head)
    challenge = next(line for line in phone.receive("SIP/2.0 401") if line.lower().startswith("www-authenticate"))
    nonce = re.search(r'nonce="([^"]*)"', challenge)
    assert nonce is not None
    a1, a2 = (hashlib.md5(text.encode()).hexdigest() for text in ("c0:bench.local:p0", "REGISTER:sip:bench.local"))
    qop = "qop=" in challenge
    middle = f"{nonce[1]}:00000001:x:auth" if qop else nonce[1]
    response = hashlib.md5(f"{a1}:{middle}:{a2}".encode()).hexdigest()
    again = phone.request("REGISTER", "sip:bench.local", "<sip:c0@bench.local>", "c0", 0, 2)
    more = ', qop=auth, nc=00000001, cnonce="x"' if qop else ""
    again.append(
        f'Authorization: Digest username="c0", realm="bench.local", nonce="{nonce[1]}", uri="sip:bench.local", '
        f'response="{response}"{more}'
    )
    phone.send(again)
    phone.receive("SIP/2.0 200")


def call(caller: Phone, phone: Phone, number: int) -> float:
    """Seconds from the INVITE's leaving to its arrival."""
    invite = caller.request("INVITE", "sip:c0@bench.local", "<sip:c0@bench.local>", "u0", number)
    invite.append("Content-Type: application/sdp")
    start = time.perf_counter()
    caller.send(invite, SDP)
    came = phone.receive("INVITE")
    took = time.perf_counter() - start
    kept = [line for line in came if re.match(r"(via|from|call-id|cseq):", line, re.IGNORECASE)]
    phone.send(["SIP/2.0 486 Busy Here", *kept, "To: <sip:c0@bench.local>;tag=c0"])
    busy = caller.receive("SIP/2.0 486")
    to = next(line.partition(":")[2].strip() for line in busy if line.lower().startswith("to:"))
    caller.send(caller.request("ACK", "sip:c0@bench.local", to, "u0", number))
    return took


def bare(caller: Phone, phone: Phone) -> float:
    """The same bytes straight from socket to socket."""
    invite = caller.request("INVITE", "sip:c0@bench.local", "<sip:c0@bench.local>", "u0", 0)
    start = time.perf_counter()
    caller.socket.sendto("\r\n".join([*invite, "", SDP]).encode(), (HOST, phone.own))
    phone.receive("INVITE")
    return time.perf_counter() - start


def measured(given: argparse.Namespace, port: int, straight: bool = False) -> list[float]:
    caller, phone = Phone(port), Phone(port)
    if not straight:
        register(phone)
    taken = []
    for number in range(1, given.warm + given.calls + 1):
        taken.append(bare(caller, phone) if straight else call(caller, phone, number))
        time.sleep(1 / given.rate)
    return taken[given.warm :]


@contextmanager
def nothing(port: int) -> Iterator[int]:
    yield 0


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2000, help="of each server in each round")
    parser.add_argument("--rate", type=float, default=50.0, help="calls a second")
    parser.add_argument("--warm", type=int, default=200, help="calls before the first that counts")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--log", default="info", help="level of the switch's log")
    parser.add_argument("--bench", type=Path, default=ROOT.parent / "shared" / "bench", help="kamailio's configuration")
    given = parser.parse_args()
    os.sched_setaffinity(0, {LOAD_CORE % (os.cpu_count() or 1)})
    found: dict[str, list[list[float]]] = {}
    with tempfile.TemporaryDirectory(prefix="added-") as folder:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((HOST, 0))
            port = probe.getsockname()[1]
        place = Place(Path(folder), given.bench, port, 1, Path(sys.executable))
        setup = Setup("memory")
        servers = {"no server": lambda: nothing(port), "softswitch": lambda: softswitch(setup, place, given.log)}
        if shutil.which("kamailio", path=f"{os.environ['PATH']}:/usr/sbin") and (given.bench / "kamailio").exists():
            servers["kamailio"] = lambda: kamailio(setup, place)
        try:
            for _ in range(given.rounds):
                for name, server in servers.items():
                    with server():
                        found.setdefault(name, []).append(measured(given, port, name == "no server"))
        except CannotMeasure as error:
            print(f"added: {error}", file=sys.stderr)
            return 1
    print("| | p50 µs, median of rounds [min..max] | p99 µs |\n|---|---|---|")
    for name, rounds in found.items():
        cells = []
        for part in (0.5, 0.99):
            values = sorted(sorted(one)[int((len(one) - 1) * part)] * 1e6 for one in rounds)
            cells.append(f"{statistics.median(values):.0f} [{values[0]:.0f}..{values[-1]:.0f}]")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
