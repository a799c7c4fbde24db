"""Bencode and the framing of ng messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.media.ng import NgError, bdecode, bencode, cookie_of, pack, unpack

_TEXT = st.text(st.characters(codec="ascii"), max_size=8)
_VALUES = st.recursive(
    st.one_of(st.integers(-(10**17), 10**17), st.binary(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_TEXT, inner, max_size=4)),
    max_leaves=12,
).filter(lambda value: _depth(value) <= 8)


def _depth(value):
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


@given(_VALUES)
def test_what_is_written_is_read_back(value):
    assert bdecode(bencode(value)) == value


@given(st.one_of(st.binary(max_size=60), st.text("idle0123456789:-", max_size=40).map(str.encode)))
def test_any_bytes_are_a_value_or_an_ngerror(data):
    try:
        value = bdecode(data)
    except NgError:
        return
    assert bdecode(bencode(value)) == value


def test_a_message_is_written_as_rtpengine_reads_it():
    assert pack(b"7_1", {"command": "ping"}) == b"7_1 d7:command4:pinge"
    message = {"sdp": b"v=0", "flags": ["trust-address"], "call-id": "x"}
    assert bencode(message) == b"d7:call-id1:x5:flagsl13:trust-addresse3:sdp3:v=0e"


def test_unsorted_keys_are_read():
    assert unpack(b"c d6:result2:ok3:agei-3ee") == (b"c", {"result": b"ok", "age": -3})


def test_text_that_was_no_utf8_comes_back_as_it_was():
    assert bencode(b"\xff\xfe".decode("utf-8", "surrogateescape")) == b"2:\xff\xfe"


@pytest.mark.parametrize("data", [b"", b"nocookie", b" d1:a1:be", b"x" * 300 + b" de"])
def test_no_cookie(data):
    with pytest.raises(NgError):
        cookie_of(data)


@pytest.mark.parametrize(
    "data",
    [b"i5e", b"le", b"d", b"di1ei2ee", b"d1:ae", b"dee", b"d1:a99999999999999999999:xe", b"d1:a-1:xe", b"l" * 5000],
)
def test_not_a_dictionary(data):
    with pytest.raises(NgError):
        unpack(b"c " + data)
