"""Anna is watched by other people's programs: her phone comes, takes a call, hangs up, is killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from .conftest import StartSwitch
from .office import ACCOUNTS, DOMAIN
from .peers.pjsua import Pjsua
from .peers.sipp import Sipp
from .server import Server, free_ports
from .sound import chirps, write_wav
from .test_hours import AT_FIVE

pytestmark = pytest.mark.interop

NEEDS = ("sipp",)
pytest.importorskip("pjsua2", exc_type=ImportError)

StartPhone = StartPhones = Callable[..., Pjsua]


DIALOGS = "application/dialog-info+xml"
LAMPS = {
    "snom": {"agent": "snomD785/10.1.73.16", "accept": DIALOGS, "supported": "timer, replaces, from-change"},
    "yealink": {"agent": "Yealink SIP-T46S 66.85.0.5", "accept": DIALOGS, "supported": "replaces"},
    "grandstream": {
        "agent": "Grandstream GXP2170 1.0.11.3",
        "accept": f"multipart/related, application/rlmi+xml, {DIALOGS}",
        "supported": "replaces, path, timer, eventlist",
    },
    "polycom": {
        "agent": "PolycomVVX-VVX_411-UA/5.9.3",
        "accept": f"{DIALOGS}, application/pidf+xml, message/sipfrag",
        "supported": "100rel, replaces, eventlist",
    },
    "cisco": {"agent": "Cisco/SPA504G-7.6.2", "accept": DIALOGS, "supported": "replaces"},
}
"""How desk phones of each family ask for a lamp; all of them are to get full documents."""


def lamp_of(name: str, folder: Path, switch: Server) -> Sipp:
    """A lamp key for 101 on a phone of this family."""
    return Sipp(
        folder / name, "watch_lamp", switch.at("udp"), ACCOUNTS["dario-home"], port=free_ports(1)[0], called="101",
        keys=LAMPS[name], seconds=30,
    )  # fmt: skip


@pytest.fixture
def start_phone(tmp_path: Path) -> Iterator[StartPhones]:
    """Starts a registered pjsua2 phone: start_phone(switch, account, transport)."""
    running: list[Pjsua] = []
    wav = write_wav(tmp_path / "spoken.wav", chirps(3))

    def start(switch: Server, name: str, transport: str = "tcp", publish: bool = False) -> Pjsua:
        started = Pjsua(
            tmp_path / f"{name}-{len(running)}", ACCOUNTS[name], switch.at(transport), transport=transport, wav=wav,
            authority=switch.certificates.authority, publish=publish,
        )  # fmt: skip
        running.append(started)
        started.registered()
        return started

    yield start
    for one in running:
        one.stop()


@pytest.fixture
def phone(switch: Server, start_phone: StartPhones) -> StartPhone:
    """The same, at the usual switch: phone(account, transport)."""
    return partial(start_phone, switch)


def test_the_day_of_anna(switch: Server, phone: StartPhone, tmp_path: Path) -> None:
    carla = phone("carla-home")
    carla.command("watch", target=f"sip:anna@{DOMAIN}")
    carla.wait_event("buddy", note="Offline", online=False)
    anna = phone("anna-desk")
    carla.wait_event("buddy", note="Available (office). Next call: anna", online=True)
    lamps = [lamp_of(name, tmp_path, switch) for name in LAMPS]
    for lamp in lamps:
        lamp.wait_message("terminated", 10)
    dario = phone("dario-home", "udp")
    dario.dial("101")
    anna.rings()
    for lamp in lamps:
        lamp.wait_message("early", 10)
    anna.command("answer", code=200)
    dario.established()
    carla.wait_event("buddy", note="On the phone (office). Next call: anna", online=True)
    for lamp in lamps:
        lamp.wait_message("confirmed", 10)
    dario.command("hangup")
    anna.closed()
    for lamp in lamps:
        lamp.finish()
    carla.wait_event("buddy", note="Available (office). Next call: anna", online=True)
    anna.kill()
    carla.wait_event("buddy", note="Offline", online=False)


def test_a_phone_publishes_that_it_is_busy(phone: StartPhone) -> None:
    carla, anna = phone("carla-home", "udp"), phone("anna-desk", "udp", publish=True)
    carla.command("watch", target=f"sip:101@{DOMAIN}")
    carla.wait_event("buddy", note="Available (office). Next call: anna")
    anna.command("publish", activity="busy", note="With a customer")
    carla.wait_event("buddy", note="Busy (office). With a customer. Next call: anna", activity="busy")
    anna.command("publish", activity="away", note="")
    carla.wait_event("buddy", activity="away")


def test_at_five_her_watchers_see_where_the_next_call_lands(
    start_switch: StartSwitch, start_phone: StartPhones
) -> None:
    """The clock of the switch is a moved one; the next call then does ring the service team."""
    switch = start_switch(dialplan=AT_FIVE, at="2026-11-27 16:59:52", media="never")
    carla, anna = start_phone(switch, "carla-home"), start_phone(switch, "anna-desk")
    carla.command("watch", target=f"sip:anna@{DOMAIN}")
    carla.wait_event("buddy", note="Available (office). Next call: anna at office", online=True)
    carla.wait_event("buddy", seconds=25, note="Available (office). Next call: service team", online=True)
    dario = start_phone(switch, "dario-home")
    anna.dial("101")
    dario.rings()
    anna.command("hangup")
    dario.closed(487)


def test_a_phone_over_udp_is_killed(start_switch: StartSwitch, start_phone: StartPhones) -> None:
    """COMPAT: pjsip tells its public address in its Contact, so it does not look as if it were behind a router."""
    switch = start_switch(media="never", more="registrar: {ping: 1s}\ntransactions: {t1: 20ms}\n")
    carla, anna = start_phone(switch, "carla-home"), start_phone(switch, "anna-desk", "udp")
    carla.command("watch", target=f"sip:anna@{DOMAIN}")
    carla.wait_event("buddy", note="Available (office). Next call: anna", online=True)
    anna.kill()
    carla.wait_event("buddy", seconds=25, note="Offline", online=False)
