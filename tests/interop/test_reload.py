"""sipp calls all the while the dialplan is reloaded, and no call is lost."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from .office import ACCOUNTS, DIALPLAN
from .peers.sipp import Sipp
from .server import Server, free_ports

pytestmark = pytest.mark.interop

NEEDS = ("sipp",)
RELOADS = 4
CALLS = 60


def test_sighup_while_calls_run_loses_none(switch: Server, tmp_path: Path) -> None:
    if switch.standin:
        pytest.skip("kamailio reloads in ways of its own")
    phones: list[Sipp] = []

    def phone(scenario: str, account: str, **options: object) -> Sipp:
        folder = tmp_path / f"sipp{len(phones)}"
        phones.append(
            Sipp(folder, scenario, switch.at("udp"), ACCOUNTS[account], port=free_ports(1)[0], **options)  # type: ignore[arg-type]
        )
        return phones[-1]

    try:
        carla = phone("register_stay", "carla-home", incoming="answer", milliseconds=20_000, seconds=25)
        carla.wait_message(r"received[\s\S]*SIP/2.0 200 ")
        calls = phone("call", "anna-desk", called="102", calls=CALLS, rate=10, milliseconds=1500, seconds=25)
        for number in range(RELOADS):
            text = DIALPLAN.replace("number: 103", f"number: 15{number}")
            (switch.folder / "dialplan.yaml").write_text(text)
            switch.process.signal(signal.SIGHUP)
            switch.process.wait_next('"event": "reloaded"', 20)
        under_way = calls.counts().successful
        counts = calls.finish()
    finally:
        for one in phones:
            one.stop()
    assert under_way < CALLS
    assert (counts.successful, counts.failed) == (CALLS, 0)
