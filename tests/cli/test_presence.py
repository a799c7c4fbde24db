"""`softswitch presence`: the board, one person, how somebody was, and what the settings forbid."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cli.conftest import Command
from cli.test_status import running
from softswitch.cli.presence import watched
from softswitch.ops.board import PersonStatus
from softswitch.presence.history import StateRecord
from softswitch.store.open import open_store

ANNA = PersonStatus(
    "acme.example", "anna", "Anna Berger", "101", "on the phone", "office", "back at [3]", "anna at office", 65.0,
    ["anna-desk"], ["from 102", "to 600, ringing"], ["102@acme.example"],
).as_json()  # fmt: skip
CARLA = PersonStatus(
    "acme.example", "carla", "Carla Ruiz", "102", "offline", "", "", "nobody", 4.0, [], [], []
).as_json()
SITE = "acme.example"


@pytest.fixture
def kept(office: Path) -> Path:
    """A store that knows how Anna was today and yesterday."""
    file = office / "config/var/softswitch.db"
    file.parent.mkdir(parents=True, exist_ok=True)

    async def fill() -> None:
        stores = open_store(f"sqlite:///{file}")
        midnight = (
            datetime.now(ZoneInfo("Europe/Berlin")).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
        )
        written = stores.history.write(
            [
                StateRecord(SITE, "anna", midnight - 9000, "available", "home", "", "anna at home", "start"),
                StateRecord(SITE, "anna", midnight - 5400, "away", "home", "", "anna at home", "published"),
                StateRecord(SITE, "anna", midnight - 1800, "offline", "", "", "service team", "closed"),
                StateRecord(SITE, "anna", midnight - 60, "offline", "", "", "nobody", "dario offline"),
            ]
        )
        assert written is not None
        await written
        await stores.close()

    asyncio.run(fill())
    return file


def test_the_board(softswitch: Command, office: Path) -> None:
    asked = []

    def answer(request: dict[str, object]) -> list[dict[str, object]]:
        asked.append(request)
        return [ANNA, CARLA] if not request else [ANNA]

    with running(office / "config/var/control.sock", {"presence": answer}):
        everybody = softswitch("presence").out
        one = softswitch("presence", "101").out
    assert asked == [{}, {"site": SITE, "person": "anna"}]
    lines = everybody.splitlines()
    assert lines[0].split() == ["person", "is", "for", "at", "in", "a", "call", "next", "call", "note"]
    assert lines[1].split("  ")[0] == "101"
    assert "on the phone" in lines[1]
    assert "1:05 min" in lines[1]
    assert "from 102, to 600, ringing" in lines[1]
    assert "back at [3]" in lines[1]
    assert "offline" in lines[2]
    assert "phones that are there: anna-desk\nwatched by: 102@acme.example\n" in one


def test_nobody_of_that_name(softswitch: Command, office: Path) -> None:
    with running(office / "config/var/control.sock", {"presence": lambda request: []}):
        result = softswitch("presence", "anna")
    assert (result.code, result.err) == (1, 'softswitch: nobody is called "anna"\n')


def test_no_switch(softswitch: Command) -> None:
    assert softswitch("presence").code == 3


def test_the_live_board_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    answers = [[CARLA], [CARLA], [ANNA], [ANNA]]
    waited: list[float] = []
    watched(lambda: answers.pop(0), rounds=3, wait=waited.append)
    assert waited == [0.5] * 3
    assert not answers
    assert "Anna Berger" in capsys.readouterr().out


def test_how_somebody_was(softswitch: Command, kept: Path) -> None:
    lines = softswitch("presence", "101", "--since", "2020-01-01").out.splitlines()
    assert [line[21:].split("  ")[0].strip() for line in lines[1:]] == ["available", "away", "offline", "offline"]
    assert lines[1].endswith("the switch was started")
    assert lines[2].endswith("a device said so")
    assert lines[4].endswith("dario offline now")
    midnight = time.strftime("%Y-%m-%d", time.localtime(time.time() + 86_400))
    assert softswitch("presence", "carla", "--since", midnight).out == "nothing is kept about carla\n"


def test_since_a_time_of_the_day_tells_what_was_so_then(softswitch: Command, kept: Path) -> None:
    lines = softswitch("presence", "anna", "--since", "0:00").out.splitlines()
    assert len(lines) == 2
    assert "offline" in lines[1]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("off", "it is not kept how somebody was: the settings say presence: history: off"),
        ("person", "how somebody was is for that person alone: the settings say presence: history: person; "
                   "`softswitch person export` has it"),
    ],
)  # fmt: skip
def test_privacy(softswitch: Command, office: Path, kept: Path, setting: str, said: str) -> None:
    with (office / "config/softswitch.yaml").open("a") as settings:
        settings.write(f"presence: {{history: {setting}}}\n")
    result = softswitch("presence", "101", "--since", "today")
    assert (result.code, result.err) == (1, f"softswitch: {said}\n")


def test_export_and_deletion(softswitch: Command, kept: Path) -> None:
    document = json.loads(softswitch("person", "export", "anna").out)["presence"]
    assert [one["availability"] for one in document["states"]] == ["available", "away", "offline", "offline"]
    assert document["published"] == document["watches"] == document["watched_by"] == []
    assert "4 presence" in softswitch("person", "forget", "anna", "--yes").out
    assert json.loads(softswitch("person", "export", "anna").out)["presence"]["states"] == []


def test_usage(softswitch: Command) -> None:
    assert softswitch("presence", "--since", "8:00").code == 2
    assert softswitch("presence", "101", "--watch", "--since", "8:00").code == 2
    assert softswitch("presence", "101", "--since", "8 o'clock").code == 1
