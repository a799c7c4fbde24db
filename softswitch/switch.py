"""The pump: one input at a time goes in, all that follows from it comes out, and one timer says when to look again.

Nothing here opens a socket or reads a clock of its own: `server` puts in the real ones, the laboratory its own.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from softswitch.bridge.alarm import Alarm
from softswitch.bridge.bridges import Bridges
from softswitch.bridge.emergencies import Emergencies
from softswitch.clock import Clock
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.override import Overrides
from softswitch.dialplan.plan import Plan
from softswitch.dialplan.step import Command
from softswitch.errors import PeerError
from softswitch.events import Bus, VoicemailChanged
from softswitch.flow import INSIDE, Flow, Listener
from softswitch.ids import Ids
from softswitch.legs.legs import Legs
from softswitch.media.engine import Did, Done, Heard, MediaEngine, MediaEvent, MediaKey
from softswitch.media.quality import StreamQuality, Told
from softswitch.messaging.letter import Letter, MessageStore, Rules
from softswitch.messaging.service import Messaging
from softswitch.overrides.service import OverrideService
from softswitch.presence.history import History
from softswitch.presence.limits import PresenceLimits
from softswitch.presence.ports import Messages, NoMailboxes
from softswitch.presence.service import Presence
from softswitch.presence.stored import PresenceStore, StoredPublication, StoredSubscription
from softswitch.proxy.core import Core
from softswitch.proxy.deserted import Deserted
from softswitch.proxy.earlier import conversation_of, parts_of
from softswitch.proxy.liveness import Liveness
from softswitch.proxy.ports import Directory, Resolver, Verifier
from softswitch.proxy.silence import SilenceWatch
from softswitch.records.diary import Diary
from softswitch.records.record import CallRecord
from softswitch.records.recorder import Recorder
from softswitch.registrar.bindings import Binding
from softswitch.registrar.flows import flow_of
from softswitch.registrar.service import Registrar
from softswitch.sip.build import respond
from softswitch.sip.message import Request, Response
from softswitch.sip.parse import parse
from softswitch.sip.via import stamped
from softswitch.sound.library import Sound, tone
from softswitch.store.memory_presence import MemoryPresenceStore
from softswitch.store.outside import KeptOutside
from softswitch.transaction.layer import Layer, reply_flow
from softswitch.transaction.server_invite import ServerInvite
from softswitch.transaction.server_other import ServerOther
from softswitch.transaction.timers import Timer, TimerValues
from softswitch.trunks.trunks import Trunks
from softswitch.voicemail.boxes import Boxes

T = TypeVar("T")
_CONTACT_PORT = re.compile(rb"sip:(?:[^@<>\s]{0,128}@)?(\[[0-9a-fA-F:.]+\]|[0-9.]+)(?::([0-9]{1,5}))?[;>?]")

SWEEP_SECONDS = 1.0
FLOWS_CACHED = 200_000


class Log:
    """What the pump says; the laboratory and `server` each have one."""

    def note(self, call_id: bytes, event: str, **details: object) -> None:
        """A line about a call."""

    def detail(self, call_id: bytes, event: str, **details: object) -> None:
        """A line about an ordinary step of a call, for who looks closely."""

    def over(self, diary: Diary) -> None:
        """The one line about a call, when it is over."""

    def bug(self, error: BaseException, call_id: bytes) -> None:
        """Our own mistake. Without a log it must not pass unseen."""
        traceback.print_exception(error)

    def dropped(self, flow: Flow, reason: str) -> None:
        """A message that was no message."""


@dataclass(slots=True)
class Counters:
    """Numbers since the start."""

    messages_in: int = 0
    messages_out: int = 0
    malformed: int = 0
    bugs: int = 0


@dataclass(frozen=True, slots=True)
class Letters:
    """What messages that wait need: where they are kept, by which rules, and what an earlier run left."""

    store: MessageStore
    rules: Rules
    waiting: Sequence[Letter]
    on_error: Callable[[BaseException], None] = lambda error: None
    """Told why something could not be stored."""


@dataclass(frozen=True, slots=True)
class Outside:
    """All that the switch needs from elsewhere."""

    clock: Clock
    send: Callable[[bytes, Flow], None]
    """Takes a message and where it goes, and never fails at once."""
    media: MediaEngine
    resolver: Resolver
    directory: Directory
    log: Log
    wake: Callable[[float], None]
    """`advance` has something to do at this monotonic time, earlier than was said before."""
    is_open: Callable[[Flow], bool] = lambda flow: True
    """Whether a flow can still be sent on: False for a connection that is closed."""
    keep: Callable[[Flow], object] = lambda flow: None
    """A registration holds this connection: it may be quiet for longer than a stranger's."""
    secret_of: Callable[[str], str | None] = lambda name: None
    """The secret of this name itself, for logging in elsewhere; None where there is none."""


