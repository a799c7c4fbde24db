"""pjsua2's phones: calls with sound, hold, tones and messages, over UDP, TCP and TLS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .conftest import StartSwitch
from .office import ACCOUNTS, DOMAIN
from .peers.pjsua import Pjsua
from .peers.process import wait_until
from .sound import RATE, chirps, compare, read_wav, write_wav

pytestmark = pytest.mark.interop

pytest.importorskip("pjsua2", exc_type=ImportError)

SPOKEN = {"anna": chirps(11), "carla": chirps(12), "dario": chirps(13)}

StartPhone = Callable[..., Pjsua]


@pytest.fixture
def phone(start_switch: StartSwitch, tmp_path: Path) -> Iterator[StartPhone]:
    """Starts a registered pjsua2 phone: phone(account, transport). The switch's relay carries the sound."""
    switch = start_switch(media="always")
    running: list[Pjsua] = []

    def start(name: str, transport: str = "udp") -> Pjsua:
        account = ACCOUNTS[name]
        wav = write_wav(tmp_path / f"{name}.wav", SPOKEN[account.person])
        started = Pjsua(
            tmp_path / name, account, switch.at(transport), transport=transport, wav=wav,
            authority=switch.certificates.authority,
        )  # fmt: skip
        running.append(started)
        started.registered()
        return started

    yield start
    for one in running:
        one.stop()


def hears(listener: Pjsua, speaker: str) -> None:
    listener.stop()  # pjsua2 finishes its recording at the end only
    match = compare(SPOKEN[speaker], read_wav(listener.heard))
    assert match.coefficient > 0.9, match
    assert match.seconds >= 2, match


@pytest.mark.parametrize("transport", ["udp", pytest.param("tcp", marks=pytest.mark.long), "tls"])
def test_two_phones_talk(phone: StartPhone, transport: str) -> None:
    carla, dario = phone("carla-home", transport), phone("dario-home", transport)
    carla.dial("103")
    dario.answer()
    for one in (carla, dario):
        one.established()
        wait_until(lambda one=one: one.recorded_bytes() > 3 * RATE * 2, "recording", 10)  # type: ignore[misc]
    carla.command("hangup")
    for one in (carla, dario):
        one.closed()
    hears(carla, "dario")
    hears(dario, "carla")


def test_hold_and_resume_and_tones(phone: StartPhone) -> None:
    carla, dario = phone("carla-home", "tcp"), phone("dario-home", "udp")
    carla.dial("103")
    dario.answer()
    carla.established()
    dario.established()
    carla.command("hold")
    dario.wait_event("media", status="held by them")
    carla.wait_event("media", status="held")
    carla.command("resume")
    for one in (carla, dario):
        one.wait_event("media", status="active")
    carla.command("dtmf", digits="42#")
    assert [dario.wait_event("dtmf")["digit"] for _ in range(3)] == ["4", "2", "#"]
    dario.command("hangup")
    carla.closed()


def test_a_refused_call_tells_the_caller(phone: StartPhone) -> None:
    carla, dario = phone("carla-home"), phone("dario-home")
    carla.dial("103")
    dario.rings()
    carla.wait_event("state", state="EARLY", code=180)
    dario.command("answer", code=486)
    carla.closed(486)


def test_both_of_annas_phones_ring_and_one_is_taken(phone: StartPhone) -> None:
    desk, home, carla = phone("anna-desk"), phone("anna-home"), phone("carla-home")
    carla.dial("101")
    home.rings()
    desk.answer()
    carla.established()
    home.closed(487)
    carla.command("hangup")
    desk.closed()


def test_a_message_arrives(phone: StartPhone) -> None:
    carla, dario = phone("carla-home"), phone("dario-home", "tcp")
    carla.command("message", target=f"sip:dario@{DOMAIN}", text="Grüße, the lift is out of order")
    assert dario.wait_event("message")["text"] == "Grüße, the lift is out of order"
    assert carla.wait_event("sent")["code"] == 200
