"""A whole switch with its sockets cut off, for rows of the tables and for anything else one wants to throw at it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from softswitch.clock import VirtualClock
from softswitch.dialplan.load import load_plans
from softswitch.dialplan.plan import Plans
from softswitch.errors import PeerError
from softswitch.events import Bus
from softswitch.flow import Flow, Listener
from softswitch.ids import Ids
from softswitch.media.engine import Done, Heard, MediaKey
from softswitch.media.quality import Told
from softswitch.overrides.service import OverrideService
from softswitch.registrar.service import Registrar
from softswitch.registrar.wishes import RegistrarLimits
from softswitch.sip.message import Request
from softswitch.store.memory import MemoryBindingStore
from softswitch.store.memory_overrides import MemoryOverrideStore
from softswitch.switch import Log, Outside, Switch

from .builder import CALLEE, CALLER, request

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

    def offer(
        self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done, transport: str = ""
    ) -> None: ...
    def answer(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done) -> None: ...
    def echo(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done) -> None: ...
    def delete(self, call_id: str, from_tag: str = "", via_branch: str = "", told: Told | None = None) -> None: ...
    def query(self, call_id: str, told: Told) -> None: ...
    def subscribe(self, name: str, heard: Heard) -> None: ...


class NoNames:
    def resolve(self, uri: bytes, size_bytes: int, done: Callable[[Sequence[Flow]], None]) -> None:
        done([])


class TrustedCaller:
    def peer(self, host: str) -> str | None:
        return "gateway" if host == CALLER.decode() else None


class NoPasswords:
    """A REGISTER for Dario is his, any other is Carla's; anything else is refused. Passwords are tested elsewhere."""

    def verify(self, request: Request, site: str, now: float, proxy: bool) -> str:
        if proxy:
            raise PeerError(407)
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
            overrides=OverrideService(MemoryOverrideStore(), bus),
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

    def advance(self, seconds: float) -> None:
        """Let time pass, timer by timer, and forget what was sent meanwhile."""
        until = self.clock.monotonic() + seconds
        while True:
            due = self.switch.layer.wheel.next_due()
            if due is None or due > until:
                break
            self.clock.advance(max(0.0, due - self.clock.monotonic()))
            self.switch.advance()
        self.clock.advance(until - self.clock.monotonic())
        self.switch.advance()

    def _feed(self, data: bytes, flow: Flow) -> list[bytes]:
        self.out.clear()
        self.switch.receive(data, flow)
        return self.out[:]


def load(folder: Path) -> Plans:
    """The office of the tables; its file goes into `folder`."""
    path = folder / "office.yaml"
    path.write_text(PLAN)
    return load_plans([path])[0]
