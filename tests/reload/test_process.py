"""A real switch: SIGHUP, a refused plan, a start with a broken one, the terminal that is closed."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from interop.peers.process import Process, wait_until
from interop.server import free_ports

from .conftest import DIALPLAN, SETTINGS, Office

COMMAND = [sys.executable, "-c", "from softswitch.cli.main import main; main()"]
ENVIRONMENT = {"PYTHONPATH": str(Path(__file__).parent.parent.parent), "PYTHONUNBUFFERED": "1"}
CHANGED = DIALPLAN.replace("number: 101", "number: 111").replace("to: 101", "to: 111")
REFUSED = DIALPLAN.replace("rings: anna at office", "rings: anna at mobile")


def softswitch(office: Office, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments, "--config", "softswitch.yaml"],
        cwd=office.folder,
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=60,
    )


def start(office: Office) -> Process:
    process = Process([*COMMAND, "run", "--config", "softswitch.yaml"], cwd=office.folder, env=ENVIRONMENT)
    process.wait_for("ready", 20)
    return process


@pytest.fixture
def running(office: Office) -> Iterator[Process]:
    port = free_ports(1)[0]
    office.write("softswitch.yaml", SETTINGS.replace("5060", str(port)) + "relay: {use: never}\n")
    process = start(office)
    yield process
    process.stop()
    assert "Traceback" not in process.output


def test_reload_by_command(office: Office, running: Process) -> None:
    office.write("office.yaml", CHANGED)
    done = softswitch(office, "reload")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "anna (111):"
    assert lines[-1].startswith("reloaded in ")
    assert softswitch(office, "why", "111").stdout.startswith("anna (anna, 111)")
    assert "no call goes another way than before" in softswitch(office, "reload").stdout


def test_a_refused_plan_changes_nothing(office: Office, running: Process) -> None:
    office.write("office.yaml", REFUSED)
    done = softswitch(office, "reload")
    assert (done.returncode, done.stdout) == (1, "")
    # Relative to the folder that both run in, as `check` has it.
    assert done.stderr.startswith("office.yaml:15:")
    assert done.stderr.endswith("refused: nothing was changed, calls go as before\n")
    assert "101" in softswitch(office, "why", "101").stdout
    assert softswitch(office, "status").stdout.startswith("ALARM: what was to be reloaded is refused")


def test_sighup(office: Office, running: Process) -> None:
    office.write("office.yaml", CHANGED)
    running.signal(signal.SIGHUP)
    running.wait_for("reloaded", 20)
    assert softswitch(office, "why", "111").stdout.startswith("anna (anna, 111)")
    office.write("office.yaml", REFUSED)
    running.signal(signal.SIGHUP)
    running.wait_next("reload refused .*this does not hold", 20)
    assert running.running()


def test_a_restart_with_a_broken_dialplan(office: Office, running: Process) -> None:
    wait_until(office.kept.exists, "kept dialplan")
    assert running.stop() == 0
    office.write("office.yaml", "people: [")
    again = start(office)
    try:
        assert "dialplan refused" in again.output
        assert softswitch(office, "why", "101").stdout.startswith("anna (anna, 101)")
        status = softswitch(office, "status").stdout
        assert status.startswith("ALARM: the dialplan is refused (one mistake; `softswitch check` lists them)")
        office.write("office.yaml", CHANGED)
        assert softswitch(office, "reload").returncode == 0
        assert not softswitch(office, "status").stdout.startswith("ALARM")
    finally:
        again.stop()


def test_a_closed_terminal_ends_the_switch(office: Office) -> None:
    office.write("softswitch.yaml", SETTINGS.replace("5060", str(free_ports(1)[0])) + "relay: {use: never}\n")
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(office.folder)
        os.environ.update(ENVIRONMENT)
        os.execv(sys.executable, [*COMMAND, "run", "--config", "softswitch.yaml"])
    said = b""
    while b"ready" not in said:
        said += os.read(terminal, 4096)
    wait_until((office.folder / "control.sock").exists, "control socket")
    os.close(terminal)
    ended: list[int] = []

    def over() -> bool:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            ended.append(status)
        return bool(found)

    try:
        wait_until(over, "end", 10)
    finally:
        if not ended:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    assert ended == [0]


def test_rubbish_in_place_of_a_plan_changes_nothing(office: Office, running: Process) -> None:
    file = office.folder / "office.yaml"
    for content, said in (
        (b"[" * 1_000_000, "office.yaml:1:"),
        (b"# " + b"x" * 50_000_000, "office.yaml: larger than "),
        (bytes(range(256)) * 1000, "not UTF-8 text"),
        (b"", "office.yaml:1:1: which firm is this?"),
    ):
        file.write_bytes(content)
        done = softswitch(office, "reload")
        assert done.returncode == 1
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    file.unlink()
    assert "cannot be read: No such file" in softswitch(office, "reload").stderr
    assert softswitch(office, "why", "101").stdout.startswith("anna (anna, 101)")
