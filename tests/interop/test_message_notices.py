"""linphone's delivery notices (RFC 5438) find their way back to who wrote."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import StartSwitch
from .netlab import Lab
from .office import ACCOUNTS
from .peers.linphone import Linphone
from .sound import chirps, write_wav
from .test_sound import OLD_DIGEST, public_listeners

pytestmark = [pytest.mark.interop, pytest.mark.netns]

NEEDS = ("linphonec", "ip", "nft")


def test_a_notice_comes_back(netlab: Lab, start_switch: StartSwitch, tmp_path: Path) -> None:
    switch = start_switch(public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST, media="never")
    wav = write_wav(tmp_path / "spoken.wav", chirps(3))
    with ExitStack() as stack:
        made = []
        for number, name in ((1, "carla-home"), (2, "dario-home")):
            home = netlab.home(number)
            phone = Linphone(
                tmp_path / name, ACCOUNTS[name], switch.at("udp"), transport="udp", address=home.address,
                netns=home.netns, wav=wav, authority=switch.certificates.authority,
            )  # fmt: skip
            stack.callback(phone.stop)
            phone.registered()
            made.append(phone)
        carla, dario = made
        carla.writes("dario", "the lift is mended")
        dario.hears("Message received from .*: the lift is mended")
        # Sent by his phone of its own accord, to whoever wrote: it is a message like any other.
        dario.hears(r"^Content-Type: message/imdn\+xml")
        carla.hears(r"^Content-Type: message/imdn\+xml")
        carla.hears("<delivered/>")
