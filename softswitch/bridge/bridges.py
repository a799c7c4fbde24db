"""All bridged calls of the switch, and the ways into them: phones that call outside, trunks that call in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from softswitch.bridge import keys
from softswitch.bridge.attempt import Attempt
from softswitch.bridge.bridge import Bridge
from softswitch.bridge.called import called_number, caller_of
from softswitch.bridge.confirm import Confirmation
from softswitch.bridge.emergencies import Emergencies
from softswitch.bridge.end import End
from softswitch.bridge.inbound import Inbound
from softswitch.bridge.reliable import Reliable
from softswitch.bridge.ringback import RingBack
from softswitch.bridge.takeover import take_over
from softswitch.bridge.transfer import Transfer, refer_target
from softswitch.dialog.dialog import Dialog
from softswitch.dialplan.trunk import OutsideCall
from softswitch.errors import PeerError
from softswitch.events import CallChanged, EmergencyCalled, EmergencyTested
from softswitch.flow import Flow
from softswitch.legs.leg import Leg
from softswitch.media.anchor import sdp_of, with_sdp
from softswitch.media.engine import MediaEvent, MediaFailed, MediaKey
from softswitch.proxy.branch import Branch
from softswitch.proxy.core import Core
from softswitch.proxy.fork import Fork
from softswitch.sip.message import Request, Response
from softswitch.sip.uri import ipv6_of, parse_uri
from softswitch.transaction.layer import Layer, reply_flow
from softswitch.transaction.server_invite import ServerInvite
from softswitch.transaction.server_other import ServerOther
from softswitch.trunks.line import Line
from softswitch.trunks.trunks import Trunks


class Bridges:
    """The registry; also the owner of requests whose answer means nothing."""

    def __init__(self, core: Core, layer: Layer, trunks: Trunks, emergencies: Emergencies | None = None) -> None:
        self.core = core
        self.layer = layer
        self.trunks = trunks
        self.media = core.media
        self.anchors = core.anchors
        self._ends: dict[tuple[bytes, bytes], End] = {}
        self._bridges: dict[bytes, Bridge] = {}
        self._at_end: dict[bytes, list[Callable[[], None]]] = {}
        self.early: dict[tuple[bytes, bytes], Reliable] = {}
        """Who takes requests of callers before there is an answer, by Call-ID and our tag."""
        self._asking: dict[str, Confirmation] = {}
        self.emergencies = emergencies if emergencies is not None else Emergencies(lambda: core.wall)
        core.bus.subscribe(CallChanged, self._on_call)
        self.media.subscribe("dtmf", self._on_key)

    def __len__(self) -> int:
        return len(self._bridges)

    # -- calls out

    def attempt(self, fork: Fork, call: OutsideCall, hops: int) -> Branch:
        """A branch of this fork to a number outside."""
        if call.drill:
            self.note(fork.request.call_id, "emergency test", number=call.number, account=fork.facts.caller_account)
            self.core.bus.publish(EmergencyTested(fork.plan.site, fork.facts.caller_account))
        elif call.emergency:
            self._emergency(fork, call)
        return Attempt(self, fork, call, self.trunks.lines(fork.plan.site, call), hops)

    def _emergency(self, fork: Fork, call: OutsideCall) -> None:
        """Somebody calls for help: it is remembered, and told."""
        account, call_id = fork.facts.caller_account, fork.request.call_id
        known = self.emergencies.begin(fork.plan, fork.facts, call, fork.request)
        self.note(call_id, "emergency call", number=call.number, account=account, location=known.location)
        self.core.bus.publish(EmergencyCalled(fork.plan.site, account, call.number, known.call_id, known.location))
        self.when_over(call_id, lambda: self.emergencies.end(known.call_id))

    def make_room(self, line: Line, call_id: bytes) -> None:
        """An emergency call is about to take a channel: where all are taken, an ordinary call ends for it."""
        full = line.is_full
        if line.make_room():
            self.note(call_id, "a call was ended for an emergency", trunk=line.name)
        elif full:
            self.note(call_id, "more calls than channels, for an emergency", trunk=line.name)

    def refuses(self, line: Line, call: OutsideCall) -> str:
        """Why this call can't go over that trunk now, in words; "" when it can."""
        return line.refuses(call.emergency) or self.trunks.meter.refuses(line, call)

    def ways(self, line: Line, done: Callable[[Sequence[Flow]], None]) -> None:
        """Where a trunk is reached; at once where that is known."""
        if line.flows:
            done(line.flows)
            return

        def found(flows: Sequence[Flow]) -> None:
            self.trunks.located(line, flows)
            done(flows)

        self.core.resolver.resolve(line.uri, 2000, found)

    def way_to(self, uri: bytes, flow: Flow) -> Flow:
        """The way for requests to a URI: another address where it names one, else the way we know."""
        try:
            parsed = parse_uri(uri)
        except PeerError:
            return flow
        host = parsed.host.strip(b"[]").decode("latin-1")
        transport = (parsed.param(b"transport") or flow.listener.transport.encode()).decode("latin-1").upper()
        if not (ipv6_of(parsed.host) if ":" in host else _is_ipv4(host)) or transport != flow.listener.transport:
            return flow
        if (":" in host) != flow.listener.ipv6:
            return flow
        port = parsed.port or (5061 if transport == "TLS" else 5060)
        if host == flow.host and (port == flow.port or flow.connection):
            return flow
        return Flow(flow.listener, host, port, 0, flow.server_name)

    # -- calls in

    def on_invite(self, request: Request, hops: int) -> bool:
        """A call from a trunk; False when this address is none of a trunk's."""
        line = self.trunks.line_of(request.flow.host)
        if line is None:
            return False
        plan = self.core.firms.plan_at(line.site)
        if plan is None:
            return False
        number = called_number(request, line, plan)
        if not number:
            line.refused_strangers += 1
            self.note(
                request.call_id, "call from a trunk refused", trunk=line.name, called=request.uri.decode("latin-1")
            )
            raise PeerError(404)
        if self.layer.merged(request):
            raise PeerError(482)
        called_back = self.emergencies.called_back(plan, number, request)
        if line.is_full and not called_back:
            raise PeerError(486)
        caller, name = caller_of(request, plan)
        server = self.layer.accept(request)
        assert isinstance(server, ServerInvite)
        self.layer.remember(server)
        line.calls_in += 1
        Inbound(self, line, request, server, caller, name, called_back).begin(plan, number, hops)
        return True

    def ring_back(self, parked: Leg, phones: Sequence[str], done: Callable[[Leg | None], None]) -> Callable[[], None]:
        """Ring the phones of who parked a call; see `Legs.ring_back`."""
        call = RingBack(self, parked, phones, done)
        call.begin()
        return call.cancel

    def take_over(self, request: Request, site: str, account: str) -> bool:
        """An INVITE with Replaces; False when what it replaces is none of a bridge. Raises PeerError."""
        return take_over(self, request, site, account)

    def is_trunk(self, host: str) -> bool:
        """Whether a trunk's calls come from this address."""
        return self.trunks.line_of(host) is not None

    # -- within calls

    def join(self, call_id: bytes, a: End, b: End) -> Bridge:
        """Make one call of two dialogs."""
        bridge = self._bridges[call_id] = Bridge(self, call_id, a, b)
        for end in (a, b):
            self._ends[end.dialog.key] = end
            end.locate = self._locate
            end.keys_taken = False
        return bridge

    def on_request(self, request: Request) -> bool:
        """A request within a dialog; False when it is none of a bridge."""
        end = self._ends.get((request.call_id, request.to.tag))
        early = self.early.get((request.call_id, request.to.tag)) if end is None else None
        if early is not None and request.method != b"ACK":
            early.receive(request)
            return True
        if end is None or not end.dialog.belongs(request):
            return False
        host = request.flow.host
        if host != end.dialog.flow.host and not end.trusts(host) and not self.core.contacts.knows(request.flow):
            return False
        if end.account and request.flow != end.dialog.flow:
            end.dialog.flow = reply_flow(request)  # it has connected anew, or its router has
        end.receive(request)
        return True

    def asking(self, confirmation: Confirmation, begins: bool) -> None:
        """Somebody outside is asked to press 1, or no longer."""
        dialog = confirmation.far.dialog
        if begins:
            self._asking[confirmation.call_id] = confirmation
            self._ends[dialog.key] = confirmation.far
            confirmation.far.locate = self._locate
        else:
            self._asking.pop(confirmation.call_id, None)
            self._ends.pop(dialog.key, None)

    def _on_key(self, event: MediaEvent) -> None:
        given = event.details.get("key", b"")
        key = given.decode("latin-1") if isinstance(given, bytes) else str(given)
        confirmation = self._asking.get(event.call_id)
        bridge = self._bridges.get(event.call_id.encode("utf-8", "surrogateescape"))
        if confirmation is not None:
            confirmation.key(key)
        elif bridge is not None:
            keys.heard(bridge, event.tag, key)

    def heard(self, call_id: bytes) -> None:
        """Somebody in this call is alive."""
        call = self.core.calls.get(call_id)
        if call is not None:
            call.heard_at = self.core.wall

    def _locate(self, dialog: Dialog) -> None:
        """A phone whose connection has closed is where it registered from since."""
        contacts = self.core.contacts
        if not contacts.alive(dialog.flow):
            dialog.flow = contacts.newest(dialog.target) or dialog.flow

    def has(self, call_id: bytes) -> bool:
        """Whether this call is a bridge."""
        return call_id in self._bridges

    def end_of(self, call_id: bytes, tag: bytes) -> End | None:
        """The end with this Call-ID and our tag."""
        return self._ends.get((call_id, tag))

    def transfer(self, bridge: Bridge, mover: End, request: Request, server: ServerOther) -> None:
        """Carry out a REFER. Raises PeerError for one that can't be."""
        target = refer_target(request)
        transfer = bridge.transfer = Transfer(self, bridge, mover, request)
        server.reply(202, headers=() if transfer.tells else (b"Refer-Sub: false",))
        transfer.begin(target)

    def place_offer(
        self,
        key: tuple[bytes, str, str],
        to: End,
        message: Request | Response,
        then: Callable[[bytes], None],
        failed: Callable[[int], None],
    ) -> None:
        """Have an offer anchored; `key`: Call-ID, who offers, who answers. `then` gets the whole body as it goes on."""
        content_type, body = message.get(b"content-type") or b"", message.body
        sdp = sdp_of(content_type, body)
        if sdp is None or not self.anchors:
            then(body)
            return

        def done(result: bytes | MediaFailed) -> None:
            if isinstance(result, MediaFailed):
                failed(result.status)
            else:
                then(with_sdp(content_type, body, result))

        call_id, offerer, answerer = key
        media_key = MediaKey(call_id.decode("utf-8", "surrogateescape"), offerer, answerer)
        transport = "RTP/AVP" if to.login is not None else ""  # providers speak plain RTP
        self.media.offer(media_key, sdp, to.network, message.flow.host, done, transport)

    def forget(self, bridge: Bridge, by: End, staying: End | None = None) -> None:
        """A bridge is over; `staying` goes on in another one."""
        self._bridges.pop(bridge.call_id, None)
        for end in (bridge.a, bridge.b):
            if end is not staying:
                self._ends.pop(end.dialog.key, None)
        tags = bridge.a.media_tag.encode("latin-1"), bridge.b.media_tag.encode("latin-1")
        calls = self.core.calls
        told = calls.told(calls.get(bridge.call_id))
        if staying is not None and calls.get(bridge.call_id) is None:
            pass  # the call has been handed over to where it goes on
        elif not calls.hung_up(bridge.call_id, tags if by is bridge.a else tags[::-1]):
            calls.end(bridge.call_id)
        self.media.delete(bridge.text, told=told)
        self.detail(bridge.call_id, "call ended", by=by.dialog.remote.decode("utf-8", "replace"))

    def when_over(self, call_id: bytes, then: Callable[[], None]) -> None:
        """Do this when a call that is no bridge is over."""
        self._at_end.setdefault(call_id, []).append(then)

    def _on_call(self, event: CallChanged) -> None:
        if event.state == "ended" and self._at_end:
            for then in self._at_end.pop(event.call_id.encode("utf-8", "replace"), ()):
                then()

    def hang_up_all(self) -> None:
        """The switch stops."""
        for bridge in list(self._bridges.values()):
            bridge.hang_up()

    def note(self, call_id: bytes, event: str, **details: object) -> None:
        self.core.log.note(call_id, event, **details)

    def detail(self, call_id: bytes, event: str, **details: object) -> None:
        self.core.log.detail(call_id, event, **details)

    # -- as an owner

    def on_response(self, response: Response) -> None:
        """To a BYE: whatever it says, that call is over."""

    def on_no_answer(self, timed_out: bool) -> None:
        """To a BYE."""


def _is_ipv4(host: str) -> bool:
    parts = host.split(".")
    return len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts)
