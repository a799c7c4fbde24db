#!/usr/bin/env python3
"""The work alone: microseconds of the pump for a REGISTER, an OPTIONS, a call, a PUBLISH with 50 watchers; no sockets.

    python scripts/bench/micro.py [register|options|call|publish|all] [--count 2000] [--profile]

Feeds `Switch.receive` with the bytes a client would send, answers what comes out as a callee would, and counts only
the time within `receive`. Good for seeing where time goes (`--profile`), not for comparing servers.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import hashlib
import os
import pstats
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from softswitch.clock import Clock, SystemClock
from softswitch.dialplan.load import load_plans
from softswitch.events import Bus
from softswitch.flow import Flow, Listener
from softswitch.ids import Ids
from softswitch.media.engine import Done, Heard, MediaKey
from softswitch.ops.log import LEVELS, configure
from softswitch.overrides.service import OverrideService
from softswitch.registrar.auth import Authenticator
from softswitch.registrar.service import Registrar
from softswitch.registrar.wishes import RegistrarLimits
from softswitch.server.outside import SwitchLog
from softswitch.store.memory import MemoryBindingStore
from softswitch.store.memory_overrides import MemoryOverrideStore
from softswitch.switch import Outside, Switch

USERS = 200
WATCHERS = 50
PIDF = (
    b'<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:up0@bench.local"><tuple id="t1">'
    b"<status><basic>open</basic></status><contact>sip:up0@127.0.0.1</contact><note>n%dn</note></tuple></presence>"
)
SDP = (
    b"v=0\r\no=bench 53655765 2353687637 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 40000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
)


class NoMedia:
    """The relay is off."""

    def offer(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done) -> None: ...
    def answer(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done) -> None: ...
    def echo(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done) -> None: ...
    def delete(self, call_id: str, from_tag: str = "", via_branch: str = "") -> None: ...
    def subscribe(self, name: str, heard: Heard) -> None: ...


class NoNames:
    def resolve(self, uri: bytes, size_bytes: int, done: Callable[[list[Flow]], None]) -> None:
        done([])


class Directory:
    def __init__(self, trusted: bool) -> None:
        self._trusted = trusted

    def peer(self, host: str) -> str | None:
        return "bench" if self._trusted else None


class MovedClock(SystemClock):
    """The system's, some time ahead."""

    passed = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.passed

    def wall(self) -> float:
        return super().wall() + self.passed


