"""A firewall that lets no sound out: within three seconds of the answer the switch says who is not heard."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import StartSwitch
from .netlab import Lab, block_udp
from .peers.process import wait_until
from .test_sound import OLD_DIGEST, Home, public_listeners

pytestmark = [pytest.mark.interop, pytest.mark.netns]

NEEDS = ("baresip", "ip", "nft")
TEXT = "no packets from 102 (carla-home): probably NAT or firewall"


def softswitch(folder: Path, *words: str) -> str:
    """What a command prints that asks the switch, or its records."""
    command = [Path(sys.executable).with_name("softswitch"), *words, "--config", folder / "softswitch.yaml"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout


@pytest.mark.parametrize("engine", ["built-in", "rtpengine"])
def test_a_home_whose_router_drops_the_sound(
    engine: str, netlab: Lab, start_switch: StartSwitch, tmp_path: Path
) -> None:
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST, engine=engine)
    if server.standin:
        pytest.skip("the stand-in says nothing of silence")
    anna_home, carla_home = netlab.home(1), netlab.home(2)
    block_udp(netlab, 2, "20000-39999")
    with ExitStack() as stack:
        home = Home(server, tmp_path, stack)
        anna = home.phone("baresip", "anna-home", anna_home, "udp")
        carla = home.phone("baresip", "carla-home", carla_home, "udp")
        anna.dial("102")
        carla.answer()
        anna.established()
        answered = time.monotonic()
        wait_until(lambda: TEXT in server.process.output, "a line in the log", 5)
        assert time.monotonic() - answered < 3
        assert TEXT in softswitch(server.folder, "status")
        anna.hang_up()
        carla.closed()
        wait_until(lambda: TEXT in softswitch(server.folder, "calls", "export", "--format", "csv"), "a record", 5)
        assert "no packets from 101" not in server.process.output
