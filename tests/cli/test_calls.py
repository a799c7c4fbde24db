"""`softswitch calls` and `softswitch person`, on a store that a switch left."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from contract.bindings import binding
from contract.records import START, record

from softswitch.records.export import CSV_COLUMNS
from softswitch.records.record import LegRecord, StepRecord
from softswitch.registrar.bindings import BindingChange
from softswitch.store.open import open_store

from .conftest import Command
from .test_status import running

FIRST = record(0)
"""At nine in Berlin on Friday, 15 January 2027."""
UNANSWERED = record(3600, people=("carla@acme.example", "dario@acme.example"))._replace(
    call_id="x\x1b[2J",
    caller="=HYPERLINK(1)",
    called="103",
    answered_at=0.0,
    ended_at=START + 3630,
    outcome="busy",
    status=486,
    answered_by="",
    hung_up_by="",
    remarks=(),
    quality=(),
    legs=(LegRecord("dario-home", "sip:d@192.0.2.9", START + 3600, 0.0, START + 3601, 486),),
    steps=(
        StepRecord(START + 3600, "ring", "dario", 30.0, ("no rule of dario fits, so every place rings",), "busy"),
        StepRecord(START + 3601, "refuse", "486 Busy Here", 0.0, ("nothing is left to try",), ""),
    ),
)
NOW = record(7200, ended=False, people=("carla@acme.example",))._replace(caller="+4930123456")


@pytest.fixture
def file(office: Path) -> Path:
    (office / "config/var").mkdir()
    return office / "config/var/softswitch.db"


@pytest.fixture
def kept(file: Path) -> Path:
    """A store with three calls, and two phones that are registered."""

    async def fill() -> None:
        stores = open_store(f"sqlite:///{file}")
        written = stores.records.write([FIRST, UNANSWERED, NOW])
        assert written is not None
        await written
        for account in ("anna-desk", "carla-home"):
            saved = stores.bindings.save(BindingChange("acme.example", account, (binding(account),)))
            assert saved is not None
            await saved
        await stores.close()

    asyncio.run(fill())
    return file


def rows(file: Path, table: str) -> int:
    with sqlite3.connect(file) as connection:
        count = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    connection.close()
    return int(count)


def exported(softswitch: Command, *arguments: str) -> Any:
    result = softswitch("calls", "export", "--format", "json", *arguments)
    assert (result.code, result.err) == (0, "")
    return json.loads(result.out)


def test_a_list(softswitch: Command, kept: Path) -> None:
    result = softswitch("calls")
    assert (result.code, result.err) == (0, "")
    heads, *lines = [line.split("  ") for line in result.out.splitlines()]
    assert heads[0] == "when"
    assert [line[0] for line in lines] == ["2027-01-15 09:00:00", "2027-01-15 10:00:00", "2027-01-15 11:00:00"]
    first = " ".join(result.out.splitlines()[1].split())
    assert first == "2027-01-15 09:00:00 102 101 answered anna-desk 3 s 57 s 0000@192.0.2.7"
    assert "\x1b" not in result.out
    assert "talking" in result.out.splitlines()[3]


def test_which_calls(softswitch: Command, kept: Path) -> None:
    def times(*arguments: str) -> list[str]:
        result = softswitch("calls", *arguments)
        assert result.code == 0, result.err
        return [line[11:16] for line in result.out.splitlines()[1:]]

    assert times("--person", "anna") == times("--person", "101") == times("--person", "anna@acme.example") == ["09:00"]
    assert times("--person", "carla") == ["10:00", "11:00"]
    assert times("--person", "nobody") == []
    assert times("--since", "2027-01-15 10:00") == ["10:00", "11:00"]
    assert times("--since", "2027-01-15T10:30:00") == ["11:00"]
    assert times("--since", "2027-01-15") == ["09:00", "10:00", "11:00"]
    assert times("--since", "2027-01-16") == []
    assert times("--since", "2027-01-15 10:30", "--person", "anna") == []
    assert times("--limit", "1") == ["11:00"]
    assert times("--site", "acme.example", "--limit", "2") == ["10:00", "11:00"]


def test_since_some_time_ago(softswitch: Command, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softswitch.cli.kept.time.time", lambda: START + 7300)
    assert len(exported(softswitch, "--since", "5m")) == 1
    assert len(exported(softswitch, "--since", "1h 30m")) == 2
    assert len(exported(softswitch, "--since", "today")) == 3


def test_the_story_of_a_call(softswitch: Command, kept: Path) -> None:
    result = softswitch("calls", "--why", FIRST.call_id)
    assert result.out.splitlines() == [
        "Fri 2027-01-15 09:00:00 102 (carla-home) called 101 at acme.example",
        "09:00:00 rings anna at office for 15 s, because",
        "           it is office hours",
        '           she\'s "in"',
        "         anna-desk: rang after 0.5 s, took the call",
        "09:00:03 answered by anna-desk after 3.0 s",
        '         no packets from 101: probably "NAT" or firewall',
        "         sound of 102 (carla-home): PCMU, 2990 packets, 0.3 % lost, jitter 1.2 ms, "
        "1.0 % missed by the other party, round trip 24 ms, MOS 4.2, "
        "the relay added under 0.1 ms, for 99 % under 0.2 ms",
        "         video of 101 (anna-desk): H264, 10 packets, 0.0 % lost, jitter 0.0 ms",
        "09:01:00 hung up by the caller after 57.0 s",
    ]


def test_the_story_of_a_call_in_vain(softswitch: Command, kept: Path) -> None:
    result = softswitch("calls", "--why", UNANSWERED.call_id)
    assert result.out.splitlines()[1:] == [
        "10:00:00 rings dario for 30 s, because",
        "           no rule of dario fits, so every place rings",
        "         dario-home: never rang, ended after 1.0 s with 486",
        "         outcome: busy",
        "10:00:01 is refused with 486 Busy Here, because",
        "           nothing is left to try",
        "10:00:30 busy; the caller was told 486",
    ]
    assert softswitch("calls", "--why", NOW.call_id).out.splitlines()[-1] == "still talking"


def test_an_unknown_call(softswitch: Command, kept: Path) -> None:
    result = softswitch("calls", "--why", "none\x1b")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith('softswitch: no call "none\N{REPLACEMENT CHARACTER}" is recorded')


def test_json(softswitch: Command, kept: Path) -> None:
    newest, middle, oldest = exported(softswitch)
    assert set(oldest) == set(FIRST._fields)
    assert oldest["started_at"] == "2027-01-15T09:00:00.250+01:00"
    assert oldest["legs"][0]["rang_at"] == "2027-01-15T09:00:00.750+01:00"
    assert oldest["steps"][0]["reasons"] == ["it is office hours", 'she\'s "in"']
    assert (middle["caller"], middle["answered_at"]) == ("=HYPERLINK(1)", None)
    assert newest["ended_at"] is None
    assert exported(softswitch, "--since", "2028-01-01") == []


def test_csv(softswitch: Command, kept: Path) -> None:
    result = softswitch("calls", "export", "--format", "csv")
    newest, middle, oldest = list(csv.DictReader(io.StringIO(result.out)))
    assert list(oldest) == list(CSV_COLUMNS)
    assert (oldest["ring_seconds"], oldest["talk_seconds"]) == ("3.0", "57.0")
    assert oldest["legs"] == "anna-desk 200"
    assert oldest["steps"] == 'ring anna at office (it is office hours, she\'s "in")'
    assert middle["caller"] == "'=HYPERLINK(1)"
    assert (middle["talk_seconds"], middle["status"]) == ("", "486")
    assert newest["caller"] == "+4930123456"


def test_nothing_is_asked_of_the_dialplan(softswitch: Command, office: Path, kept: Path) -> None:
    (office / "config/office.yaml").write_text("people: [")
    assert len(exported(softswitch)) == 3
    assert len(exported(softswitch, "--person", "anna@acme.example")) == 1
    assert softswitch("calls", "--why", FIRST.call_id).code == 0


def test_reading_changes_nothing(softswitch: Command, kept: Path) -> None:
    before = kept.read_bytes()
    exported(softswitch)
    assert kept.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("calls",), "not there; nothing is kept before the switch has run"),
        (("person", "export", "anna"), "not there; nothing is kept before the switch has run"),
        (("person", "forget", "anna", "--yes"), "not there; nothing is kept before the switch has run"),
    ],
)
def test_before_the_first_run(softswitch: Command, file: Path, arguments: tuple[str, ...], words: str) -> None:
    result = softswitch(*arguments)
    assert result.code == 1
    assert words in result.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("calls", "--since", "soon"), "write 2h or 7d, 8:00, today"),
        (("calls", "--since", "2027-13-40"), "2027-13-40"),
        (("calls", "--site", "x.example"), 'no site "x.example"'),
        (("calls", "--person", "anna@x.example"), 'no site "x.example"'),
        (("calls", "--person", "anna", "export", "--format", "csv"), "options go behind export"),
        (("calls", "export"), "--format"),
        (("calls", "--limit", "0"), "--limit"),
        (("person", "export", "anna@x.example"), 'no site "x.example"'),
    ],
)
def test_what_is_not_understood(softswitch: Command, kept: Path, arguments: tuple[str, ...], words: str) -> None:
    result = softswitch(*arguments)
    assert result.code in (1, 2)
    assert result.out == ""
    assert words in result.err


def test_an_unreadable_store(softswitch: Command, file: Path) -> None:
    file.write_bytes(b"account,contact\n" * 500)
    result = softswitch("calls")
    assert (result.code, result.out) == (1, "")
    assert "damaged, or no SQLite database" in result.err


def test_a_store_of_an_older_switch(softswitch: Command, kept: Path) -> None:
    with sqlite3.connect(kept) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.close()
    result = softswitch("calls")
    assert result.code == 1
    assert "its schema is 0001" in result.err


def test_memory_keeps_nothing(softswitch: Command, office: Path) -> None:
    with (office / "config/softswitch.yaml").open("a") as settings:
        settings.write("store: memory\n")
    for arguments in (("calls",), ("person", "export", "anna"), ("person", "forget", "anna", "--yes")):
        result = softswitch(*arguments)
        assert (result.code, result.err) == (1, "softswitch: nothing is kept: the settings say store: memory\n")


# -- a person


def test_all_that_is_kept_about_somebody(softswitch: Command, kept: Path) -> None:
    result = softswitch("person", "export", "101")
    document = json.loads(result.out)
    assert (document["person"], document["site"]) == ("anna", "acme.example")
    assert "anna-desk" in document["phones"]
    (registration,) = document["registrations"]
    assert registration["contact"] == binding("anna-desk").contact
    assert registration["expires_at"] == "2027-01-15T09:00:00.250+01:00"
    assert [call["call_id"] for call in document["calls"]] == [FIRST.call_id]


def test_forgetting_somebody(softswitch: Command, kept: Path) -> None:
    result = softswitch("person", "forget", "anna", "--yes")
    assert (result.code, result.err) == (0, "")
    said = (
        "anna at acme.example: deleted {0} registrations, {0} call records, 0 messages, 0 settings, 0 calls outside, "
    )
    said += "0 voicemails, 0 presence\n"
    assert result.out == said.format(1)
    assert (rows(kept, "calls"), rows(kept, "bindings")) == (2, 1)
    again = softswitch("person", "forget", "anna", "--yes")
    assert (again.code, again.out) == (1, said.format(0))
    assert json.loads(softswitch("person", "export", "anna").out)["calls"] == []


def test_nothing_is_left_in_the_file(softswitch: Command, kept: Path) -> None:
    assert FIRST.call_id.encode() in kept.read_bytes()
    softswitch("person", "forget", "anna", "--yes")
    assert FIRST.call_id.encode() not in kept.read_bytes()


def test_nothing_is_forgotten_unasked(softswitch: Command, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    result = softswitch("person", "forget", "anna")
    assert result.code == 130
    assert rows(kept, "calls") == 3


def test_a_running_switch_forgets_by_itself(softswitch: Command, office: Path, kept: Path) -> None:
    asked: list[dict[str, Any]] = []

    def forget(request: dict[str, Any]) -> dict[str, Any]:
        asked.append(request)
        return {"registrations": 2, "call records": 7}

    with running(office / "config/var/control.sock", {"forget person": forget}):
        result = softswitch("person", "forget", "101", "--yes")
    assert result.out == "anna at acme.example: deleted 2 registrations, 7 call records\n"
    assert asked == [{"site": "acme.example", "person": "anna"}]
    assert rows(kept, "calls") == 3
