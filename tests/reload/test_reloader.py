"""The reload itself, with the real checker in its own process: all of it or nothing."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from softswitch.dialplan.load import load_texts
from softswitch.reload.apart import CheckFailed, check_apart
from softswitch.reload.changes import plan_changes, restart_needed
from softswitch.reload.checker import Question
from softswitch.settingsfile import load_settings

from .conftest import DIALPLAN, SETTINGS, Office

FRIDAY = 1_795_777_200.0  # 2026-11-27 11:00 UTC
CHANGED = DIALPLAN.replace("number: 101", "number: 111").replace("to: 101", "to: 111")
REFUSED = DIALPLAN.replace("rings: anna at office", "rings: anna at mobile")


async def test_a_changed_dialplan_is_taken_over(office: Office) -> None:
    reloader = office.reloader()
    office.write("office.yaml", CHANGED)
    office.write("secrets.yaml", 'anna-desk: "one"\nanna-mobile: "three"\n')
    answer = await reloader.reload()
    assert (answer.problems, answer.restart) == ([], [])
    assert "anna (111):" in answer.changes
    (used,) = office.used
    assert used.plans["acme.example"].lookup("111") is used.plans["acme.example"].people["anna"]
    assert used.secrets.plain("anna-mobile") == "three"
    assert "111" in office.kept.read_text()


async def test_each_reload_is_compared_with_the_one_before(office: Office) -> None:
    reloader = office.reloader()
    office.write("office.yaml", CHANGED)
    await reloader.reload()
    assert (await reloader.reload()).changes == []


async def test_a_broken_assertion_changes_nothing(office: Office) -> None:
    reloader = office.reloader()
    await reloader.keep()
    kept = office.kept.read_bytes()
    office.write("office.yaml", REFUSED)
    answer = await reloader.reload()
    assert ["this does not hold" in line for line in answer.problems] == [True]
    assert office.used == []
    assert "calls go as before" in office.alarms["dialplan"]
    assert office.kept.read_bytes() == kept
    office.write("office.yaml", DIALPLAN)
    assert (await reloader.reload()).problems == []
    assert office.alarms == {}


@pytest.mark.parametrize(
    ("name", "text"), [("secrets.yaml", "anna-desk: []\n"), ("softswitch.yaml", "listen: 3\n"), ("office.yaml", "a: [")]
)
async def test_one_bad_file_is_enough(office: Office, name: str, text: str) -> None:
    reloader = office.reloader()
    office.write("office.yaml", CHANGED)
    office.write(name, text)
    answer = await reloader.reload()
    assert all(name in line for line in answer.problems)
    assert answer.problems
    assert office.used == []


async def test_settings_that_want_a_restart_are_named(office: Office) -> None:
    reloader = office.reloader()
    office.write("softswitch.yaml", SETTINGS.replace(":5060", ":5070") + "outside_domains: yes\n")
    answer = await reloader.reload()
    assert answer.restart == ["listen", "outside_domains"]
    # What is not taken over is not forgotten either.
    assert (await reloader.reload()).restart == ["listen", "outside_domains"]


async def test_another_file_of_the_dialplan_is_taken_over(office: Office) -> None:
    reloader = office.reloader()
    office.write("more.yaml", "site: {domain: acme.example}\npeople: {carla: {number: 102}}\n")
    office.write("softswitch.yaml", SETTINGS.replace("office.yaml", "[office.yaml, more.yaml]"))
    answer = await reloader.reload()
    assert (answer.problems, answer.restart) == ([], [])
    assert set(office.used[0].plans["acme.example"].people) == {"anna", "carla"}


async def test_many_at_once_come_one_after_the_other(office: Office) -> None:
    reloader = office.reloader()
    office.write("office.yaml", CHANGED)
    answers = await asyncio.gather(reloader.reload(), reloader.reload())
    assert [bool(one.changes) for one in answers] == [True, False]


async def test_secrets_alone(office: Office) -> None:
    reloader = office.reloader()
    office.write("secrets.yaml", 'anna-desk: "new"\n')
    assert await reloader.reload_secrets() == 1
    assert office.used[0].secrets.plain("anna-desk") == "new"
    assert "101" in office.used[0].plans["acme.example"].destinations


async def test_systemd_hears_of_it(office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reloader = office.reloader()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        await reloader.reload()
        first, _, since = systemd.recv(100).decode().partition("\n")
        assert (first, since.partition("=")[0]) == ("RELOADING=1", "MONOTONIC_USEC")
        assert systemd.recv(100) == b"READY=1"


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("raise SystemExit('out of paper')", "ended by itself with 1: out of paper"),
        ("import os; os.kill(os.getpid(), 9)", "ended by itself with -9: no word from it"),
        ("pass", "ended by itself with 0: no word from it"),
        ("import sys; sys.stdout.buffer.write(b'\\0\\0\\1\\0half')", "ended by itself with 0"),
        ("import time; time.sleep(60)", "not done within 0.5 s"),
    ],
)
async def test_a_checker_that_fails(program: str, words: str) -> None:
    with pytest.raises(CheckFailed, match=words):
        await check_apart(
            Question("x", 0.0, ""), [b"piece" * 100_000], ("-c", program), 0.5 if "sleep" in program else 20
        )


async def test_the_loop_goes_on_while_a_large_plan_is_taken_over(office: Office) -> None:
    """The bench has the figures; here, that others get their turn between the pieces."""
    reloader = office.reloader()
    people = "".join(f"  p{n}: {{number: {1000 + n}}}\n" for n in range(500))
    office.write("office.yaml", DIALPLAN.replace("people:\n", "people:\n" + people))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while not office.used:
            turns += 1
            await asyncio.sleep(0)

    answer, _ = await asyncio.gather(reloader.reload(), others())
    assert answer.problems == []
    assert turns > 100


def test_restart_needed_compares_values(tmp_path: Path) -> None:
    file = tmp_path / "softswitch.yaml"
    file.write_text(SETTINGS)
    old, new = (load_settings(file, {})[0] for _ in range(2))
    assert restart_needed(old, new) == []


def test_sites_that_come_and_go() -> None:
    acme, _ = load_texts([("a", DIALPLAN)])
    other, _ = load_texts([("b", DIALPLAN.replace("acme.example", "other.example"))])
    assert plan_changes(acme, other, FRIDAY) == [
        "the site acme.example is gone: its phones are served no more",
        "the site other.example is new",
    ]
    changed, _ = load_texts([("a", CHANGED)])
    lines = plan_changes({**acme, **other}, {**changed, **other}, FRIDAY)
    assert lines[:2] == ["at acme.example:", "anna (111):"]


def test_who_changes_everything_is_not_told_everything() -> None:
    people = "".join(f"  p{n}: {{number: {1000 + n}, places: {{home: {{phone: t{n}}}}}}}\n" for n in range(150))
    phones = "".join(f"  t{n}: {{secret: t}}\n" for n in range(150))
    text = DIALPLAN.replace("people:\n", "people:\n" + people).replace("phones:\n", "phones:\n" + phones)
    lines = plan_changes(load_texts([("a", DIALPLAN)])[0], load_texts([("a", text)])[0], FRIDAY)
    assert len(lines) == 201
    assert lines[-1].endswith("lines more")
