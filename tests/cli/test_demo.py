"""`softswitch demo`: what it shows is what a phone needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from softswitch.cli.common import read_configuration
from softswitch.cli.demo import guide, servers

from .conftest import Command

FRIDAY_18_05 = 1795799100.0  # 2026-11-27, Berlin


@pytest.fixture
def shown(office: Path) -> list[str]:
    return list(guide(read_configuration(None), FRIDAY_18_05))


def test_addresses_and_domain(shown: list[str]) -> None:
    assert "  server (outbound proxy)  sip.acme.example:5070, UDP" in shown
    assert not any("127.0.0.1" in line for line in shown)
    assert "  domain                   acme.example" in shown


def test_loopback_is_better_than_nothing(office: Path) -> None:
    listeners = [listener for listener in read_configuration(None).settings.listeners if listener.transport == "TLS"]
    assert servers(tuple(listeners)) == [("127.0.0.1:5061", ["TLS"])]


def test_each_account_with_its_password(shown: list[str]) -> None:
    row = next(line for line in shown if "Carla Ruiz" in line)
    assert row.split() == ["Carla", "Ruiz,", "home", "102", "carla-home", "carla-home", "demo-carla-home"]


def test_a_password_of_which_only_hashes_are_known_is_not_invented(softswitch: Command, office: Path) -> None:
    assert softswitch("phone", "add", "carla-home", "--replace").code == 0
    row = next(line for line in guide(read_configuration(None), FRIDAY_18_05) if "Carla Ruiz" in line)
    assert row.endswith("carla-home           (shown when it was made)")


def test_what_to_dial_and_what_it_does_now(shown: list[str]) -> None:
    assert "Then dial 101 from 102, 600 for an echo. At this moment:" in shown
    assert "  101  anna at mobile rings for 25 s (anna-mobile)" in shown
    assert "  600  the switch answers: echo" in shown


def test_it_is_shown_only_when_the_switch_is_ready(softswitch: Command, office: Path) -> None:
    with (office / "config/softswitch.yaml").open("a") as file:
        file.write("store: nowhere\n")
    result = softswitch("demo")
    assert result.code == 1
    assert result.out == ""
