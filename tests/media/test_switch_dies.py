"""kill -9 of the whole switch while two parties talk: they don't notice, and the next switch has their streams."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from interop.peers.process import wait_until
from interop.server import free_ports
from records.test_running import OFFICE, SETTINGS, switch

from softswitch.ops.control import ask

from .conftest import connect, rtp
from .test_relay_life import runs


@pytest.fixture
def office(tmp_path: Path) -> Path:
    relay = "{ports: 28200-28299, networks: {internet: {bind: 127.0.0.1}}}"
    text = SETTINGS.format(port=free_ports(1)[0]).replace("{use: never}", relay)
    (tmp_path / "softswitch.yaml").write_text(text)
    (tmp_path / "office.yaml").write_text(OFFICE)
    (tmp_path / "secrets.yaml").touch(mode=0o600)
    (tmp_path / "secrets.yaml").write_text("dario-home: x\n")
    return tmp_path


def _status(folder: Path):
    return ask(folder / "control.sock", "status")["relay"]


def test_the_next_switch_takes_over(office, party):
    a, b = party(), party()
    with switch(office):
        pid = _status(office)["pid"]
        connect(f"unix:{office}/control-relay.sock", a, b)
    for number in range(20):
        a.say(rtp(number))
        assert b.hear() == rtp(number)
    with switch(office):
        relay = _status(office)
        assert (relay["pid"], relay["restarts"], relay["sessions"]) == (pid, 0, 1)
        assert re.search(r"media relay taken over.*calls=1", (office / "log").read_text())
        os.kill(pid, 9)
        wait_until(lambda: _status(office)["restarts"] == 1 and _status(office)["state"] == "running", "another", 10)
        a.say(rtp(77))
        assert b.hear() == rtp(77), "what was taken over is remembered as well"
        last = _status(office)["pid"]
    os.kill(last, 15)
    wait_until(lambda: not runs(last), "the end", 5)
