"""Nonces: age, counts, windows, and a bounded memory."""

import pytest

from softswitch.registrar.nonces import WINDOW, Nonces

KEY = b"k" * 32


@pytest.fixture
def nonces() -> Nonces:
    return Nonces(KEY, lifetime=300.0)


def test_each_count_once(nonces: Nonces) -> None:
    nonce = nonces.issue(0.0)
    assert nonces.accept(nonce, b"anna", 1, 1.0)
    assert not nonces.accept(nonce, b"anna", 1, 1.0)
    assert nonces.accept(nonce, b"anna", 2, 2.0)


def test_counts_may_swap_places_within_the_window(nonces: Nonces) -> None:
    nonce = nonces.issue(0.0)
    order = [3, 1, 2, WINDOW + 2]
    assert [nonces.accept(nonce, b"anna", nc, 1.0) for nc in order] == [True] * 4
    assert [nonces.accept(nonce, b"anna", nc, 1.0) for nc in order] == [False] * 4
    assert not nonces.accept(nonce, b"anna", 2, 1.0)  # as far behind as the window is wide
    assert nonces.accept(nonce, b"anna", 4, 1.0)
    assert nonces.accept(nonce, b"anna", 10**6, 1.0)
    assert not nonces.accept(nonce, b"anna", 5, 1.0)


def test_without_qop_once_and_never_mixed(nonces: Nonces) -> None:
    nonce = nonces.issue(0.0)
    assert nonces.accept(nonce, b"anna", 0, 1.0)
    assert not nonces.accept(nonce, b"anna", 0, 1.0)
    assert not nonces.accept(nonce, b"anna", 1, 1.0)
    assert not nonces.accept(nonce, b"anna", 0xFFFFFFFF, 1.0)
    other = nonces.issue(0.0)
    assert nonces.accept(other, b"anna", 1, 1.0)
    assert not nonces.accept(other, b"anna", 0, 1.0)


def test_a_negative_count_never(nonces: Nonces) -> None:
    assert not nonces.accept(nonces.issue(0.0), b"anna", -1, 0.0)


def test_age(nonces: Nonces) -> None:
    nonce = nonces.issue(100.0)
    assert nonces.accept(nonce, b"anna", 1, 400.0)
    assert not nonces.accept(nonce, b"anna", 2, 400.5)


def test_only_ours(nonces: Nonces) -> None:
    nonce = nonces.issue(0.0)
    assert not Nonces(b"another key", 300.0).accept(nonce, b"anna", 1, 0.0)
    later = b"%08x" % 400 + nonce[8:]  # a time written over
    assert not nonces.accept(later, b"anna", 1, 0.0)
    for forged in (b"", nonce[:-1], nonce + b"0", b"x" * 32, nonce.upper() if nonce.upper() != nonce else b""):
        assert not nonces.accept(forged, b"anna", 1, 0.0)


def test_no_two_alike(nonces: Nonces) -> None:
    assert len({nonces.issue(5.0) for _ in range(1000)}) == 1000


def test_somebody_elses_use_is_not_mine(nonces: Nonces) -> None:
    nonce = nonces.issue(0.0)
    assert nonces.accept(nonce, b"eve", 1, 0.0)
    assert nonces.accept(nonce, b"anna", 1, 0.0)


def test_memory_falls_back_to_nothing_when_lifetimes_pass(nonces: Nonces) -> None:
    for at in range(100):
        assert nonces.accept(nonces.issue(float(at)), b"anna", 1, float(at))
    assert len(nonces) == 100
    for at in (400.0, 800.0, 1200.0):
        assert nonces.accept(nonces.issue(at), b"anna", 1, at)
    assert len(nonces) <= 2


def test_replay_is_refused_over_a_change_of_generation(nonces: Nonces) -> None:
    assert nonces.accept(nonces.issue(0.0), b"anna", 1, 0.0)
    nonce = nonces.issue(299.0)
    assert nonces.accept(nonce, b"anna", 1, 299.0)
    assert nonces.accept(nonces.issue(301.0), b"carla", 1, 301.0)
    assert not nonces.accept(nonce, b"anna", 1, 302.0)
    assert nonces.accept(nonce, b"anna", 2, 303.0)
    assert not nonces.accept(nonce, b"anna", 1, 304.0)


def test_full_memory_makes_old_nonces_stale_and_never_replayable() -> None:
    nonces = Nonces(KEY, lifetime=300.0, limit=20)
    first = nonces.issue(0.0)
    assert nonces.accept(first, b"anna", 1, 0.0)
    for number in range(1, 60):
        assert nonces.accept(nonces.issue(float(number)), b"anna", 1, float(number))
        assert len(nonces) <= 20
    assert not nonces.accept(first, b"anna", 1, 60.0)
    assert not nonces.accept(first, b"anna", 2, 60.0)
