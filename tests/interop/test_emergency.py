"""An emergency call from baresip through a provider that kamailio plays, and the call back past do-not-disturb."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from lxml import etree

from softswitch.ops.control import ask

from .conftest import StartSwitch
from .netlab import PUBLIC, Lab
from .office import ACCOUNTS, DIALPLAN, Account
from .peers.baresip import Baresip
from .peers.kamailio import Kamailio
from .peers.sipp import Sipp
from .sound import chirps, write_wav
from .test_sound import OLD_DIGEST, public_listeners

pytestmark = [pytest.mark.interop, pytest.mark.netns]

NEEDS = ("baresip", "kamailio", "sipp", "ip", "nft")
PROVIDER = f"{PUBLIC}:5080"
DESK = Account("mobile", "+491701234567", "+491701234567", "pw-mobile")
"""Whoever answers 112."""
SCHEMAS = Path(__file__).parent.parent.parent.parent / "shared/schemas"

TRUNK = f"""
trunks:
  city: {{registrar: "{PROVIDER}", user: acme, secret: carla-home, number: +49 89 12340}}
numbers: {{+49 89 12340: carla}}
outside:
  - {{dial: [110, 112], via: city, emergency: yes}}
emergency: {{call back: 10m, tell: anna, test: 0170 1234567}}
"""


def dialplan() -> str:
    text = DIALPLAN.replace("timezone: Europe/Berlin", "timezone: Europe/Berlin\n  country: DE")
    address = "location: {street: Blumenstraße, house: 1, postcode: 80331, city: München}"
    return text.replace("{phone: carla-home}", f"{{phone: carla-home, {address}}}") + TRUNK


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def test_help_learns_the_place_and_calls_back(
    netlab: Lab, start_switch: StartSwitch, tmp_path: Path, stack: ExitStack
) -> None:
    inside, home = netlab.internet.netns, netlab.home(1)
    words = {"SECRET": ACCOUNTS["carla-home"].password, "EXPIRES": "600"}
    provider = stack.enter_context(
        Kamailio(tmp_path / "provider", "provider.cfg", [f"udp:{PROVIDER}"], words, netns=inside)
    )
    provider.wait_for("Listening on")
    switch = start_switch(public_listeners(), netns=inside, media="never", dialplan=dialplan(), digest=OLD_DIGEST)
    switch.process.wait_for("trunk works", 15)

    def sipp(scenario: str, port: int, **options: object) -> Sipp:
        made = Sipp(
            tmp_path / f"sipp-{scenario}", scenario, PROVIDER, DESK, port=port, address=PUBLIC, netns=inside,
            seconds=40, **options,  # type: ignore[arg-type]
        )  # fmt: skip
        stack.callback(made.stop)
        return made

    desk = sipp("register_stay", 5090, incoming="answer", milliseconds=60_000)
    desk.wait_message(r"received[\s\S]*SIP/2.0 200 ", 15)
    carla = Baresip(
        tmp_path / "carla", ACCOUNTS["carla-home"], switch.at("udp"), transport="udp", address=home.address,
        netns=home.netns, wav=write_wav(tmp_path / "carla.wav", chirps(1)), authority=switch.certificates.authority,
    )  # fmt: skip
    stack.callback(carla.stop)
    carla.registered()
    control = switch.folder / "control.sock"
    ask(control, "override", {"who": "carla", "action": "do not disturb", "by": "test"})

    carla.dial("112")
    carla.wait_event("CALL_ESTABLISHED", 15)
    carla.command("hangup")
    carla.wait_event("CALL_CLOSED", 15)
    desk.wait_message(r"\nBYE sip:", 15)
    said = re.search(r"INVITE sip:[\s\S]*?(<\?xml[\s\S]*?</presence>)", desk.messages())
    assert said is not None
    assert re.search(r"^Geolocation: <cid:place-", said[0], re.M)
    document = etree.fromstring(said[1].encode())
    told = {str(one.tag).partition("}")[2]: one.text for one in document.find(".//{*}civicAddress")}
    assert told == {"country": "DE", "A3": "München", "RD": "Blumenstraße", "HNO": "1", "PC": "80331"}
    if SCHEMAS.is_dir():
        etree.XMLSchema(etree.parse(SCHEMAS / "pidf.xsd")).assertValid(document)

    back = sipp("call", 5091, called="+498912340")
    carla.wait_event("CALL_INCOMING", 15)
    carla.command("accept")
    carla.wait_event("CALL_ESTABLISHED", 15)
    back.finish()
    softswitch, config = Path(sys.executable).with_name("softswitch"), switch.folder / "softswitch.yaml"
    tried = subprocess.run(
        [softswitch, "emergency", "test", "102", "--call", "--config", config],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (tried.returncode, tried.stderr) == (0, ""), tried.stdout
    assert "place: Blumenstraße 1, 80331 München, DE" in tried.stdout
    assert "the call tells the place" in tried.stdout
    assert any("112 was called from carla-home" in alarm for alarm in ask(control, "status", {})["alarms"])
