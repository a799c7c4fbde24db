"""The framer, without a socket: the promise in its docstring, and each violation."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.errors import PeerError
from softswitch.sip.framing import PING, StreamFramer

from .wire import message


def frames(framer: StreamFramer, *pieces: bytes) -> list[bytes | tuple[int, object]]:
    """All that comes out, the error last as (status, header bytes)."""
    found: list[bytes | tuple[int, object]] = []
    for piece in pieces:
        framer.feed(piece)
        try:
            while (frame := framer.next_message()) is not None:
                found.append(frame)
        except PeerError as error:
            found.append((error.status, error.message))
    return found


def head(*lines: bytes) -> bytes:
    return b"\r\n".join((b"OPTIONS sip:101@acme.example SIP/2.0", *lines, b"", b""))


@pytest.mark.parametrize(
    "line",
    [
        b"Content-Length: 4",
        b"content-length:4",
        b"CONTENT-LENGTH \t:\t 4 ",
        b"l: 4",
        b"L:4",
        b"l :  0004",
        b"Content-Length:\r\n 4",
        b"Content-Length: \r\n\t \r\n 4\r\n ",
        b"l: 4\r\nContent-Length: 4",
        b"Subject: x\r\n Content-Length: 9\r\nl: 4",
        b"X-Content-Length: 9\r\nl: 4",
        b"Subject: l: 9\r\nl: 4",
    ],
)
def test_every_way_to_write_the_length(line: bytes) -> None:
    whole = head(line) + b"body"
    assert frames(StreamFramer(), whole + whole + b"OPTI") == [whole, whole]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"Subject: none", 400),
        (b"Content-Length:", 400),
        (b"Content-Length: -1", 400),
        (b"Content-Length: +4", 400),
        (b"Content-Length: 4 4", 400),
        (b"Content-Length: 4;x", 400),
        (b"Content-Length: 0x4", 400),
        (b"Content-Length: 4\r\nl: 5", 400),
        (b"l: 4\r\nl: 5", 400),
        (b"l: \xb2", 400),
        (b" l: 4", 400),
        (b"l: 101", 413),
        (b"l: " + b"9" * 10_000, 413),
        (b"l: " + b"0" * 10_000 + b"101", 413),
    ],
)
def test_a_length_that_is_none_or_too_much(line: bytes, status: int) -> None:
    framer = StreamFramer(body_limit=100)
    before, bad = message("before"), head(line)
    assert frames(framer, before + bad + b"body", message("after")) == [before, (status, bad)]


def test_the_limits_are_limits_themselves() -> None:
    at = head(b"X: " + b"x" * 100, b"l: 50")
    limit = len(at) - 4
    assert frames(StreamFramer(limit, 50), at + b"y" * 50) == [at + b"y" * 50]
    assert frames(StreamFramer(limit - 1, 50), at) == [(513, at[: limit - 1])]
    assert frames(StreamFramer(limit, 49), at) == [(413, at)]


def test_pings_and_stray_line_ends() -> None:
    one = message()
    assert frames(StreamFramer(), b"\r\n" + one + b"\r\n" + one + PING + PING + b"\r\n" + one) == [
        one,
        one,
        PING,
        PING,
        one,
    ]


def test_half_a_keepalive_is_no_started_message() -> None:
    framer = StreamFramer()
    for byte in (b"\r", b"\n", b"\r"):
        framer.feed(byte)
        assert framer.next_message() is None
        assert not framer.started
    framer.feed(b"x")
    assert framer.next_message() is None
    assert framer.started


PARTS = st.sampled_from(
    [
        message(),
        message("b", b"\r\n\r\n"),
        head(b"l: 3") + b"abc",
        head(b"l: 200"),
        head(b"Subject: none"),
        head(b"L:\r\n 2\r\n ") + b"xy",
        PING,
        b"\r\n",
        b"\r",
        b"\n",
        b"A" * 150,
        b"l: 5\r\n\r\n",
        b"\x00\xff",
    ]
)


@given(parts=st.lists(PARTS | st.binary(max_size=30), max_size=8), data=st.data())
def test_any_cutting_gives_the_same(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=30)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    expected = frames(StreamFramer(140, 100), whole)
    assert frames(StreamFramer(140, 100), *pieces) == expected
    assert frames(StreamFramer(140, 100), *(whole[at : at + 1] for at in range(len(whole)))) == expected


@given(st.binary(max_size=400))
def test_only_peer_errors_escape_and_an_error_is_the_end(garbage: bytes) -> None:
    found = frames(StreamFramer(100, 100), garbage, garbage, garbage)
    errors = [frame for frame in found if isinstance(frame, tuple)]
    assert len(errors) <= 1
    assert not errors or found[-1] is errors[0]


def test_byte_by_byte_costs_no_more_for_a_byte_in_a_long_message() -> None:
    def seconds_a_byte(size: int) -> float:
        best = 1.0
        for _ in range(3):
            framer = StreamFramer()
            text = head(b"X: " + b"x" * size, b"l: %d" % size) + b"y" * size
            begin = time.process_time()
            for at in range(len(text)):
                framer.feed(text[at : at + 1])
                found = framer.next_message()
            best = min(best, (time.process_time() - begin) / len(text))
            assert found == text
        return best

    # Quadratic would be 16 times as much.
    assert seconds_a_byte(60_000) < 5 * seconds_a_byte(3_750)