class Bench:
    """A switch with its sockets cut off."""

    plan = ""
    """Another dialplan than that of the phones."""

    def __init__(self, trusted: bool, clock: Clock | None = None) -> None:
        plan = ["site:", "  domain: bench.local", "  timezone: Europe/Berlin", "people:"]
        for kind in "uc":
            plan += [
                f"  {kind}p{i}: {{seen by: partners, places: {{desk: {{phone: {kind}{i}}}}}}}" for i in range(USERS)
            ]
        plan += ["phones:", *(f"  {kind}{i}: {{secret: {kind}{i}}}" for kind in "uc" for i in range(USERS))]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "plan.yaml"
            path.write_text(self.plan or "\n".join(plan) + "\n")
            plans, _ = load_plans([path])
        self.listener = Listener(0, "UDP", "127.0.0.1", 5060, "127.0.0.1", 5060, "lan")
        self.out: list[tuple[bytes, Flow]] = []
        clock = clock or SystemClock()
        self.clock = clock
        bus = Bus()
        registrar = Registrar(MemoryBindingStore(), bus, RegistrarLimits(), clock.wall())
        ha1 = {
            f"{kind}{i}": hashlib.md5(f"{kind}{i}:bench.local:p{i}".encode()).hexdigest().encode()
            for kind in "uc"
            for i in range(USERS)
        }
        self.ha1 = ha1
        self.switch = Switch(
            Outside(
                clock,
                lambda data, flow: self.out.append((data, flow)),
                NoMedia(),
                NoNames(),
                Directory(trusted),
                SwitchLog(),
                lambda due: None,
            ),
            plans=plans,
            listeners=[self.listener],
            registrar=registrar,
            overrides=OverrideService(MemoryOverrideStore(), bus),
            verifier=Authenticator(lambda site, account, user, alg: ha1.get(account), ("MD5",), 300, b"k" * 32),
            ids=Ids(1),
            token_key=b"k" * 32,
            bus=bus,
            anchors=False,
        )
        self.client = Flow(self.listener, "127.0.0.1", 5070)
        self.callee = Flow(self.listener, "127.0.0.1", 5090)
        self.spent = 0.0
        self.profile: cProfile.Profile | None = None
        self.number = 0

    def feed(self, data: bytes, flow: Flow) -> list[bytes]:
        """What comes out for what goes in, timed."""
        self.out.clear()
        if self.profile is not None:
            self.profile.enable()
        start = time.thread_time()
        self.switch.receive(data, flow)
        self.spent += time.thread_time() - start
        if self.profile is not None:
            self.profile.disable()
        return [data for data, _ in self.out]

    def profiles(self) -> None:
        """Profile from now on what is timed."""
        self.profile = cProfile.Profile()

    def tell(self, order: str) -> None:
        """Print the profile, where there is one."""
        if self.profile is not None:
            pstats.Stats(self.profile, stream=sys.stdout).sort_stats(order).print_stats(45)

    def request(
        self, method: str, uri: str, user: str, to: str, extra: str = "", body: bytes = b"", cseq: int = 1
    ) -> bytes:
        self.number += 1
        return (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-7-{self.number}-0\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{user}@bench.local>;tag=7i{self.call}\r\nTo: {to}\r\n"
            f"Call-ID: {self.call}-7@127.0.0.1\r\nCSeq: {cseq} {method}\r\nContact: <sip:{user}@127.0.0.1:5070>\r\n"
            f"{extra}User-Agent: bench-uac\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    call = 0

    def register(self, kind: str = "u", port: int = 5070) -> None:
        self.call += 1
        n = self.call % USERS
        user = f"{kind}{n}"
        flow = self.client._replace(port=port)
        to = f"<sip:{user}@bench.local>"

        def text(extra: str, cseq: int) -> bytes:
            return self.request(
                "REGISTER", "sip:bench.local", user, to, extra + "Expires: 3600\r\n", b"", cseq
            ).replace(b":5070", b":%d" % port)

        (challenge,) = self.feed(text("", 1), flow)
        nonce = re.search(rb'nonce="([^"]+)"', challenge)[1].decode()  # type: ignore[index]
        ha2 = hashlib.md5(b"REGISTER:sip:127.0.0.1:5060").hexdigest()
        answer = hashlib.md5(f"{self.ha1[user].decode()}:{nonce}:00000001:abcd:auth:{ha2}".encode()).hexdigest()
        auth = (
            f'Authorization: Digest username="{user}",realm="bench.local",cnonce="abcd",nc=00000001,qop=auth,'
            f'uri="sip:127.0.0.1:5060",nonce="{nonce}",response="{answer}",algorithm=MD5\r\n'
        )
        (ok,) = self.feed(text(auth, 2), flow)
        assert ok.startswith(b"SIP/2.0 200"), ok

    def options(self) -> None:
        self.call += 1
        (ok,) = self.feed(self.request("OPTIONS", "sip:127.0.0.1:5060", "ping", "<sip:127.0.0.1:5060>"), self.client)
        assert ok.startswith(b"SIP/2.0 200"), ok

    def watches(self) -> None:
        """Another watcher of the first person."""
        self.call += 1
        to, extra = "<sip:up0@bench.local>", "Event: presence\r\nExpires: 3600\r\n"
        out = self.feed(self.request("SUBSCRIBE", "sip:up0@bench.local", f"w{self.call}", to, extra), self.client)
        assert out[0].startswith(b"SIP/2.0 200"), out
        self.notified(out[1:])

    def notified(self, notifies: list[bytes]) -> None:
        for notify in notifies:
            keep = re.findall(rb"^(?:Via|From|To|Call-ID|CSeq):.*\r\n", notify, re.MULTILINE)
            self.feed(b"SIP/2.0 200 OK\r\n" + b"".join(keep) + b"Content-Length: 0\r\n\r\n", self.client)

    etag = ""

    def publish(self) -> None:
        """A PUBLISH, and a NOTIFY with its answer for each watcher."""
        self.call += 1
        body = PIDF % self.call
        extra = f"Event: presence\r\nExpires: 3600\r\nContent-Type: application/pidf+xml\r\n{self.etag}"
        to = "<sip:up0@bench.local>"
        # What is sent more often than each fiftieth of a second waits.
        assert isinstance(self.clock, MovedClock)
        self.clock.passed += 0.05
        ok, *notifies = self.feed(self.request("PUBLISH", "sip:up0@bench.local", "up0", to, extra, body), self.client)
        assert ok.startswith(b"SIP/2.0 200"), ok
        assert len(notifies) == WATCHERS, len(notifies)
        self.etag = f"SIP-If-Match: {re.search(rb'SIP-ETag: ([0-9a-f]+)', ok)[1].decode()}\r\n"  # type: ignore[index]
        self.notified(notifies)

    def invite(self) -> None:
        self.call += 1
        n = self.call % USERS
        extra = (
            "Content-Type: application/sdp\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE\r\n"
            "Supported: timer, replaces\r\n"
        )
        to = f"<sip:c{n}@bench.local>"
        out = self.feed(self.request("INVITE", f"sip:c{n}@bench.local", f"u{n}", to, extra, SDP), self.client)
        assert len(out) == 2, out
        invite = out[1]
        keep = [line for line in invite.split(b"\r\n") if re.match(rb"(Via|From|Call-ID|CSeq|Record-Route):", line)]

        def answer(status: bytes, lines: list[bytes], body: bytes = b"") -> bytes:
            more = b"Content-Type: application/sdp\r\n" if body else b""
            return b"\r\n".join(
                (
                    b"SIP/2.0 " + status,
                    *lines,
                    b"To: " + to.encode() + b";tag=9s%d" % self.call,
                    b"Contact: <sip:bench@127.0.0.1:5090;transport=UDP>",
                    b"User-Agent: bench-uas",
                    more + b"Content-Length: %d\r\n\r\n" % len(body) + body,
                )
            )

        assert len(self.feed(answer(b"180 Ringing", keep), self.callee)) == 1
        (ok,) = self.feed(answer(b"200 OK", keep, SDP), self.callee)
        route = re.search(rb"Record-Route: (.*)\r\n", ok)[1].decode()  # type: ignore[index]
        to += f";tag=9s{self.call}"
        target = "sip:bench@127.0.0.1:5090;transport=UDP"
        user = f"u{n}"
        assert len(self.feed(self.request("ACK", target, user, to, f"Route: {route}\r\n"), self.client)) == 1
        (bye,) = self.feed(self.request("BYE", target, user, to, f"Route: {route}\r\n", b"", 2), self.client)
        keep = [line for line in bye.split(b"\r\n") if re.match(rb"(Via|From|Call-ID|CSeq):", line)]
        assert len(self.feed(answer(b"200 OK", keep), self.callee)) == 1


def measure(name: str, count: int, profile: bool, order: str = "tottime") -> None:
    clock = MovedClock()
    bench = Bench(name != "register", clock)
    step: Callable[[], None] = {"register": bench.register, "options": bench.options, "call": bench.invite,
                                  "publish": bench.publish}[name]  # fmt: skip
    if name == "call":
        for _ in range(USERS):
            bench.register("c", 5090)
    if name == "publish":
        bench.switch.start()
        for _ in range(20):  # everybody is looked at once
            clock.passed += 1
            bench.switch.advance()
        for _ in range(WATCHERS):
            bench.watches()
        count //= 10
    for _ in range(count // 4):
        step()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    if profile:
        bench.profiles()
    figures = []
    for _ in range(5):
        bench.spent = 0.0
        for _ in range(count // 5):
            step()
        figures.append(bench.spent / (count // 5) * 1e6)
    print(f"{name:9} {statistics.median(figures):7.1f} us [{min(figures):.1f}..{max(figures):.1f}]", end="")
    print(f", {statistics.median(figures) / WATCHERS:.1f} for each of {WATCHERS}" if name == "publish" else "")
    bench.tell(order)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("register", "options", "call", "publish", "all"), nargs="?", default="all")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--log", choices=tuple(LEVELS), help="write a log of this level, as JSON, to nowhere")
    parser.add_argument("--order", default="tottime", help="of the profile, as in pstats: ncalls, cumtime …")
    given = parser.parse_args()
    if given.log:
        configure("json", given.log, open(os.devnull, "w"))  # noqa: ASYNC230, SIM115 (nothing waits for it)
    for name in ("options", "register", "call", "publish") if given.what == "all" else (given.what,):
        measure(name, given.count, given.profile, given.order)


if __name__ == "__main__":
    asyncio.run(main())
