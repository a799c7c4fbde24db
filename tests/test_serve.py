"""The switch on real sockets: what it makes of its settings before it opens anything."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from softswitch.dialplan.load import load_texts
from softswitch.flow import Flow, Listener
from softswitch.server.families import by_family
from softswitch.server.running import Server
from softswitch.server.texts import reason
from softswitch.settings import Settings
from softswitch.settingsfile import load_settings

V4 = "{transport: udp, bind: 127.0.0.1:5060, network: home}"
V6 = '{transport: udp, bind: "[::1]:5060", network: home}'


@pytest.fixture
def listening(tmp_path: Path) -> Callable[..., Settings]:
    def load(*listeners: str) -> Settings:
        file = tmp_path / "softswitch.yaml"
        file.write_text(f"listen: [{', '.join(listeners)}]\ndialplans: [office.yaml]\n")
        return by_family(load_settings(file, {})[0])

    return load


def test_a_network_of_both_families_has_two_names_in_the_relay(listening: Callable[..., Settings]) -> None:
    settings = listening(V4, V6)
    assert [(one.network, one.bind) for one in settings.relay.addresses] == [
        ("home", "127.0.0.1"),
        ("home IPv6", "::1"),
    ]
    assert [one.network for one in settings.listeners] == ["home", "home IPv6"]


def test_a_network_of_one_family_keeps_its_name(listening: Callable[..., Settings]) -> None:
    assert [one.network for one in listening(V4).listeners] == ["home"]
    assert [one.network for one in listening(V6).listeners] == ["home"]


def test_a_taken_port_is_said_in_words() -> None:
    text = reason(OSError(errno.EADDRINUSE, "cannot listen on udp:0.0.0.0:5060: Address already in use"))
    assert text.startswith("cannot listen on udp:0.0.0.0:5060: Address already in use")
    assert "ss -lntup" in text
    assert reason(FileNotFoundError(errno.ENOENT, "No such file", "var/x")) == "No such file: var/x"


@pytest.mark.parametrize(
    ("line", "known", "urgent"),
    [
        (b"INVITE sip:112@acme.example SIP/2.0\r\n", True, True),
        (b"ACK sip:112@192.0.2.1:5060 SIP/2.0\r\n", True, True),
        (b"INVITE tel:112 SIP/2.0\r\n", True, True),
        (b"INVITE sip:112@acme.example SIP/2.0\r\n", False, False),
        (b"INVITE sip:113@acme.example SIP/2.0\r\n", True, False),
        (b"INVITE sip:1120@acme.example SIP/2.0\r\n", True, False),
        (b"SIP/2.0 200 OK\r\n", True, False),
    ],
)
def test_messages_of_an_emergency_call_pass_over_the_limits(line: bytes, known: bool, urgent: bool) -> None:
    plans, _ = load_texts([("a", "site: {domain: acme.example, timezone: Europe/Berlin, country: DE}\n")])
    server: Any = SimpleNamespace(registrar=SimpleNamespace(knows=lambda flow: known), plans=plans)
    flow = Flow(Listener(0, "UDP", "192.0.2.1", 5060, "192.0.2.1", 5060, "internet"), "192.0.2.7", 5060)
    assert Server.is_urgent(server, line, flow) == urgent
