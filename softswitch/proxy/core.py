"""The proxy core: what happens to a request that is new (RFC 3261 §16.2 to §16.6)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from zlib import crc32

from softswitch.dialplan.codes import ACTIONS
from softswitch.dialplan.decide import next_step
from softswitch.dialplan.emergency import SAYS_TEST
from softswitch.dialplan.explain import command_words
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.outcome import Came
from softswitch.dialplan.outside import number_of
from softswitch.dialplan.plan import Code, Person, Plan
from softswitch.dialplan.step import Answer, Command, Reject, Ring
from softswitch.dialplan.telephone import international
from softswitch.errors import PeerError
from softswitch.events import BindingChanged, Bus, EmergencyTested
from softswitch.flow import Flow, Listener
from softswitch.ids import Ids
from softswitch.media.anchor import sdp_of
from softswitch.media.engine import MediaEngine, MediaFailed, MediaKey
from softswitch.presence.permission import Watching
from softswitch.proxy.ack import AckForward
from softswitch.proxy.branch import Branch, target_of
from softswitch.proxy.calls import Call, Calls
from softswitch.proxy.direct import stays_straight
from softswitch.proxy.encryption import fault, srtp_of
from softswitch.proxy.firms import Caller, Firms, shown
from softswitch.proxy.fork import Fork
from softswitch.proxy.forwarded import times_forwarded
from softswitch.proxy.ports import (
    CallLog,
    Contacts,
    Directory,
    LegHandler,
    MessageHandler,
    OutsideHandler,
    OverrideHandler,
    PresenceHandler,
    RegisterHandler,
    Resolver,
    Verifier,
)
from softswitch.proxy.route import Addresses, Way, preprocess
from softswitch.proxy.spread import Spread
from softswitch.proxy.straight import Straight
from softswitch.proxy.token import Opened, Tokens
from softswitch.proxy.validate import check_extensions, check_hops, check_loop, check_scheme
from softswitch.records.diary import Diary
from softswitch.records.recorder import Recorder
from softswitch.registrar.bindings import Binding
from softswitch.sip.build import respond
from softswitch.sip.message import Request, Response
from softswitch.sip.uri import Uri, parse_uri
from softswitch.transaction.layer import Layer, reply_flow
from softswitch.transaction.server_invite import ServerInvite
from softswitch.transaction.server_other import ServerOther

NOBODY: frozenset[str] = frozenset()
MAX_BREADTH = 60
"""RFC 5393 §5.3.3.3."""

METHODS = (
    "INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REGISTER", "UPDATE", "PRACK", "REFER", "NOTIFY", "SUBSCRIBE",
    "PUBLISH", "INFO", "MESSAGE",
)  # fmt: skip
_CLAIMS = frozenset((b"p-asserted-identity", b"p-preferred-identity", b"remote-party-id"))
"""Who somebody says that he is; many phones show it rather than From."""
_PRIVATE = _CLAIMS | {b"proxy-authorization"}
ALLOW = b"Allow: " + ", ".join(METHODS).encode()


class Core:
    """Decides about every new request; the switch puts in `layer`, `legs` and `presence` before the first one."""

    layer: Layer
    legs: LegHandler
    messages: MessageHandler | None = None
    """None: they go to the phones that are there, or fail."""
    outside: OutsideHandler
    presence: PresenceHandler

    def __init__(
        self,
        *,
        plans: Mapping[str, Plan],
        listeners: Sequence[Listener],
        ids: Ids,
        token_key: bytes,
        contacts: Contacts,
        verifier: Verifier,
        registrar: RegisterHandler,
        resolver: Resolver,
        directory: Directory,
        media: MediaEngine,
        log: CallLog,
        bus: Bus,
        overrides: OverrideHandler,
        anchors: bool = True,
        straight_networks: frozenset[str] = frozenset(),
        outside_domains: bool = False,
        own_hosts: Collection[str] = (),
        recorder: Recorder | None = None,
    ) -> None:
        self.ids = ids
        self.tokens = Tokens(token_key, listeners)
        self.addresses = Addresses(listeners, own_hosts)
        self.contacts = contacts
        self.verifier = verifier
        self.registrar = registrar
        self.resolver = resolver
        self.directory = directory
        self.media = media
        self.overrides = overrides
        self.log = log
        self.anchors = anchors
        self.straight_networks = straight_networks
        """In which phones may talk straight to each other where the dialplan says nothing of it."""
        self.outside_domains = outside_domains
        self.bus = bus
        self.calls = Calls(bus, recorder, lambda: self.wall)
        self.calls.on_end = log.over
        self.ringing: set[Fork] = set()
        self.draining = False
        """The switch is about to stop: what is new is sent elsewhere."""
        self.strangers = 0
        """So often somebody unknown wanted to call outside, and was refused."""
        self.wall = 0.0
        """The moment of the input at hand, seconds since 1970 UTC; set by the pump."""
        self.firms = Firms(plans, self.addresses, contacts, directory, verifier)
        bus.subscribe(BindingChanged, self._on_binding)

    def use_plans(self, plans: Mapping[str, Plan]) -> None:
        """Route new calls by these plans; calls that ring keep theirs."""
        self.firms.use(plans)
        self.presence.use(plans)

    # -- new requests

    def on_request(self, request: Request) -> None:
        """From the transaction layer."""
        try:
            if request.method == b"ACK":
                self._on_ack(request)
            else:
                self._on_request(request)
        except PeerError as error:
            if request.method != b"ACK":
                self._refuse(request, error)

    def on_stray_response(self, response: Response) -> None:
        """A response to nothing of ours is dropped (RFC 6026 §7.2)."""

    def _refuse(self, request: Request, error: PeerError) -> None:
        """Without a transaction: a stranger's request leaves nothing behind. A repeated one is refused again."""
        if request.method == b"INVITE" and error.status in (401, 403, 407) and not self.contacts.knows(request.flow):
            self._count_stranger(request)
        data = respond(request, error.status, error.reason, error.headers, to_tag=self.ids.tag())
        self.layer.send(data, reply_flow(request))

    def _count_stranger(self, request: Request) -> None:
        """Somebody who is no phone of ours wants to call outside: at our cost, if it worked."""
        try:
            user = parse_uri(request.uri).user_text if request.uri[:4].lower() != b"tel:" else request.uri[4:].decode()
        except (PeerError, UnicodeDecodeError):
            return
        plan = self.firms.plan_of_sender(request)
        if user not in plan.destinations and international(user, plan.country or "ZZ"):
            self.strangers += 1

    def _on_request(self, request: Request) -> None:
        check_scheme(request.uri)
        method = request.method
        hops = check_hops(request)
        check_loop(request, self.addresses.sent_by)
        check_extensions(request)
        in_dialog = bool(request.to.tag)
        way = preprocess(request, self.addresses, self.tokens, in_dialog)
        if self.draining and not in_dialog:
            raise PeerError(503, headers=(b"Retry-After: 10",))
        if in_dialog:
            self._on_dialog_request(request, way, hops)
        elif method == b"REGISTER":
            self._on_register(request, way)
        else:
            self._on_new(request, way, hops)

    # -- within a dialog

    def _on_dialog_request(self, request: Request, way: Way, hops: int) -> None:
        token = way.token
        if token is None:
            if self._is_for_us(way) and any(
                one.on_request(request) for one in (self.legs, self.outside, self.presence)
            ):
                return
            if request.method == b"BYE":
                # Of a dialog that was our own and went with an earlier run: its phone is out of that call now.
                self.calls.left_behind(request.call_id, request.from_.tag)
            raise PeerError(481)
        if not self._is_party(request.flow, token.sender):
            # The token is right and the place is new: a phone that moved shows who it is.
            self.verifier.verify(request, self.firms.plan_of_sender(request).site, self.layer.now, True)
        straight = Straight(self, self.layer.accept(request), request)
        call = self.calls.get(request.call_id)
        if call is not None:
            call.heard_at = self.wall
            if request.flow.host != token.sender.host:
                call.places[request.from_.tag] = request.flow
        anchored = token.anchored or self._needs_relay_now(request, token, way)
        if token.receiver_sticks:
            self._send_straight(straight, way, [self._receiver(request, token, way)], hops, anchored)
        else:
            self._resolve_straight(straight, way, hops, anchored)

    def _needs_relay_now(self, request: Request, token: Opened, way: Way) -> bool:
        """Whether a call that began without the relay goes on with it: somebody has gone elsewhere, now or before."""
        if not self.anchors or self.calls.has_relay(request):
            return self.anchors
        if request.method not in (b"INVITE", b"UPDATE"):
            return False
        sdp = sdp_of(request.get(b"content-type") or b"", request.body)
        if sdp is None and request.method == b"UPDATE":
            return False
        flows = (request.flow, self._receiver(request, token, way))
        if stays_straight((token.sender, token.receiver), flows, way.uri, sdp):
            return False
        self.log.note(request.call_id, "sound", way="relay", because="a phone has gone elsewhere")
        self.calls.needs_relay(request)
        return True

    def _receiver(self, request: Request, token: Opened, way: Way) -> Flow:
        """Where the other phone is: where it was, or has gone, or registered from after its connection closed."""
        call = self.calls.get(request.call_id)
        place = call.places.get(request.to.tag) if call is not None else None
        if place is not None and self.contacts.alive(place):
            return place
        if self.contacts.alive(token.receiver):
            return token.receiver
        return self.contacts.newest(way.uri) or token.receiver

    def _is_party(self, flow: Flow, sender: Flow) -> bool:
        return flow.host == sender.host or self.contacts.knows(flow)

    def _is_for_us(self, way: Way) -> bool:
        if way.next_route is not None:
            return False
        return self.firms.is_for_us(parse_uri(way.uri))

    def _on_ack(self, request: Request) -> None:
        """An ACK to a 2xx: forwarded without a transaction, within a dialog or not at all (RFC 6026 §8.4)."""
        check_scheme(request.uri)
        hops = check_hops(request)
        way = preprocess(request, self.addresses, self.tokens, True)
        token = way.token
        if token is None:
            if not way.was_ours and self._is_for_us(way) and not self.legs.on_request(request):
                self.outside.on_request(request)
            return
        if not self._is_party(request.flow, token.sender):
            return
        ack = AckForward(self, request, way, hops, token.anchored or self.calls.has_relay(request))
        if token.receiver_sticks:
            ack.send(self._receiver(request, token, way))
        else:
            self.resolver.resolve(way.next_route or way.uri, len(request.body) + 1000, ack.resolved)

    def _send_straight(self, straight: Straight, way: Way, flows: Sequence[Flow], hops: int, anchored: bool) -> None:
        request = straight.request
        branch = Branch(self, straight, request, way.uri, flows[0], hops)
        branch.alternatives = flows[1:]
        branch.routes = way.routes
        branch.record_route = request.method in (b"SUBSCRIBE", b"REFER") and not request.to.tag
        branch.anchor = anchored
        branch.remove = self.private_lines(request)
        if request.method == b"PRACK" and request.body:
            call = self.calls.get(request.call_id)
            if call is not None and request.to.tag in call.awaiting:
                call.awaiting.discard(request.to.tag)
                branch.answers = True
        straight.start(branch)

    def _resolve_straight(self, straight: Straight, way: Way, hops: int, anchored: bool) -> None:
        def resolved(flows: Sequence[Flow]) -> None:
            if not straight.server.answered:
                if flows:
                    self._send_straight(straight, way, flows, hops, anchored)
                else:
                    straight.refuse(404 if not straight.request.to.tag else 480, "No Way to That Host")

        size = len(straight.request.body) + sum(map(len, straight.request.lines)) + 200
        self.resolver.resolve(way.next_route or way.uri, size, resolved)

    def on_straight_done(self, request: Request) -> None:
        """A request within a dialog has its final response."""
        if request.method != b"BYE":
            return
        call, tags = self.calls.get(request.call_id), (request.from_.tag, request.to.tag)
        if not self.calls.hung_up(request.call_id, tags):
            # One of several who answered has left, or it is another call under this Call-ID.
            left = tags[1] if call is not None and tags[0] == call.from_tag else tags[0]
            told = self.calls.told(call)
            self.media.delete(request.call_id.decode("utf-8", "surrogateescape"), left.decode("latin-1"), told=told)
        else:
            self.release_call(request, call)
            self.log.detail(request.call_id, "call ended", by=request.from_.uri.decode("utf-8", "replace"))

    # -- outside a dialog

    def _on_register(self, request: Request, way: Way) -> None:
        if way.next_route is not None:
            raise PeerError(403, "Not a Relay for REGISTER")
        plan = self.firms.plan_of(parse_uri(way.uri))
        if plan is None:
            raise PeerError(404, "No Such Domain Here")
        account = self.verifier.verify(request, plan.site, self.layer.now, False)
        to = request.to.uri
        if to[:4].lower() not in (b"sip:", b"sips"):
            raise PeerError(400, "No SIP Address of Record")
        if not self.firms.speaks_for(plan, account, parse_uri(to)):
            raise PeerError(403, "Not Your Address of Record")
        if self.layer.merged(request):
            raise PeerError(482)
        server = self.layer.accept(request)
        assert isinstance(server, ServerOther)
        self.layer.remember(server)
        try:
            self.registrar.on_register(request, plan.site, account, server)
        except PeerError as error:
            server.reply(error.status, error.reason, error.headers)

    def _on_new(self, request: Request, way: Way, hops: int) -> None:
        method = request.method
        if method in (b"INVITE", b"OPTIONS") and self._is_from_trunk(request):
            if method == b"OPTIONS":
                self.layer.send(respond(request, 200, "", (ALLOW,), to_tag=self.ids.tag()), reply_flow(request))
                return
            if self.outside.on_invite(request, hops):
                return
        if way.uri[:4].lower() == b"tel:":
            # A number alone is dialled within the caller's own firm.
            site = self.firms.plan_of_sender(request).site.encode()
            uri = Uri(b"tel", way.uri[4:].partition(b";")[0], site, None, b"", b"")
        else:
            uri = parse_uri(way.uri)
        plan = self.firms.plan_of(uri) if way.next_route is None else None
        if method == b"OPTIONS" and plan is not None and not uri.user:
            if not self.firms.is_known(request.flow):
                self.verifier.verify(request, plan.site, self.layer.now, False)
            self.layer.send(respond(request, 200, "", (ALLOW,), to_tag=self.ids.tag()), reply_flow(request))
            return
        caller = self.firms.caller(request, plan, self.layer.now)
        if plan is None:
            self._on_outside(request, way, hops, caller)
        elif method == b"INVITE":
            if b"replaces" in request.first and self.outside.take_over(request, plan.site, caller.account):
                return
            self._on_invite(request, uri, plan, caller, hops)
        elif method in (b"SUBSCRIBE", b"PUBLISH"):
            self._on_event(request, uri, plan, caller)
        elif method in (b"BYE", b"PRACK", b"UPDATE", b"CANCEL"):
            raise PeerError(481)
        else:
            self._on_other(request, uri, plan, caller, hops)

    def _is_from_trunk(self, request: Request) -> bool:
        """A phone that registered from a trunk's address is a phone all the same."""
        return self.outside.is_trunk(request.flow.host) and not self.contacts.knows(request.flow)

    def _on_invite(self, request: Request, uri: Uri, plan: Plan, caller: Caller, hops: int) -> None:
        if self.breadth_of(request) < 1:
            raise PeerError(440)
        caller_shown = shown(request)
        same_firm = caller.account if caller.plan is plan else ""
        facts = self.facts(plan, uri.user_text, caller_shown, same_firm, request.call_id, times_forwarded(request))
        srtp = srtp_of(caller.plan, caller.account)
        if srtp and (wrong := fault(srtp, sdp_of(request.get(b"content-type") or b"", request.body))):
            if number_of(plan, facts.called) not in plan.emergency:
                self.log.note(request.call_id, "refused", account=caller.account, reason=f"{wrong} (srtp: {srtp})")
                raise PeerError(488, wrong)
            srtp = ""  # help first
        server = self.layer.accept(request)
        assert isinstance(server, ServerInvite)
        call_id, from_tag = request.call_id, request.from_.tag
        diary = Diary(plan.site, call_id, caller_shown, facts.called, caller.account, caller.plan.site, self.wall)
        fork = Fork(self, server, request, plan, facts, hops, diary)
        fork.srtp = srtp
        server.reply(100)
        self.ringing.add(fork)
        fork.owns = self.calls.begin(
            Call(plan.site, call_id, from_tag, caller_shown, facts.called, self.wall, diary, anchored=self.anchors)
        )
        if not fork.owns and (outer := self.calls.get(call_id)) is not None and outer.from_tag == from_tag:
            diary.legs = outer.diary.legs  # a spiral: what rings now is part of the same call
        self.log.detail(request.call_id, "call", caller=caller_shown, called=facts.called, account=caller.account)
        fork.proceed()

    def _on_event(self, request: Request, uri: Uri, plan: Plan, caller: Caller) -> None:
        """SUBSCRIBE or PUBLISH: the switch itself knows how its people are."""
        who = plan.lookup(uri.user_text)
        if who is None or isinstance(who, Code):
            raise PeerError(404)
        sender = request.from_.uri
        uri_shown = parse_uri(sender) if sender[:3].lower() == b"sip" else None
        address = f"{uri_shown.user_text}@{uri_shown.host.decode()}" if uri_shown is not None else ""
        site = caller.plan.site if caller.account else ""
        watching = Watching(site, caller.account, address, self.directory.peer(request.flow.host) or "")
        if request.method == b"SUBSCRIBE":
            self.presence.on_subscribe(request, plan, uri.user_text, who, watching)
        elif isinstance(who, Person):
            self.presence.on_publish(request, plan, who, watching)
        else:
            raise PeerError(403, "Nobody Speaks for a Team")

    def _on_other(self, request: Request, uri: Uri, plan: Plan, caller: Caller, hops: int) -> None:
        """An unknown method …: to all phones that would ring now. MESSAGE has a handler of its own."""
        letters = self.messages if request.method == b"MESSAGE" else None
        if letters is not None and letters.on_message(request, uri.user_text, plan, caller, hops):
            return
        step = next_step(plan, self.facts(plan, uri.user_text, shown(request), caller.account), ())
        if isinstance(step, Reject):
            raise PeerError(step.status, step.phrase)
        if isinstance(step, Answer | Command):
            raise PeerError(405, headers=(b"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS",))
        bindings = [
            b for phone in step.phones if phone != caller.account
            for b in self.contacts.bindings(plan.site, phone, self.wall)
        ]  # fmt: skip
        ways = [(binding, flow) for binding in bindings if (flow := self.way_to(request, binding)) is not None]
        if not ways:
            raise PeerError(480)
        if len(ways) > self.breadth_of(request):
            raise PeerError(440)
        server = self.layer.accept(request)
        assert isinstance(server, ServerOther)
        spread = Spread(self, server)
        branches = []
        for binding, flow in ways:
            branch = Branch(self, spread, request, target_of(binding), flow, hops)
            if binding.path or b"route" in request.first:
                branch.routes = [value.encode() for value in binding.path]
            branch.sticky = (bool(caller.account), not binding.path)
            branch.remove = self.private_lines(request)
            branch.use_breadth(self.breadth_of(request) // len(ways))
            branches.append(branch)
        spread.start(branches)

    def _on_outside(self, request: Request, way: Way, hops: int, caller: Caller) -> None:
        """A SIP address of somebody else's domain."""
        if not self.outside_domains:
            raise PeerError(403, "Other Domains Are Not Served")
        straight = Straight(self, self.layer.accept(request), request)

        def resolved(flows: Sequence[Flow]) -> None:
            if straight.server.answered:
                return
            if not flows:
                straight.refuse(404, "No Way to That Host")
                return
            branch = Branch(self, straight, request, way.uri, flows[0], hops)
            branch.alternatives = flows[1:]
            branch.routes = way.routes
            branch.sticky = (bool(caller.account), False)
            branch.anchor = self.anchors and request.method == b"INVITE"
            branch.remove = self.private_lines(request)
            straight.start(branch)

        size = len(request.body) + sum(map(len, request.lines)) + 200
        self.resolver.resolve(way.next_route or way.uri, size, resolved)

    # -- what forks and branches ask for

    def facts(
        self, plan: Plan, called: str, caller: str = "", account: str = "", call_id: bytes = b"", forwarded: int = 0
    ) -> Facts:
        """All that the decision about one call may look at, as it is at this moment."""
        return Facts(
            plan.site,
            called,
            caller,
            account,
            self.wall,
            self.calls.rota.standing(plan.site),
            crc32(call_id),
            self.overrides.of(plan.site),
            self.calls.engaged(plan) if plan.busy_people else NOBODY,
            forwarded,
            self.presence.presences(plan),
        )

    def coming_round(self, plan: Plan, called: str, caller: str) -> int:
        """How many calls of just this caller to just this number ring outside now.

        One that was sent outside may come back over another network that does not say so: each time round is one more.
        """
        alike = [
            fork
            for fork in self.ringing
            if fork.facts.called == called and fork.facts.caller == caller and fork.plan.site == plan.site
        ]
        return sum(1 for fork in alike if fork.step is not None and fork.step.numbers)

    def way_to(self, request: Request, binding: Binding) -> Flow | None:
        """The way to a contact, or None: who dials sips: wants every hop secured (RFC 3261 §26.2.2)."""
        flow = self.contacts.flow_of(binding)
        if flow is not None and request.uri[:5].lower() == b"sips:" and flow.listener.transport != "TLS":
            return None
        return flow

    def breadth_of(self, request: Request) -> int:
        """How many branches a request may still become (RFC 5393 §5)."""
        value = request.get(b"max-breadth")
        if value is None:
            return MAX_BREADTH
        if not value.isdigit() or len(value) > 9:
            raise PeerError(400, "Malformed Max-Breadth")
        return int(value)

    def private_lines(self, request: Request) -> list[int]:
        """Lines that end here: credentials for us (RFC 3261 §22.3), identity that a phone claims (RFC 3325 §5).

        Credentials for another realm are for a proxy further on.
        """
        if request.first.keys().isdisjoint(_PRIVATE):
            return []
        trusted = self.directory.peer(request.flow.host) is not None
        gone = []
        for at, key in enumerate(request.keys):
            if key == b"proxy-authorization":
                if any(realm in request.lines[at] for realm in self.firms.realms):
                    gone.append(at)
            elif key in _CLAIMS and not trusted:
                gone.append(at)
        return gone

    def media_key(self, request: Request, branch: bytes) -> MediaKey:
        """Of an offer in this request."""
        return MediaKey(
            request.call_id.decode("utf-8", "surrogateescape"),
            request.from_.tag.decode("latin-1"),
            request.to.tag.decode("latin-1"),
            branch.decode("latin-1") if not request.to.tag else "",
        )

    def release_branch(self, branch: Branch) -> None:
        """A branch that lost: its ports are free. Within a dialog they are those of the call, and stay."""
        if branch.anchor and branch.offered and branch.branch and not branch.request.to.tag:
            key = self.media_key(branch.request, branch.branch)
            self.media.delete(key.call_id, key.from_tag, key.via_branch)

    def end_call(self, fork: Fork) -> None:
        """It came to nothing: what it held is free. Of a spiral's inner half that is not what the outer one holds."""
        if fork.owns:
            self.calls.end(fork.request.call_id)
            self.release_call(fork.request)
        else:
            for branch in fork.branches:
                self.release_branch(branch)

    def release_call(self, request: Request, call: Call | None = None) -> None:
        """A call that is over: all its ports are free, and its record tells how it was heard."""
        if self.anchors:
            call_id = request.call_id.decode("utf-8", "surrogateescape")
            self.media.delete(call_id, told=self.calls.told(call))

    def moved_to(self, plan: Plan, response: Response) -> list[str]:
        """Whom the contacts of a 3xx name within this firm, as user parts."""
        found: list[str] = []
        try:
            contacts = response.contacts()[:10]
        except PeerError:
            return []  # a redirection to nowhere
        for contact in contacts:
            try:
                uri = parse_uri(contact.uri)
            except PeerError:
                continue
            home = self.firms.plan_of(uri)
            # By the site: a reload may have made a new plan of the same firm since the call began.
            if home is None or home.site != plan.site:
                continue
            user = uri.user_text
            if user in plan.destinations or (plan.trunks and number_of(plan, user) not in ("", *plan.emergency)):
                found.append(user)
        return found

    def redirected(self, plan: Plan, facts: Facts, users: Sequence[str]) -> list[Binding]:
        """The phones that these people would be rung on now."""
        found: list[Binding] = []
        for user in users:
            step = next_step(plan, facts._replace(called=user, called_back=""), ())
            if isinstance(step, Ring):
                for phone in step.phones:
                    if phone != facts.caller_account:
                        found += self.contacts.bindings(plan.site, phone, self.wall)
        return found

    def answer_call(self, fork: Fork, step: Answer) -> None:
        """The switch takes the call itself. The same request by another way gets 482 (RFC 3261 §8.2.2.2)."""
        request, server = fork.own_call()
        if request is fork.request:
            if self.layer.merged(request):
                fork.diary.over("failed", 482)
                server.reply(482)
                self.end_call(fork)
                return
            if server.key:
                self.layer.remember(server)
        self.log.detail(request.call_id, "answered", by=f"the switch: {step.what}")
        if step.what == SAYS_TEST:
            self.bus.publish(EmergencyTested(fork.plan.site, fork.facts.caller_account))
        self.legs.answer(request, server, step.what, fork.plan, fork.facts)

    def say_refusal(self, fork: Fork, step: Reject) -> bool:
        """Have a phone of ours hear why its call is refused; False where it simply is.

        Not who wants provisional responses acknowledged (RFC 3262).
        """
        request, server = fork.request, fork.server
        if not (self.anchors and fork.owns and fork.facts.caller_account and server.key):
            return False
        if any(b"100rel" in line for line in request.all(b"require")):
            return False
        if sdp_of(request.get(b"content-type") or b"", request.body) is None:
            return False
        return self.legs.refuse(request, server, step, fork.plan, lambda: self.end_call(fork))

    def obey(self, fork: Fork, command: Command) -> None:
        """Carry out what the caller dialled; once it is kept the switch says so."""
        request, server = fork.own_call()

        def done(problem: str) -> None:
            if problem:
                fork.diary.over("failed", 503)
                server.reply(503, "Not Kept")
                self.end_call(fork)
            elif not server.answered:
                self.answer_call(fork, Answer(f"say {ACTIONS[command.action].said}", command.reasons))

        self.overrides.obey(fork.plan.site, command, fork.facts.caller_account, self.wall, done)
        self.log.note(request.call_id, "set", who=command.person, what=command_words(command))

    def _on_binding(self, event: BindingChanged) -> None:
        if event.cause == "registered":
            for fork in list(self.ringing):
                if fork.plan.site == event.site:
                    fork.joined(event.account, event.contact)

    # -- the call's diary

    def log_step(self, request: Request, step: Ring) -> None:
        self.log.detail(request.call_id, "ringing", who=step.label, seconds=step.seconds, reasons=step.reasons)

    def log_outcome(self, request: Request, came: Came) -> None:
        self.log.detail(request.call_id, "outcome", outcome=came.value)

    def log_answered(self, request: Request, label: str) -> None:
        self.log.detail(request.call_id, "answered", by=label)

    def log_refused(self, request: Request, step: Reject) -> None:
        if step.status == 403 and self.directory.peer(request.flow.host) is not None:
            self._count_stranger(request)
        self.log.detail(request.call_id, "not reached", status=step.status, reasons=step.reasons)

    def log_media_failure(self, request: Request, failed: MediaFailed) -> None:
        self.log.note(request.call_id, "no media", status=failed.status, reason=failed.reason)
