"""Phones of three makers behind routers of different kinds hear each other: every two of these once, all with -m long.

The kinds: `public` has no router, `port-restricted` is one that keeps port numbers where it can and lets in only who
was sent to, `symmetric` one that has a new port for each destination besides, `same` is the other one's own router.
"""

from __future__ import annotations

from contextlib import ExitStack
from itertools import product
from pathlib import Path

import pytest

from .conftest import StartSwitch
from .netlab import Host, Lab
from .pairwise import Case, cover, pairs_of
from .test_sound import OLD_DIGEST, Home, hears, public_listeners, talk

pytestmark = [pytest.mark.interop]

NEEDS = ("baresip", "linphonec", "ip", "nft")

PHONES = ("baresip", "linphone", "pjsua2")
ROUTERS = ("port-restricted", "symmetric")
FACTORS = (PHONES, PHONES, ROUTERS, (*ROUTERS, "same"))
"""What the caller and the callee are, where the caller and the callee are."""
ALWAYS = cover(FACTORS)
WHOLE = [
    case
    for case in product(PHONES, PHONES, ("public", *ROUTERS), ("public", *ROUTERS, "same"))
    if case[2:] != ("public", "same")
]
SECONDS = 2.0


def test_every_two_values_meet() -> None:
    assert set().union(*map(pairs_of, ALWAYS)) == set().union(*map(pairs_of, product(*FACTORS)))
    assert len(ALWAYS) == 9
    assert set(ALWAYS) < set(WHOLE)


def _marks(case: Case) -> tuple[pytest.MarkDecorator, ...]:
    return () if case in ALWAYS else (pytest.mark.long,)


def _place(netlab: Lab, kind: str, number: int) -> Host:
    return netlab.public_host(20 + number) if kind == "public" else netlab.home(number, kind)


@pytest.mark.netns
@pytest.mark.parametrize("case", [pytest.param(one, marks=_marks(one), id=" ".join(one)) for one in WHOLE])
def test_call(case: Case, netlab: Lab, start_switch: StartSwitch, tmp_path: Path) -> None:
    _talk(case, "built-in", netlab, start_switch, tmp_path)


@pytest.mark.long
@pytest.mark.netns
@pytest.mark.parametrize("case", [pytest.param(one, id=" ".join(one)) for one in ALWAYS])
def test_call_with_rtpengine(case: Case, netlab: Lab, start_switch: StartSwitch, tmp_path: Path) -> None:
    _talk(case, "rtpengine", netlab, start_switch, tmp_path)


def _talk(case: Case, engine: str, netlab: Lab, start_switch: StartSwitch, tmp_path: Path) -> None:
    caller, callee, caller_at, callee_at = case
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST, engine=engine)
    with ExitStack() as stack:
        home = Home(server, tmp_path, stack)
        here = _place(netlab, caller_at, 1)
        there = netlab.beside(1) if callee_at == "same" else _place(netlab, callee_at, 2)
        anna = home.starts(caller, "anna-home", here, "udp")
        dario = home.starts(callee, "dario-home", there, "tcp" if callee == "linphone" else "udp")
        for one in (anna, dario):
            one.registered()
        talk(anna, dario, "103", SECONDS)
        hears(anna, "dario", SECONDS)
        hears(dario, "anna", SECONDS)
