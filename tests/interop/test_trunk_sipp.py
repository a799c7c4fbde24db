"""Providers that sipp plays: known by address, wanting proof of each call, answering nonsense, dying in the middle."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import StartSwitch
from .office import ACCOUNTS, DIALPLAN, Account
from .peers.pjsua import Pjsua
from .peers.process import wait_until
from .peers.sipp import Sipp
from .server import Server, free_ports
from .sound import RATE, chirps, compare, read_wav, write_wav

pytestmark = pytest.mark.interop

pytest.importorskip("pjsua2", exc_type=ImportError)

NEEDS = ("sipp",)

PROVIDER, SECOND = "127.0.0.3", "127.0.0.4"
SECRET = ACCOUNTS["carla-home"].password
ACME = Account("acme", "acme", "acme", SECRET)
SPOKEN = chirps(31)
NUMBER = "01701234567"


class Office:
    """A switch with two trunks by address, each a sipp, and Carla's phone."""

    def __init__(self, start_switch: StartSwitch, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.ports = {host: free_ports(1, host)[0] for host in (PROVIDER, SECOND)}
        trunks = "".join(
            f"  {name}: {{peer: '{host}:{self.ports[host]}', user: acme, secret: carla-home, number: +49 89 12340}}\n"
            for name, host in (("first", PROVIDER), ("second", SECOND))
        )
        text = DIALPLAN.replace("timezone: Europe/Berlin", "timezone: Europe/Berlin\n  country: DE")
        text += f"trunks:\n{trunks}outside:\n  - {{dial: +49 *, via: [first, second]}}\n"
        self._start = lambda: start_switch(dialplan=text, more="transactions: {t1: 100ms, t2: 400ms, t4: 500ms}\n")

    def plays(self, scenario: str, host: str = PROVIDER) -> Sipp:
        """A provider; before the switch is started, so that it is found there."""
        provider = Sipp(
            self.folder / f"sipp-{host}", scenario, f"127.0.0.1:{free_ports(1)[0]}", ACME,
            port=self.ports[host], address=host, seconds=30, echoes=True, calls=1000,
        )  # fmt: skip
        self.stack.callback(provider.stop)
        return provider

    def opens(self) -> tuple[Server, Pjsua]:
        """The switch, and Carla's phone."""
        switch = self._start()
        wav = write_wav(self.folder / "carla.wav", SPOKEN)
        carla = Pjsua(
            self.folder / "carla", ACCOUNTS["carla-home"], switch.at("udp"),
            transport="udp", wav=wav, authority=self.folder / "none.pem",
        )  # fmt: skip
        self.stack.callback(carla.stop)
        carla.registered()
        switch.process.wait_for("trunk works", 20)
        return switch, carla


@pytest.fixture
def office(start_switch: StartSwitch, tmp_path: Path) -> Iterator[Office]:
    with ExitStack() as stack:
        yield Office(start_switch, tmp_path, stack)


def is_proved(messages: str) -> bool:
    """Whether an INVITE to the number has the answer that RFC 2617 §3.2.2.1 wants."""
    (sent,) = set(re.findall(r"^Authorization: Digest (.*)$", messages, re.M))
    fields = dict(re.findall(r'(\w+)="?([^",]+)"?', sent))

    def md5(*parts: str) -> str:
        return hashlib.md5(":".join(parts).encode()).hexdigest()

    assert fields["uri"].startswith("sip:+491701234567@127.0.0.3")
    who, what = md5("acme", "provider.example", SECRET), md5("INVITE", fields["uri"])
    return fields["response"] == md5(who, fields["nonce"], fields["nc"], fields["cnonce"], fields["qop"], what)


def test_each_call_is_proved_and_heard(office: Office) -> None:
    """The provider sends back what it hears."""
    provider = office.plays("provider_talks")
    _, carla = office.opens()
    carla.dial(NUMBER)
    carla.established()
    wait_until(lambda: carla.recorded_bytes() > 3 * RATE * 2, "recording", 12)
    carla.command("hangup")
    carla.closed()
    provider.succeeded()
    assert is_proved(provider.messages())
    carla.stop()
    match = compare(SPOKEN, read_wav(carla.heard))
    assert match.coefficient > 0.9, match
    assert match.seconds >= 2, match


@pytest.mark.parametrize("noticed", ["by what the phone asks", pytest.param("by the session", marks=pytest.mark.long)])
def test_a_provider_that_dies_takes_the_call_with_it(office: Office, noticed: str) -> None:
    """Sooner where the phone asks something of it, else within the session's time, which is 90 seconds here."""
    provider = office.plays("provider_dies")
    switch, carla = office.opens()
    carla.dial(NUMBER)
    carla.established()
    provider.kill()
    if noticed == "by what the phone asks":
        carla.command("hold")
    carla.wait_event("state", 95, state="DISCONNECTED")
    switch.process.wait_for("call lost", 5)


def test_an_answer_without_sound_ends_the_call(office: Office) -> None:
    provider = office.plays("provider_without_sound")
    _, carla = office.opens()
    carla.dial(NUMBER)
    carla.wait_event("state", state="DISCONNECTED")
    provider.succeeded()


def test_endless_progress_ends_with_the_caller(office: Office) -> None:
    provider = office.plays("provider_endless")
    _, carla = office.opens()
    carla.dial(NUMBER)
    carla.wait_event("state", state="EARLY", code=183)
    provider.wait_message("(?s)(SIP/2.0 183.*){3}", 10)
    carla.command("hangup")
    carla.closed(487)
    provider.succeeded()


def test_the_next_trunk_takes_over_and_what_nobody_knows_is_passed_on(office: Office) -> None:
    """503 at the first one, then a status of the second one's own making."""
    first = office.plays("provider_full")
    second = office.plays("provider_odd", SECOND)
    _, carla = office.opens()
    carla.dial(NUMBER)
    carla.closed(499)
    first.succeeded()
    second.succeeded()
