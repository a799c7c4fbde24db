"""The same calls with rtpengine for the sound: home to home, encrypted on one side, and what stays the switch's own."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import StartSwitch
from .netlab import Lab
from .peers.process import wait_until
from .server import start_rtpengine
from .sound import RATE
from .test_encryption import REQUIRED
from .test_silence import softswitch
from .test_sound import OLD_DIGEST, Home, hears, public_listeners, talk

pytestmark = [pytest.mark.interop, pytest.mark.netns]

NEEDS = ("baresip", "linphonec", "rtpengine", "ip", "nft")


def test_phones_hear_each_other_through_rtpengine(netlab: Lab, start_switch: StartSwitch, tmp_path: Path) -> None:
    listeners = public_listeners()
    with ExitStack() as stack:
        daemon = start_rtpengine(tmp_path, listeners, netlab.internet.netns, "30000-30199")
        stack.callback(daemon.stop)
        server = start_switch(
            listeners, netns=netlab.internet.netns, digest=OLD_DIGEST, dialplan=REQUIRED,
            engine="rtpengine 127.0.0.1:2223", allowed="media engine does not answer",
        )  # fmt: skip
        if server.standin:
            pytest.skip("the stand-in has it always")
        home = Home(server, tmp_path, stack)
        anna = home.phone("baresip", "anna-home", netlab.home(1), "tls", srtp="srtp-mand")
        carla = home.phone("linphone", "carla-home", netlab.home(2), "udp")
        talk(carla, anna, "101")
        anna.dial("600")
        anna.established()
        heard = anna.recorded_bytes()
        wait_until(lambda: anna.recorded_bytes() > heard + RATE * 2, "an echo", 12)
        anna.hang_up()
        anna.closed()
        hears(carla, "anna")
        status = json.loads(softswitch(server.folder, "status", "--json"))
        assert status["relay"]["rtpengine 127.0.0.1:2223"] == "works"
        records = json.loads(softswitch(server.folder, "calls", "export", "--format", "json"))
        (call,) = [one for one in records if one["called"] == "101"]
        assert [one["packets"] > 100 for one in call["quality"]] == [True, True]
        daemon.stop()
        wait_until(
            lambda: "does not answer" in str(json.loads(softswitch(server.folder, "status", "--json"))["alarms"]),
            "an alarm", 15,
        )  # fmt: skip
