"""`softswitch run`: what it does before the switch takes over, and that it starts nothing on bad configuration."""

from __future__ import annotations

import asyncio
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from softswitch.clock import Clock, ShiftedClock, SystemClock
from softswitch.configuration import Configuration
from softswitch.ops.log import silence

from .conftest import Command


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """Stands in for the switch, and keeps what it was started with."""
    calls: list[dict[str, Any]] = []

    async def serve(found: Configuration, clock: Clock) -> int:
        loop = type(asyncio.get_running_loop()).__module__
        calls.append({"plans": found.plans, "secrets": found.secrets, "clock": clock, "loop": loop})
        return 7

    module = types.ModuleType("softswitch.serve")
    module.serve = serve  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "softswitch.serve", module)
    yield calls
    silence()


def test_it_hands_over_to_the_switch(softswitch: Command, office: Path, served: list[dict[str, Any]]) -> None:
    result = softswitch("run")
    assert result.code == 7
    assert result.err == ""
    (call,) = served
    assert set(call["plans"]) == {"acme.example"}
    assert "anna-desk" in call["secrets"]
    assert isinstance(call["clock"], SystemClock)
    assert (office / "config/var").is_dir()


def test_it_runs_on_uvloop(softswitch: Command, served: list[dict[str, Any]]) -> None:
    pytest.importorskip("uvloop")
    softswitch("run")
    assert served[0]["loop"].startswith("uvloop")


def test_without_uvloop(softswitch: Command, served: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert softswitch("run").code == 7
    assert served[0]["loop"].startswith("asyncio")


def test_another_moment_in_the_sites_time(softswitch: Command, served: list[dict[str, Any]]) -> None:
    result = softswitch("run", "--at", "2026-11-27 17:59:50")
    clock = served[0]["clock"]
    assert isinstance(clock, ShiftedClock)
    assert 0 <= clock.wall() - 1795798790 < 60  # 16:59:50 UTC: Berlin's winter
    assert "running by a shifted clock" in result.err


def test_bad_configuration_starts_nothing(softswitch: Command, office: Path, served: list[dict[str, Any]]) -> None:
    with (office / "config/secrets.yaml").open("a") as file:
        file.write("x: [y]\n")
    result = softswitch("run")
    assert result.code == 1
    assert "config/secrets.yaml:" in result.err
    assert served == []
    assert not (office / "config/var").exists()


def test_warnings_are_in_the_log(softswitch: Command, office: Path, served: list[dict[str, Any]]) -> None:
    (office / "config/secrets.yaml").chmod(0o644)
    result = softswitch("run")
    assert "[warning  ] config/secrets.yaml: everyone on this machine can read it" in result.err
