"""The rule that knows what time it is, with sipp's phones: the desk phone in office hours, the other one after them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from .conftest import StartSwitch
from .office import ACCOUNTS, DIALPLAN
from .peers.process import wait_until
from .peers.sipp import Sipp
from .server import Server, free_ports

pytestmark = pytest.mark.interop

NEEDS = ("sipp",)

WITH_HOURS = DIALPLAN.replace(
    "      home: {phone: anna-home}\n",
    "      home: {phone: anna-home}\n"
    "    calls:\n"
    "      - {when: office hours, ring: office, for: 2s, then: home}\n"
    "      - {ring: home}\n",
).replace("people:\n", "schedules:\n  office hours: [mon-fri 08:00-17:00]\n\npeople:\n", 1)

Start = Callable[..., Sipp]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a sipp phone: start(switch, scenario, account, **options of Sipp)."""
    running: list[Sipp] = []

    def one(switch: Server, scenario: str, account: str, **options: object) -> Sipp:
        folder = tmp_path / f"sipp{len(running)}"
        at = switch.at("udp")
        sipp = Sipp(folder, scenario, at, ACCOUNTS[account], port=free_ports(1)[0], **options)  # type: ignore[arg-type]
        running.append(sipp)
        return sipp

    yield one
    for sipp in running:
        sipp.stop()


def waiting(start: Start, switch: Server, account: str, incoming: str, seconds: int = 10) -> Sipp:
    options = {"milliseconds": seconds * 1000, "seconds": seconds + 2}
    phone = start(switch, "register_stay", account, incoming=incoming, **options)
    phone.wait_message(r"received[\s\S]*SIP/2.0 200 ")
    return phone


@pytest.mark.parametrize(
    ("at", "rings", "stays_silent"),
    [
        ("2026-11-27 16:00:00", "anna-desk", "anna-home"),
        ("2026-11-27 18:05:00", "anna-home", "anna-desk"),
        ("2026-11-28 12:00:00", "anna-home", "anna-desk"),
    ],
)
def test_who_rings_depends_on_the_time(
    start_switch: StartSwitch, start: Start, at: str, rings: str, stays_silent: str
) -> None:
    switch = start_switch(dialplan=WITH_HOURS, at=at, media="never")
    phones = {account: waiting(start, switch, account, "answer") for account in (rings, stays_silent)}
    start(switch, "call", "carla-home", called="101").finish()
    phones[rings].wait_message(r"received[\s\S]*\nBYE sip:")
    assert "\nINVITE sip:" not in phones[stays_silent].messages()


def test_a_desk_phone_that_nobody_answers_gives_way(start_switch: StartSwitch, start: Start) -> None:
    switch = start_switch(dialplan=WITH_HOURS, at="2026-11-27 16:00:00", media="never")
    desk = waiting(start, switch, "anna-desk", "ring_until_cancelled")
    home = waiting(start, switch, "anna-home", "answer")
    start(switch, "call", "carla-home", called="101").finish()
    desk.wait_message(r"\nCANCEL sip:")
    home.wait_message(r"received[\s\S]*\nBYE sip:")


AT_FIVE = DIALPLAN.replace(
    "      home: {phone: anna-home}\n",
    "      home: {phone: anna-home}\n"
    "    calls:\n"
    "      - {when: office hours, ring: office}\n"
    "      - {ring: service team}\n",
).replace(
    "people:\n",
    "schedules:\n  office hours: [mon-fri 08:00-17:00]\n\n"
    "teams:\n  service team: {number: 200, members: [carla, dario]}\n\npeople:\n",
    1,
)
FIVE = datetime.fromisoformat("2026-11-27 17:00:00+01:00")


def test_at_five_sharp_the_next_call_goes_to_the_service_team(start_switch: StartSwitch, start: Start) -> None:
    switch = start_switch(dialplan=AT_FIVE, at="2026-11-27 16:59:50", media="never")
    desk = waiting(start, switch, "anna-desk", "answer", 30)
    carla = waiting(start, switch, "carla-home", "answer", 30)
    began = time.monotonic()
    start(switch, "call", "dario-home", called="101").finish()
    (before,) = begun(switch, 1)
    desk.wait_message(r"received[\s\S]*\nBYE sip:")
    assert "\nINVITE sip:" not in carla.messages()
    # The switch's clock is a moved one: from the first call's record we know what it read when.
    threading.Event().wait(max(0.0, began + 0.5 + (FIVE - before).total_seconds() - time.monotonic()))
    start(switch, "call", "dario-home", called="101").finish()
    carla.wait_message(r"received[\s\S]*\nBYE sip:")
    after = begun(switch, 2)[-1]
    assert before < FIVE <= after
    assert (after - FIVE).total_seconds() < 3
    assert desk.messages().count("\nINVITE sip:") == 1


def begun(switch: Server, count: int) -> list[datetime]:
    """When each call came to the switch, by its own clock."""
    command = [Path(sys.executable).with_name("softswitch"), "calls", "export", "--format", "json"]
    command += ["--config", switch.folder / "softswitch.yaml"]

    def listed() -> list[datetime]:
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return sorted(datetime.fromisoformat(call["started_at"]) for call in json.loads(said))

    wait_until(lambda: len(listed()) == count, f"{count} records")
    return listed()
