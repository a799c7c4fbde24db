#!/usr/bin/env python3
"""CPU of setting up a stream in the relay: offer, answer and deletion, without the sockets of the commands.

    scripts/bench/streams.py [--calls 2000] [--runs 5] [--profile]

`floor` is what the kernel alone takes for the lives of four sockets: opened, made ready, watched, closed.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import select
import socket
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from softswitch.media.ng import pack, unpack
from softswitch.media.relay.calls import Calls
from softswitch.media.relay.commands import Commands
from softswitch.media.relay.pairs import Pairs, open_socket
from softswitch.media.relay.plane import Plane
from softswitch.media.relay.pool import PortPool
from softswitch.media.relay.settings import Network, RelaySettings

LOOPBACK = "127.0.0.1"
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
)


class Relay:
    """All of the relay that a command reaches, in this process."""

    def __init__(self) -> None:
        networks = (Network("lan", LOOPBACK, LOOPBACK),)
        self.plane = Plane(3000)
        settings = RelaySettings("unix:/nowhere", networks, 20_000, 29_999)
        self.calls = Calls(settings, Pairs(self.plane, PortPool(20_000, 29_999), networks))
        self._commands = Commands(self.calls)

    def ask(self, datagrams: list[bytes]) -> None:
        """Carry them out, from the datagram to the datagram."""
        for datagram in datagrams:
            reply = pack(b"c", self._commands.run(unpack(datagram)[1], time.monotonic()))
            assert b"6:result2:ok" in reply


def asked(**message: object) -> bytes:
    """A command as it comes."""
    return pack(b"c", {key.replace("_", "-"): value for key, value in message.items()})  # type: ignore[misc]


def commands(number: int) -> list[bytes]:
    """What sets a call up."""
    key = {"call_id": f"c{number}", "from_tag": "a", "via_branch": "z9hG4bK1"}
    more = {"ICE": "remove", "replace": ["origin", "session-connection"], "received_from": ["IP4", LOOPBACK]}
    return [
        asked(command="offer", sdp=SDP, **key, **more),
        asked(command="answer", sdp=SDP, to_tag="b", **key, **more),
    ]


def run(calls: int) -> tuple[float, float]:
    """Microseconds of CPU for setting one up, and for ending it."""
    relay = Relay()
    relay.ask(commands(-1))
    beginnings = [one for number in range(calls) for one in commands(number)]
    ends = [asked(command="delete", call_id=f"c{number}") for number in range(calls)]
    gc.collect()
    gc.freeze()
    gc.disable()
    begun = time.process_time()
    relay.ask(beginnings)
    middle = time.process_time()
    relay.ask(ends)
    ended = time.process_time()
    gc.enable()
    relay.calls.close()
    relay.plane.close()
    return 1e6 * (middle - begun) / calls, 1e6 * (ended - middle) / calls


def floor(calls: int) -> float:
    """Of the kernel's part of both."""
    poll, begun = select.epoll(), time.process_time()
    for number in range(calls):
        made: list[socket.socket] = [open_socket(LOOPBACK, 20_000 + 4 * (number % 2000) + one) for one in range(4)]
        for sock in made:
            poll.register(sock.fileno(), select.EPOLLIN)
        for sock in made:
            poll.unregister(sock.fileno())
            sock.close()
    return 1e6 * (time.process_time() - begun) / calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="show where the time goes instead")
    given = parser.parse_args()
    if given.profile:
        with cProfile.Profile() as profile:
            run(given.calls)
        pstats.Stats(profile).sort_stats("tottime").print_stats(35)
        return
    found = [(*run(given.calls), floor(given.calls)) for _ in range(given.runs)]
    print("| us of CPU a call, median [min..max] | set up | ended | kernel's floor of both |\n|---|---|---|---|")
    cells = []
    for values in zip(*found, strict=True):
        cells.append(f"{statistics.median(values):.0f} [{min(values):.0f}..{max(values):.0f}]")
    print(f"| | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
