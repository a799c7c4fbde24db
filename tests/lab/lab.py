"""A whole switch in virtual time, on a virtual wire, with everything it needs from outside faked."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from softswitch.clock import VirtualClock
from softswitch.dialplan.load import load_texts
from softswitch.dialplan.plan import Plans
from softswitch.errors import PeerError
from softswitch.events import Bus, VoicemailChanged
from softswitch.flow import Flow, Listener
from softswitch.ids import Ids
from softswitch.messaging.letter import MessageStore, Rules
from softswitch.overrides.service import OverrideService
from softswitch.presence.history import History
from softswitch.records.diary import Diary
from softswitch.records.line import in_one_line
from softswitch.records.people import whose
from softswitch.records.record import CallRecord, Query
from softswitch.records.recorder import Recorder
from softswitch.registrar.auth import Authenticator
from softswitch.registrar.service import Registrar
from softswitch.registrar.wishes import RegistrarLimits
from softswitch.sip.digest import ALGORITHMS
from softswitch.sip.uri import parse_uri
from softswitch.sound.library import Sound
from softswitch.store.memory import MemoryBindingStore
from softswitch.store.memory_history import MemoryHistoryStore
from softswitch.store.memory_messages import MemoryMessageStore
from softswitch.store.memory_outside import MemoryEmergencyStore, MemoryUsageStore
from softswitch.store.memory_overrides import MemoryOverrideStore
from softswitch.store.memory_presence import MemoryPresenceStore
from softswitch.store.memory_records import MemoryRecordStore
from softswitch.store.memory_voicemail import MemoryVoicemailStore
from softswitch.store.outside import KeptOutside
from softswitch.switch import Letters, Log, Outside, Switch
from softswitch.transaction.client_other import ClientOther
from softswitch.voicemail.boxes import Boxes
from softswitch.voicemail.files import Files

from .events import Events, Handle
from .media import FakeMedia
from .phone import Phone
from .wire import Address, Nat, Weather, Wire

OFFICE = """
site: {domain: acme.example, timezone: Europe/Berlin, country: DE}
schedules:
  office hours: [mon-fri 08:00-17:00]
people:
  anna:
    name: Anna Berger
    number: 101
    places: {office: {phone: anna-desk}, mobile: {phone: anna-mobile}}
    calls:
      - {when: office hours, ring: office, for: 15s, then: mobile}
      - {ring: mobile, for: 25s}
  carla: {name: Carla Ruiz, number: 102, places: {home: {phone: carla-home}}}
  dario: {name: Dario Conti, number: 103, places: {home: {phone: [dario-home, dario-laptop]}}}
teams:
  service team: {number: 200, members: [carla, dario], ring: all, for: 20s}
phones:
  anna-desk: {secret: anna-desk}
  anna-mobile: {secret: anna-mobile}
  carla-home: {secret: carla-home}
  dario-home: {secret: dario-home}
  dario-laptop: {secret: dario-laptop}
  gate: {secret: gate, gateway: yes}
codes: {"600": echo}
"""

SWITCH = "192.0.2.1"


def listener(
    index: int,
    transport: str = "UDP",
    host: str = SWITCH,
    port: int = 5060,
    network: str = "internet",
    advertised: str = "",
) -> Listener:
    return Listener(index, transport, host, port, advertised or host, port, network)


class LabLog(Log):
    """Keeps what the switch says."""

    def __init__(self) -> None:
        self.notes: list[tuple[bytes, str, dict[str, object]]] = []
        self.bugs: list[BaseException] = []

    def note(self, call_id: bytes, event: str, **details: object) -> None:
        self.notes.append((call_id, event, details))

    detail = note

    def over(self, diary: Diary) -> None:
        self.notes.append((diary.call_id, "over", in_one_line(diary)))

    def bug(self, error: BaseException, call_id: bytes) -> None:
        self.bugs.append(error)


class FakeResolver:
    """Names from a table, addresses as they are; the answer comes a moment later."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.names: dict[bytes, list[tuple[str, str, int]]] = {}
        """Host to (transport, address, port), in order of preference."""
        self.delay = 0.01

    def resolve(self, uri: bytes, size_bytes: int, done: Callable[[Sequence[Flow]], None]) -> None:
        self._lab.events.after(self.delay, lambda: done(self._flows(uri)))

    def _flows(self, uri: bytes) -> list[Flow]:
        try:
            parsed = parse_uri(uri)
        except PeerError:
            return []
        transport = (parsed.param(b"transport") or b"UDP").decode().upper()
        literal = parsed.host.decode().strip("[]")
        known = self.names.get(parsed.host)
        if known is None and not (literal[0].isdigit() or ":" in literal):
            return []
        targets = known or [(transport, literal, parsed.port or 5060)]
        return [flow for target in targets if (flow := self._flow(*target)) is not None]

    def _flow(self, transport: str, host: str, port: int) -> Flow | None:
        fitting = [one for one in self._lab.listeners if one.transport == transport and one.ipv6 == (":" in host)]
        fitting.sort(key=lambda one: one.host.split(".")[0] != host.split(".")[0])
        return Flow(fitting[0], host, port) if fitting else None


