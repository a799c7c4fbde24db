"""What phones do with each other in a call passes: transfers, reliable ringing, session timers, UPDATE."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import ENGINES, StartSwitch
from .netlab import Lab
from .office import ACCOUNTS, DOMAIN
from .peers.baresip import Baresip
from .peers.linphone import Linphone
from .peers.pjsua import Pjsua
from .peers.process import wait_until
from .sound import RATE, chirps, compare, read_wav, write_wav
from .test_sound import OLD_DIGEST, SPOKEN, Home, public_listeners

pytestmark = pytest.mark.interop

NEEDS = ("baresip", "linphonec", "ip", "nft")

pytest.importorskip("pjsua2", exc_type=ImportError)

StartPhone = Callable[..., Pjsua]


@pytest.fixture
def phone(start_switch: StartSwitch, tmp_path: Path) -> Iterator[StartPhone]:
    """Starts a registered pjsua2 phone: phone(account, transport, prack=…, timer_seconds=…)."""
    switch = start_switch(media="always")
    running: list[Pjsua] = []

    def start(name: str, transport: str = "udp", **options: object) -> Pjsua:
        started = Pjsua(
            tmp_path / name, ACCOUNTS[name], switch.at(transport), transport=transport,
            wav=write_wav(tmp_path / f"{name}.wav", chirps(len(running))), authority=switch.certificates.authority,
            **options,  # type: ignore[arg-type]
        )  # fmt: skip
        running.append(started)
        started.registered()
        return started

    yield start
    for one in running:
        one.stop()


def talk(caller: Pjsua, callee: Pjsua, user: str) -> None:
    caller.dial(user)
    callee.answer()
    caller.established()
    callee.established()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_blind_transfer(phone: StartPhone, transport: str) -> None:
    """Carla talks with Dario and sends him on to Anna (RFC 3515)."""
    carla, dario, anna = phone("carla-home"), phone("dario-home", transport), phone("anna-desk")
    talk(carla, dario, "103")
    carla.command("transfer", target=f"sip:101@{DOMAIN}")
    assert dario.wait_event("asked to call")["target"] == f"sip:101@{DOMAIN}"
    anna.answer()
    dario.established()
    anna.established()
    carla.wait_event("transfer", code=200)
    carla.command("hangup")
    carla.closed()
    dario.command("hangup")
    anna.closed()


def test_a_blind_transfer_to_somebody_who_is_busy(phone: StartPhone) -> None:
    """Carla's phone is told, and the call is still hers."""
    carla, dario, anna = phone("carla-home"), phone("dario-home"), phone("anna-desk")
    talk(carla, dario, "103")
    carla.command("transfer", target=f"sip:101@{DOMAIN}")
    anna.rings()
    anna.command("answer", code=486)
    carla.wait_event("transfer", code=486)
    carla.command("hangup")
    carla.closed()


def test_an_attended_transfer(phone: StartPhone) -> None:
    """Carla talks with Dario, asks Anna, and connects the two (RFC 3891); Anna's second phone does not mind."""
    carla, dario = phone("carla-home"), phone("dario-home", "tcp")
    desk, home = phone("anna-desk"), phone("anna-home")
    talk(carla, dario, "103")
    carla.command("hold")
    dario.wait_event("media", status="held by them")
    carla.wait_event("media", status="held")
    carla.dial("101")
    home.rings()
    desk.answer()
    carla.established()
    home.closed(487)
    carla.command("join")
    desk.wait_event("replaced")
    desk.wait_event("state", state="CONFIRMED", remote=f"<sip:dario@{DOMAIN}>")
    dario.established()
    carla.wait_event("transfer", code=200)
    dario.command("hangup")
    desk.wait_event("state", state="DISCONNECTED", remote=f"<sip:dario@{DOMAIN}>")


def test_reliable_ringing(phone: StartPhone) -> None:
    """RFC 3262: each 180 is acknowledged by a PRACK."""
    carla, dario = phone("carla-home", prack="mandatory"), phone("dario-home", "tcp", prack="mandatory")
    talk(carla, dario, "103")
    carla.command("hangup")
    dario.closed()
    assert re.search(r"^PRACK sip:", dario.output, re.M)
    assert re.search(r"^RSeq: ", carla.output, re.M)
    assert re.search(r"^RAck: \d+ \d+ INVITE", dario.output, re.M)


