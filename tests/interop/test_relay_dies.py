"""kill -9 of the media relay while phones talk: they hear each other again before they would have asked why."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from softswitch.sound.g711 import pcm_of_alaw
from softswitch.sound.library import said
from softswitch.sound.wav import alaw_of

from .conftest import StartSwitch
from .netlab import Lab
from .office import DIALPLAN
from .peers.process import wait_until
from .sound import RATE, compare
from .test_encryption import REQUIRED
from .test_silence import softswitch
from .test_sound import OLD_DIGEST, SPOKEN, Home, hears, public_listeners
from .test_voice import VOICEMAIL

pytestmark = [pytest.mark.interop, pytest.mark.netns]

NEEDS = ("baresip", "linphonec", "ip", "nft")


@pytest.mark.parametrize("secure", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_killed_relay_is_a_gap_and_no_end(
    netlab: Lab, start_switch: StartSwitch, tmp_path: Path, secure: bool
) -> None:
    """`secure`: one of them encrypts, and the relay goes on opening and sealing for the other."""
    server = start_switch(
        public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST, allowed="media relay ended",
        dialplan=REQUIRED if secure else DIALPLAN,
    )  # fmt: skip
    if server.standin:
        pytest.skip("the stand-in's relay is another one")

    def status() -> Any:
        return json.loads(softswitch(server.folder, "status", "--json"))

    with ExitStack() as stack:
        home = Home(server, tmp_path, stack)
        more = {"srtp": "srtp-mand"} if secure else {}
        anna = home.phone("baresip", "anna-home", netlab.home(1), "tls" if secure else "udp", **more)
        carla = home.phone("linphone", "carla-home", netlab.home(2), "tcp")
        anna.dial("102")
        carla.answer()
        anna.established()
        wait_until(lambda: anna.recorded_bytes() > 3 * RATE * 2, "recording", 12)
        pid = status()["relay"]["pid"]
        os.kill(pid, signal.SIGKILL)
        at = time.monotonic()
        # Asking itself takes half a second.
        wait_until(lambda: [one["packets"] > 0 for one in status()["calls"][0]["quality"]] == [True, True], "sound", 8)
        assert time.monotonic() - at < 4
        assert status()["relay"]["pid"] != pid
        recorded = anna.recorded_bytes()
        wait_until(lambda: anna.recorded_bytes() > recorded + 4 * RATE * 2, "recording", 12)
        anna.hang_up()
        carla.closed()
        hears(anna, "carla")
        hears(carla, "anna")
    assert status()["relay"]["sessions"] == 0


@pytest.mark.long
def test_a_message_that_is_being_left_goes_on(netlab: Lab, start_switch: StartSwitch, tmp_path: Path) -> None:
    plan = DIALPLAN.replace("      home: {phone: carla-home}\n", "      home: {phone: carla-home}\n" + VOICEMAIL)
    server = start_switch(
        public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST, dialplan=plan,
        secrets_too='carla-pin: "2468"\n', allowed="media relay ended",
    )  # fmt: skip
    if server.standin:
        pytest.skip("the stand-in has no voicemail")
    greeting = said("leave a message", "en")
    assert greeting is not None
    with ExitStack() as stack:
        dario = Home(server, tmp_path, stack).phone("baresip", "dario-home", netlab.home(1), "udp")
        dario.dial("102")
        dario.established()

        def recorded() -> int:
            files = list((server.folder / "voicemail/incoming").glob("*.wav"))
            return files[0].stat().st_size if files else 0

        wait_until(lambda: recorded() > 2 * RATE, "two seconds of the message on the disk", 30)
        pid = json.loads(softswitch(server.folder, "status", "--json"))["relay"]["pid"]
        os.kill(pid, signal.SIGKILL)
        killed_at = recorded()
        wait_until(lambda: recorded() > killed_at + 3 * RATE, "three seconds after it", 30)
        dario.hang_up()
        dario.closed()
    server.process.wait_for("message left", 5)
    (kept,) = (server.folder / "voicemail/kept").rglob("*.wav")
    heard = np.frombuffer(pcm_of_alaw(alaw_of(kept.read_bytes())), "<i2") / 32768
    assert compare(SPOKEN["dario"], heard[: 2 * RATE]).coefficient > 0.9
    assert compare(SPOKEN["dario"], heard[-2 * RATE :]).coefficient > 0.9
