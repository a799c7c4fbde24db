"""Phones that can reach each other talk straight where that is allowed; with a home it is the relay (`test_sound`)."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import StartSwitch
from .netlab import OFFICE_MAPPED, OFFICE_PUBLIC, OFFICE_SWITCH, Counter, Lab
from .office import DIALPLAN
from .peers.baresip import Baresip
from .peers.process import wait_until
from .sound import RATE, compare, read_wav
from .test_silence import softswitch
from .test_sound import OLD_DIGEST, SPOKEN, Home, hears, public_listeners, talk

pytestmark = [pytest.mark.interop, pytest.mark.netns]

NEEDS = ("baresip", "linphonec", "ip", "nft")

IN_ONE_HOME = DIALPLAN.replace("site:\n", "site:\n  media: direct behind one router\n")


def test_two_desks_in_the_office(netlab: Lab, start_switch: StartSwitch, tmp_path: Path) -> None:
    switch_host, desk_host = netlab.office()
    listeners = public_listeners(OFFICE_SWITCH, network="office-lan")
    server = start_switch(listeners, netns=switch_host.netns, digest=OLD_DIGEST, media="{office-lan: when needed}")
    if server.standin:
        pytest.skip("the stand-in relays always")
    relayed = Counter(switch_host.netns, "20000-20399")
    with ExitStack() as stack:
        home = Home(server, tmp_path, stack)
        anna = home.phone("baresip", "anna-desk", desk_host, "udp")
        carla = home.phone("linphone", "carla-home", desk_host, "udp")
        talk(anna, carla, "102")
        assert relayed.packets == 0
        hears(anna, "carla")
        hears(carla, "anna")

        def records() -> list[dict[str, object]]:
            return list(json.loads(softswitch(server.folder, "calls", "export", "--format", "json")))

        wait_until(lambda: [one["outcome"] for one in records()] == ["answered"], "a record", 5)
        assert records()[0]["quality"] == []
        assert records()[0]["remarks"] == ["sound went straight from phone to phone"]


def test_two_phones_in_one_home_that_may(netlab: Lab, start_switch: StartSwitch, tmp_path: Path) -> None:
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST, dialplan=IN_ONE_HOME)
    if server.standin:
        pytest.skip("the stand-in relays always")
    relayed = Counter(netlab.internet.netns, "20000-20399")
    with ExitStack() as stack:
        home = Home(server, tmp_path, stack)
        carla = home.phone("linphone", "carla-home", netlab.home(1), "tcp")
        dario = home.phone("baresip", "dario-home", netlab.beside(1), "udp")
        talk(carla, dario, "103")
        assert relayed.packets == 0
        hears(carla, "dario")
        hears(dario, "carla")


@pytest.mark.long
def test_who_is_sent_on_to_a_home_comes_to_the_relay(netlab: Lab, start_switch: StartSwitch, tmp_path: Path) -> None:
    switch_host, desk_host = netlab.office()
    inside = public_listeners(OFFICE_SWITCH, network="office-lan")
    outside = public_listeners(OFFICE_MAPPED, advertised=OFFICE_PUBLIC)
    server = start_switch(inside + outside, netns=switch_host.netns, digest=OLD_DIGEST, media="when needed")
    if server.standin:
        pytest.skip("the stand-in relays always")
    relayed = Counter(switch_host.netns, "20000-20399")
    with ExitStack() as stack:
        home = Home(server, tmp_path, stack)
        carla = home.phone("baresip", "carla-home", desk_host, "udp")
        anna = home.phone("linphone", "anna-desk", desk_host, "udp")
        dario = home.phone("pjsua2", "dario-home", netlab.home(1), "udp", at=OFFICE_PUBLIC)
        assert isinstance(carla, Baresip)
        carla.dial("101")
        anna.answer()
        anna.established()
        carla.established()
        wait_until(lambda: carla.recorded_bytes() > RATE * 2, "recording", 15)
        assert relayed.packets == 0
        carla.transfer("103")
        dario.answer()
        dario.established()
        anna.established()
        wait_until(lambda: dario.recorded_bytes() > 3.5 * RATE * 2, "recording", 15)
        assert relayed.packets > 200
        dario.hang_up()
        anna.closed()
        for listener, speaker in ((anna, "dario"), (dario, "anna")):
            listener.stop()
            match = compare(SPOKEN[speaker], read_wav(listener.heard))
            assert match.seconds >= 2.0, (speaker, match)
