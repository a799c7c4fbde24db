"""Dialog tokens: they open for the requests of their dialog, from either side, and for nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.flow import Flow, Listener
from softswitch.proxy.token import ANCHORED, CALLEE_STICKS, CALLER_STICKS, Tokens

UDP = Listener(0, "UDP", "192.0.2.1", 5060, "192.0.2.1", 5060, "office")
TLS6 = Listener(5, "TLS", "2001:db8::1", 5061, "2001:db8::1", 5061, "internet")
TOKENS = Tokens(b"k" * 32, (UDP, TLS6))
CALLER = Flow(UDP, "192.0.2.20", 5060)
CALLEE = Flow(TLS6, "2001:db8::99", 40_000, 123_456_789_012)


def seal(tokens: Tokens = TOKENS, flags: int = ANCHORED | CALLEE_STICKS) -> bytes:
    return tokens.seal(b"call-1", b"from-1", CALLER, CALLEE, flags)


def test_it_opens_from_either_side() -> None:
    forth = TOKENS.open(seal(), b"call-1", b"from-1", b"to-1")
    back = TOKENS.open(seal(), b"call-1", b"to-1", b"from-1")
    assert forth is not None
    assert back is not None
    assert (forth.sender, forth.receiver, forth.receiver_sticks, forth.anchored) == (CALLER, CALLEE, True, True)
    assert (back.sender, back.receiver, back.receiver_sticks, back.anchored) == (CALLEE, CALLER, False, True)


@pytest.mark.parametrize("flags", range(8))
def test_every_flag_comes_back(flags: int) -> None:
    forth = TOKENS.open(seal(flags=flags), b"call-1", b"from-1", b"x")
    back = TOKENS.open(seal(flags=flags), b"call-1", b"x", b"from-1")
    assert forth is not None
    assert back is not None
    assert forth.anchored is back.anchored is bool(flags & ANCHORED)
    assert forth.receiver_sticks is bool(flags & CALLEE_STICKS)
    assert back.receiver_sticks is bool(flags & CALLER_STICKS)


@pytest.mark.parametrize(
    ("call_id", "from_tag", "to_tag"),
    [(b"call-2", b"from-1", b"to-1"), (b"call-1", b"from-2", b"to-1"), (b"call-1", b"", b""), (b"", b"from-1", b"")],
)
def test_it_opens_for_no_other_dialog(call_id: bytes, from_tag: bytes, to_tag: bytes) -> None:
    assert TOKENS.open(seal(), call_id, from_tag, to_tag) is None


def test_call_id_and_tag_cannot_be_shifted_into_one_another() -> None:
    """The place where one ends and the other begins is part of what is sealed."""
    token = TOKENS.seal(b"call", b"one|two", CALLER, CALLEE, 0)
    assert TOKENS.open(token, b"call", b"one|two", b"x") is not None
    assert TOKENS.open(token, b"call|one", b"two", b"x") is None


@given(at=st.integers(0, 1000), by=st.integers(1, 255))
def test_any_changed_character_closes_it(at: int, by: int) -> None:
    token = bytearray(seal())
    at %= len(token)
    token[at] = (token[at] + by) % 256
    opened = TOKENS.open(bytes(token), b"call-1", b"from-1", b"to-1")
    # The last character of base64 has bits that mean nothing; those alone may differ.
    assert opened is None or at == len(token) - 1


@given(st.binary(max_size=120))
def test_garbage_opens_nothing_and_raises_nothing(garbage: bytes) -> None:
    assert TOKENS.open(garbage, b"call-1", b"from-1", b"to-1") is None


def test_another_key_or_a_listener_that_is_gone() -> None:
    assert Tokens(b"x" * 32, (UDP, TLS6)).open(seal(), b"call-1", b"from-1", b"to-1") is None
    assert Tokens(b"k" * 32, (UDP,)).open(seal(), b"call-1", b"from-1", b"to-1") is None
    assert Tokens(b"k" * 32, (UDP, TLS6)).open(seal(), b"call-1", b"from-1", b"to-1") is not None


def test_it_is_short_and_fit_for_a_user_part() -> None:
    token = TOKENS.seal(b"c", b"f", CALLER, CALLER._replace(port=9), 7)
    assert len(token) <= 64
    assert token.replace(b"-", b"").replace(b"_", b"").isalnum()
