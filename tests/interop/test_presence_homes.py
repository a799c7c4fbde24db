"""baresip and linphonec at home, behind routers of their own, watch Anna; linphonec publishes too."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import StartSwitch
from .netlab import Lab
from .office import ACCOUNTS
from .peers.baresip import Baresip
from .peers.linphone import Linphone
from .peers.pjsua import Pjsua
from .peers.process import wait_until
from .sound import chirps, write_wav
from .test_sound import OLD_DIGEST, public_listeners

pytestmark = [pytest.mark.interop, pytest.mark.netns]

NEEDS = ("baresip", "linphonec", "ip", "nft")
pytest.importorskip("pjsua2", exc_type=ImportError)


def test_two_homes_watch_anna(netlab: Lab, start_switch: StartSwitch, tmp_path: Path) -> None:
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST)
    wav = write_wav(tmp_path / "spoken.wav", chirps(5))
    shared = {"wav": wav, "authority": server.certificates.authority}
    home, other, office = netlab.home(1), netlab.home(2), netlab.public_host(20)
    with ExitStack() as stack:
        baresip = Baresip(
            tmp_path / "baresip", ACCOUNTS["carla-home"], server.at("udp"), transport="udp", address=home.address,
            netns=home.netns, watches="anna", **shared,
        )  # fmt: skip
        stack.callback(baresip.stop)
        linphone = Linphone(
            tmp_path / "linphone", ACCOUNTS["dario-home"], server.at("tcp"), transport="tcp", address=other.address,
            netns=other.netns, watches="101", **shared,
        )  # fmt: skip
        stack.callback(linphone.stop)
        baresip.registered()
        linphone.registered()

        def sees(word: str) -> None:
            wait_until(lambda: word in baresip.command("contacts"), f"{word} at baresip", 10)

        sees("Offline")
        anna = Pjsua(
            tmp_path / "anna", ACCOUNTS["anna-desk"], server.at("tcp"), transport="tcp", address=office.address,
            netns=office.netns, **shared,
        )  # fmt: skip
        stack.callback(anna.stop)
        anna.registered()
        sees("Online")
        wait_until(lambda: "Available (office). Next call: anna" in linphone.output, "Anna at linphonec", 10)
        anna.command("call", target="sip:600@acme.example")
        anna.established()
        sees("Busy")
        wait_until(lambda: "On the phone (office)" in linphone.output, "Anna's call at linphonec", 10)
        anna.command("hangup")
        sees("Online")
        anna.kill()
        sees("Offline")
        wait_until(lambda: "SIP-ETag" in linphone.output, "linphonec's own state", 10)
        assert "Voice-Message: 0/0" in baresip.output  # it asked for its mailbox, and stays calm
