"""The promise: whatever bytes arrive, only PeerError comes out of `parse` and of every typed accessor, and printing a
parsed message is a fixed point.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torture.builder import offer, request
from torture.row import Accepted
from torture.test_tables import ROWS

from .accessors import check_promise
from .mutations import FEARED, mutated

SEEDS = [row.data for row in ROWS if len(row.data) < 4000]

PIECES = st.lists(st.one_of(st.sampled_from(FEARED), st.binary(max_size=12)), max_size=12).map(b"".join)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_tables_keep_it(row) -> None:  # type: ignore[no-untyped-def]
    message = check_promise(row.data)
    assert message is not None or not isinstance(row.parsed, Accepted)


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_bytes(data: bytes) -> None:
    check_promise(data)


@given(
    field=st.sampled_from(("Via", "From", "To", "Call-ID", "CSeq", "Contact", "Max-Forwards", "Content-Length")),
    value=PIECES,
)
@settings(max_examples=600, deadline=None)
def test_any_value_of_a_field(field: str, value: bytes) -> None:
    check_promise(request("field", b"INVITE", body=offer(), change={field: field.encode() + b": " + value}))


@given(field=st.sampled_from(("Via", "From", "To", "Contact")), value=PIECES)
@settings(max_examples=600, deadline=None)
def test_any_tail_of_a_value(field: str, value: bytes) -> None:
    values = {"Via": b"SIP/2.0/UDP 192.0.2.20;rport;branch=z9hG4bK1"}
    good = values.get(field, b'"Carla" <sip:carla@acme.example>;tag=1')
    check_promise(request("tail", b"INVITE", change={field: field.encode() + b": " + good + value}))


@given(uri=PIECES)
@settings(max_examples=400, deadline=None)
def test_any_request_uri(uri: bytes) -> None:
    check_promise(request("uri", uri=b"sip:" + uri))


@given(name=PIECES, value=PIECES)
@settings(max_examples=400, deadline=None)
def test_any_header_line(name: bytes, value: bytes) -> None:
    check_promise(request("line", change={"X": name + b":" + value}))


def spoil(seed: int, count: int) -> int:
    """Check so many spoilt messages; how many of them were still messages."""
    rng = random.Random(seed)
    accepted = 0
    for _ in range(count):
        data = mutated(rng, rng.choice(SEEDS))
        try:
            accepted += check_promise(data) is not None
        except Exception as error:
            error.add_note(f"the bytes: {data!r}")
            raise
    return accepted


def test_spoilt_messages() -> None:
    """Enough of them must still be accepted, or the run says nothing about the accessors."""
    assert spoil(4475, 4000) > 300


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
def test_spoilt_messages_for_long(seed: int) -> None:
    assert spoil(seed, 20_000) > 1500
