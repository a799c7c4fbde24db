"""kamailio as an outbound proxy before the switch: phones behind it register with Path and are called by it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .office import ACCOUNTS
from .peers.kamailio import Kamailio
from .peers.sipp import Sipp
from .server import Server, free_ports

pytestmark = pytest.mark.interop

NEEDS = ("sipp", "kamailio")


@pytest.fixture
def outbound(switch: Server, tmp_path: Path) -> Iterator[str]:
    """The address, host:port, of an outbound proxy that passes everything to the switch."""
    port = free_ports(1)[0]
    words = {"SWITCH": switch.at("udp"), "SWITCH_HOST": switch.host, "SWITCH_PORT": str(switch.port("udp"))}
    with Kamailio(tmp_path / "outbound", "outbound.cfg", [f"udp:127.0.0.1:{port}"], words) as proxy:
        proxy.wait_for("Listening on")
        yield f"127.0.0.1:{port}"


def phone(folder: Path, scenario: str, server: str, account: str, **options: object) -> Sipp:
    return Sipp(folder, scenario, server, ACCOUNTS[account], port=free_ports(1)[0], **options)  # type: ignore[arg-type]


@pytest.fixture
def dario(outbound: str, tmp_path: Path) -> Iterator[Sipp]:
    """Dario's phone, registered through the outbound proxy; it answers."""
    started = phone(tmp_path / "dario", "register_stay", outbound, "dario-home", incoming="answer", milliseconds=10_000)
    started.wait_message(r"received[\s\S]*SIP/2.0 200 ")
    yield started
    started.stop()


def test_a_registration_through_the_proxy_keeps_its_path(dario: Sipp, outbound: str) -> None:
    # RFC 3327 §5.3: the 200 returns the Path that was stored.
    assert re.search(rf"^Path: *<sip:[^>]*{re.escape(outbound)}[^>]*lr", dario.messages(), re.M)


def test_a_phone_behind_the_proxy_is_called_through_it(
    dario: Sipp, outbound: str, switch: Server, tmp_path: Path
) -> None:
    phone(tmp_path / "anna", "call", switch.at("udp"), "anna-desk", called="103").finish()
    dario.wait_message(r"\nBYE sip:")
    invite = re.search(r"received[^\n]*\n\s*INVITE sip:[\s\S]*?\n\r?\n", dario.messages())
    assert invite is not None
    top = re.search(r"^Via:\s*SIP/2.0/UDP ([\d.:]+)", invite[0], re.M)
    assert top is not None
    assert top[1] == outbound


def test_a_phone_behind_the_proxy_calls(dario: Sipp, outbound: str, switch: Server, tmp_path: Path) -> None:
    carla = phone(
        tmp_path / "carla", "register_stay", switch.at("udp"), "carla-home", incoming="answer", milliseconds=8000
    )
    try:
        carla.wait_message(r"received[\s\S]*SIP/2.0 200 ")
        phone(tmp_path / "anna", "call", outbound, "anna-desk", called="102").finish()
        carla.wait_message(r"\nBYE sip:")
    finally:
        carla.stop()
    assert "INVITE" not in dario.messages()
