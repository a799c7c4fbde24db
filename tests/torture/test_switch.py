"""Every row of the tables through a whole switch: forwarded intact, answered with the right status, or dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from softswitch.clock import VirtualClock
from softswitch.dialplan.load import load_plans
from softswitch.dialplan.plan import Plans
from softswitch.events import Bus
from softswitch.flow import Flow, Listener
from softswitch.ids import Ids
from softswitch.media.engine import Done, MediaKey
from softswitch.registrar.service import Registrar
from softswitch.registrar.wishes import RegistrarLimits
from softswitch.sip.message import Request
from softswitch.store.memory import MemoryBindingStore
from softswitch.switch import Log, Outside, Switch

from .builder import CALLEE, CALLER, request
from .row import Answered, Refused, Row, check_row
from .test_exact import FOLDER
from .test_tables import RFC4475, ROWS

PLAN = """
site: {domain: acme.example, timezone: Europe/Berlin}
people:
  carla: {number: 102, places: {home: {phone: carla}}}
  dario: {number: 103, places: {home: {phone: dario}}}
phones:
  carla: {secret: carla}
  dario: {secret: dario}
"""


class NoMedia:
    """The relay is off."""

    def offer(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done) -> None: ...
    def answer(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done) -> None: ...
    def echo(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done) -> None: ...
    def delete(self, call_id: str, from_tag: str = "", via_branch: str = "") -> None: ...


class NoNames:
    def resolve(self, uri: bytes, size_bytes: int, done: Callable[[Sequence[Flow]], None]) -> None:
        done([])


class TrustedCaller:
    def peer(self, host: str) -> str | None:
        return "gateway" if host == CALLER.decode() else None


class NoPasswords:
    """Passwords are tested elsewhere: a REGISTER for Dario is his, any other is Carla's."""

    def verify(self, request: Request, site: str, now: float, proxy: bool) -> str:
        assert not proxy, "the caller is a trusted peer"
        return "dario" if request.to.uri.startswith(b"sip:dario@") else "carla"


class Bugs(Log):
    def bug(self, error: BaseException, call_id: bytes) -> None:
        raise AssertionError("a bug, not an answer") from error


class Whole:
    """The harness around the real thing."""

    def __init__(self, plans: Plans) -> None:
        listeners = [
            Listener(index, "UDP", host, 5060, host, 5060, "office-lan")
            for index, host in enumerate(("192.0.2.1", "2001:db8::1"))
        ]
        self.out: list[bytes] = []
        self.clock = VirtualClock()
        bus = Bus()
        self.switch = Switch(
            Outside(
                self.clock,
                lambda data, flow: self.out.append(data),
                NoMedia(),
                NoNames(),
                TrustedCaller(),
                Bugs(),
                lambda due: None,
            ),
            plans=plans,
            listeners=listeners,
            registrar=Registrar(MemoryBindingStore(), bus, RegistrarLimits(), self.clock.wall()),
            verifier=NoPasswords(),
            ids=Ids(1),
            token_key=b"k" * 32,
            bus=bus,
            anchors=False,
        )
        self.caller = Flow(listeners[0], CALLER.decode(), 5060)
        self.callee = Flow(listeners[0], CALLEE.decode(), 5060)
        registered = self._feed(
            request(
                "phone",
                b"REGISTER",
                b"sip:acme.example",
                change={
                    "To": b"To: <sip:dario@acme.example>",
                    "Contact": b"Contact: <sip:dario@%s:5060>" % CALLEE,
                    "Expires": b"Expires: 3600",
                },
            ),
            self.callee,
        )
        assert registered[0].startswith(b"SIP/2.0 200")

    def send(self, data: bytes) -> list[bytes]:
        return self._feed(data, self.caller)

    def answer(self, data: bytes) -> list[bytes]:
        return self._feed(data, self.callee)

    def _feed(self, data: bytes, flow: Flow) -> list[bytes]:
        self.out.clear()
        self.switch.receive(data, flow)
        return self.out[:]


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Plans:
    path = tmp_path_factory.mktemp("plan") / "office.yaml"
    Path(path).write_text(PLAN)
    return load_plans([path])[0]


OPEN = {
    "unksm2": "the registrar answers 403 to a To that is no SIP URI; RFC 4475 §3.3.4 says 400",
    "secure-uri": "a sips: URI is forwarded over UDP; RFC 3261 §26.2.2 and RFC 5630 §4 want TLS or a refusal",
}
"""Rows that the switch doesn't live up to yet; the strict mark fails as soon as it does."""


def marked(row: Row) -> object:
    reason = OPEN.get(row.name)
    return pytest.param(row, marks=[pytest.mark.xfail(reason=reason, strict=True)] if reason else [], id=row.name)


@pytest.mark.parametrize("row", [marked(row) for row in ROWS])
def test_row(row: Row, plans: Plans) -> None:
    check_row(row, Whole(plans))


@pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/torture, the RFC's own bytes, is not beside this checkout")
@pytest.mark.parametrize("row", RFC4475, ids=lambda row: row.name)
def test_exact_bytes(row: Row, plans: Plans) -> None:
    """Addressed to another domain, so what ours would forward is refused as not served; the rest is alike."""
    sent = Whole(plans).send((FOLDER / f"{row.name}.dat").read_bytes())
    statuses = [int(data[8:11]) for data in sent if not data.startswith(b"SIP/2.0 1")]
    if row.data.startswith(b"SIP/2.0"):
        assert sent == []
    elif isinstance(row.parsed, Refused) or row.name in ("bext01", "zeromf"):
        assert isinstance(row.switch, Answered)
        assert statuses == list(row.switch.statuses)
    else:
        # 481: the RFC's tortuous INVITE has a tag in To, and belongs to no dialog here.
        assert statuses == [481 if row.name == "wsinv" else 404 if b"REGISTER " in row.data[:9] else 403]
