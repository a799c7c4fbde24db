"""What people say for themselves, dialled on a real phone: the next call goes where it was said."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import StartSwitch
from .netlab import Lab
from .office import DIALPLAN
from .peers.baresip import Baresip
from .peers.linphone import Linphone
from .server import Server
from .test_sound import Home, hears, public_listeners, talk

pytestmark = [pytest.mark.interop, pytest.mark.netns]

NEEDS = ("baresip", "linphonec", "ip", "nft")

WITH_CODES = DIALPLAN.replace("codes:\n", 'codes:\n  "*21*{number}": forward all\n')


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Ends phones before the switch and the networks go."""
    with ExitStack() as made:
        yield made


def dials(phone: Baresip, code: str) -> None:
    """Dial a code: the switch takes the call."""
    phone.dial(code)
    phone.established()
    phone.hang_up()
    phone.closed()


def says(server: Server, *arguments: str) -> str:
    """What `softswitch override` prints."""
    command = [Path(sys.executable).with_name("softswitch"), "override", "--config", "softswitch.yaml", *arguments]
    done = subprocess.run(command, cwd=server.folder, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_forward_by_code_and_back_by_command(
    netlab: Lab, start_switch: StartSwitch, stack: ExitStack, tmp_path: Path
) -> None:
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=("MD5",), dialplan=WITH_CODES)
    if server.standin:
        pytest.skip("the stand-in knows no codes")
    home = Home(server, tmp_path, stack)
    desk = home.phone("baresip", "anna-desk", netlab.public_host(20), "udp")
    carla = home.phone("linphone", "carla-home", netlab.home(1), "tcp")
    dario = home.phone("baresip", "dario-home", netlab.home(2), "udp")
    assert isinstance(desk, Baresip)
    assert isinstance(carla, Linphone)
    assert isinstance(dario, Baresip)
    dials(desk, "*21*102")
    assert "Anna Berger (anna@acme.example): forward all to 102, set by anna-desk on " in says(server, "101")
    talk(dario, carla, "101")
    hears(carla, "dario")
    assert "calls go by the rules" in says(server, "101", "by my rules")
    assert "over: forward all to 102" in says(server, "101", "--history")
    dario.dial("101")
    desk.wait_event("CALL_INCOMING")
    dario.hang_up()