class Switch:
    """Registrar, proxy and legs, wired together."""

    def __init__(
        self,
        outside: Outside,
        *,
        plans: Mapping[str, Plan],
        listeners: Sequence[Listener],
        registrar: Registrar,
        overrides: OverrideService,
        verifier: Verifier,
        ids: Ids,
        token_key: bytes,
        bus: Bus,
        timers: TimerValues | None = None,
        anchors: bool = True,
        straight_networks: frozenset[str] = frozenset(),
        outside_domains: bool = False,
        own_hosts: Collection[str] = (),
        recorder: Recorder | None = None,
        letters: Letters | None = None,
        presence_store: PresenceStore | None = None,
        presence_limits: PresenceLimits | None = None,
        on_store_error: Callable[[BaseException], None] = lambda error: None,
        own_sound: Callable[[str], Sound | None] = lambda path: None,
        boxes: Boxes | None = None,
        history: History | None = None,
        kept: KeptOutside | None = None,
    ) -> None:
        """`own_hosts` are further addresses that mean us: those of the interfaces behind a wildcard bind.

        Without `letters` no message waits. `on_store_error` is told why something of presence could not be stored.
        `own_sound` has the WAV file of a dialplan in the form that is played.
        `history` keeps how everybody was, `kept` what was called outside.
        """
        self.clock = outside.clock
        self.log = outside.log
        self.counters = Counters()
        self.registrar = registrar
        self.overrides = overrides
        self.listeners = tuple(listeners)
        self._outside = outside
        self._flows: dict[str, Flow | None] = {}
        self._kept: set[int] = set()
        """Connections that a registration came by."""
        self._armed: float | None = None
        self._bus = bus
        self._recorder = recorder
        self.core = Core(
            plans=plans,
            listeners=listeners,
            ids=ids,
            token_key=token_key,
            contacts=self,
            verifier=verifier,
            registrar=self,
            resolver=_PumpedResolver(self, outside.resolver),
            directory=outside.directory,
            media=_PumpedMedia(self, outside.media),
            overrides=_PumpedOverrides(self, overrides),
            log=outside.log,
            bus=bus,
            anchors=anchors,
            straight_networks=straight_networks,
            outside_domains=outside_domains,
            own_hosts=own_hosts,
            recorder=recorder,
        )
        self.layer = Layer(self.core, self._send, ids, timers)
        self.core.layer = self.layer
        self.legs = Legs(
            self.layer,
            self.core.media,
            self.core.calls,
            outside.clock.wall,
            outside.log.note,
            own_sound,
            boxes,
            lambda: list(self.core.ringing),
        )
        self.core.legs = self.legs
        if boxes is not None:
            boxes.pump = self._pumped
        SilenceWatch(self.core.calls, self.core.media, outside.log, outside.clock.wall)
        self._letters = letters
        self.messaging: Messaging | None = None
        if letters is not None:
            self.messaging = Messaging(self.core, letters.store, letters.rules, bus, self.moment, letters.on_error)
            self.core.messages = self.messaging
        wall = outside.clock.wall
        write = kept.write if kept is not None else lambda what: None
        self.trunks = Trunks(plans, outside.secret_of, self.layer, self.core.resolver, wall, write)
        self.bridges = Bridges(self.core, self.layer, self.trunks, Emergencies(wall, write))
        if kept is not None:
            self.trunks.meter.take_over(kept.uses, kept.stops)
            self.bridges.emergencies.take_over(kept.emergency_calls)
        self.core.outside = self.bridges
        self.legs.ring_back = self.bridges.ring_back
        if self.messaging is not None:
            Alarm(bus, self.core.firms.plan_at, self.messaging.tell, wall)
        self.presence = self.core.presence = Presence(
            plans=plans,
            layer=self.layer,
            ways=self,
            store=presence_store or MemoryPresenceStore(),
            bus=bus,
            listeners=listeners,
            limits=presence_limits or PresenceLimits(),
            mailboxes=_Mailboxes(boxes) if boxes is not None else NoMailboxes(),
            facts=lambda site: Facts(site, "", wall=self.core.wall, overrides=self.core.overrides.of(site)),
            moment=self.moment,
            wall=lambda: self.core.wall,
            verify=lambda request, site: verifier.verify(request, site, self.layer.now, True),
            on_store_error=on_store_error,
            on_state=history.changed if history is not None else lambda *_: None,
        )
        bus.subscribe(VoicemailChanged, lambda event: self.presence.mailbox_changed(event.site, event.person))
        self._liveness = Liveness(self.layer, self, lambda: self.core.wall, self._nobody_in, outside.log)
        self._deserted = Deserted(
            bus, self.core.calls, self, self._liveness, self.core.media, lambda call_id: self.bridges.has(call_id)
        )
        self.core.calls.on_end = self._call_over
        self._sweeper = Timer(self._sweep)

    def music_on_hold(self, call_id: str) -> str:
        """The file that is played to who is held in this call; "" for none."""
        plans = self.core.firms.plans
        call = self.core.calls.get(call_id.encode("utf-8", "surrogateescape"))
        # Of a call from before a restart it is not known whose it is: it is ours where there is one firm only.
        plan = plans.get(call.site) if call is not None else next(iter(plans.values())) if len(plans) == 1 else None
        if plan is None or not plan.music_on_hold:
            return ""
        own = self.legs.own_sound(plan.music_on_hold) if plan.music_on_hold != "yes" else None
        return (own or tone("music")).file

    def use_plans(self, plans: Mapping[str, Plan]) -> None:
        """Go by these plans from now on; calls that run keep theirs."""
        self.core.use_plans(plans)
        self.trunks.use(plans)

    # -- the pump

    def start(
        self, subscriptions: Iterable[StoredSubscription] = (), publications: Iterable[StoredPublication] = ()
    ) -> None:
        """Begin what recurs by itself, and go on with what an earlier run left."""
        with self.moment():
            if self._recorder is not None:
                self._recorder.on_over = self._earlier_over
                for record in self._recorder.earlier():
                    self._tell_parts(record, "answered")
                    self._liveness.watch(conversation_of(record, self.core.firms.plans))
            self.presence.start(subscriptions, publications)
            self.layer.wheel.arm(self._sweeper, self.layer.now + SWEEP_SECONDS)
            if self.messaging is not None and self._letters is not None:
                self.messaging.take_over(self._letters.waiting)
                self._letters = None
            self.trunks.start()

    def _earlier_over(self, record: CallRecord) -> None:
        self._liveness.forget(record.dialog[0])
        self._tell_parts(record, "ended")

    def _call_over(self, diary: Diary) -> None:
        self.log.over(diary)
        if len(self._liveness):
            self._liveness.forget(diary.dialog[0].decode("utf-8", "replace"))

    def _nobody_in(self, call_id: str, lost: bool) -> None:
        """A conversation is over, as its phones say, or as none does."""
        self.log.note(call_id.encode(), "over meanwhile", lost=lost)
        call = self.core.calls.get(call_id.encode())
        if call is not None:
            self._deserted.over(call, lost)
        elif self._recorder is not None:
            end = self._recorder.lost if lost else self._recorder.over
            end(call_id, self.core.wall)

    def _tell_parts(self, record: CallRecord, state: str) -> None:
        for part in parts_of(record, self.core.firms.plans, state):
            self._bus.publish(part)

    def moment(self) -> _Moment:
        """`with switch.moment():` around everything that happens at one moment and does not come by `receive`."""
        return _Moment(self)

    def _pumped(self, call: Callable[[], None]) -> None:
        """Something comes back that took time."""
        with self.moment():
            try:
                call()
            except Exception as error:  # ours: this call suffers
                self.bug(error, b"")

    def enter(self) -> None:
        """Read the clock, once for this input."""
        clock = self.clock
        self.layer.now = clock.monotonic()
        self.core.wall = clock.wall()

    def leave(self) -> None:
        """See to it that the next timer is looked at in time."""
        due = self.layer.wheel.next_due()
        if due is not None and (self._armed is None or due < self._armed):
            self._armed = due
            self._outside.wake(due)

    def advance(self) -> None:
        """Let the timers fire that are due by now."""
        self._armed = None
        self.enter()
        try:
            self.layer.advance(self.layer.now)
        except Exception as error:  # our own mistake in one call must not stop the timers of all others
            self.bug(error, b"")
        self.leave()

    def receive(self, data: bytes, flow: Flow) -> None:
        """One whole message."""
        self.counters.messages_in += 1
        self.enter()
        if self.layer.plain and data[:12] == b"SIP/2.0 200 " and self._confirmed(data):
            return
        try:
            message = parse(data, flow)
        except PeerError as error:
            self.malformed(error, flow)
            return
        try:
            if type(message) is Request:
                via = message.via
                # The usual Via without rport needs no stamp: it is where it came from, and has a branch only.
                if len(via.params_text) != len(via.branch) + 8 or via.host != flow.host.encode():
                    text = stamped(via, flow.host, flow.port)
                    if text is not None:
                        message.restamp_via(text)
            self.layer.receive(message)
        except PeerError as error:
            self._refused(message, error)
        except Exception as error:  # ours: this call gets 500, all others go on
            self.bug(error, message.call_id)
            self._failed(message)
        self.leave()

    def _confirmed(self, data: bytes) -> bool:
        """See `transaction/layer.Layer.confirmed`."""
        try:
            found = self.layer.confirmed(data)
        except Exception as error:  # ours
            self.bug(error, b"")
            found = True
        if found:
            self.leave()
        return found

    def malformed(self, error: PeerError, flow: Flow) -> None:
        """A message that could not be read: answered when it can be, else dropped."""
        self.counters.malformed += 1
        request = error.message
        if isinstance(request, bytes):
            request = _headers_of(request, flow)
        if isinstance(request, Request):
            via = stamped(request.via, flow.host, flow.port)
            if via is not None:
                request.restamp_via(via)
            self._refused(request, error)
        else:
            self.log.dropped(flow, error.reason)

    def _refused(self, message: Request | Response, error: PeerError) -> None:
        if isinstance(message, Request) and message.method != b"ACK":
            tag = self.core.ids.tag()
            self._send(respond(message, error.status, error.reason, error.headers, to_tag=tag), reply_flow(message))

    def _failed(self, message: Request | Response) -> None:
        """A mistake of ours: 500, in the request's transaction if it has one, which would else wait for ever."""
        server = self.layer.servers.get(getattr(message, "key", b""))
        if server is None:
            self._refused(message, PeerError(500))
            return
        owner = server.owner if isinstance(server, ServerInvite) else None
        server.reply(500)
        if owner is not None:
            try:
                owner.on_caller_gone()  # what it began is ended, as far as it goes
            except Exception as error:
                self.bug(error, message.call_id)

    def bug(self, error: BaseException, call_id: bytes) -> None:
        """Something that should not be."""
        self.counters.bugs += 1
        self.log.bug(error, call_id)

    def flow_closed(self, flow: Flow, reason: str) -> None:
        """A connection ended, or could not be opened: who is reached over it is gone, what was asked on it fails."""
        with self.moment():
            self._flows.clear()
            self._kept.discard(flow.connection)
            self.registrar.flow_closed(flow)
            self.trunks.flow_closed(flow, reason)
            self.layer.flow_failed(flow)

    def _send(self, data: bytes, flow: Flow) -> None:
        if flow.host == INSIDE:
            # In its turn, like everything that comes in; not in the middle of what is being done.
            self.layer.wheel.arm(Timer(lambda now: self.receive(data, flow)), self.layer.now)
            return
        self.counters.messages_out += 1
        self._outside.send(data, flow)

    # -- the end

    def drain(self) -> None:
        """Take nothing new and hang up our own legs; calls between phones run on without us."""
        with self.moment():
            self.core.draining = True
            self.legs.hang_up_all()
            if self.messaging is not None:
                self.messaging.drain()
            self.bridges.hang_up_all()
            self.trunks.stop()

    def shut(self) -> None:
        """End what still rings."""
        with self.moment():
            for fork in list(self.core.ringing):
                fork.shut()

    @property
    def unanswered(self) -> int:
        """Requests that somebody still waits for an answer to."""
        return sum(1 for server in self.layer.servers.values() if not server.answered)

    # -- contacts, as the proxy sees them

    def bindings(self, site: str, account: str, wall: float) -> Sequence[Binding]:
        return self.registrar.bindings(site, account, wall)

    def flow_of(self, binding: Binding) -> Flow | None:
        """The same text always means the same flow; a connection that has closed leaves no binding behind."""
        known = self._flows.get(binding.flow)
        if known is None:
            known = flow_of(binding, self.listeners)
            if len(self._flows) >= FLOWS_CACHED:
                self._flows.clear()
            self._flows[binding.flow] = known
        return known

    def alive(self, flow: Flow) -> bool:
        return not flow.connection or self._outside.is_open(flow)

    def newest(self, contact: bytes) -> Flow | None:
        """By looking at all: it is asked only when a connection has closed in the middle of a call."""
        text = contact.decode("utf-8", "replace")
        found = [one for one in self.registrar.all(self.core.wall) if one.contact == text]
        return self.flow_of(max(found, key=lambda one: one.expires_at)) if found else None

    def knows(self, flow: Flow) -> bool:
        return self.registrar.knows(flow)

    # -- registrations

    def on_register(self, request: Request, site: str, account: str, server: ServerOther) -> None:
        """From the core: apply and answer, once that is durable."""

        flow = request.flow
        at_once = True

        def answer(status: int, reason: str, headers: Sequence[bytes]) -> None:
            server.reply(status, reason, tuple(headers))
            if flow.connection and status == 200 and flow.connection not in self._kept:
                # Until it closes, also when the phone unregisters: it may well register again.
                self._kept.add(flow.connection)
                self._outside.keep(flow)

        def reply(status: int, reason: str, headers: Sequence[bytes]) -> None:
            if at_once:  # still in the moment of the request
                answer(status, reason, headers)
                return
            with self.moment():
                answer(status, reason, headers)

        self.registrar.on_register(request, site, account, contact_flow(request), self.core.wall, reply)
        at_once = False

    def _sweep(self, now: float) -> None:
        """Once a second: what has expired, and who has to be asked whether the phone is still there."""
        self.layer.wheel.arm(self._sweeper, now + SWEEP_SECONDS)
        wall = self.core.wall
        self.registrar.sweep(wall)
        self.overrides.sweep(wall)
        self.core.calls.forget_silent(wall)
        self.presence.sweep(wall)
        for binding in self.registrar.pings_due(wall):
            self._ping(binding)

    def _ping(self, binding: Binding) -> None:
        """An OPTIONS to a phone behind NAT; whatever it answers, its mapping is kept open (RFC 5626 §3.5)."""
        flow = self.flow_of(binding)
        if flow is None:
            return
        ids = self.core.ids
        branch = ids.branch()
        site = binding.site.encode()
        contact = binding.contact.encode()
        lines = (
            b"OPTIONS " + contact + b" SIP/2.0",
            b"Via: " + flow.listener.via + branch + b";rport",
            b"Max-Forwards: 70",
            b"From: <sip:" + site + b">;tag=" + ids.tag(),
            b"To: <" + contact + b">",
            b"Call-ID: " + ids.call_id(site),
            b"CSeq: 1 OPTIONS",
            b"Content-Length: 0\r\n\r\n",
        )
        self.layer.send_request(b"OPTIONS", branch, b"\r\n".join(lines), flow, _Ping(self, binding))


