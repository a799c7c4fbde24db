"""sd_notify: what arrives at systemd's socket."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from softswitch.ops import systemd


@pytest.mark.parametrize("abstract", [False, True])
def test_lines_arrive(tmp_path: Path, abstract: bool) -> None:
    name = f"{tmp_path}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.settimeout(5)
        receiver.bind("\0" + name if abstract else name)
        environ = {"NOTIFY_SOCKET": "@" + name if abstract else name}
        assert systemd.notify(systemd.READY, "STATUS=3 phones", environ=environ)
        assert receiver.recv(1000) == b"READY=1\nSTATUS=3 phones"


def test_nobody_asked_or_nobody_there(tmp_path: Path) -> None:
    assert not systemd.notify(systemd.READY, environ={})
    assert not systemd.notify(systemd.READY, environ={"NOTIFY_SOCKET": "relative"})
    assert not systemd.notify(systemd.READY, environ={"NOTIFY_SOCKET": f"{tmp_path}/none"})


def test_the_watchdog_is_fed_twice_as_often_as_asked() -> None:
    assert systemd.watchdog_seconds({"WATCHDOG_USEC": "30000000"}) == 15.0
    assert systemd.watchdog_seconds({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}) == 15.0
    assert systemd.watchdog_seconds({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}) == 0.0
    assert systemd.watchdog_seconds({}) == 0.0
    assert systemd.watchdog_seconds({"WATCHDOG_USEC": "soon"}) == 0.0
