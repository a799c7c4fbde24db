"""Timers A to M in virtual time, over UDP and over streams (RFC 3261 table 4, RFC 6026 §8)."""

from __future__ import annotations

import pytest

from softswitch.transaction.timers import Timer, TimerValues, Wheel

from .harness import TCP, UDP, Bench

T1, LIFETIME = 0.5, 32.0
A_AT = [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
E_AT = [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]


# -- the INVITE client


def test_a_and_b_udp() -> None:
    bench = Bench(UDP)
    bench.sends("INVITE")
    bench.advance(31.9)
    assert bench.times() == A_AT
    assert bench.told == []
    bench.advance(0.2)
    assert bench.told == ["timeout"]
    assert not bench.layer.clients


def test_b_alone_over_a_stream() -> None:
    bench = Bench(TCP)
    bench.sends("INVITE")
    bench.advance(31.9)
    assert bench.times() == [0.0]
    bench.advance(0.2)
    assert bench.told == ["timeout"]


@pytest.mark.parametrize("listener", [UDP, TCP], ids=["udp", "tcp"])
def test_after_a_provisional_response_no_timer_runs(listener: object) -> None:
    """The proxy's timer C watches then."""
    bench = Bench(listener)  # type: ignore[arg-type]
    bench.sends("INVITE")
    bench.answered("INVITE", 100)
    bench.advance(500)
    assert bench.times() == [0.0]
    assert bench.told == [100]
    assert len(bench.layer.clients) == 1


@pytest.mark.parametrize(("listener", "seconds"), [(UDP, 32.0), (TCP, 0.0)], ids=["udp", "tcp"])
def test_d(listener: object, seconds: float) -> None:
    """Answers that come again are acknowledged again; over a stream none come."""
    bench = Bench(listener)  # type: ignore[arg-type]
    bench.sends("INVITE")
    bench.answered("INVITE", 486)
    assert bool(bench.layer.clients) == bool(seconds)
    bench.take()
    if seconds:
        bench.advance(31.9)
        bench.answered("INVITE", 486)
        assert bench.take() == [b"ACK sip:101@acme.example SIP/2.0"]
        bench.advance(0.2)
    assert not bench.layer.clients
    bench.answered("INVITE", 486)
    assert bench.told[-1] == "stray 486"
    assert bench.take() == []


@pytest.mark.parametrize("listener", [UDP, TCP], ids=["udp", "tcp"])
def test_m(listener: object) -> None:
    """Each 2xx goes up for 64·T1, also of another phone behind a fork (RFC 6026 §7.2); later ones are strays."""
    bench = Bench(listener)  # type: ignore[arg-type]
    bench.sends("INVITE")
    bench.answered("INVITE", 200)
    bench.advance(31.9)
    bench.answered("INVITE", 200)
    assert bench.told == [200, 200]
    bench.advance(0.2)
    assert not bench.layer.clients
    bench.answered("INVITE", 200)
    assert bench.told == [200, 200, "stray 200"]
    assert len(bench.sent) == 1  # no ACK: that is the caller's


# -- the other client


def test_e_and_f_udp() -> None:
    bench = Bench(UDP)
    bench.sends("MESSAGE")
    bench.advance(31.9)
    assert bench.times() == E_AT
    bench.advance(0.2)
    assert bench.told == ["timeout"]
    assert not bench.layer.clients


def test_e_runs_at_t2_after_a_provisional_response() -> None:
    bench = Bench(UDP)
    bench.sends("MESSAGE")
    bench.answered("MESSAGE", 100)
    bench.advance(31.9)
    assert bench.times() == [0.0, 0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]
    bench.advance(0.2)
    assert bench.told == [100, "timeout"]


def test_f_alone_over_a_stream() -> None:
    bench = Bench(TCP)
    bench.sends("MESSAGE")
    bench.advance(33)
    assert bench.times() == [0.0]
    assert bench.told == ["timeout"]


@pytest.mark.parametrize(("listener", "seconds"), [(UDP, 5.0), (TCP, 0.0)], ids=["udp", "tcp"])
def test_k(listener: object, seconds: float) -> None:
    bench = Bench(listener)  # type: ignore[arg-type]
    bench.sends("MESSAGE")
    bench.answered("MESSAGE", 200)
    assert bool(bench.layer.clients) == bool(seconds)
    if seconds:
        bench.advance(4.9)
        bench.answered("MESSAGE", 200)
        assert bench.layer.clients
        bench.advance(0.2)
    assert not bench.layer.clients
    assert bench.told == [200]


# -- the INVITE server


def test_g_and_h_udp() -> None:
    bench = Bench(UDP)
    bench.comes("INVITE")
    bench.replies(486)
    bench.advance(31.9)
    assert bench.times() == E_AT
    bench.advance(0.2)
    assert not bench.layer.servers


def test_h_alone_over_a_stream() -> None:
    bench = Bench(TCP)
    bench.comes("INVITE")
    bench.replies(486)
    bench.advance(31.9)
    assert bench.times() == [0.0]
    assert bench.layer.servers
    bench.advance(0.2)
    assert not bench.layer.servers


@pytest.mark.parametrize(("listener", "seconds"), [(UDP, 5.0), (TCP, 0.0)], ids=["udp", "tcp"])
def test_i(listener: object, seconds: float) -> None:
    bench = Bench(listener)  # type: ignore[arg-type]
    bench.comes("INVITE")
    bench.replies(486)
    bench.advance(1)
    bench.comes("ACK")
    before = len(bench.sent)
    assert bool(bench.layer.servers) == bool(seconds)
    bench.advance(4.9)
    assert bool(bench.layer.servers) == bool(seconds)
    bench.advance(0.2)
    assert not bench.layer.servers
    assert len(bench.sent) == before
    assert bench.told == ["INVITE"]


@pytest.mark.parametrize("listener", [UDP, TCP], ids=["udp", "tcp"])
def test_l(listener: object) -> None:
    """A repeated INVITE is absorbed, a repeated 2xx passes, for 64·T1 (RFC 6026 §7.1)."""
    bench = Bench(listener)  # type: ignore[arg-type]
    bench.comes("INVITE")
    bench.replies(200)
    bench.advance(31.9)
    bench.comes("INVITE")
    bench.replies(200)
    assert bench.take() == [b"SIP/2.0 200 OK"] * 2
    assert bench.told == ["INVITE"]
    bench.advance(0.2)
    assert not bench.layer.servers


# -- the other server


@pytest.mark.parametrize(("listener", "seconds"), [(UDP, 32.0), (TCP, 0.0)], ids=["udp", "tcp"])
def test_j(listener: object, seconds: float) -> None:
    bench = Bench(listener)  # type: ignore[arg-type]
    bench.method = "MESSAGE"
    bench.comes("MESSAGE")
    bench.replies(200)
    if seconds:
        bench.advance(31.9)
        bench.comes("MESSAGE")
        assert bench.take() == [b"SIP/2.0 200 OK"] * 2
        bench.advance(0.2)
    assert not bench.layer.servers


@pytest.mark.parametrize("listener", [UDP, TCP], ids=["udp", "tcp"])
def test_a_late_100_and_no_408(listener: object) -> None:
    """RFC 4320 §4.1: a 100 only once the client repeats at T2; §4.2: after 64·T1 no answer at all."""
    bench = Bench(listener)  # type: ignore[arg-type]
    bench.method = "MESSAGE"
    bench.comes("MESSAGE")
    bench.advance(7.4)
    assert bench.take() == []
    bench.advance(0.2)
    assert bench.take() == [b"SIP/2.0 100 Trying"]
    bench.advance(30)
    assert not bench.layer.servers
    bench.replies(200)
    assert bench.take() == []


# -- other values


def test_values_are_settings() -> None:
    values = TimerValues(t1=0.1, t2=1.0, t4=2.0)
    assert values.lifetime == pytest.approx(6.4)
    assert values.timer_d == 32.0


# -- the wheel


class Fired(list[float]):
    def timer(self) -> Timer:
        return Timer(self.append)


def test_never_early_and_hardly_late() -> None:
    wheel, fired = Wheel(), Fired()
    for number in range(200):
        wheel.arm(fired.timer(), number * 0.0371)
    now = 0.0
    for _ in range(1000):
        now += 0.01
        before = len(fired)
        wheel.advance(now)
        for number in range(before, len(fired)):
            assert 0 <= now - number * 0.0371 < 0.01 + 2 / 64
    assert len(fired) == 200
    assert len(wheel) == 0
    assert wheel.next_due() is None


def test_moved_later_moved_earlier_and_cancelled() -> None:
    wheel, fired = Wheel(), Fired()
    later, earlier, cancelled = fired.timer(), fired.timer(), fired.timer()
    for timer in (later, earlier, cancelled):
        wheel.arm(timer, 1.0)
    wheel.arm(later, 2.0)
    wheel.arm(earlier, 0.5)
    cancelled.due = None
    wheel.advance(0.6)
    assert fired == [0.6]
    wheel.advance(1.5)
    assert fired == [0.6]
    wheel.advance(2.1)
    assert fired == [0.6, 2.1]
    wheel.arm(cancelled, 3.0)
    wheel.advance(3.1)
    assert len(fired) == 3


def test_one_that_raises_leaves_the_others_of_its_slot() -> None:
    wheel, fired = Wheel(), Fired()

    def raises(now: float) -> None:
        raise RuntimeError("ours")

    for timer in (fired.timer(), Timer(raises), fired.timer(), Timer(raises), fired.timer()):
        wheel.arm(timer, 1.0)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            wheel.advance(1.1)
        assert wheel.next_due() is not None
    wheel.advance(1.1)
    assert len(fired) == 3
    assert len(wheel) == 0


def test_one_may_arm_another_for_the_same_moment() -> None:
    wheel, fired = Wheel(), Fired()
    second = fired.timer()
    wheel.arm(Timer(lambda now: wheel.arm(second, now)), 1.0)
    wheel.advance(1.1)
    wheel.advance(1.2)
    assert fired == [1.2]
