"""What the switch tells of the sound of a call over a bad line is what the line did to it."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import StartSwitch
from .netlab import Lab, lose_udp
from .peers.process import wait_until
from .sound import RATE
from .test_silence import softswitch
from .test_sound import OLD_DIGEST, Home, public_listeners

pytestmark = [pytest.mark.interop, pytest.mark.netns]

NEEDS = ("linphonec", "baresip", "ip", "nft")


def test_a_line_that_loses_packets(netlab: Lab, start_switch: StartSwitch, tmp_path: Path) -> None:
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST)
    if server.standin:
        pytest.skip("the stand-in keeps no records")
    with ExitStack() as stack:
        home = Home(server, tmp_path, stack)
        anna = home.phone("linphone", "anna-home", netlab.home(1), "udp")
        carla = home.phone("baresip", "carla-home", netlab.home(2), "udp")
        lose_udp(netlab, 2, "20000-29999")
        anna.dial("102")
        carla.answer()
        anna.established()
        # RTCP begins after some seconds; what a report answers to must have come before it.
        wait_until(lambda: carla.recorded_bytes() > 12 * RATE * 2, "recording", 20)
        (call,) = json.loads(softswitch(server.folder, "status", "--json"))["calls"]
        assert {one["party"] for one in call["quality"]} == {"anna (anna-home)", "102 (carla-home)"}
        anna.hang_up()
        carla.closed()

        def quality() -> list[dict[str, object]]:
            (record,) = json.loads(softswitch(server.folder, "calls", "export", "--format", "json"))
            return list(record["quality"])

        wait_until(lambda: len(quality()) == 2, "a record with figures", 5)
        of_carla, of_anna = sorted(quality(), key=lambda one: str(one["party"]))
    assert of_anna["packets"] > 500
    assert of_anna["lost"] == 0
    assert of_anna["mos"] > 4.0
    assert sum(of_anna["added"]) > 5
    assert of_anna["round_trip_ms"] >= 0, "both send RTCP"
    assert 0.04 < of_carla["lost"] / (of_carla["lost"] + of_carla["packets"]) < 0.18
    assert of_carla["reported_loss"] > 0.03, "anna misses them"
    assert of_carla["mos"] < 3.9
