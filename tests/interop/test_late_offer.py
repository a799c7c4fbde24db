"""A peer that calls without an offer, as providers and transfers do: the switch makes its own (RFC 3261 §13.2.1)."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest

from softswitch.sound.g711 import pcm_of_alaw
from softswitch.sound.library import said
from softswitch.sound.wav import alaw_of

from .conftest import StartSwitch
from .office import ACCOUNTS, DIALPLAN
from .peers.sipp import Sipp
from .server import free_ports
from .sound import compare

pytestmark = pytest.mark.interop

NEEDS = ("sipp",)

CLOSED = DIALPLAN.replace(
    "      home: {phone: dario-home}\n",
    "      home: {phone: dario-home}\n    calls:\n      - ring: announcement closed\n",
)


def samples(alaw: bytes) -> np.ndarray:
    return np.frombuffer(pcm_of_alaw(alaw), "<i2") / 32768


def test_an_announcement_is_heard_by_who_called_without_an_offer(start_switch: StartSwitch, tmp_path: Path) -> None:
    server = start_switch(dialplan=CLOSED)
    if server.standin:
        pytest.skip("the stand-in says nothing")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sound:
        sound.bind(("127.0.0.1", 0))
        sound.settimeout(10)
        sipp = Sipp(
            tmp_path / "sipp", "call_late_offer", server.at("udp"), ACCOUNTS["carla-home"], port=free_ports(1)[0],
            called="103", milliseconds=2000, keys={"sound_port": str(sound.getsockname()[1])},
        )  # fmt: skip
        heard = b"".join(sound.recv(2048)[12:] for _ in range(75))
        sipp.finish()
    closed = said("closed", "en")
    assert closed is not None
    match = compare(samples(alaw_of(Path(closed.file).read_bytes())), samples(heard))
    assert match.seconds >= 1, match
