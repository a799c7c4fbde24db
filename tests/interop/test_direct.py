"""Two desk phones in the office LAN talk straight to each other, and with a home through the relay."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import StartSwitch
from .netlab import OFFICE_SWITCH, Lab
from .office import DIALPLAN
from .peers.process import wait_until
from .test_silence import softswitch
from .test_sound import OLD_DIGEST, Home, hears, public_listeners, talk

pytestmark = [pytest.mark.interop, pytest.mark.netns]

NEEDS = ("baresip", "linphonec", "ip", "nft")

STRAIGHT = DIALPLAN
for _account in ("anna-desk", "carla-home"):
    STRAIGHT = STRAIGHT.replace(
        f"{_account}: {{secret: {_account}}}", f"{_account}: {{secret: {_account}, media: direct in office-lan}}"
    )


def test_the_relay_has_no_part_in_it(netlab: Lab, start_switch: StartSwitch, tmp_path: Path) -> None:
    switch_host, desk_host = netlab.office()
    listeners = public_listeners(OFFICE_SWITCH, network="office-lan")
    server = start_switch(listeners, netns=switch_host.netns, digest=OLD_DIGEST, dialplan=STRAIGHT)
    if server.standin:
        pytest.skip("the stand-in relays always")
    with ExitStack() as stack:
        home = Home(server, tmp_path, stack)
        anna = home.phone("baresip", "anna-desk", desk_host, "udp")
        carla = home.phone("linphone", "carla-home", desk_host, "udp")
        talk(anna, carla, "102")
        hears(anna, "carla")
        hears(carla, "anna")

        def records() -> list[dict[str, object]]:
            return list(json.loads(softswitch(server.folder, "calls", "export", "--format", "json")))

        wait_until(lambda: [one["outcome"] for one in records()] == ["answered"], "a record", 5)
        assert records()[0]["quality"] == []
