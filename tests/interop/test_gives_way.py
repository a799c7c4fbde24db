"""The desk phone cannot take the call: Anna's softphone at home rings, she answers there, and both hear each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import StartSwitch
from .netlab import Lab
from .office import DIALPLAN
from .peers.baresip import Baresip
from .peers.linphone import Linphone
from .test_sound import Home, hears, public_listeners, talk

pytestmark = [pytest.mark.interop, pytest.mark.netns]

NEEDS = ("baresip", "linphonec", "ip", "nft")

RING_SECONDS = 3.0
GIVES_WAY = DIALPLAN.replace(
    "      home: {phone: anna-home}\n",
    "      home: {phone: anna-home}\n"
    "    calls:\n"
    "      - ring: office\n"
    f"        for: {RING_SECONDS:g}s\n"
    "        then: {busy: home, no answer: home, unreachable: home}\n",
)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Ends phones before the switch and the networks go."""
    with ExitStack() as made:
        yield made


@pytest.fixture
def phones(
    netlab: Lab, start_switch: StartSwitch, stack: ExitStack, tmp_path: Path
) -> tuple[Baresip, Linphone, Baresip]:
    """Anna's desk phone, her softphone at home, and Carla's phone in another home."""
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=("MD5",), dialplan=GIVES_WAY)
    if server.standin:
        pytest.skip("the stand-in knows no rules")
    home = Home(server, tmp_path, stack)
    desk = home.phone("baresip", "anna-desk", netlab.public_host(20), "udp", calls=1)
    softphone = home.phone("linphone", "anna-home", netlab.home(1), "udp")
    carla = home.phone("baresip", "carla-home", netlab.home(2), "udp")
    assert isinstance(desk, Baresip)
    assert isinstance(softphone, Linphone)
    assert isinstance(carla, Baresip)
    return desk, softphone, carla


def taken_at_home(carla: Baresip, softphone: Linphone) -> float:
    """Carla calls Anna, who answers at home; the seconds until it was taken. Each hears the other."""
    seconds = talk(carla, softphone, "101")
    hears(carla, "anna")
    hears(softphone, "carla")
    return seconds


def test_nobody_answers_the_desk_phone(phones: tuple[Baresip, Linphone, Baresip]) -> None:
    desk, softphone, carla = phones
    assert RING_SECONDS - 0.1 < taken_at_home(carla, softphone) < RING_SECONDS + 4
    desk.wait_event("CALL_INCOMING", 1)
    desk.wait_event("CALL_CLOSED", 1)


def test_the_desk_phone_is_busy(phones: tuple[Baresip, Linphone, Baresip]) -> None:
    desk, softphone, carla = phones
    desk.dial("600")
    desk.established()
    assert taken_at_home(carla, softphone) < RING_SECONDS
    desk.hang_up()


def test_the_desk_phone_was_killed(phones: tuple[Baresip, Linphone, Baresip]) -> None:
    desk, softphone, carla = phones
    desk.kill()
    assert RING_SECONDS - 0.1 < taken_at_home(carla, softphone) < RING_SECONDS + 4
