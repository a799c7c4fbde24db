"""Calls over a provider that kamailio plays: it wants a registration, a proof for each call, its number in From."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from softswitch.sound.g711 import pcm_of_alaw
from softswitch.sound.library import tone
from softswitch.sound.wav import alaw_of

from .certificates import Certificates, make_certificates
from .conftest import StartSwitch
from .office import ACCOUNTS, DIALPLAN, DOMAIN, Account
from .peers.kamailio import Kamailio
from .peers.pjsua import Pjsua
from .peers.process import wait_until
from .server import Server, free_ports
from .sound import RATE, chirps, compare, read_wav, write_wav

pytestmark = pytest.mark.interop

pytest.importorskip("pjsua2", exc_type=ImportError)

NEEDS = ("kamailio",)

PROVIDER = "127.0.0.2"
MOBILE = Account("mobile", "+491701234567", "+491701234567", "pw-mobile")
SPOKEN = {"carla": chirps(21), "mobile": chirps(22), "dario": chirps(23)}

TRUNKS = """
trunks:
@TRUNKS@
numbers: {+49 89 12340: carla}
outside:
  - {dial: [110, 112], via: [@VIA@], emergency: yes}
  - {dial: + *, via: [@VIA@], may: [carla, anna]}
"""

CITY = "  city: {registrar: @AT@, user: acme, secret: carla-home, number: +49 89 12340}\n"


def dialplan(city: str, before: str = "") -> str:
    """The office with trunks; `before` is an entry for one called "broken", which is tried first."""
    trunks = before + CITY.replace("@AT@", city)
    via = "broken, city" if before else "city"
    text = DIALPLAN.replace("timezone: Europe/Berlin", "timezone: Europe/Berlin\n  country: DE")
    text = text.replace(
        "{phone: anna-home}", "{phone: anna-home}\n      cell: {dial: +49 170 1234567, confirm: press 1}"
    )
    return text + TRUNKS.replace("@TRUNKS@", trunks.rstrip("\n")).replace("@VIA@", via)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


@pytest.fixture
def provider(tmp_path: Path, stack: ExitStack) -> str:
    """The address of a running provider."""
    at = f"{PROVIDER}:{free_ports(1, PROVIDER)[0]}"
    words = {"SECRET": ACCOUNTS["carla-home"].password, "EXPIRES": "600"}
    started = stack.enter_context(Kamailio(tmp_path / "provider", "provider.cfg", [f"udp:{at}"], words))
    started.wait_for("Listening on")
    return at


Start = Callable[[Account, str], Pjsua]


@pytest.fixture
def start(tmp_path: Path, stack: ExitStack) -> Start:
    """Starts a phone that registers: start(account, host:port)."""

    def one(account: Account, at: str) -> Pjsua:
        wav = write_wav(tmp_path / f"{account.name}.wav", SPOKEN["mobile" if account is MOBILE else account.person])
        phone = Pjsua(tmp_path / account.name, account, at, transport="udp", wav=wav, authority=tmp_path / "none.pem")
        stack.callback(phone.stop)
        phone.registered()
        return phone

    return one


def registered(switch: Server) -> None:
    switch.process.wait_for("trunk works", 8)


def talk(caller: Pjsua, callee: Pjsua, called: str, hangs_up: Pjsua) -> None:
    caller.dial(called)
    callee.answer()
    for one in (caller, callee):
        one.established()
        wait_until(lambda one=one: one.recorded_bytes() > 3 * RATE * 2, "recording", 10)  # type: ignore[misc]
    hangs_up.command("hangup")
    for one in (caller, callee):
        one.closed()


def hears(listener: Pjsua, speaker: str) -> None:
    listener.stop()
    match = compare(SPOKEN[speaker], read_wav(listener.heard))
    assert match.coefficient > 0.9, match
    assert match.seconds >= 2, match


def test_a_phone_calls_a_mobile_and_both_are_heard(provider: str, start_switch: StartSwitch, start: Start) -> None:
    switch = start_switch(dialplan=dialplan(provider))
    registered(switch)
    carla, mobile = start(ACCOUNTS["carla-home"], switch.at("udp")), start(MOBILE, provider)
    talk(carla, mobile, "01701234567", hangs_up=carla)
    hears(carla, "mobile")
    hears(mobile, "carla")


def test_a_mobile_calls_the_firm_and_both_are_heard(provider: str, start_switch: StartSwitch, start: Start) -> None:
    switch = start_switch(dialplan=dialplan(provider))
    registered(switch)
    carla, mobile = start(ACCOUNTS["carla-home"], switch.at("udp")), start(MOBILE, provider)
    talk(mobile, carla, "+498912340", hangs_up=carla)
    hears(carla, "mobile")
    hears(mobile, "carla")


def test_hold_and_resume_over_the_trunk(provider: str, start_switch: StartSwitch, start: Start) -> None:
    switch = start_switch(dialplan=dialplan(provider))
    registered(switch)
    carla, mobile = start(ACCOUNTS["carla-home"], switch.at("udp")), start(MOBILE, provider)
    carla.dial("01701234567")
    mobile.answer()
    carla.established()
    mobile.established()
    carla.command("hold")
    mobile.wait_event("media", status="held by them")
    carla.wait_event("media", status="held")
    enough = mobile.recorded_bytes() + 4.5 * RATE * 2
    wait_until(lambda: mobile.recorded_bytes() > enough, "recording", 20)
    carla.command("resume")
    for one in (carla, mobile):
        one.wait_event("media", status="active")
    mobile.command("hangup")
    carla.closed()
    mobile.stop()
    music = np.frombuffer(pcm_of_alaw(alaw_of(Path(tone("music").file).read_bytes())), "<i2") / 32768
    assert compare(music, read_wav(mobile.heard)).seconds >= 2, "the office has music for who is held"


@pytest.mark.parametrize("style", ["events", "info"])
def test_keys_reach_the_other_one_as_it_wants_them(
    provider: str, start_switch: StartSwitch, start: Start, style: str
) -> None:
    """The phone tells by INFO and the provider wants telephone events, or the other way round."""
    text = dialplan(provider).replace(
        "secret: carla-home, number", f"style: {{keys: {style}}}, secret: carla-home, number"
    )
    switch = start_switch(dialplan=text)
    registered(switch)
    carla, mobile = start(ACCOUNTS["carla-home"], switch.at("udp")), start(MOBILE, provider)
    carla.dial("01701234567")
    mobile.answer()
    carla.established()
    mobile.established()
    wait_until(lambda: mobile.recorded_bytes() > RATE, "sound", 10)
    carla.command("dtmf", digits="42#", info=style == "events")
    for digit in "42#":
        assert mobile.wait_event("dtmf")["digit"] == digit
    assert (re.search(r"^INFO sip:", mobile.output, re.M) is not None) == (style == "info")
    assert ("telephone-event" in mobile.output) or style == "info"
    mobile.command("dtmf", digits="7", info=style == "info")
    assert carla.wait_event("dtmf")["digit"] == "7"
    assert len(re.findall(r"^INFO sip:.*\n", carla.output, re.M)) == (3 if style == "events" else 0), (
        "its own ones alone"
    )
    carla.command("hangup")
    mobile.closed()


def secure_provider(tmp_path: Path, stack: ExitStack, shown: Certificates) -> tuple[str, str]:
    """A provider that shows this certificate: host:port for TLS, and for UDP."""
    secure, plain = (f"{PROVIDER}:{port}" for port in free_ports(2, PROVIDER))
    (tmp_path / "provider.tls").write_text(
        f"[server:default]\nmethod = TLSv1.2+\ncertificate = {shown.certificate}\nprivate_key = {shown.key}\n"
        "[client:default]\nverify_certificate = no\n"
    )
    words = {"SECRET": ACCOUNTS["carla-home"].password, "EXPIRES": "600", "TLS": str(tmp_path / "provider.tls")}
    listen = [f"tls:{secure}", f"udp:{plain}"]
    started = Kamailio(tmp_path / "provider", "provider.cfg", listen, words, defines=["SECURE"])
    stack.enter_context(started).wait_for("Listening on")
    return secure, plain


def test_a_trunk_over_tls(start_switch: StartSwitch, start: Start, tmp_path: Path, stack: ExitStack) -> None:
    """Registration, a call each way and their ends over TLS; its certificate is one that the operator trusts."""
    (tmp_path / "authority").mkdir()
    shown = make_certificates(tmp_path / "authority", ["sip.provider.example"], [PROVIDER])
    secure, plain = secure_provider(tmp_path, stack, shown)
    text = dialplan(secure).replace("user: acme,", "user: acme, transport: tls,")
    switch = start_switch(dialplan=text, authorities=shown.authority)
    registered(switch)
    carla, mobile = start(ACCOUNTS["carla-home"], switch.at("udp")), start(MOBILE, plain)
    mobile.dial("+498912340")
    carla.answer()
    mobile.established()
    carla.command("hangup")
    mobile.closed()
    talk(carla, mobile, "01701234567", hangs_up=mobile)
    hears(carla, "mobile")


def test_a_trunk_whose_certificate_is_not_good(start_switch: StartSwitch, tmp_path: Path, stack: ExitStack) -> None:
    (tmp_path / "authority").mkdir()
    shown = make_certificates(tmp_path / "authority", ["sip.other.example"], ["127.0.0.9"])
    secure, _ = secure_provider(tmp_path, stack, shown)
    text = dialplan(secure).replace("user: acme,", "user: acme, transport: tls,")
    switch = start_switch(dialplan=text, authorities=shown.authority)
    switch.process.wait_for("no connection to it: certificate not accepted: IP address mismatch", 10)


def test_an_emergency_call_passes_for_who_may_not_call_anybody_else(
    provider: str, start_switch: StartSwitch, start: Start
) -> None:
    switch = start_switch(dialplan=dialplan(provider))
    registered(switch)
    dario, emergency = start(ACCOUNTS["dario-home"], switch.at("udp")), start(MOBILE, provider)
    dario.dial("01701234567")
    wait_until(lambda: dario.recorded_bytes() > RATE * 2, "the reason, said before the call is refused", 10)
    dario.closed(403)
    dario.dial("112")
    emergency.answer()
    dario.established()
    emergency.command("hangup")
    dario.closed()


def outside_call(start: Start, switch: Server, provider: str) -> tuple[Pjsua, Pjsua, Pjsua]:
    """The mobile talks to Carla; Dario is there too."""
    carla, dario = start(ACCOUNTS["carla-home"], switch.at("udp")), start(ACCOUNTS["dario-home"], switch.at("udp"))
    mobile = start(MOBILE, provider)
    mobile.dial("+498912340")
    carla.answer()
    mobile.established()
    carla.established()
    return carla, dario, mobile


def test_a_caller_from_outside_is_sent_on_to_a_colleague(
    provider: str, start_switch: StartSwitch, start: Start
) -> None:
    switch = start_switch(dialplan=dialplan(provider))
    registered(switch)
    carla, dario, mobile = outside_call(start, switch, provider)
    carla.command("transfer", target=f"sip:103@{DOMAIN}")
    dario.answer()
    dario.established()
    while not (heard := carla.wait_event("transfer"))["final"]:
        pass
    assert heard["code"] == 200
    carla.closed()
    wait_until(lambda: dario.recorded_bytes() > 3 * RATE * 2, "recording", 10)
    mobile.command("hangup")
    dario.closed()
    hears(dario, "mobile")


def test_a_caller_from_outside_is_handed_over_after_asking(
    provider: str, start_switch: StartSwitch, start: Start
) -> None:
    switch = start_switch(dialplan=dialplan(provider))
    registered(switch)
    carla, dario, mobile = outside_call(start, switch, provider)
    carla.command("hold")
    mobile.wait_event("media", status="held by them")
    carla.wait_event("media", status="held")
    carla.dial("103")
    dario.answer()
    dario.established()
    carla.established()
    carla.command("join")
    while not (heard := carla.wait_event("transfer"))["final"]:
        pass
    assert heard["code"] == 200
    mobile.wait_event("media", status="active")
    mobile.command("hangup")
    switch.process.wait_for("call ended", 5)


def test_a_mobile_has_the_call_when_1_is_pressed(provider: str, start_switch: StartSwitch, start: Start) -> None:
    switch = start_switch(dialplan=dialplan(provider))
    registered(switch)
    carla, mobile = start(ACCOUNTS["carla-home"], switch.at("udp")), start(MOBILE, provider)
    carla.dial("101")
    mobile.answer()
    mobile.established()
    wait_until(lambda: mobile.recorded_bytes() > RATE * 2, "announcement", 10)
    assert '"CONFIRMED"' not in carla.output
    mobile.command("dtmf", digits="1")
    carla.established()
    wait_until(lambda: carla.recorded_bytes() > 3 * RATE * 2, "recording", 10)
    carla.command("hangup")
    mobile.closed()
    hears(carla, "mobile")
    hears(mobile, "carla")


def test_a_trunk_is_tried_out_and_shown(provider: str, start_switch: StartSwitch, start: Start) -> None:
    switch = start_switch(dialplan=dialplan(provider))
    registered(switch)
    mobile = start(MOBILE, provider)
    softswitch = Path(sys.executable).with_name("softswitch")
    command = [softswitch, "trunk", "test", "city", "--call", "0170 1234567"]
    trial = subprocess.Popen(
        [*command, "--config", switch.folder / "softswitch.yaml"], stdout=subprocess.PIPE, text=True
    )
    mobile.rings()
    said, _ = trial.communicate(timeout=20)
    assert trial.returncode == 0, said
    assert "registration: registered" in said
    assert "OPTIONS is answered: 200 OK" in said
    assert "180 Ringing" in said
    mobile.closed(487)
    shown = subprocess.run(
        [softswitch, "trunks", "--config", switch.folder / "softswitch.yaml"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "registered for 600 s" in shown


def test_a_full_trunk_gives_way_at_once(
    provider: str, start_switch: StartSwitch, start: Start, tmp_path: Path, stack: ExitStack
) -> None:
    at = f"{PROVIDER}:{free_ports(1, PROVIDER)[0]}"
    words = {"SECRET": "", "EXPIRES": "600"}
    full = Kamailio(tmp_path / "full", "provider.cfg", [f"udp:{at}"], words, defines=["FULL"])
    stack.enter_context(full).wait_for("Listening on")
    switch = start_switch(dialplan=dialplan(provider, f"  broken: {{peer: {at}}}\n"))
    registered(switch)
    carla, mobile = start(ACCOUNTS["carla-home"], switch.at("udp")), start(MOBILE, provider)
    carla.dial("01701234567")
    mobile.answer()
    carla.established()
    switch.process.wait_for("503 No Circuit", 1)
    carla.command("hangup")
    mobile.closed()


def test_a_silent_trunk_gives_way_within_seconds(provider: str, start_switch: StartSwitch, start: Start) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((PROVIDER, 0))
        before = f"  broken: {{peer: {PROVIDER}:{silent.getsockname()[1]}}}\n"
        switch = start_switch(dialplan=dialplan(provider, before))
        registered(switch)
        carla, mobile = start(ACCOUNTS["carla-home"], switch.at("udp")), start(MOBILE, provider)
        carla.dial("01701234567")
        mobile.answer()
        carla.established()
        carla.command("hangup")
        mobile.closed()
