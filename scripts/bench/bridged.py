#!/usr/bin/env python3
"""A bridged call: its work beside a proxied one's, its memory, the time to fail over.

    scripts/bench/bridged.py work [--count 2000] [--profile]   microseconds of the pump, and those of a proxied call
    scripts/bench/bridged.py memory [--count 2000] [--profile] bytes that a call holds in the switch
    scripts/bench/bridged.py failover                          from our INVITE to that to the next trunk, for real

A call comes in over one trunk, is decided by the dialplan, and goes out over another one: INVITE, 180, 200, ACK and BYE
through two dialogs. What the media relay does is not counted; `relay.py` and `signalling.py` have that.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from bridge import CALLEE, CALLER, PLAN, PORT, SERVER, running, settings, wait_for
from micro import SDP, Bench

from softswitch.clock import Clock, VirtualClock

NEXT = "127.0.0.4"
_LINES = re.compile(rb"(Via|From|To|Call-ID|CSeq|Record-Route):", re.IGNORECASE)
_SILENT = 10.0


class BridgeBench(Bench):
    """A switch between two trunks."""

    plan = PLAN

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(False, clock)
        self.client = self.client._replace(host=CALLER, port=5060)
        self.callee = self.callee._replace(host=CALLEE, port=PORT)
        for line in self.switch.trunks:
            self.switch.trunks.located(line, (self.client if line.name == "in" else self.callee,))

    def begin(self) -> tuple[bytes, bytes]:
        """A call up to its ACK: the two BYEs that would end it, from the caller and from the callee."""
        self.call += 1
        lines = (
            f"From: <sip:+4930123@in.example>;tag=f{self.call}\r\nCall-ID: {self.call}@{CALLER}\r\n"
            f"Contact: <sip:x@{CALLER}:5060>\r\nMax-Forwards: 70\r\n"
        ).encode()

        def request(method: bytes, uri: bytes, to: bytes, number: int, body: bytes = b"") -> bytes:
            self.number += 1
            via = b"Via: SIP/2.0/UDP %b:5060;branch=z9hG4bK-%d\r\n" % (CALLER.encode(), self.number)
            more = b"Content-Type: application/sdp\r\n" if body else b""
            head = b"%b %b SIP/2.0\r\n%b%bTo: %b\r\nCSeq: %d %b\r\n" % (method, uri, via, lines, to, number, method)
            return head + more + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)

        called = b"<sip:+498912340@%b>" % SERVER.encode()
        out = self.feed(request(b"INVITE", called[1:-1], called, 1, SDP), self.client)
        invite = next(one for one in out if one.startswith(b"INVITE"))
        self.feed(answered(invite, b"180 Ringing", self.call), self.callee)
        out = self.feed(answered(invite, b"200 OK", self.call, SDP), self.callee)
        ok = next(one for one in out if one.startswith(b"SIP/2.0 200"))
        to = header(ok, b"To")
        target = header(ok, b"Contact").strip(b"<>")
        self.feed(request(b"ACK", target, to, 1), self.client)
        return request(b"BYE", target, to, 2), invite

    def whole(self) -> None:
        """A call from its INVITE to the end."""
        bye, _ = self.begin()
        out = self.feed(bye, self.client)
        sent = next(one for one in out if one.startswith(b"BYE"))
        self.feed(answered(sent, b"200 OK", self.call), self.callee)
        assert not len(self.switch.bridges)


def answered(request: bytes, status: bytes, number: int, body: bytes = b"") -> bytes:
    """What the callee answers."""
    lines = [line for line in request.split(b"\r\n\r\n")[0].split(b"\r\n") if _LINES.match(line)]
    to = next(at for at, line in enumerate(lines) if line.startswith(b"To:"))
    if b";tag=" not in lines[to]:
        lines[to] += b";tag=t%d" % number
    lines.append(b"Contact: <sip:y@%b:%d>" % (CALLEE.encode(), PORT))
    if body:
        lines.append(b"Content-Type: application/sdp")
    return b"SIP/2.0 %b\r\n%b\r\nContent-Length: %d\r\n\r\n%b" % (status, b"\r\n".join(lines), len(body), body)


def header(message: bytes, name: bytes) -> bytes:
    match = re.search(rb"^%b: (.*)\r$" % name, message, re.MULTILINE)
    assert match is not None
    return match[1]


def work(count: int, profile: bool, order: str) -> None:
    """Both kinds in turn, so that a machine that slows down slows both."""
    bridged, proxied = BridgeBench(), Bench(trusted=True)
    for _ in range(200):
        proxied.register("c", 5090)
    steps = {"bridged": (bridged, bridged.whole), "proxied": (proxied, proxied.invite)}
    for _, step in steps.values():
        for _ in range(count // 4):
            step()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    if profile:
        bridged.profiles()
    figures: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(5):
        for name, (bench, step) in steps.items():
            bench.spent = 0.0
            for _ in range(count // 5):
                step()
            figures[name].append(bench.spent / (count // 5) * 1e6)
    for name, found in figures.items():
        print(f"{name:9} {statistics.median(found):7.1f} us [{min(found):.1f}..{max(found):.1f}]")
    ratios = [one / other for one, other in zip(figures["bridged"], figures["proxied"], strict=True)]
    print(f"a bridged call is {statistics.median(ratios):.2f} proxied ones [{min(ratios):.2f}..{max(ratios):.2f}]")
    bridged.tell(order)


def memory(count: int, where: bool) -> None:
    """Calls that stay."""
    clock = VirtualClock()
    bench = BridgeBench(clock)
    for _ in range(200):
        bench.whole()
    clock.advance(60.0)
    bench.switch.advance()
    gc.collect()
    tracemalloc.start()
    for _ in range(count):
        bench.begin()
    bench.out.clear()
    print(f"{tracemalloc.get_traced_memory()[0] / count:7.0f} bytes a bridged call that has just been answered")
    for _ in range(40):  # until the transactions of its INVITEs are over
        clock.advance(1.0)
        bench.switch.advance()
    gc.collect()
    held, calls = tracemalloc.get_traced_memory()[0], len(bench.switch.bridges)
    print(f"{held / count:7.0f} bytes a bridged call under way, of {calls}")
    if where:
        for line in tracemalloc.take_snapshot().statistics("lineno")[:25]:
            print(f"{line.size / count:7.0f}  {line.traceback}")


def failover() -> None:
    """A real switch, and three sockets."""
    plan = PLAN.replace("via: out", "via: [out, next]")
    plan = plan.replace("  out:", f"  next: {{peer: '{NEXT}:{PORT}', number: +49 89 12340}}\n  out:")
    for what, refusal in (("503", b"503 No Circuit"), ("silence", b"")):
        figures = [_failover(plan, refusal) for _ in range(3)]
        shown = ", ".join(f"{one:.3f}" for one in figures)
        print(f"after {what}: the next trunk is asked {statistics.median(figures):.3f} s later ({shown})")


def _failover(plan: str, refusal: bytes) -> float:
    with tempfile.TemporaryDirectory(prefix="bench-bridge-") as name:
        folder = Path(name)
        command = settings(folder, plan)
        sockets = [bound(CALLER, 5060), bound(CALLEE, PORT), bound(NEXT, PORT)]
        caller, first, second = sockets
        with (folder / "server.log").open("wb") as log, running(command, log) as server:
            assert isinstance(server, subprocess.Popen)
            wait_for(folder, server)
            caller.sendto(call(), (SERVER, PORT))
            began = 0.0
            for sock in (first, second):
                while True:
                    data, source = sock.recvfrom(65536)
                    if data.startswith(b"INVITE"):
                        break
                    if data.startswith(b"OPTIONS"):
                        sock.sendto(answered(data, b"200 OK", 1), source)
                if sock is first:
                    began = time.monotonic()
                    if refusal:
                        sock.sendto(answered(data, b"100 Trying", 1), source)
                        sock.sendto(answered(data, refusal, 1), source)
            taken = time.monotonic() - began
        for sock in sockets:
            sock.close()
        return taken


def bound(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, port))
    sock.settimeout(_SILENT)
    return sock


def call() -> bytes:
    """An INVITE of the caller's."""
    head = (
        f"INVITE sip:+498912340@{SERVER} SIP/2.0\r\nVia: SIP/2.0/UDP {CALLER}:5060;branch=z9hG4bK-f\r\n"
        f"From: <sip:+4930123@in.example>;tag=f\r\nTo: <sip:+498912340@{SERVER}>\r\nCall-ID: f@{CALLER}\r\n"
        f"CSeq: 1 INVITE\r\nContact: <sip:x@{CALLER}:5060>\r\nMax-Forwards: 70\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n\r\n"
    )
    return head.encode() + SDP


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("work", "memory", "failover"))
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--order", default="tottime", help="of the profile, as in pstats: ncalls, cumtime …")
    given = parser.parse_args()
    if given.what == "work":
        work(given.count, given.profile, given.order)
    elif given.what == "memory":
        memory(given.count, given.profile)
    else:
        failover()


if __name__ == "__main__":
    asyncio.run(main())
