"""kill -9 of the media relay while phones talk: they hear each other again before they would have asked why."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from .conftest import StartSwitch
from .netlab import Lab
from .peers.process import wait_until
from .sound import RATE
from .test_silence import softswitch
from .test_sound import OLD_DIGEST, Home, hears, public_listeners

pytestmark = [pytest.mark.interop, pytest.mark.netns]

NEEDS = ("baresip", "linphonec", "ip", "nft")


def test_a_killed_relay_is_a_gap_and_no_end(netlab: Lab, start_switch: StartSwitch, tmp_path: Path) -> None:
    server = start_switch(
        public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST, allowed="media relay ended"
    )
    if server.standin:
        pytest.skip("the stand-in's relay is another one")

    def status() -> Any:
        return json.loads(softswitch(server.folder, "status", "--json"))

    with ExitStack() as stack:
        home = Home(server, tmp_path, stack)
        anna = home.phone("baresip", "anna-home", netlab.home(1), "udp")
        carla = home.phone("linphone", "carla-home", netlab.home(2), "tcp")
        anna.dial("102")
        carla.answer()
        anna.established()
        wait_until(lambda: anna.recorded_bytes() > 3 * RATE * 2, "recording", 12)
        pid = status()["relay"]["pid"]
        os.kill(pid, signal.SIGKILL)
        at = time.monotonic()
        # Asking itself takes half a second.
        wait_until(lambda: [one["packets"] > 0 for one in status()["calls"][0]["quality"]] == [True, True], "sound", 8)
        assert time.monotonic() - at < 4
        assert status()["relay"]["pid"] != pid
        recorded = anna.recorded_bytes()
        wait_until(lambda: anna.recorded_bytes() > recorded + 4 * RATE * 2, "recording", 12)
        anna.hang_up()
        carla.closed()
        hears(anna, "carla")
        hears(carla, "anna")
    assert status()["relay"]["sessions"] == 0
