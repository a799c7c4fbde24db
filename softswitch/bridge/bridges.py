"""All bridged calls of the switch, and the ways into them: phones that call outside, trunks that call in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from softswitch.bridge.attempt import Attempt
from softswitch.bridge.bridge import Bridge
from softswitch.bridge.called import called_number, caller_of
from softswitch.bridge.end import End
from softswitch.bridge.inbound import Inbound
from softswitch.dialplan.trunk import OutsideCall
from softswitch.errors import PeerError
from softswitch.events import CallChanged
from softswitch.flow import Flow
from softswitch.proxy.branch import Branch
from softswitch.proxy.core import Core
from softswitch.proxy.fork import Fork
from softswitch.sip.message import Request, Response
from softswitch.sip.uri import ipv6_of, parse_uri
from softswitch.transaction.layer import Layer
from softswitch.transaction.server_invite import ServerInvite
from softswitch.trunks.line import Line
from softswitch.trunks.trunks import Trunks


class Bridges:
    """The registry; also the owner of requests whose answer means nothing."""

    def __init__(self, core: Core, layer: Layer, trunks: Trunks) -> None:
        self.core = core
        self.layer = layer
        self.trunks = trunks
        self.media = core.media
        self.anchors = core.anchors
        self._ends: dict[tuple[bytes, bytes], End] = {}
        self._bridges: dict[bytes, Bridge] = {}
        self._at_end: dict[bytes, list[Callable[[], None]]] = {}
        core.bus.subscribe(CallChanged, self._on_call)

    def __len__(self) -> int:
        return len(self._bridges)

    # -- calls out

    def attempt(self, fork: Fork, call: OutsideCall, hops: int) -> Branch:
        """A branch of this fork to a number outside."""
        return Attempt(self, fork, call, self.trunks.lines(fork.plan.site, call), hops)

    def refuses(self, line: Line, call: OutsideCall) -> str:
        """Why this call can't go over that trunk now, in words; "" when it can."""
        why = line.refuses(call.emergency)
        if not why and call.at_once and self.trunks.under_way(line.site, call.line) >= call.at_once:
            why = f"line {call.line} of outside allows {call.at_once} at once"
        return why

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
        if line.trunk.channels and len(line.channels) >= line.trunk.channels:
            raise PeerError(486)
        caller, name = caller_of(request, plan)
        server = self.layer.accept(request)
        assert isinstance(server, ServerInvite)
        self.layer.remember(server)
        line.calls_in += 1
        Inbound(self, line, request, server, caller, name).begin(plan, number, hops)
        return True

    def is_trunk(self, host: str) -> bool:
        """Whether a trunk's calls come from this address."""
        return self.trunks.line_of(host) is not None

    # -- within calls

    def join(self, call_id: bytes, a: End, b: End) -> Bridge:
        """Make one call of two dialogs."""
        bridge = self._bridges[call_id] = Bridge(self, call_id, a, b)
        for end in (a, b):
            self._ends[end.dialog.key] = end
        return bridge

    def on_request(self, request: Request) -> bool:
        """A request within a dialog; False when it is none of a bridge."""
        end = self._ends.get((request.call_id, request.to.tag))
        if end is None or not end.dialog.belongs(request):
            return False
        host = request.flow.host
        if host != end.dialog.flow.host and not end.trusts(host) and not self.core.contacts.knows(request.flow):
            return False
        if request.flow != end.dialog.flow and request.flow.connection and host == end.dialog.flow.host:
            end.dialog.flow = request.flow  # it has connected anew
        end.receive(request)
        return True

    def heard(self, call_id: bytes) -> None:
        """Somebody in this call is alive."""
        call = self.core.calls.get(call_id)
        if call is not None:
            call.heard_at = self.core.wall

    def forget(self, bridge: Bridge, by: End) -> None:
        """A bridge is over."""
        self._bridges.pop(bridge.call_id, None)
        for end in (bridge.a, bridge.b):
            self._ends.pop(end.dialog.key, None)
        tags = bridge.a.media_tag.encode("latin-1"), bridge.b.media_tag.encode("latin-1")
        calls = self.core.calls
        told = calls.told(calls.get(bridge.call_id))
        if not calls.hung_up(bridge.call_id, tags if by is bridge.a else tags[::-1]):
            calls.end(bridge.call_id)
        self.media.delete(bridge.text, told=told)
        self.note(bridge.call_id, "call ended", by=by.dialog.remote.decode("utf-8", "replace"))

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

    # -- as an owner

    def on_response(self, response: Response) -> None:
        """To a BYE: whatever it says, that call is over."""

    def on_no_answer(self, timed_out: bool) -> None:
        """To a BYE."""


def _is_ipv4(host: str) -> bool:
    parts = host.split(".")
    return len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts)
