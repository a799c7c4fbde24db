"""The limits in virtual time."""

from __future__ import annotations

import pytest

from softswitch.ops.limits import Limits, SourceLimiter

ANNA = "192.0.2.10"


def test_a_burst_and_then_the_rate() -> None:
    limiter = SourceLimiter(Limits(messages_per_second=10, messages_burst=5))
    assert [limiter.admit(ANNA, 100.0) for _ in range(7)] == [True] * 5 + [False] * 2
    assert limiter.dropped_messages == 2
    assert not limiter.admit(ANNA, 100.09)
    assert limiter.admit(ANNA, 100.11)
    assert not limiter.admit(ANNA, 100.11)
    assert sum(limiter.admit(ANNA, 101.11) for _ in range(20)) == 5


def test_the_rate_holds_over_a_minute() -> None:
    limiter = SourceLimiter(Limits(messages_per_second=10, messages_burst=5))
    passed = sum(limiter.admit(ANNA, step / 100) for step in range(6000))
    assert passed == pytest.approx(605, abs=1)


def test_sources_do_not_share() -> None:
    limiter = SourceLimiter(Limits(messages_per_second=10, messages_burst=1))
    assert limiter.admit(ANNA, 0.0)
    assert not limiter.admit(ANNA, 0.0)
    assert limiter.admit("192.0.2.11", 0.0)


def test_wait_says_when() -> None:
    limiter = SourceLimiter(Limits(messages_per_second=10, messages_burst=2))
    assert limiter.wait(ANNA, 5.0) == 0
    limiter.admit(ANNA, 5.0)
    limiter.admit(ANNA, 5.0)
    wait = limiter.wait(ANNA, 5.0)
    assert wait == pytest.approx(0.1)
    assert not limiter.admit(ANNA, 5.0 + wait - 0.001)
    assert limiter.wait(ANNA, 5.0 + wait) == pytest.approx(0, abs=1e-9)
    assert limiter.admit(ANNA, 5.0 + wait)


def test_off_and_exempt_are_free() -> None:
    off = SourceLimiter(Limits(messages_per_second=0, connections_per_source=0, connections_total=0))
    assert all(off.admit(ANNA, 0.0) and off.connect(ANNA) for _ in range(1000))
    assert off.sources() == 0
    listed = SourceLimiter(Limits(messages_burst=1, connections_per_source=1), exempt=lambda host: host == ANNA)
    assert listed.source(ANNA) == ""
    assert listed.source("192.0.2.11") == "192.0.2.11"
    assert all(listed.admit("", 0.0) and listed.connect("") for _ in range(100))


@pytest.mark.parametrize(
    ("one", "other", "bits", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", 64, True),
        ("2001:db8::1", "2001:db8:0:1::1", 64, False),
        ("2001:db8::1", "2001:db8::2", 128, False),
        ("2001:db8::1", "2001:db8::2", 0, False),
        ("fe80::1%2", "fe80::2%2", 64, False),
        ("192.0.2.1", "192.0.2.2", 64, False),
    ],
)
def test_what_makes_a_source(one: str, other: str, bits: int, same: bool) -> None:
    limiter = SourceLimiter(Limits(ipv6_prefix=bits))
    assert (limiter.source(one) == limiter.source(other)) == same


def test_connections_by_source_and_in_all() -> None:
    limiter = SourceLimiter(Limits(connections_per_source=2, connections_total=3))
    assert [limiter.connect(ANNA) for _ in range(3)] == [True, True, False]
    assert limiter.connect("192.0.2.11")
    assert not limiter.connect("")
    assert (limiter.connections, limiter.refused_connections) == (3, 2)
    limiter.disconnect(ANNA)
    assert limiter.connect(ANNA)
    for source in (ANNA, ANNA, "192.0.2.11"):
        limiter.disconnect(source)
    assert limiter.connections == 0
    assert limiter.connect(ANNA)


def test_the_table_stays_small_and_forgets_the_calm_first() -> None:
    limiter = SourceLimiter(Limits(messages_per_second=1, messages_burst=10, sources=100))
    for number in range(99):
        limiter.admit(f"calm-{number}", 0.0)
    for _ in range(10):
        limiter.admit("busy", 5.0)
    for number in range(10_000):
        limiter.admit(f"new-{number}", 5.0)
        assert limiter.sources() <= 100
    # One flood later the busy one is forgotten too: small before just. Right after the calm ones went it was not.
    limiter = SourceLimiter(Limits(messages_per_second=1, messages_burst=10, sources=100))
    for number in range(99):
        limiter.admit(f"calm-{number}", 0.0)
    for _ in range(10):
        limiter.admit("busy", 5.0)
    limiter.admit("new", 5.0)
    assert limiter.sources() == 2
    assert not limiter.admit("busy", 5.0)
