"""Who was held hears and is heard again: phones of three makers, each behind a router, whoever holds."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from .conftest import ENGINES, StartSwitch
from .netlab import Host, Lab
from .peers.baresip import Baresip
from .peers.ear import Ear
from .peers.process import wait_until
from .sound import RATE, Samples, compare, read_wav
from .test_sound import OLD_DIGEST, SPOKEN, Home, Phone, public_listeners

pytestmark = [pytest.mark.interop, pytest.mark.netns]

NEEDS = ("baresip", "linphonec", "ip", "nft")

HOLDERS = [
    ("baresip", "linphone"),
    ("linphone", "pjsua2"),
    pytest.param("pjsua2", "baresip", marks=pytest.mark.long),
    pytest.param("baresip", "pjsua2", marks=pytest.mark.long),
    pytest.param("linphone", "baresip", marks=pytest.mark.long),
    pytest.param("pjsua2", "linphone", marks=pytest.mark.long),
]
"""Who calls and holds, and who is held."""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("holder", "other"), HOLDERS)
def test_hold_and_resume(
    holder: str, other: str, engine: str, netlab: Lab, start_switch: StartSwitch, tmp_path: Path
) -> None:
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST, engine=engine)
    with ExitStack() as stack:
        home = Home(server, tmp_path, stack)
        here, there = netlab.home(1), netlab.home(2, "port-restricted")
        anna = home.starts(holder, "anna-home", here, "udp")
        dario = home.starts(other, "dario-home", there, "tcp")
        for one in (anna, dario):
            one.registered()
        anna.dial("103")
        dario.answer()
        anna.established()
        dario.established()
        ears = [_ear(one, host, stack) for one, host in ((anna, here), (dario, there))]
        for offer in (anna.hold, anna.resume):
            # As a person would: with offers that cross each other phones have troubles of their own.
            threading.Event().wait(1.0)
            offer()
        marks = [_samples(ear) for ear in ears]
        for ear, mark in zip(ears, marks, strict=True):
            wait_until(lambda ear=ear, mark=mark: _samples(ear) > mark + 3 * RATE, "more to be heard", 15)  # type: ignore[misc]
        anna.hang_up()
        for one in (anna, dario):
            one.closed()
        for ear, mark, speaker in zip(ears, marks, ("dario", "anna"), strict=True):
            ear.stop()
            match = compare(SPOKEN[speaker], _heard(ear)[mark:])
            assert match.coefficient > 0.9, (speaker, match)
            assert match.seconds >= 2.0, (speaker, match)


def _ear(phone: Phone, host: Host, stack: ExitStack) -> Phone | Ear:
    """The phone, where its recording goes on after hold."""
    if not isinstance(phone, Baresip):
        return phone
    ear = Ear(host)
    stack.callback(ear.stop)
    return ear


def _samples(ear: Phone | Ear) -> int:
    return (len(ear.pcm) if isinstance(ear, Ear) else ear.recorded_bytes()) // 2


def _heard(ear: Phone | Ear) -> Samples:
    return np.frombuffer(ear.pcm, "<i2") / 32768 if isinstance(ear, Ear) else read_wav(ear.heard)
