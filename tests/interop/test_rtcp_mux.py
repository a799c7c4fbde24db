"""Phones that have RTP and RTCP on one port (RFC 5761), with each other and with one that has not."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from softswitch.media.ng import pack, unpack

from .conftest import StartSwitch
from .netlab import Lab
from .peers.process import wait_until
from .server import Server
from .sound import RATE
from .test_silence import softswitch
from .test_sound import OLD_DIGEST, Home, hears, public_listeners

pytestmark = [pytest.mark.interop, pytest.mark.netns]

NEEDS = ("baresip", "ip", "nft")


def relay_socket(pid: int) -> str:
    """Where the relay of the switch takes commands; a long path makes it another folder's."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    words = [Path(f"/proc/{child}/cmdline").read_text().split("\0") for child in children]
    (relay,) = [one for one in words if "softswitch.media.relay" in one and "--standby" not in one]
    return relay[relay.index("--control") + 1].removeprefix("unix:")


def streams(server: Server) -> Any:
    """What the relay tells of the ports of the only call, of which side by side."""
    path = relay_socket(server.process.pid)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asker:
        # One with a name in the file system: the relay is in another network.
        own = server.folder / "asker.sock"
        own.unlink(missing_ok=True)
        asker.bind(str(own))
        asker.settimeout(5)

        def ask(**message: Any) -> dict[str, Any]:
            asker.sendto(pack(b"q", message), path)
            return unpack(asker.recv(65_536))[1]

        (call_id,) = ask(command="list")["calls"]
        (session,) = ask(**{"command": "query", "call-id": call_id})["sessions"]
        return session["streams"][0]


@pytest.mark.parametrize("both", [True, pytest.param(False, marks=pytest.mark.long)])
def test_reports_come_on_the_port_of_sound(netlab: Lab, start_switch: StartSwitch, tmp_path: Path, both: bool) -> None:
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST)
    if server.standin:
        pytest.skip("the stand-in's relay is another one")
    with ExitStack() as stack:
        home = Home(server, tmp_path, stack)
        anna = home.phone("pjsua2", "anna-home", netlab.home(1), "udp", rtcp_mux=True)
        carla = home.phone("baresip", "carla-home", netlab.home(2), "udp", rtcp_mux=both)
        anna.dial("102")
        carla.answer()
        anna.established()

        def heard() -> list[int]:
            """How many reports each of the two has sent."""
            return [pair["rtcp"]["packets"] for pair in streams(server)]

        wait_until(lambda: all(heard()), "reports of both", 20)
        of_anna, of_carla = streams(server)
        assert of_anna["rtcp"]["latched"] == b"", "hers came with her sound"
        assert (of_carla["rtcp"]["latched"] == b"") is both
        # Who answers to a report has heard it.
        quality = json.loads(softswitch(server.folder, "status", "--json"))["calls"][0]["quality"]
        assert {one["party"] for one in quality} == {"anna (anna-home)", "102 (carla-home)"}
        for phone in (anna, carla):
            wait_until(lambda one=phone: one.recorded_bytes() > 4 * RATE * 2, "recording", 15)  # type: ignore[misc]
        anna.hang_up()
        carla.closed()
        hears(anna, "carla")
        hears(carla, "anna")
