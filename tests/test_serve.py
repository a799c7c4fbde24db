"""The switch on real sockets: what it makes of its settings before it opens anything."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from softswitch.server.families import by_family
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
