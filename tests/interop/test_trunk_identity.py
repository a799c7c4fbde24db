"""Who is shown over a provider that kamailio plays and that is strict about From, as sipp reads it behind it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from softswitch.ops.control import ask

from .conftest import StartSwitch
from .office import ACCOUNTS, DIALPLAN, Account
from .peers.kamailio import Kamailio
from .peers.sipp import Sipp
from .server import Server, free_ports

pytestmark = pytest.mark.interop

NEEDS = ("kamailio", "sipp")
PROVIDER = "127.0.0.2"
MOBILE = Account("mobile", "+491701234567", "+491701234567", "pw-mobile")
CUSTOMER = Account("mobile", "+4930777001", "+4930777001", "pw-mobile")

TRUNK = """
trunks:
  city: {registrar: "@AT@", user: acme, secret: carla-home, number: +49 89 12340}
numbers: {+49 89 12340: carla}
outside: [{dial: + *, via: city}, {dial: [110, 112], via: city, emergency: yes}]
"""
Start = Callable[..., Sipp]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


@pytest.fixture
def provider(tmp_path: Path, stack: ExitStack) -> str:
    """The address of a running provider."""
    at = f"{PROVIDER}:{free_ports(1, PROVIDER)[0]}"
    words = {"SECRET": ACCOUNTS["carla-home"].password, "EXPIRES": "600"}
    stack.enter_context(Kamailio(tmp_path / "provider", "provider.cfg", [f"udp:{at}"], words)).wait_for("Listening on")
    return at


@pytest.fixture
def switch(provider: str, start_switch: StartSwitch) -> Server:
    text = DIALPLAN.replace("timezone: Europe/Berlin", "timezone: Europe/Berlin\n  country: DE")
    started = start_switch(dialplan=text + TRUNK.replace("@AT@", provider), media="never")
    started.process.wait_for("trunk works", 15)
    return started


@pytest.fixture
def start(tmp_path: Path, stack: ExitStack) -> Start:
    """A sipp: start(scenario, server, account, **options)."""

    def one(scenario: str, server: str, account: Account, **options: object) -> Sipp:
        made = Sipp(
            tmp_path / f"sipp-{scenario}", scenario, server, account, port=free_ports(1)[0], seconds=30,
            **options,  # type: ignore[arg-type]
        )  # fmt: skip
        stack.callback(made.stop)
        return made

    return one


@pytest.fixture
def mobile(provider: str, switch: Server, start: Start) -> Sipp:
    """Somebody's mobile, which answers."""
    registered = start("register_stay", provider, MOBILE, incoming="answer", milliseconds=60_000)
    registered.wait_message(r"received[\s\S]*SIP/2.0 200 ", 15)
    return registered


def invite(phone: Sipp) -> str:
    """The head of the INVITE that came to it."""
    found = re.search(r"\nINVITE sip:[\s\S]*?\n\r?\n", phone.messages())
    assert found is not None
    return found[0]


def test_a_forwarded_call_shows_what_the_provider_allows(
    provider: str, switch: Server, mobile: Sipp, start: Start
) -> None:
    """The caller's own number is forbidden there with 403: the call goes through with the forwarder's."""
    control = switch.folder / "control.sock"
    ask(control, "override", {"who": "carla", "action": "forward all", "target": "0170 1234567", "by": "test"})
    start("call", provider, CUSTOMER, called="+498912340").finish()
    came = invite(mobile)
    assert re.search(r"^From: .*sip:\+498912340@", came, re.M)
    assert re.search(r"^Diversion: .*\+498912340@", came, re.M)
    failures = ask(control, "trunks", {})["trunks"][0]["last_failure"]
    assert "403 From Is Not Yours" in failures


def test_a_hidden_caller_stays_hidden(switch: Server, mobile: Sipp, start: Start) -> None:
    start("call_hidden", switch.at("udp"), ACCOUNTS["dario-home"], called="01701234567").finish()
    came = invite(mobile)
    assert re.search(r"^Privacy: id", came, re.M)
    assert "dario" not in came
    assert "103" not in re.findall(r"^(?:From|Contact|P-[\w-]+): .*", came, re.M)[0]
