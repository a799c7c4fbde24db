"""The relay as a service of its own, started exactly as the units say: it outlives the switch, and the switch it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from interop.peers.process import wait_until
from interop.server import free_ports
from records.test_running import OFFICE, SETTINGS

from softswitch.ops.control import ControlError, ask

from .conftest import connect, rtp
from .test_relay_life import runs

ROOT = Path(__file__).parent.parent.parent


def exec_start(unit: str, folder: Path) -> list[str]:
    """The words of a unit, with our Python and our settings."""
    text = (ROOT / "config" / unit).read_text()
    (line,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    line = line.replace("%i", "1").replace("/etc/softswitch/softswitch.yaml", str(folder / "softswitch.yaml"))
    return line.replace("/opt/softswitch/.venv/bin", str(Path(sys.executable).parent)).split()


class Service:
    """What one of the units starts, and what it tells systemd."""

    def __init__(self, unit: str, folder: Path) -> None:
        self.heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.heard.settimeout(20)
        where = folder / f"notify-{time.monotonic_ns()}"
        self.heard.bind(str(where))
        environ = {**os.environ, "NOTIFY_SOCKET": str(where), "WATCHDOG_USEC": "1000000"}
        environ.pop("WATCHDOG_PID", None)
        self.log = (folder / "services.log").open("ab")
        self.process = subprocess.Popen(exec_start(unit, folder), env=environ, stdout=self.log, stderr=self.log)

    def told(self, word: bytes) -> None:
        """Wait until it says so."""
        end = time.monotonic() + 20
        while word not in self.heard.recv(1000):
            assert time.monotonic() < end

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        self.heard.close()
        self.log.close()


@contextmanager
def service(unit: str, folder: Path) -> Iterator[Service]:
    made = Service(unit, folder)
    try:
        made.told(b"READY=1")
        yield made
    finally:
        made.close()


@pytest.fixture
def office(tmp_path: Path) -> Path:
    relay = "{ports: 28400-28499, service: relay, networks: {internet: {bind: 127.0.0.1}}}"
    text = SETTINGS.format(port=free_ports(1)[0]).replace("{use: never}", relay)
    (tmp_path / "softswitch.yaml").write_text(text)
    (tmp_path / "office.yaml").write_text(OFFICE)
    (tmp_path / "secrets.yaml").touch(mode=0o600)
    (tmp_path / "secrets.yaml").write_text("dario-home: x\n")
    return tmp_path


def status(folder: Path) -> dict[str, object]:
    return dict(ask(folder / "control.sock", "status")["relay"])


def is_running(folder: Path, pid: int) -> bool:
    """Whether the switch has a relay, and another one than this."""
    try:
        found = status(folder)
    except ControlError:
        return False
    return found["state"] == "running" and found["pid"] != pid and "sessions" in found


def test_each_of_the_two_outlives_the_other(office, party):
    a, b = party(), party()
    with service("softswitch-relay@.service", office) as relay:
        relay.told(b"WATCHDOG=1")
        with service("softswitch.service", office) as first:
            pid = status(office)["pid"]
            assert isinstance(pid, int)
            assert pid != relay.process.pid, "the one that relays has somebody who starts another"
            connect(f"unix:{office}/relay/1/ng.sock", a, b)
            first.process.send_signal(signal.SIGKILL)
            first.process.wait(10)
        a.say(rtp(1))
        assert b.hear() == rtp(1)
        with service("softswitch.service", office):
            assert (status(office)["pid"], status(office)["sessions"]) == (pid, 1)
            os.kill(pid, signal.SIGKILL)
            killed_at = time.monotonic()
            b.rtp.settimeout(0.02)
            while True:
                a.say(rtp(2))
                try:
                    assert b.hear() == rtp(2)
                    break
                except TimeoutError:
                    assert time.monotonic() - killed_at < 10
            assert time.monotonic() - killed_at < 2, "a tenth of a second where nothing else runs"
            wait_until(lambda: is_running(office, pid), "the next relay", 10)
            last = status(office)
            assert (last["restarts"], last["sessions"], relay.process.poll()) == (1, 1, None)
        assert runs(last["pid"]), "who stops the switch does not stop the relay"
        relay.process.send_signal(signal.SIGTERM)
        assert relay.process.wait(10) == 0
        assert not runs(last["pid"])
    assert not (office / "relay/1/ng.sock").exists()
    assert b"Traceback" not in (office / "services.log").read_bytes()


def test_a_switch_without_its_relay_waits_for_it(office):
    with service("softswitch.service", office):
        assert status(office)["state"] == "waiting"
        (alarm,) = ask(office / "control.sock", "status")["alarms"]
        assert "relay" in alarm
        with service("softswitch-relay@.service", office):
            wait_until(lambda: is_running(office, 0), "the relay", 10)
            assert ask(office / "control.sock", "status")["alarms"] == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (["--number", "2"], "relay: processes: is 1, and this would be number 2"),
        (["--config", "none.yaml"], "none.yaml"),
    ],
)
def test_what_makes_no_sense_is_refused(office, wrong, words):
    command = [*exec_start("softswitch-relay@.service", office), *wrong]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert words in done.stderr


def test_without_the_line_in_the_settings_it_is_not_looked_for(office):
    file = office / "softswitch.yaml"
    file.write_text(file.read_text().replace("service: relay, ", ""))
    done = subprocess.run(exec_start("softswitch-relay@.service", office), capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "relay: service: is not set" in done.stderr


def test_a_switch_with_two_relays_shows_each(office):
    file = office / "softswitch.yaml"
    file.write_text(file.read_text().replace("service: relay, ", "processes: 2, "))
    with service("softswitch.service", office):
        relay = status(office)
        assert (relay["state"], relay["sessions"], relay["pairs-free"]) == ("running", 0, 50)
        first, second = str(relay["media relay 1"]), str(relay["media relay 2"])
        assert "pairs-free 25" in first
        pids = [int(re.findall(r"pid (\d+)", one)[0]) for one in (first, second)]
        os.kill(pids[1], signal.SIGKILL)
        wait_until(lambda: "restarts 1" in str(status(office)["media relay 2"]), "another second one", 10)
        wait_until(lambda: status(office)["state"] == "running", "both", 10)
        assert str(status(office)["media relay 1"]).startswith(f"state running, pid {pids[0]}, restarts 0")
        assert ask(office / "control.sock", "status")["alarms"] == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("processes: 0", "0 is no number of processes: 1 to 64"),
        ("processes: 20", "each relay process wants 16 ports at least"),
        ("processes: 2, engine: 'rtpengine 127.0.0.1:2223'", "one is enough"),
    ],
)
def test_numbers_of_processes_that_make_no_sense(office, wrong, words):
    file = office / "softswitch.yaml"
    file.write_text(file.read_text().replace("service: relay", wrong))
    command = [sys.executable, "-c", "from softswitch.cli.main import main; main()", "check", "--config", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert words in done.stdout + done.stderr
