"""`softswitch status` and `softswitch why` against a control socket that answers as a switch would."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from softswitch.cli.status import span
from softswitch.ops.control import ControlError, ControlServer
from softswitch.ops.status import CallStatus, ListenerStatus, RegistrationStatus, Status
from softswitch.ops.why import Why

from .conftest import Command

STATUS = Status(
    version="0.1.0",
    pid=4711,
    uptime_seconds=3725,
    time="2026-11-27T18:05:00+01:00",
    listeners=[ListenerStatus("UDP", "0.0.0.0:5060", "192.0.2.1:5060", "internet")],
    registrations=[
        RegistrationStatus(
            "acme.example", "anna-desk", "anna", "sip:a@x", "udp:192.0.2.7:5060", "evil\x1b[2J [red]phone[/red]", 61
        )
    ],
    calls=[CallStatus("c1@host", "carla", "101", "ringing", 4, "anna at office", ["no packets from 101"])],
    relay={"state": "running"},
    messages={"waiting": 3, "people": 2},
    counters={"requests": 12},
    alarms=["the relay was restarted"],
)


@contextmanager
def running(path: Path, handlers: Mapping[str, Callable[[dict[str, Any]], Any]]) -> Iterator[None]:
    """A control server in a thread of its own, as it would be in another process."""
    loop = asyncio.new_event_loop()
    server = ControlServer(path, handlers)
    loop.run_until_complete(server.start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def control(office: Path) -> Path:
    """Where the office's settings put the socket."""
    return office / "config/var/control.sock"


def test_a_table_for_people(softswitch: Command, control: Path) -> None:
    with running(control, {"status": lambda _: STATUS.as_json()}):
        result = softswitch("status")
    assert result.code == 0
    for words in (
        "ALARM: the relay was restarted",
        "softswitch 0.1.0, process 4711, up 1:02 h, its time 2026-11-27T18:05:00+01:00",
        "0.0.0.0:5060",
        "anna-desk",
        "1:01 min",
        "ringing",
        "anna at office",
        "c1@host",
        "call from carla to 101: no packets from 101",
        "[red]phone[/red]",
        "relay: state running",
        "messages: waiting 3, people 2",
        "counters: requests 12",
    ):
        assert words in result.out, words
    assert "\x1b" not in result.out


def test_json_for_scripts(softswitch: Command, control: Path) -> None:
    with running(control, {"status": lambda _: STATUS.as_json()}):
        result = softswitch("status", "--json")
    assert json.loads(result.out) == json.loads(json.dumps(STATUS.as_json()))


def test_an_empty_switch(softswitch: Command, control: Path) -> None:
    with running(control, {"status": lambda _: Status("0.1.0", 1, 0, "now").as_json()}):
        result = softswitch("status")
    assert result.out.splitlines()[1:] == ["Listeners: none", "Registrations: none", "Calls: none"]


def test_why(softswitch: Command, control: Path) -> None:
    def why(request: dict[str, Any]) -> dict[str, Any]:
        if request["who"] == "999":
            raise ControlError("which site?")
        return Why(request["who"] == "101", ("first", "sec\x1bond")).as_json()

    with running(control, {"why": why}):
        yes, no, refused = softswitch("why", "101"), softswitch("why", "102"), softswitch("why", "999")
    assert (yes.code, yes.out) == (0, "first\nsec�ond\ncan be reached\n")
    assert (no.code, no.out) == (1, "first\nsec�ond\ncannot be reached\n")
    assert (refused.code, refused.err) == (1, "softswitch: which site?\n")


@pytest.mark.parametrize("arguments", [("status",), ("why", "101")])
def test_nobody_is_running(softswitch: Command, control: Path, arguments: tuple[str, ...]) -> None:
    result = softswitch(*arguments)
    assert (result.code, result.out) == (3, "")
    assert result.err == f"softswitch: no switch is running here (nothing answers at {control})\n"


def test_a_new_secret_reaches_the_running_switch(softswitch: Command, control: Path) -> None:
    told: list[dict[str, Any]] = []
    with running(control, {"reload secrets": told.append}):
        result = softswitch("phone", "add", "new")
    assert result.out.endswith("The running switch knows it.\n")
    assert told == [{}]
    assert "when it is started again" in softswitch("phone", "add", "newer").out


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.9, "59 s"), (61, "1:01 min"), (3600, "1:00 h"), (7380, "2:03 h"), (273_600, "3 d 4 h")],
)
def test_spans(seconds: float, words: str) -> None:
    assert span(seconds) == words
