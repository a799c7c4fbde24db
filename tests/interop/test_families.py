"""Phones with IPv6: one and another with IPv4 are heard through the relay, two of them may do without it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import ENGINES, StartSwitch
from .netlab import PUBLIC, PUBLIC_6, Counter, Lab
from .test_sound import OLD_DIGEST, Home, hears, public_listeners, talk

pytestmark = [pytest.mark.interop, pytest.mark.netns]

NEEDS = ("baresip", "linphonec", "ip", "nft")

CALLS = [
    ("baresip", 6, "linphone", 4),
    pytest.param("baresip", 4, "linphone", 6, marks=pytest.mark.long),
    pytest.param("linphone", 4, "baresip", 6, marks=pytest.mark.long),
    pytest.param("linphone", 6, "pjsua2", 4, marks=pytest.mark.long),
    pytest.param("pjsua2", 4, "baresip", 6, marks=pytest.mark.long),
    pytest.param("linphone", 6, "baresip", 6, marks=pytest.mark.long),
]
"""Caller and callee, and what each has; pjsua2 comes without IPv6."""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("caller", "its", "callee", "other"), CALLS)
def test_through_the_relay(
    caller: str, its: int, callee: str, other: int, engine: str,
    netlab: Lab, start_switch: StartSwitch, tmp_path: Path,
) -> None:  # fmt: skip
    listeners = public_listeners() + public_listeners(PUBLIC_6)
    server = start_switch(listeners, netns=netlab.internet.netns, digest=OLD_DIGEST, engine=engine)
    if server.standin:
        pytest.skip("the stand-in's relay knows one network only")
    relayed = Counter(netlab.internet.netns, "20000-30399")
    with ExitStack() as stack:
        _call(Home(server, tmp_path, stack), netlab, (caller, its), (callee, other))
    assert relayed.packets > 200


def test_two_homes_with_ipv6_need_no_relay(netlab: Lab, start_switch: StartSwitch, tmp_path: Path) -> None:
    """Their routers let in what is answered, and both send at once."""
    listeners = public_listeners() + public_listeners(PUBLIC_6)
    server = start_switch(listeners, netns=netlab.internet.netns, digest=OLD_DIGEST, media="when needed")
    if server.standin:
        pytest.skip("the stand-in relays always")
    relayed = Counter(netlab.internet.netns, "20000-20399")
    with ExitStack() as stack:
        _call(Home(server, tmp_path, stack), netlab, ("linphone", 6), ("baresip", 6))
    assert relayed.packets == 0


def _call(home: Home, netlab: Lab, caller: tuple[str, int], callee: tuple[str, int]) -> None:
    phones = []
    for number, account, (kind, family) in ((1, "anna-home", caller), (2, "dario-home", callee)):
        at = f"[{PUBLIC_6}]" if family == 6 else PUBLIC
        phones.append(home.starts(kind, account, netlab.home(number), "udp", at, ipv6=family == 6))
    for one in phones:
        one.registered()
    anna, dario = phones
    talk(anna, dario, "103", 2.0)
    hears(anna, "dario", 2.0)
    hears(dario, "anna", 2.0)
