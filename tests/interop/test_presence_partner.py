"""kamailio of another firm before its phones: they watch Anna through it, as far as the dialplan grants it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import StartSwitch
from .office import ACCOUNTS, DIALPLAN
from .peers.kamailio import Kamailio
from .peers.sipp import Sipp
from .server import Server, free_ports

pytestmark = pytest.mark.interop

NEEDS = ("sipp", "kamailio")

PARTNER = "127.0.0.9"
GRANTED = DIALPLAN.replace("    name: Anna Berger\n", '    name: Anna Berger\n    seen by: "*@partner.example"\n')


@pytest.fixture
def switch(start_switch: StartSwitch) -> Server:
    peers = f"peers: [{{address: {PARTNER}, name: partner}}]\n"
    return start_switch(media="never", dialplan=GRANTED, more=peers)


@pytest.fixture
def partner(switch: Server, tmp_path: Path) -> Iterator[str]:
    """The address of the other firm's proxy."""
    port = free_ports(1, PARTNER)[0]
    with Kamailio(
        tmp_path / "partner", "partner.cfg", [f"udp:{PARTNER}:{port}"], {"SWITCH": switch.at("udp")}
    ) as proxy:
        proxy.wait_for("Listening on")
        yield f"{PARTNER}:{port}"


def test_a_watcher_from_another_domain(partner: str, switch: Server, tmp_path: Path) -> None:
    account, port = ACCOUNTS["anna-desk"], free_ports(1)[0]
    watcher = Sipp(tmp_path / "bob", "watch_from_partner", partner, account, port=free_ports(1)[0], called="101")
    watcher.wait_message("basic>closed")
    Sipp(tmp_path / "anna", "register", switch.at("udp"), account, port=port).finish()
    watcher.wait_message("basic>open")
    Sipp(tmp_path / "gone", "unregister", switch.at("udp"), account, port=port).finish()
    watcher.finish()
    assert "Record-Route" in watcher.messages()
