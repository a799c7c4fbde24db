"""Messages between phones that others wrote: the recipient is off, the switch is killed, and all arrive in order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from softswitch.ops.control import ask

from .certificates import Certificates
from .conftest import StartSwitch
from .netlab import Lab
from .office import ACCOUNTS, DOMAIN, Listen
from .peers.baresip import Baresip
from .peers.linphone import Linphone
from .peers.pjsua import Pjsua
from .peers.process import wait_until
from .peers.sipp import Sipp
from .server import Server, free_ports, run_server
from .sound import chirps, write_wav

pytestmark = pytest.mark.interop

NEEDS = ("sipp", "baresip", "linphonec")


class Phones:
    """pjsua2's phones; each is stopped at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[Pjsua] = []

    def start(self, switch: Server, name: str, transport: str = "udp") -> Pjsua:
        number = len(self._running)
        wav = write_wav(self._folder / f"{number}.wav", chirps(number))
        phone = Pjsua(
            self._folder / f"{number}-{name}", ACCOUNTS[name], switch.at(transport), transport=transport, wav=wav,
            authority=switch.certificates.authority,
        )  # fmt: skip
        self._running.append(phone)
        phone.registered()
        return phone

    def stop(self) -> None:
        for phone in self._running:
            phone.stop()


@pytest.fixture
def phones(tmp_path: Path) -> Iterator[Phones]:
    pytest.importorskip("pjsua2", exc_type=ImportError)
    made = Phones(tmp_path)
    yield made
    made.stop()


def says(sender: Pjsua, to: str, text: str) -> int:
    """The status that the sender's phone is told."""
    sender.command("message", target=f"sip:{to}@{DOMAIN}", text=text)
    return int(sender.wait_event("sent")["code"])


def test_a_message_waits_over_kill_9(tmp_path: Path, certificates: Certificates, phones: Phones) -> None:
    (tmp_path / "switch").mkdir()
    ports = free_ports(3)
    listen = tuple(Listen(name, "127.0.0.1", port) for name, port in zip(("udp", "tcp", "tls"), ports, strict=True))
    texts = ["Grüße, the lift is out of order", "again", "and mended"]
    with run_server(tmp_path / "switch", listen, certificates, media="never", killed=True) as switch:
        carla = phones.start(switch, "carla-home", "tcp")
        assert [says(carla, "dario", text) for text in texts] == [202] * 3
        carla.stop()
    with run_server(tmp_path / "switch", listen, certificates, media="never") as switch:
        dario = phones.start(switch, "dario-home", "tls")
        assert [dario.wait_event("message")["text"] for _ in texts] == texts
        carla = phones.start(switch, "carla-home")
        assert says(carla, "103", "thanks") == 200
        message = dario.wait_event("message")
        assert (message["text"], message["sender"]) == ("thanks", f"<sip:carla@{DOMAIN}>")


def test_every_phone_of_a_person_has_it(start_switch: StartSwitch, phones: Phones) -> None:
    switch = start_switch(media="never")
    carla, desk = phones.start(switch, "carla-home"), phones.start(switch, "anna-desk")
    assert says(carla, "101", "hello") == 200
    assert desk.wait_event("message")["text"] == "hello"
    home = phones.start(switch, "anna-home", "tcp")
    assert home.wait_event("message")["text"] == "hello"
    assert says(carla, "101", "both?") == 200
    assert desk.wait_event("message")["text"] == home.wait_event("message")["text"] == "both?"


@contextlib.contextmanager
def listening(kind: type[Baresip] | type[Linphone], netlab: Lab, switch: Server, folder: Path) -> Iterator[object]:
    home = netlab.home(1)
    phone = kind(
        folder, ACCOUNTS["dario-home"], switch.at("udp"), transport="udp", address=home.address,
        wav=write_wav(folder.parent / "dario.wav", chirps(3)), authority=switch.certificates.authority,
        netns=home.netns,
    )  # fmt: skip
    try:
        yield phone
    finally:
        phone.stop()


@pytest.mark.parametrize(("kind", "said"), [(Baresip, "^{}"), (Linphone, "Message received from .*: {}")])
def test_baresip_and_linphone_get_what_sipp_wrote(
    kind: type[Baresip] | type[Linphone], said: str, netlab: Lab, certificates: Certificates, tmp_path: Path
) -> None:
    """Behind a router, from a phone that is long gone when they register."""
    (tmp_path / "switch").mkdir()
    netns, address, (port,) = netlab.internet.netns, netlab.internet.address, free_ports(1)
    listen = (Listen("udp", address, 5060),)
    with run_server(tmp_path / "switch", listen, certificates, media="never", digest=("MD5",), netns=netns) as switch:
        carla = Sipp(
            tmp_path / "sipp", "message_202", f"{address}:5060", ACCOUNTS["carla-home"], port=port, called="103",
            calls=3, rate=5, address=address, netns=netns,
        )  # fmt: skip
        assert carla.finish().successful == 3
        with listening(kind, netlab, switch, tmp_path / "phone") as dario:
            for number in (1, 2, 3):
                dario.hears(said.format(f"text number {number}"))
            # It took all three: nothing waits any more.
            wait_until(
                lambda: ask(switch.folder / "control.sock", "status", {})["messages"]["waiting"] == 0, "200 to the last"
            )
