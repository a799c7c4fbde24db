"""Phones of three kinds send a caller from outside on, blind and after asking; who is connected then is heard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from softswitch.sound.library import tone

from .conftest import StartSwitch
from .netlab import Lab
from .office import ACCOUNTS
from .peers.baresip import Baresip
from .peers.kamailio import Kamailio
from .peers.pjsua import Pjsua
from .peers.process import wait_until
from .sound import RATE, chirps, compare, read_wav, write_wav
from .test_sound import OLD_DIGEST, Home, Phone, public_listeners
from .test_sound import SPOKEN as OFFICE_SPOKEN
from .test_trunk import MOBILE, dialplan
from .test_voice import samples_of

pytestmark = [pytest.mark.interop, pytest.mark.netns]

pytest.importorskip("pjsua2", exc_type=ImportError)

NEEDS = ("baresip", "linphonec", "kamailio", "ip", "nft")

SPOKEN = {**OFFICE_SPOKEN, "mobile": chirps(22)}
LONG = pytest.mark.long


class Outside:
    """The office, a provider and a mobile, each in a network of its own."""

    def __init__(self, netlab: Lab, start_switch: StartSwitch, folder: Path, stack: ExitStack) -> None:
        self.netlab, self.stack = netlab, stack
        exchange, field = netlab.public_host(20), netlab.public_host(21)
        at = f"{exchange.address}:5060"
        words = {"SECRET": ACCOUNTS["carla-home"].password, "EXPIRES": "600"}
        provider = Kamailio(folder / "provider", "provider.cfg", [f"udp:{at}"], words, netns=exchange.netns)
        stack.enter_context(provider).wait_for("Listening on")
        self.switch = start_switch(
            public_listeners(),
            netns=netlab.internet.netns,
            digest=OLD_DIGEST,
            dialplan=dialplan(at).replace('"600": echo', '"600": echo\n  "701": park'),
        )
        self.home = Home(self.switch, folder, stack)
        self.mobile = Pjsua(
            folder / "mobile", MOBILE, at, transport="udp", address=field.address, netns=field.netns,
            wav=write_wav(folder / "mobile.wav", SPOKEN["mobile"]), authority=folder / "none.pem",
        )  # fmt: skip
        stack.callback(self.mobile.stop)
        self.mobile.registered()
        self.switch.process.wait_for("trunk works", 15)

    def phone(self, kind: str, account: str, home: int) -> Phone:
        return self.home.phone(kind, account, self.netlab.home(home), "udp")

    def calls(self, carla: Phone) -> None:
        """The mobile talks with Carla."""
        self.mobile.dial("+498912340")
        carla.answer()
        self.mobile.established()
        carla.established()
        # Phones offer anew right after the answer, to settle on one codec; nothing else goes meanwhile.
        for one in (self.mobile, carla):
            wait_until(lambda one=one: one.recorded_bytes() > RATE * 2, "sound", 10)  # type: ignore[misc]


@pytest.fixture
def outside(netlab: Lab, start_switch: StartSwitch, tmp_path: Path) -> Iterator[Outside]:
    with ExitStack() as stack:
        yield Outside(netlab, start_switch, tmp_path, stack)


def heard(listener: Phone, speaker: str) -> None:
    """At least two seconds of the recording are what `speaker` said; before, somebody else was heard."""
    listener.stop()
    match = compare(SPOKEN[speaker], read_wav(listener.heard))
    assert match.seconds >= 2, match


@pytest.mark.parametrize(
    ("mover", "target"),
    [
        ("baresip", "linphone"),
        pytest.param("linphone", "pjsua2", marks=LONG),
        pytest.param("pjsua2", "baresip", marks=LONG),
    ],
)
def test_a_caller_is_sent_on(outside: Outside, mover: str, target: str) -> None:
    carla, dario = outside.phone(mover, "carla-home", 1), outside.phone(target, "dario-home", 2)
    outside.calls(carla)
    if isinstance(carla, Pjsua):
        carla.command("transfer", target="sip:103@acme.example")
    else:
        carla.transfer("103")
    dario.answer()
    dario.established()
    wait_until(lambda: dario.recorded_bytes() > 3 * RATE * 2, "recording", 12)
    outside.mobile.command("hangup")
    dario.closed()
    heard(dario, "mobile")
    heard(outside.mobile, "dario")


@pytest.mark.parametrize(("mover", "target"), [pytest.param("linphone", "baresip", marks=LONG), ("pjsua2", "linphone")])
def test_a_caller_is_handed_over_after_asking(outside: Outside, mover: str, target: str) -> None:
    carla, dario = outside.phone(mover, "carla-home", 1), outside.phone(target, "dario-home", 2)
    outside.calls(carla)
    assert not isinstance(carla, Baresip)
    carla.hold()
    outside.mobile.wait_event("media", status="held by them")
    carla.dial("103")
    dario.answer()
    dario.established()
    carla.established()
    carla.join()
    if isinstance(dario, Baresip):
        dario.answer()  # it knows no Replaces (RFC 3891), and rings once more
    outside.mobile.wait_event("media", status="active")
    before = outside.mobile.recorded_bytes()
    wait_until(lambda: outside.mobile.recorded_bytes() > before + 3 * RATE * 2, "recording", 12)
    outside.mobile.command("hangup")
    outside.mobile.closed()
    heard(outside.mobile, "dario")
    heard(dario, "mobile")


CODES = {
    "701": samples_of(str(tone("music").file)),
    "600": SPOKEN["mobile"],
}
"""What somebody hears who is sent there: music in a parking place, himself where the switch repeats what it hears.

COMPAT: pjsip (here the mobile) answers to where the last packet came from. One that was still on its way from whom it
talked with can make it talk to a port that is gone; it comes back with the first packets of ours, and an echo has none.
"""


@pytest.mark.parametrize(
    ("mover", "code"),
    [("pjsua2", "701"), *(pytest.param(mover, "600", marks=LONG) for mover in ("pjsua2", "linphone", "baresip"))],
)
def test_a_caller_is_sent_to_a_code(outside: Outside, mover: str, code: str) -> None:
    """The switch itself takes the call."""
    carla = outside.phone(mover, "carla-home", 1)
    outside.calls(carla)
    if isinstance(carla, Pjsua):
        carla.command("transfer", target=f"sip:{code}@acme.example")
    else:
        carla.transfer(code)
    carla.closed()
    before = outside.mobile.recorded_bytes()
    wait_until(lambda: outside.mobile.recorded_bytes() > before + 4 * RATE * 2, "recording", 12)
    outside.mobile.command("hangup")
    outside.mobile.closed()
    outside.mobile.stop()
    match = compare(CODES[code], read_wav(outside.mobile.heard))
    assert match.seconds >= 2, match
