"""kamailio publishes the calls of lines that the switch knows nothing of; they show on Anna's lamp."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import StartSwitch
from .office import ACCOUNTS
from .peers.kamailio import Kamailio
from .peers.sipp import Sipp
from .server import free_ports
from .test_presence import LAMPS

pytestmark = pytest.mark.interop

NEEDS = ("sipp", "kamailio")
GATEWAY = "127.0.0.8"
MODULE = Path("/usr/lib/x86_64-linux-gnu/kamailio/modules/pua_dialoginfo.so")


@pytest.mark.skipif(not MODULE.exists(), reason="kamailio-presence-modules is not installed")
def test_a_call_on_a_line_of_its_own(start_switch: StartSwitch, tmp_path: Path) -> None:
    switch = start_switch(media="never", more=f"peers: [{{address: {GATEWAY}, name: gateway}}]\n")
    here, there = free_ports(1, GATEWAY)[0], free_ports(1)[0]
    with Kamailio(
        tmp_path / "gateway", "publisher.cfg", [f"udp:{GATEWAY}:{here}"],
        {"SWITCH": switch.at("udp"), "PHONE": f"127.0.0.1:{there}"},
    ) as gateway:  # fmt: skip
        gateway.wait_for("Listening on")
        lamp = Sipp(
            tmp_path / "lamp", "watch_lamp", switch.at("udp"), ACCOUNTS["dario-home"], port=free_ports(1)[0],
            called="101", keys=LAMPS["snom"], seconds=30,
        )  # fmt: skip
        lamp.wait_message("terminated", 10)
        phone = Sipp(tmp_path / "phone", "answer", f"{GATEWAY}:{here}", ACCOUNTS["anna-desk"], port=there)
        caller = Sipp(
            tmp_path / "caller", "call", f"{GATEWAY}:{here}", ACCOUNTS["carla-home"], port=free_ports(1)[0],
            called="anna", milliseconds=1000,
        )  # fmt: skip
        caller.finish()
        phone.finish()
        lamp.finish()
