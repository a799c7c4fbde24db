"""A phone behind a router is asked whether it is there; one that lost its power is noticed long before it expires."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from softswitch.ops.control import ask

from .conftest import StartSwitch
from .netlab import Lab
from .office import ACCOUNTS
from .peers.baresip import Baresip
from .peers.process import wait_until
from .sound import chirps, write_wav
from .test_sound import OLD_DIGEST, public_listeners

pytestmark = [pytest.mark.interop, pytest.mark.netns]

NEEDS = ("baresip", "ip", "nft")

# Three times in a row without an answer: a second, and 64 times t1, each.
QUICK = "registrar: {ping: 1s}\ntransactions: {t1: 20ms}\n"


def test_a_phone_without_power(netlab: Lab, start_switch: StartSwitch, tmp_path: Path) -> None:
    inside = netlab.internet.netns
    switch = start_switch(public_listeners(), netns=inside, media="never", more=QUICK, digest=OLD_DIGEST)
    home = netlab.home(1)
    dario = Baresip(
        tmp_path / "dario", ACCOUNTS["dario-home"], switch.at("udp"), transport="udp", address=home.address,
        netns=home.netns, wav=write_wav(tmp_path / "dario.wav", chirps(1)), authority=switch.certificates.authority,
    )  # fmt: skip

    def registered() -> list[str]:
        found = ask(switch.folder / "control.sock", "status", {})["registrations"]
        return [one["account"] for one in found]

    try:
        dario.registered()
        wait_until(lambda: len(re.findall(r"^OPTIONS sip:", dario.output, re.M)) >= 2, "pings", 8)
        assert registered() == ["dario-home"]
        dario.signal(signal.SIGKILL)
        wait_until(lambda: registered() == [], "notice that it is gone", 15)
    finally:
        dario.stop()
