"""sipp's phones register and call each other through the switch, over UDP, TCP and TLS."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import StartSwitch
from .office import ACCOUNTS, Listen
from .peers.sipp import Sipp
from .peers.tlstunnel import TlsTunnel
from .server import Server, free_ports

pytestmark = pytest.mark.interop

NEEDS = ("sipp",)

Phone = Callable[..., Sipp]


@pytest.fixture(params=["udp", "tcp", "tls"])
def phone(request: pytest.FixtureRequest, switch: Server, tmp_path: Path) -> Iterator[Phone]:
    """Starts a sipp phone: phone(scenario, account, **options of Sipp)."""
    running: list[Sipp] = []
    transport, target, tunnel = request.param, switch.at(request.param), None
    if transport == "tls":
        port = free_ports(1)[0]
        tunnel = TlsTunnel(port, target, switch.certificates.authority)
        transport, target = "tcp", f"127.0.0.1:{port}"

    def start(scenario: str, account: str, **options: object) -> Sipp:
        folder = tmp_path / f"sipp{len(running)}-{scenario}"
        options.setdefault("port", free_ports(1)[0])
        started = Sipp(
            folder, scenario, target, ACCOUNTS[account], transport=transport, via=request.param, **options  # type: ignore[arg-type]
        )  # fmt: skip
        running.append(started)
        return started

    yield start
    for one in running:
        one.stop()
    if tunnel is not None:
        tunnel.stop()


@pytest.fixture
def waiting(phone: Phone) -> Phone:
    """A phone that has registered and treats incoming calls by a scenario: waiting(account, scenario)."""

    def start(account: str, incoming: str) -> Sipp:
        started = phone("register_stay", account, incoming=incoming, milliseconds=10_000)
        started.wait_message(r"received[\s\S]*SIP/2.0 200 ")
        return started

    return start


def test_a_phone_registers_with_digest_and_leaves_again(phone: Phone) -> None:
    port = free_ports(1)[0]
    registered = phone("register", "carla-home", port=port)
    registered.finish()
    assert re.search(r"^Contact:.*carla-home@127\.0\.0\.1", registered.messages().split("SIP/2.0 200")[1], re.M)
    left = phone("unregister", "carla-home", port=port)
    left.finish()
    assert "Contact:" not in left.messages().split("SIP/2.0 200")[1]


def test_a_wrong_password_registers_nothing(phone: Phone) -> None:
    refused = phone("register_refused", "carla-home", password="wrong")
    refused.finish()
    assert "SIP/2.0 200" not in refused.messages()
    phone("call_480", "anna-desk", called="102").finish()


def test_a_wrong_password_makes_no_call(phone: Phone, waiting: Phone) -> None:
    carla = waiting("carla-home", "answer")
    phone("call_wrong_password", "anna-desk", called="102", password="wrong").finish()
    assert "INVITE" not in carla.messages()


def test_calls_go_both_ways(phone: Phone, waiting: Phone) -> None:
    carla, dario = waiting("carla-home", "answer"), waiting("dario-home", "answer")
    phone("call", "carla-home", called="103").finish()
    phone("call", "dario-home", called="carla").finish()
    for callee in (carla, dario):
        callee.wait_message(r"received[\s\S]*\nBYE sip:")


def test_two_phones_ring_and_the_slower_one_learns_that_the_call_was_answered(phone: Phone, waiting: Phone) -> None:
    desk, home = waiting("anna-desk", "answer"), waiting("anna-home", "ring_until_cancelled")
    phone("call", "carla-home", called="101").finish()
    desk.wait_message(r"\nBYE sip:")
    home.wait_message(r"\nCANCEL sip:")
    home.wait_message(r"\nACK sip:")
    # RFC 3326: so that the phone doesn't list the call as missed.
    cancel = re.search(r"\nCANCEL sip:[\s\S]*?\n\r?\n", home.messages())
    assert cancel is not None
    assert re.search(r"^Reason: *SIP *; *cause *= *200\b", cancel[0], re.M | re.I)


def test_a_caller_gives_up_and_the_phone_stops_ringing(phone: Phone, waiting: Phone) -> None:
    dario = waiting("dario-home", "ring_until_cancelled")
    phone("call_cancelled", "carla-home", called="103").finish()
    dario.wait_message(r"\nCANCEL sip:")
    dario.wait_message(r"\nACK sip:")


def test_busy_reaches_the_caller(phone: Phone, waiting: Phone) -> None:
    waiting("carla-home", "busy")
    phone("call_486", "anna-desk", called="102").finish()


def test_a_call_to_nobody_ends_with_404_and_to_an_absent_person_with_480(phone: Phone) -> None:
    phone("call_404", "anna-desk", called="999").finish()
    phone("call_480", "anna-desk", called="102").finish()


def test_many_calls_at_once(phone: Phone, waiting: Phone) -> None:
    waiting("carla-home", "answer")
    counts = phone("call", "anna-desk", called="102", calls=25, rate=25).finish()
    assert counts.successful == 25


@pytest.mark.parametrize("name", ["udp", "tcp"])
def test_calls_over_ipv6(name: str, start_switch: StartSwitch, tmp_path: Path) -> None:
    """From IPv6 to IPv6, and from there to a phone on IPv4."""
    ports = free_ports(2)
    switch = start_switch((Listen(name, "::1", ports[0]), Listen(name, "127.0.0.1", ports[1])), media="never")
    with ExitStack() as stack:

        def start(number: int, scenario: str, account: str, host: str, **options: object) -> Sipp:
            server = f"[::1]:{ports[0]}" if ":" in host else f"{host}:{ports[1]}"
            made = Sipp(
                tmp_path / f"{number}", scenario, server, ACCOUNTS[account], transport=name, address=host,
                port=free_ports(1, host)[0], **options,  # type: ignore[arg-type]
            )  # fmt: skip
            stack.callback(made.stop)
            return made

        waits = {"incoming": "answer", "milliseconds": 10_000}
        carla, dario = (
            start(1, "register_stay", "carla-home", "::1", **waits),
            start(2, "register_stay", "dario-home", "127.0.0.1", **waits),
        )
        for one in (carla, dario):
            one.wait_message(r"received[\s\S]*SIP/2.0 200 ")
        start(3, "call", "anna-desk", "::1", called="102").finish()
        start(4, "call", "anna-desk", "::1", called="103").finish()
        for one in (carla, dario):
            one.wait_message(r"received[\s\S]*\nBYE sip:")
    assert switch.process.running()
