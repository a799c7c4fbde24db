"""A phone that has to encrypt its sound, over TLS, and one that can't, over UDP: they hear each other."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import ENGINES, StartSwitch
from .netlab import Lab
from .office import DIALPLAN
from .test_sound import OLD_DIGEST, Home, hears, public_listeners, talk

pytestmark = [pytest.mark.interop, pytest.mark.netns]

NEEDS = ("baresip", "linphonec", "ip", "nft")

REQUIRED = DIALPLAN.replace("anna-home: {secret: anna-home}", "anna-home: {secret: anna-home, srtp: require}")


@pytest.mark.parametrize("engine", ENGINES)
def test_srtp_and_rtp_meet(engine: str, netlab: Lab, start_switch: StartSwitch, tmp_path: Path) -> None:
    server = start_switch(
        public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST, dialplan=REQUIRED, engine=engine
    )
    if server.standin:
        pytest.skip("the stand-in has no words for it")
    with ExitStack() as stack:
        home = Home(server, tmp_path, stack)
        anna = home.phone("baresip", "anna-home", netlab.home(1), "tls", srtp="srtp-mand")
        carla = home.phone("linphone", "carla-home", netlab.home(2), "udp")
        talk(carla, anna, "101")
        talk(anna, carla, "102")
        hears(carla, "anna")
        hears(anna, "carla")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_phone_that_may_encrypt_calls_one_that_has_to(
    engine: str, netlab: Lab, start_switch: StartSwitch, tmp_path: Path
) -> None:
    server = start_switch(
        public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST, dialplan=REQUIRED, engine=engine
    )
    if server.standin:
        pytest.skip("the stand-in has no words for it")
    with ExitStack() as stack:
        home = Home(server, tmp_path, stack)
        anna = home.phone("baresip", "anna-home", netlab.home(1), "tls", srtp="srtp-mand")
        dario = home.phone("baresip", "dario-home", netlab.home(2), "tcp", srtp="srtp")
        talk(dario, anna, "101")
        hears(dario, "anna")
        hears(anna, "dario")


def test_a_phone_that_has_to_encrypt_and_does_not_is_refused(
    netlab: Lab, start_switch: StartSwitch, tmp_path: Path
) -> None:
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST, dialplan=REQUIRED)
    if server.standin:
        pytest.skip("the stand-in has no words for it")
    with ExitStack() as stack:
        anna = Home(server, tmp_path, stack).phone("baresip", "anna-home", netlab.home(1), "tls")
        anna.dial("600")
        anna.closed()
        server.process.wait_for("This Phone Has to Encrypt", 5)