class FakeDirectory:
    """The listed peers."""

    def __init__(self) -> None:
        self.peers: dict[str, str] = {}

    def peer(self, host: str) -> str | None:
        return self.peers.get(host)


class Lab:
    """`advance` moves time; `at_rest` asserts that nothing is left of any call."""

    def __init__(
        self,
        plan: str | Sequence[str] | Plans = OFFICE,
        *,
        seed: int = 1,
        listeners: Sequence[Listener] | None = None,
        weather: Weather | None = None,
        anchors: bool = True,
        straight_networks: frozenset[str] = frozenset(),
        outside_domains: bool = False,
        at: datetime | None = None,
        ping_seconds: float = 25.0,
        algorithms: tuple[str, ...] = ("SHA-256", "MD5"),
        limits: RegistrarLimits | None = None,
        rules: Rules | None = None,
        own_sound: Callable[[str], Sound | None] = lambda path: None,
        voicemail: Path | None = None,
    ) -> None:
        """`voicemail` is a folder for messages; without one none can be left."""
        self.random = random.Random(seed)
        self.clock = VirtualClock(at) if at else VirtualClock()
        self.events = Events(self.clock)
        self.listeners = tuple(listeners or (listener(0), listener(1, "TCP")))
        self.media = FakeMedia(self.events)
        self.resolver = FakeResolver(self)
        self.directory = FakeDirectory()
        self.log = LabLog()
        self.wire = Wire(self.events, self.random, weather or Weather())
        for one in self.listeners:
            if not one.reliable:
                self.wire.listeners[one.advertised_host, one.advertised_port] = one
        self.wire.to_switch = lambda data, flow: self.switch.receive(data, flow)
        self.wire.closed = lambda flow: self.switch.flow_closed(flow, self.wire.reason)
        if isinstance(plan, dict):
            self.plans = plan
        else:
            texts = [plan] if isinstance(plan, str) else plan
            self.plans, _ = load_texts([(f"{number}.yaml", text) for number, text in enumerate(texts)])
        self.store = MemoryBindingStore()
        self.record_store = MemoryRecordStore()
        self.voicemail_store = MemoryVoicemailStore()
        self.voicemail_changed: list[VoicemailChanged] = []
        self._voicemail = voicemail
        self.message_store: MessageStore = MemoryMessageStore()
        self.rules = rules or Rules()
        self.presence_store = MemoryPresenceStore()
        self.override_store = MemoryOverrideStore()
        self.history_store = MemoryHistoryStore()
        self.usage_store = MemoryUsageStore()
        self.emergency_store = MemoryEmergencyStore()
        self.token_key = b"k" * 32
        self._options = {
            "anchors": anchors,
            "straight_networks": straight_networks,
            "outside_domains": outside_domains,
            "own_sound": own_sound,
        }
        self._ping_seconds = ping_seconds
        self._algorithms = algorithms
        self._limits = limits or RegistrarLimits()
        self._starts = 0
        self._wake: Handle | None = None
        self._words = 0
        self._ports = 20000
        self.starts_switch()

    # -- the switch

    def starts_switch(self) -> None:
        """A new switch in place of the old one: nothing is left but the store and the key of the dialog tokens.

        Its media relay ends and starts with it.
        """
        self._starts += 1
        self.media.sessions.clear()
        self.media.heard.clear()
        if self._wake is not None:
            self._wake.cancel()
        self.bus = Bus()
        self.registrar = Registrar(self.store, self.bus, self._limits, self.clock.wall(), self._ping_seconds)
        asyncio.run(self.registrar.load(self.clock.wall()))
        recorder = Recorder(self.record_store, self.events.after, lambda site, user: whose(self.plans, site, user))
        asyncio.run(recorder.resume(self.clock.wall()))
        overrides = OverrideService(self.override_store, self.bus)
        asyncio.run(overrides.load(self.clock.wall()))
        outside = Outside(
            self.clock,
            self._from_switch,
            self.media,
            self.resolver,
            self.directory,
            self.log,
            self._wake_at,
            is_open=lambda flow: flow.connection in self.wire.streams,
            secret_of=self.secret,
        )
        self.switch = Switch(
            outside,
            plans=self.plans,
            listeners=self.listeners,
            registrar=self.registrar,
            overrides=overrides,
            verifier=Authenticator(self._ha1, self._algorithms, 3600.0, b"n" * 31 + bytes((self._starts,))),
            ids=Ids(self._starts),
            token_key=self.token_key,
            bus=self.bus,
            recorder=recorder,
            boxes=self._boxes(),
            letters=Letters(
                self.message_store, self.rules, asyncio.run(self.message_store.load()), self.log.bugs.append
            ),
            presence_store=self.presence_store,
            history=History(self.history_store, self.events.after),
            kept=asyncio.run(KeptOutside.load(self.usage_store, self.emergency_store, self.clock.wall())),
            **self._options,
        )
        watched = self.presence_store.subscriptions(), self.presence_store.publications()
        self.switch.start(*(asyncio.run(one) for one in watched))

    def _boxes(self) -> Boxes | None:
        """Everybody's messages, with files that are written at once."""
        if self._voicemail is None:
            return None

        def work(what: Callable[[], object], then: Callable[[object], None]) -> None:
            try:
                result = what()
            except OSError as error:
                result = error
            then(result)

        boxes = Boxes(Files(self._voicemail), self.voicemail_store, self.bus, work)
        boxes.take_over(asyncio.run(self.voicemail_store.load()))
        boxes.pin = self.secret
        self.bus.subscribe(VoicemailChanged, self.voicemail_changed.append)
        return boxes

    def _from_switch(self, data: bytes, flow: Flow) -> None:
        self.wire.from_switch(data, flow)

    def _wake_at(self, due: float) -> None:
        if self._wake is not None:
            self._wake.cancel()
        self._wake = self.events.at(due, self.switch.advance)

    def secret(self, account: str) -> str:
        return f"secret of {account}"

    def _ha1(self, site: str, account: str, user: str, algorithm: str) -> bytes | None:
        plan = self.plans.get(site)
        if plan is None or account not in plan.phones:
            return None
        return ALGORITHMS[algorithm].ha1(user.encode(), site.encode(), self.secret(account).encode())

    # -- time

    @property
    def now(self) -> float:
        return self.clock.monotonic()

    def advance(self, seconds: float = 0.5) -> None:
        """Let time pass. The switch must not stumble meanwhile."""
        self.events.advance(seconds)
        if self.log.bugs:
            raise AssertionError("the switch made a mistake") from self.log.bugs[0]

    # -- phones

    def word(self) -> bytes:
        """A new identifier."""
        self._words += 1
        return b"w%x" % (0x1000000 + self._words * 7919)

    def phone(
        self,
        account: str,
        host: str = "",
        *,
        registered: bool = True,
        tcp: bool = False,
        nat: Nat | None = None,
        number: str = "",
        **options: object,
    ) -> Phone:
        """A phone of the office, registered unless it shall not be."""
        if not host:
            host = f"192.0.2.{20 + len(self.wire.ends)}" if nat is None else "10.1.1.10"
        if tcp:
            options.setdefault("listener", next(one for one in self.listeners if one.transport == "TCP"))
        person = next((p for plan in self.plans.values() if (p := plan.person_of(account)) is not None), None)
        if not number and person is not None:
            number = next((alias for alias in sorted(person.aliases) if alias.isdigit()), account)
        phone = Phone(self, account, host=host, nat=nat, number=number, **options)  # type: ignore[arg-type]
        if registered:
            registration = phone.registers()
            for _ in range(70):
                if registration.status:
                    break
                self.advance()
            assert registration.status == 200, registration.statuses
        return phone

    def stream_address(self, phone: Phone) -> Address:
        """Where a connection that a phone opens comes from."""
        self._ports += 1
        return (phone.nat.public if phone.nat is not None else phone.host, self._ports)

    # -- looking

    def to(self, phone: Phone) -> list[bytes]:
        """Every datagram that was sent to this phone's address, lost or not."""
        return [data for _, _, to, data in self.wire.trace if to == f"{phone.host}:{phone.port}"]

    def notes(self, event: str) -> list[dict[str, object]]:
        """What the switch logged under this name."""
        return [details for _, name, details in self.log.notes if name == event]

    def records(self) -> list[CallRecord]:
        """What was recorded of calls, oldest first; of what happened in the last moment perhaps nothing yet."""
        return asyncio.run(self.record_store.find(Query()))[::-1]

    def at_rest(self, seconds: float = 300.0) -> None:
        """After some minutes nothing may be left of any call: no transaction, timer, call, fork, leg or port."""
        self.advance(seconds)
        switch = self.switch
        layer = switch.layer
        pings = [key for key, client in layer.clients.items() if isinstance(client, ClientOther)]
        pings = [key for key in pings if key.endswith(b"|OPTIONS")]
        assert set(layer.clients) == set(pings), layer.clients
        assert not layer.servers
        assert not layer._merge
        # What recurs: the sweep, and the look at schedules.
        assert len(layer.wheel) <= 2 + len(pings) + len(list(switch.trunks)), [
            item for items in layer.wheel._slots.values() for item in items
        ]
        assert not list(switch.core.calls)
        assert not switch.core.ringing
        assert not len(switch.legs)
        assert not len(switch.bridges)
        assert not switch.bridges._ends
        assert not switch.bridges._at_end
        assert not switch.bridges.early
        assert not switch.bridges._asking
        assert not [channel for line in switch.trunks for channel in line.channels]
        assert not switch.presence.board._lamps
        assert self.media.ports == 0, [session.key for session in self.media.sessions]
