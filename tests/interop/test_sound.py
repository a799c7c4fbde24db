"""Two people at home, each behind a router of their own, call each other and hear what the other says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .conftest import StartSwitch
from .netlab import OFFICE_MAPPED, OFFICE_PUBLIC, OFFICE_SWITCH, PUBLIC, Host, Lab
from .office import ACCOUNTS, Listen
from .peers.baresip import Baresip
from .peers.linphone import Linphone
from .peers.pjsua import Pjsua
from .peers.process import wait_until
from .server import Server
from .sound import RATE, chirps, compare, read_wav, write_wav

pytestmark = [pytest.mark.interop, pytest.mark.netns]

NEEDS = ("baresip", "linphonec", "ip", "nft")

SPOKEN = {"anna": chirps(1), "carla": chirps(2), "dario": chirps(3)}
HEARD_SECONDS = 3.0
Phone = Baresip | Linphone | Pjsua
KINDS: dict[str, type[Baresip] | type[Linphone] | type[Pjsua]] = {
    "baresip": Baresip,
    "linphone": Linphone,
    "pjsua2": Pjsua,
}
# COMPAT: baresip 1.0.0 gives up when any of several challenges has an algorithm other than MD5.
OLD_DIGEST = ("MD5",)


@dataclass
class Home:
    """Phones in places; each says its owner's chirps."""

    server: Server
    folder: Path
    stack: ExitStack

    def phone(self, kind: str, account: str, host: Host, transport: str, at: str = "", **options: Any) -> Phone:
        """As `starts`, and it has registered."""
        started = self.starts(kind, account, host, transport, at, **options)
        started.registered()
        return started

    def starts(
        self, kind: str, account: str, host: Host, transport: str, at: str = "", ipv6: bool = False, **options: Any
    ) -> Phone:
        """A phone that registers, at the switch's address or at the one it is told (`at`, without port).

        `options` are those of its kind.
        """
        owner = ACCOUNTS[account]
        server = f"{at}:{self.server.port(transport)}" if at else self.server.at(transport)
        started = KINDS[kind](
            self.folder / account, owner, server, transport=transport,
            address=host.ipv6 if ipv6 else host.address, netns=host.netns,
            wav=write_wav(self.folder / f"{account}.wav", SPOKEN[owner.person]),
            authority=self.server.certificates.authority, **options,
        )  # fmt: skip
        self.stack.callback(started.stop)
        return started


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Ends phones before the switch and the networks go."""
    with ExitStack() as made:
        yield made


def public_listeners(host: str = PUBLIC, advertised: str = "", network: str = "internet") -> tuple[Listen, ...]:
    """UDP and TCP on 5060, TLS on 5061."""
    return tuple(
        Listen(name, host, port, advertised, network) for name, port in (("udp", 5060), ("tcp", 5060), ("tls", 5061))
    )


def talk(caller: Phone, callee: Phone, called: str, seconds: float = HEARD_SECONDS) -> float:
    """A call in which each side records so many seconds of the other; the caller hangs up.

    The seconds that it rang.
    """
    began = time.monotonic()
    caller.dial(called)
    callee.answer()
    caller.established()
    rang = time.monotonic() - began
    callee.established()
    for one in (caller, callee):
        wait_until(lambda phone=one: phone.recorded_bytes() > (seconds + 1) * RATE * 2, "recording", 15)  # type: ignore[misc]
    caller.hang_up()
    for one in (caller, callee):
        one.closed()
    return rang


def hears(listener: Phone, speaker: str, seconds: float = HEARD_SECONDS) -> None:
    """The recording holds what `speaker` said: well above 0.9 after G.711 and the way through two networks."""
    listener.stop()  # the last of the recording is written at the end
    match = compare(SPOKEN[speaker], read_wav(listener.heard))
    assert match.coefficient > 0.9, match
    assert match.seconds >= seconds, match


LONG = pytest.mark.long  # the matrix of routers has it


@pytest.mark.parametrize("transport", [pytest.param("udp", marks=LONG), pytest.param("tcp", marks=LONG), "tls"])
def test_two_homes_talk(
    transport: str, netlab: Lab, start_switch: StartSwitch, stack: ExitStack, tmp_path: Path
) -> None:
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST)
    home = Home(server, tmp_path, stack)
    anna = home.phone("baresip", "anna-home", netlab.home(1), transport)
    carla = home.phone("linphone", "carla-home", netlab.home(2), transport)
    talk(anna, carla, "102")
    hears(anna, "carla")
    hears(carla, "anna")


def test_linphone_calls_baresip_and_the_transports_differ(
    netlab: Lab, start_switch: StartSwitch, stack: ExitStack, tmp_path: Path
) -> None:
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST)
    home = Home(server, tmp_path, stack)
    carla = home.phone("linphone", "carla-home", netlab.home(1), "tls")
    dario = home.phone("baresip", "dario-home", netlab.home(2), "udp")
    talk(carla, dario, "dario")
    hears(carla, "dario")
    hears(dario, "carla")


def test_linphone_calls_pjsua2_with_sha_256(
    netlab: Lab, start_switch: StartSwitch, stack: ExitStack, tmp_path: Path
) -> None:
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=("SHA-256", "MD5"))
    home = Home(server, tmp_path, stack)
    carla = home.phone("linphone", "carla-home", netlab.home(1), "tcp")
    dario = home.phone("pjsua2", "dario-home", netlab.home(2), "udp")
    talk(carla, dario, "103")
    hears(carla, "dario")
    hears(dario, "carla")
    if not server.standin:
        assert "algorithm=SHA-256" in carla.output


def test_the_desk_in_the_office_lan_and_a_home_talk_through_one_to_one_nat(
    netlab: Lab, start_switch: StartSwitch, stack: ExitStack, tmp_path: Path
) -> None:
    switch_host, desk_host = netlab.office()
    inside = public_listeners(OFFICE_SWITCH, network="office-lan")
    outside = public_listeners(OFFICE_MAPPED, advertised=OFFICE_PUBLIC)
    # Each may talk straight to who is in its own network; these two can't reach each other.
    server = start_switch(inside + outside, netns=switch_host.netns, digest=OLD_DIGEST, media="when needed")
    if server.standin:
        pytest.skip("the stand-in's relay knows one network only")
    home = Home(server, tmp_path, stack)
    anna = home.phone("baresip", "anna-desk", desk_host, "udp")
    carla = home.phone("linphone", "carla-home", netlab.home(1), "tcp", at=OFFICE_PUBLIC)
    talk(carla, anna, "101")
    talk(anna, carla, "102")
    hears(anna, "carla")
    hears(carla, "anna")


def test_the_echo_at_600_repeats_the_caller(
    netlab: Lab, start_switch: StartSwitch, stack: ExitStack, tmp_path: Path
) -> None:
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST)
    if server.standin:
        pytest.skip("the stand-in has no echo")
    anna = Home(server, tmp_path, stack).phone("baresip", "anna-home", netlab.home(1), "udp")
    anna.dial("600")
    anna.established()
    wait_until(lambda: anna.recorded_bytes() > (HEARD_SECONDS + 1) * RATE * 2, "recording", 12)
    anna.hang_up()
    anna.closed()
    hears(anna, "anna")
