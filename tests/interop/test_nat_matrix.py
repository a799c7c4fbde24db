"""Phones of different makers behind routers of different kinds hear each other: the hardest always, all with -m long.

The kinds: `public` has no router, `keeps` is one that keeps port numbers where it can, `symmetric` one that has a new
port for each destination, `same` is the other one's own router. Every call is held and resumed once.
"""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack
from itertools import product
from pathlib import Path

import pytest

from .conftest import StartSwitch
from .netlab import Host, Lab
from .peers.process import wait_until
from .sound import RATE
from .test_silence import softswitch
from .test_sound import OLD_DIGEST, Home, hears, public_listeners

pytestmark = [pytest.mark.interop, pytest.mark.netns]

NEEDS = ("baresip", "linphonec", "ip", "nft")

CALLEES = ("linphone", "pjsua2")
PLACES = ("public", "port-restricted", "symmetric")
WHOLE = list(product(PLACES, (*PLACES, "same"), CALLEES))
ALWAYS = [("symmetric", "symmetric", "linphone"), ("keeps", "symmetric", "pjsua2"), ("keeps", "same", "linphone")]
"""Of: where the caller is, where the callee is, what the callee is; the caller is a baresip."""


def _place(netlab: Lab, kind: str, number: int) -> Host:
    return netlab.public_host(20 + number) if kind == "public" else netlab.home(number, kind)


@pytest.mark.parametrize(
    ("caller_at", "callee_at", "callee"),
    [pytest.param(*one, marks=() if one in ALWAYS else pytest.mark.long) for one in WHOLE],
)
def test_call(
    caller_at: str, callee_at: str, callee: str, netlab: Lab, start_switch: StartSwitch, tmp_path: Path
) -> None:
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST)
    if server.standin:
        pytest.skip("the stand-in does not tell what passes")
    with ExitStack() as stack:
        home = Home(server, tmp_path, stack)
        here = _place(netlab, caller_at, 1)
        there = here if callee_at == "same" else _place(netlab, callee_at, 2)
        anna = home.phone("baresip", "anna-home", here, "udp")
        dario = home.phone(callee, "dario-home", there, "tcp")
        anna.dial("103")
        dario.answer()
        anna.established()
        dario.established()
        for one in (anna, dario):
            wait_until(lambda phone=one: phone.recorded_bytes() > 4 * RATE * 2, "recording", 12)  # type: ignore[misc]
        for step in ("hold", "resume"):
            anna.command(step)  # type: ignore[union-attr]
            threading.Event().wait(1.5)  # a phone with a re-INVITE under way takes no other one

        def packets() -> list[int]:
            # baresip's recording ends with the hold: the relay tells what passes.
            (call,) = json.loads(softswitch(server.folder, "status", "--json"))["calls"]
            return [one["packets"] for one in call["quality"]]

        resumed = packets()
        wait_until(lambda: min(now - then for now, then in zip(packets(), resumed, strict=True)) > 50, "sound", 10)
        anna.hang_up()
        dario.closed()
        hears(anna, "dario")
        hears(dario, "anna")
