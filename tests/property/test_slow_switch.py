"""Nor is a whole switch slow: what anybody may send costs about as much however it is made."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from torture.builder import offer, request
from torture.whole import Whole, load

from softswitch.sip.digest import parse_credentials
from softswitch.sip.framing import StreamFramer
from softswitch.sip.sdp import Sdp

from .accessors import refusal
from .test_slow import RUNS, SIZE

LIMIT_SECONDS = 0.4
"""CPU time; a quadratic step takes several seconds."""

MORE_RUNS = RUNS | {
    "schemes": b"sip:",
    "fields": b"a=b,",
    "quoted fields": b'a="b",',
    "open fields": b'a="',
    "SDP lines": b"a=x\r\n",
    "media": b"m=audio 1 RTP/AVP 0\r\n",
    "lengths": b"\r\nl:1",
}

FIELDS = (
    (b"REGISTER", b"Contact: ", b"<sip:carla@192.0.2.20>"),
    (b"REGISTER", b"Contact: <sip:", b"@192.0.2.20>"),
    (b"REGISTER", b"Contact: <sip:carla@192.0.2.20>", b";q=1"),
    (b"REGISTER", b"Expires: ", b"1"),
    (b"REGISTER", b"Path: ", b"<sip:192.0.2.7;lr>"),
    (b"REGISTER", b"Require: ", b"path"),
    (b"INVITE", b"Route: ", b"<sip:192.0.2.7;lr>"),
    (b"INVITE", b"Route: <sip:192.0.2.1;lr>", b""),
    (b"INVITE", b"Proxy-Require: ", b"x"),
    (b"INVITE", b"Max-Breadth: ", b"1"),
    (b"INVITE", b"Record-Route: ", b"<sip:192.0.2.7;lr>"),
    (b"INVITE", b"P-Asserted-Identity: ", b"<sip:carla@acme.example>"),
)


def within_limit(what: object, work: Callable[[], object]) -> None:
    begun = time.process_time()
    refusal(work)
    spent = time.process_time() - begun
    assert spent < LIMIT_SECONDS, f"{what}: {spent:.2f} s"


@pytest.mark.parametrize(("method", "before", "after"), FIELDS)
def test_fields(method: bytes, before: bytes, after: bytes, tmp_path: Path) -> None:
    whole = Whole(load(tmp_path))
    for number, (name, unit) in enumerate(MORE_RUNS.items()):
        line = before + unit * (SIZE // len(unit)) + after
        uri = b"sip:acme.example" if method == b"REGISTER" else b"sip:dario@acme.example"
        data = request(f"slow{number}", method, uri, change={line.partition(b":")[0].decode(): line})
        within_limit(name, lambda data=data: whole.send(data))  # type: ignore[misc]


def test_credentials() -> None:
    """Read before anybody knows who it is."""
    for name, unit in MORE_RUNS.items():
        run = unit * (SIZE // len(unit))
        for before in (b"Digest ", b'Digest username="', b"Digest username=a,", b"Digest username"):
            for value in (before + run, before + run + b'",realm="x"', before + run[:2000]):
                within_limit((name, before), lambda value=value: parse_credentials(value))  # type: ignore[misc]


def test_sdp() -> None:
    for name, unit in MORE_RUNS.items():
        run = unit * (SIZE // len(unit))
        for before in (b"v=0\r\n", b"v=0\r\nc=", b"v=0\r\nm=", offer() + b"a=rtcp:", offer()):
            within_limit((name, before), lambda body=before + run: Sdp.parse(body))  # type: ignore[misc]


def test_framing() -> None:
    for name, unit in MORE_RUNS.items():
        run = unit * (SIZE // len(unit))
        for before in (b"", b"OPTIONS sip:a SIP/2.0\r\n", b"OPTIONS sip:a SIP/2.0\r\nl:"):
            for after in (b"", b"\r\n\r\n"):
                within_limit((name, before), lambda data=before + run + after: framed(data))  # type: ignore[misc]


def framed(data: bytes) -> None:
    framer = StreamFramer()
    framer.feed(data)
    while framer.next_message() is not None:
        pass
