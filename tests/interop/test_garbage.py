"""The promise on real sockets: any bytes on any transport get an answer by the RFC or silence, the log stays free of
exceptions, whoever speaks SIP is served all the while, and memory stays bounded.
"""

from __future__ import annotations

import random
import selectors
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from property.mutations import mutated
from torture.builder import offer, request
from torture.test_tables import ROWS

from .conftest import StartSwitch
from .server import Server

MESSAGES = 100_000
"""A fifth of them over TCP."""
AT_ONCE = 100
MOST_GROWTH_MIB = 60.0
SEEDS = [row.data for row in ROWS if len(row.data) < 4000]


def spoilt(rng: random.Random, count: int) -> Iterator[bytes]:
    """Torture messages and calls, garbled."""
    for number in range(count):
        if rng.random() < 0.5:
            yield mutated(rng, rng.choice(SEEDS))
        else:
            method = rng.choice((b"INVITE", b"OPTIONS", b"REGISTER", b"MESSAGE", b"BYE", b"CANCEL", b"ACK"))
            body = offer() if method == b"INVITE" else b""
            yield mutated(rng, request(f"live{number}", method, b"sip:101@acme.example", body=body))


def resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def options(number: int) -> bytes:
    return (
        f"OPTIONS sip:acme.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bKalive{number}\r\n"
        f"From: <sip:probe@acme.example>;tag=p\r\nTo: <sip:acme.example>\r\nCall-ID: alive{number}\r\n"
        f"CSeq: {number} OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def still_there(server: Server, number: int) -> None:
    """A well-formed request is answered; the answers to garbage may come first. UDP may lose it under this load."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(1.0)
        for _ in range(10):
            probe.sendto(options(number), ("127.0.0.1", server.port("udp")))
            try:
                if f"Call-ID: alive{number}".encode() in probe.recv(65535):
                    return
            except TimeoutError:
                continue
    raise AssertionError(f"no answer to OPTIONS\n{server.process.output[-3000:]}")


def test_garbage_over_udp_and_tcp(start_switch: StartSwitch) -> None:
    rng = random.Random(4475)
    server = start_switch(more="limits: {messages_per_second: 0}\n", level="warning")
    udp = ("127.0.0.1", server.port("udp"))
    still_there(server, 1)
    before = resident_mib(server.process.pid)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        for number, data in enumerate(spoilt(rng, MESSAGES * 4 // 5)):
            try:
                sender.sendto(data[:65000], udp)
            except BlockingIOError:
                continue
            if number % AT_ONCE == 0:
                drain(sender)
            if number % 10_000 == 0:
                still_there(server, number + 2)
    over_tcp(rng, server, MESSAGES // 5)
    still_there(server, MESSAGES + 9)
    grown = resident_mib(server.process.pid) - before
    assert grown < MOST_GROWTH_MIB, f"{grown:.0f} MiB more than before"
    assert not server.complaints()


def over_tcp(rng: random.Random, server: Server, count: int) -> None:
    """Each connection says what it has until the switch has had enough of it."""
    messages = spoilt(rng, count)
    deadline = time.monotonic() + 120
    left = True
    while left:
        assert time.monotonic() < deadline, "garbage over TCP takes too long"
        with socket.create_connection(("127.0.0.1", server.port("tcp")), 5.0) as connection:
            connection.settimeout(5.0)
            left = False
            for data in messages:
                left = True
                try:
                    connection.sendall(data)
                    if rng.random() < 0.02:
                        break
                    drain_stream(connection)
                except OSError:
                    break


def drain(sender: socket.socket) -> None:
    try:
        while True:
            sender.recv(65535)
    except BlockingIOError:
        return


def drain_stream(connection: socket.socket) -> None:
    """Read what is there; raises ConnectionError once the other side has closed."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        while selector.select(0):
            if not connection.recv(65535):
                raise ConnectionResetError