def _headers_of(head: bytes, flow: Flow) -> object:
    """The request that a stream could not frame, as far as its headers tell, or None."""
    try:
        return parse(head.rstrip(b"\r\n") + b"\r\n\r\n", flow)
    except PeerError as error:
        return error.message


def contact_flow(request: Request) -> Flow:
    """The way to the contacts of a REGISTER: over where it came from, which holds behind any NAT.

    One exception: a client without NAT (what its Via says is where it sent from) that listens on another UDP port of
    the same address is reached there, as its Contact says. Not so behind a proxy, which is the source and the way.
    """
    flow = request.flow
    if flow.listener.reliable or b"path" in request.first or request.keys.count(b"via") > 1:
        return flow
    source = b"[%b]" % flow.host.encode() if ":" in flow.host else flow.host.encode()
    line = request.get(b"contact") or b""
    if line.endswith(b"@%b:%d>" % (source, flow.port)):
        return flow  # the usual case: its contact is where it sent from
    via = request.via
    if via.host != source or (via.port or 5060) != flow.port:
        return flow
    match = _CONTACT_PORT.search(line)
    if match is None or match[1] != source or b"," in line:
        return flow
    port = int(match[2] or 5060)
    return flow if port == flow.port or not 0 < port < 65536 else flow._replace(port=port)