def test_a_session_timer_and_an_update(phone: StartPhone) -> None:
    """RFC 4028 and RFC 3311: both ends agree who refreshes, and either may send an UPDATE."""
    carla, dario = phone("carla-home", timer_seconds=90), phone("dario-home", timer_seconds=90)
    talk(carla, dario, "103")
    assert re.search(r"^Session-Expires: 90;refresher=ua[cs]", carla.output, re.M)
    for one in (carla, dario):
        one.command("update")
        one.wait_event("media", status="active")
    assert re.search(r"^UPDATE sip:", dario.output, re.M)
    assert re.search(r"^UPDATE sip:", carla.output, re.M)
    dario.command("hangup")
    carla.closed()


def test_a_phone_that_sends_calls_on(phone: StartPhone) -> None:
    """302 to a colleague: her phone rings, and the caller notices nothing of it."""
    carla, dario, anna = phone("carla-home"), phone("dario-home"), phone("anna-desk")
    anna.dial("103")
    dario.rings()
    dario.command("answer", code=302, contact=f"sip:102@{DOMAIN}")
    carla.answer()
    anna.established()
    anna.command("hangup")
    carla.closed()


@pytest.mark.netns
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("from_kind", "to_kind"), [("baresip", "linphone"), ("linphone", "baresip")])
def test_a_blind_transfer_from_home_to_home(
    from_kind: str, to_kind: str, engine: str, netlab: Lab, start_switch: StartSwitch, tmp_path: Path
) -> None:
    """Each behind a router: Carla sends Dario on to Anna, whose phone is a third kind; these two hear each other."""
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST, engine=engine)
    with ExitStack() as stack:
        home = Home(server, tmp_path, stack)
        carla = home.phone(from_kind, "carla-home", netlab.home(1), "udp")
        dario = home.phone(to_kind, "dario-home", netlab.home(2), "tcp")
        anna = home.phone("pjsua2", "anna-home", netlab.home(3), "udp")
        assert isinstance(carla, Baresip | Linphone)
        assert isinstance(dario, Baresip | Linphone)
        assert isinstance(anna, Pjsua)
        carla.dial("103")
        dario.answer()
        carla.established()
        dario.established()
        carla.transfer("101")
        anna.answer()
        anna.established()
        dario.established()
        wait_until(lambda: anna.recorded_bytes() > 3.5 * RATE * 2, "recording", 15)
        anna.hang_up()
        dario.closed()
        for listener, speaker in ((anna, "dario"), (dario, "anna")):
            listener.stop()
            # Dario's recording may begin with Carla.
            match = compare(SPOKEN[speaker], read_wav(listener.heard))
            assert match.seconds >= 2.0, (speaker, match)


@pytest.mark.netns
@pytest.mark.long
@pytest.mark.parametrize("mover", ["linphone", "pjsua2"])
def test_an_attended_transfer_from_home_to_home(
    mover: str, netlab: Lab, start_switch: StartSwitch, tmp_path: Path
) -> None:
    """Carla talks with Dario, asks Anna, and connects the two, who hear each other."""
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST)
    with ExitStack() as stack:
        home = Home(server, tmp_path, stack)
        carla = home.phone(mover, "carla-home", netlab.home(1), "udp")
        dario = home.phone("linphone", "dario-home", netlab.home(2), "tcp")
        anna = home.phone("pjsua2", "anna-home", netlab.home(3), "udp")
        assert isinstance(carla, Linphone | Pjsua)
        assert isinstance(anna, Pjsua)
        carla.dial("103")
        dario.answer()
        carla.established()
        dario.established()
        for one in (carla, dario):
            wait_until(lambda one=one: one.recorded_bytes() > RATE * 2, "sound", 10)  # type: ignore[misc]
        carla.hold()
        carla.dial("101")
        anna.answer()
        carla.established()
        anna.established()
        wait_until(lambda: anna.recorded_bytes() > RATE * 2, "sound", 10)  # phones settle on one codec meanwhile
        carla.join()
        anna.wait_event("replaced", 20)
        anna.wait_event("media", status="active")
        time.sleep(4)  # they talk; the file is written by the recorder of the first call too, so its size says nothing
        anna.stop()
        match = compare(SPOKEN["dario"], read_wav(anna.heard))
        assert match.seconds >= 2.0, match
