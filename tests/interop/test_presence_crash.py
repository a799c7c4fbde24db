"""kill -9 of the switch while phones talk, and after they have: they are asked, and lamps tell what they say."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from softswitch.records.record import Query
from softswitch.store.reading import reading
from softswitch.store.sqlite_records import select

from .certificates import Certificates
from .netlab import Lab
from .office import ACCOUNTS, DOMAIN, Listen
from .peers.baresip import Baresip
from .peers.linphone import Linphone
from .peers.pjsua import Pjsua
from .peers.process import wait_until
from .server import Server, free_ports, run_server
from .sound import chirps, write_wav
from .test_sound import OLD_DIGEST, public_listeners

pytestmark = pytest.mark.interop

NEEDS = ("baresip", "linphonec")
pytest.importorskip("pjsua2", exc_type=ImportError)


def recorded(folder: Path, state: str) -> bool:
    """Whether the one call is on disk as "talking" or as "answered", which is over."""
    with reading(folder / "switch.db") as connection:
        return [call.outcome for call in select(connection, Query())] == [state]


def answers(switch: Server) -> list[str]:
    """What the phones answered to the question whether they are in the call."""
    return [line for line in switch.process.output.splitlines() if '"still talking"' in line]


def told_after_a_crash(
    folder: Path,
    run: Callable[..., AbstractContextManager[Server]],
    phones: Callable[[Server], list[Any]],
    quickly: bool = True,
) -> None:
    """A call over a crash; then one whose end was not on disk yet. The third phone watches the caller.

    `quickly`: a phone knows at once that it is in no call any more. COMPAT: pjsip keeps a dialog for half a minute
    after its BYE.
    """
    folder.mkdir()
    with run(killed=True) as switch:
        carla, dario, watcher = phones(switch)
        for phone in (carla, dario, watcher):
            phone.registered()
        watcher.command("watch", target=f"sip:carla@{DOMAIN}")
        watcher.wait_event("buddy", note="Available (home). Next call: carla")
        carla.dial("dario")
        dario.answer()
        carla.established()
        watcher.wait_event("buddy", note="On the phone (home). Next call: carla")
        wait_until(lambda: recorded(folder, "talking"), "the call on disk", 5)
    with run(killed=True) as switch:
        wait_until(lambda: len(answers(switch)) == 2, "what both phones say", 10)
        assert recorded(folder, "talking")
        carla.hang_up()
        dario.closed()
        watcher.wait_event("buddy", note="Available (home). Next call: carla")
        wait_until(lambda: recorded(folder, "answered"), "the end of the call on disk", 5)
    if not quickly:
        return
    # As if the crash had come before that.
    with closing(sqlite3.connect(folder / "switch.db")) as database, database:
        database.execute("UPDATE calls SET ended_at = 0, outcome = 'talking'")
    with run() as switch:
        wait_until(lambda: recorded(folder, "answered"), "the end, found out", 10)
        watcher.wait_event("buddy", note="Available (home). Next call: carla")
        assert '"answer": 481' in "".join(answers(switch))


def test_phones_say_whether_they_talk(certificates: Certificates, tmp_path: Path) -> None:
    names = ("udp", "tcp", "tls")
    listen = tuple(Listen(name, "127.0.0.1", port) for name, port in zip(names, free_ports(3), strict=True))
    with ExitStack() as stack:
        told_after_a_crash(
            tmp_path / "switch",
            partial(run_server, tmp_path / "switch", listen, certificates, media="never"),
            lambda switch: [
                started(
                    stack,
                    Pjsua,
                    tmp_path,
                    name,
                    switch,
                )
                for name in ("carla-home", "dario-home", "anna-desk")
            ],
            quickly=False,
        )


@pytest.mark.long
@pytest.mark.netns
def test_other_phones_say_so_too(netlab: Lab, certificates: Certificates, tmp_path: Path) -> None:
    ends = netlab.home(1), netlab.home(2), netlab.public_host(20)
    kinds = {"carla-home": Baresip, "dario-home": Linphone, "anna-desk": Pjsua}
    options = {"netns": netlab.internet.netns, "digest": OLD_DIGEST, "media": "never"}
    with ExitStack() as stack:
        told_after_a_crash(
            tmp_path / "switch",
            partial(run_server, tmp_path / "switch", public_listeners(), certificates, **options),
            lambda switch: [
                started(stack, kind, tmp_path, name, switch, address=end.address, netns=end.netns)
                for (name, kind), end in zip(kinds.items(), ends, strict=True)
            ],
        )


def started(stack: ExitStack, kind: Callable[..., Any], folder: Path, name: str, switch: Server, **where: Any) -> Any:
    """A phone, to be stopped at the end."""
    wav = write_wav(folder / "spoken.wav", chirps(3))
    phone = kind(
        folder / name, ACCOUNTS[name], switch.at("udp"), transport="udp", wav=wav,
        authority=switch.certificates.authority, **where,
    )  # fmt: skip
    stack.callback(phone.stop)
    return phone