class _Moment:
    __slots__ = ("_switch",)

    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    def __enter__(self) -> None:
        self._switch.enter()

    def __exit__(self, *_: object) -> None:
        self._switch.leave()


class _Ping:
    """Who waits for the answer to a ping."""

    __slots__ = ("_binding", "_switch")

    def __init__(self, switch: Switch, binding: Binding) -> None:
        self._switch = switch
        self._binding = binding

    def on_response(self, response: Response) -> None:
        self._switch.registrar.ping_answered(self._binding)

    def on_no_answer(self, timed_out: bool) -> None:
        self._switch.registrar.ping_missed(self._binding, self._switch.core.wall)


class _Mailboxes:
    """The voicemail, as presence asks it."""

    def __init__(self, boxes: Boxes) -> None:
        self._boxes = boxes

    def messages(self, site: str, person: str) -> Messages:
        return Messages(*self._boxes.counts(site, person))


class _PumpedMedia:
    """The media engine, its call-backs brought into the pump."""

    def __init__(self, switch: Switch, engine: MediaEngine) -> None:
        self._switch = switch
        self._engine = engine

    def offer(
        self,
        key: MediaKey,
        sdp: bytes,
        to_network: str,
        source: str,
        done: Done,
        transport: str = "",
        music: str = "",
    ) -> None:
        music = self._switch.music_on_hold(key.call_id)
        self._engine.offer(key, sdp, to_network, source, partial(self._done, key, done), transport, music)

    def answer(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done) -> None:
        self._engine.answer(key, sdp, to_network, source, partial(self._done, key, done))

    def echo(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done) -> None:
        self._engine.echo(key, sdp, to_network, source, partial(self._done, key, done))

    def talk(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done, music: str = "") -> None:
        music = self._switch.music_on_hold(key.call_id)
        self._engine.talk(key, sdp, to_network, source, partial(self._done, key, done), music)

    def propose(self, key: MediaKey, to_network: str, echoes: bool, done: Done, transport: str = "") -> None:
        self._engine.propose(key, to_network, echoes, partial(self._done, key, done), transport)

    def settle(self, key: MediaKey, sdp: bytes, source: str, done: Did) -> None:
        self._engine.settle(key, sdp, source, partial(self._done, key, done))

    def play(self, key: MediaKey, files: Sequence[str], repeat: bool, done: Did) -> None:
        self._engine.play(key, files, repeat, partial(self._done, key, done))

    def connect(self, key: MediaKey, other: MediaKey, done: Did) -> None:
        self._engine.connect(key, other, partial(self._done, key, done))

    def whisper(self, key: MediaKey, sdp: bytes, files: Sequence[str], done: Did) -> None:
        self._engine.whisper(key, sdp, files, partial(self._done, key, done))

    def stop_whisper(self, key: MediaKey) -> None:
        self._engine.stop_whisper(key)

    def press(self, key: MediaKey, digit: str, seconds: float, done: Did) -> None:
        self._engine.press(key, digit, seconds, partial(self._done, key, done))

    def take_keys(self, key: MediaKey, takes: bool) -> None:
        self._engine.take_keys(key, takes)

    def record(self, key: MediaKey, file: str, seconds: float, done: Did) -> None:
        self._engine.record(key, file, seconds, partial(self._done, key, done))

    def stop_recording(self, key: MediaKey, done: Did) -> None:
        self._engine.stop_recording(key, partial(self._done, key, done))

    def delete(self, call_id: str, from_tag: str = "", via_branch: str = "", told: Told | None = None) -> None:
        self._engine.delete(call_id, from_tag, via_branch, partial(self._told, call_id, told) if told else None)

    def query(self, call_id: str, told: Told) -> None:
        self._engine.query(call_id, partial(self._told, call_id, told))

    def _told(self, call_id: str, told: Told, found: Sequence[StreamQuality]) -> None:
        with self._switch.moment():
            try:
                told(found)
            except Exception as error:  # ours: this call suffers, the engine's client goes on
                self._switch.bug(error, call_id.encode("utf-8", "surrogateescape"))

    def subscribe(self, name: str, heard: Heard) -> None:
        self._engine.subscribe(name, partial(self._heard, heard))

    def _heard(self, heard: Heard, event: MediaEvent) -> None:
        with self._switch.moment():
            try:
                heard(event)
            except Exception as error:  # ours: this call suffers, the engine's client goes on
                self._switch.bug(error, event.call_id.encode("utf-8", "surrogateescape"))

    def _done(self, key: MediaKey, done: Callable[[T], None], result: T) -> None:
        with self._switch.moment():
            try:
                done(result)
            except Exception as error:  # ours: this call suffers, the engine's client goes on
                self._switch.bug(error, key.call_id.encode("utf-8", "surrogateescape"))


class _PumpedOverrides:
    """What people set, kept on disk: that it is comes back into the pump."""

    def __init__(self, switch: Switch, overrides: OverrideService) -> None:
        self._switch = switch
        self._overrides = overrides

    def of(self, site: str) -> Overrides:
        return self._overrides.of(site)

    def obey(self, site: str, command: Command, by: str, wall: float, done: Callable[[str], None]) -> None:
        def kept(problem: str) -> None:
            with self._switch.moment():
                try:
                    done(problem)
                except Exception as error:  # ours: this call suffers
                    self._switch.bug(error, b"")

        self._overrides.obey(site, command, by, wall, kept)


class _PumpedResolver:
    """The resolver, its call-backs brought into the pump."""

    def __init__(self, switch: Switch, resolver: Resolver) -> None:
        self._switch = switch
        self._resolver = resolver

    def resolve(self, uri: bytes, size_bytes: int, done: Callable[[Sequence[Flow]], None]) -> None:
        def pumped(flows: Sequence[Flow]) -> None:
            with self._switch.moment():
                try:
                    done(flows)
                except Exception as error:  # ours: this request suffers
                    self._switch.bug(error, b"")

        self._resolver.resolve(uri, size_bytes, pumped)
