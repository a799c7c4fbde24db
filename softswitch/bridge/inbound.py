"""A call that comes in over a trunk: the provider's dialog outside, a call of our own into the office."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from softswitch.bridge.end import End
from softswitch.bridge.forking import Acknowledge, BridgedFork, InnerServer
from softswitch.bridge.invitation import ALLOW
from softswitch.bridge.keys import Manner, agreed, events_of, for_answer, for_offer, manner_of
from softswitch.bridge.reliable import Reliable, wants_reliable
from softswitch.bridge.tags import Tags
from softswitch.dialog.dialog import Dialog
from softswitch.dialog.sessiontimer import SESSION_SECONDS, as_client, as_server
from softswitch.dialplan.plan import Plan
from softswitch.flow import Flow
from softswitch.proxy.calls import Call
from softswitch.proxy.forwarded import times_forwarded
from softswitch.records.diary import Diary
from softswitch.sip.build import respond
from softswitch.sip.message import Request, Response
from softswitch.sip.parse import parse
from softswitch.sip.uri import escape
from softswitch.transaction.layer import reply_flow
from softswitch.transaction.server_invite import ServerInvite
from softswitch.trunks.line import Channel, Line

if TYPE_CHECKING:
    from softswitch.bridge.bridges import Bridges


class Inbound:
    """One such call until it is answered; the owner of the provider's INVITE."""

    def __init__(
        self,
        bridges: Bridges,
        line: Line,
        request: Request,
        server: ServerInvite,
        caller: str,
        name: bytes,
        called_back: str = "",
    ) -> None:
        """`caller` is E.164, another text, or "" when hidden; `name` what stands before it in From.

        `called_back` is the phone that called for help before, where this is a call for it.
        """
        self.bridges = bridges
        self.line = line
        self.request = request
        self.server = server
        self.caller = caller
        self.tags = Tags(bridges.layer.ids, server.to_tag)
        self.call_id = bridges.layer.ids.call_id(line.site.encode())
        self.local_tag = bridges.layer.ids.tag()
        self.channel: Channel | None = line.take()
        self.inner: InnerServer | None = None
        self._called_back = called_back
        if not called_back:
            self.channel.give_way = self._give_way
        self._name = name
        self._taken = b""
        """The tag of the phone that has the call."""
        self._end: End | None = None
        self.sender = b""
        self._late = not request.body
        self._offered_events = False
        """The office's phones were offered telephone events."""
        self._reliable = Reliable(bridges, request, server) if wants_reliable(request) else None
        self._diary: Diary | None = None
        server.owner = self

    # -- into the office

    def begin(self, plan: Plan, called: str, hops: int) -> None:
        """Let the dialplan decide who rings."""
        bridges, core, request = self.bridges, self.bridges.core, self.request
        site = plan.site.encode()
        user = escape(self.caller.encode()) if self.caller else b"anonymous"
        domain = site if self.caller else b"anonymous.invalid"
        name = b'"%b" ' % self._name if self._name and self.caller else b""
        self.sender = b"%b<sip:%b@%b>;tag=%b" % (name, user, domain, self.local_tag)
        number = escape(called.encode())
        at = request.first.get(b"content-type")
        body = request.body
        if body and core.anchors:
            body = for_offer(request, body, self._manner, Manner())
            self._offered_events = events_of(body) >= 0
        lines = [
            b"INVITE sip:%b@%b SIP/2.0" % (number, site),
            b"Via: " + request.flow.listener.via + bridges.layer.ids.branch(),
            b"Max-Forwards: %d" % hops,
            b"From: " + self.sender,
            b"To: <sip:%b@%b>" % (number, site),
            b"Call-ID: " + self.call_id,
            b"CSeq: 1 INVITE",
            *([b"Priority: emergency"] if self._called_back else []),
            ALLOW,
            b"Supported: timer, replaces",
            b"Session-Expires: %d;refresher=uac" % SESSION_SECONDS,
            *([request.lines[at]] if at is not None and request.body else []),
            b"Content-Length: %d" % len(body),
        ]
        made = parse(b"\r\n".join((*lines, b"", body)), request.flow)
        assert isinstance(made, Request)
        self.inner = inner = InnerServer(self, made)
        forwarded = max(times_forwarded(request), core.coming_round(plan, called, self.caller))
        facts = core.facts(plan, called, self.caller, "", self.call_id, forwarded)
        if self._called_back:
            facts = facts._replace(called_back=self._called_back)
            bridges.note(self.call_id, "call back after an emergency call", account=self._called_back)
        diary = self._diary = Diary(plan.site, self.call_id, self.caller, called, "", plan.site, core.wall)
        fork = BridgedFork(inner, plan, facts, hops, diary)
        self.server.reply(100)
        core.ringing.add(fork)
        call = Call(
            plan.site, self.call_id, self.local_tag, self.caller, called, core.wall, diary, anchored=core.anchors
        )
        fork.owns = core.calls.begin(call)
        bridges.detail(self.call_id, "call", caller=self.caller, called=called, trunk=self.line.name)
        fork.proceed()

    def contact_for(self, flow: Flow) -> bytes:
        """What a phone on this way is told to send its requests to."""
        return b"<sip:%b@%b>" % (escape(self.caller.encode()) if self.caller else b"anonymous", flow.listener.uri)

    # -- what the fork says

    def on_inner(self, response: Response) -> None:
        """A response of somebody in the office."""
        status = response.status
        if status < 200:
            self._tell(status, response)
        elif status < 300:
            self._answered(response)
        else:
            self._over()
            self.server.reply(status)

    def on_inner_reply(self, status: int, reason: str, headers: Sequence[bytes]) -> None:
        """The switch's own word."""
        if status < 200:
            self.server.reply(status, reason)
        else:
            self._over()
            self.server.reply(status, reason, tuple(headers))

    def _tell(self, status: int, response: Response) -> None:
        tag = self.tags.of(response.to.tag) if response.body else self.tags.main
        more = self._reliable.lines(tag) if self._reliable is not None else ()
        self.server.respond(status, self._respond(status, response, tag, more))

    def _respond(self, status: int, response: Response, tag: bytes, more: Sequence[bytes] = ()) -> bytes:
        request = self.request
        routes = [line for line, key in zip(request.lines, request.keys, strict=True) if key == b"record-route"]
        at = response.first.get(b"content-type")
        lines = [*routes, b"Contact: " + self._contact, ALLOW, *more]
        if response.body and at is not None:
            lines.append(response.lines[at])
        return respond(request, status, "", lines, self._for_caller(response), tag)

    @property
    def _manner(self) -> Manner:
        return Manner(self.line.trunk.style.keys)

    def _for_caller(self, response: Response) -> bytes:
        """What somebody in the office said of their sound, as the provider gets it."""
        assert self.inner is not None
        if not response.body or not self.bridges.anchors:
            return response.body
        joined = self.inner.joined
        sender = joined[0].manner if joined is not None else manner_of(response)
        if self._late:
            return for_offer(response, response.body, sender, self._manner)
        return for_answer(response, response.body, sender, self._manner, events_of(self.request.body))

    @property
    def _contact(self) -> bytes:
        user = escape((self.line.trunk.user or "switch").encode())
        return b"<sip:%b@%b>" % (user, self.line.contact_host(reply_flow(self.request)))

    def _answered(self, response: Response) -> None:
        assert self.inner is not None
        bridges, tag = self.bridges, response.to.tag
        if self._taken:
            if tag != self._taken:
                self._too_late(response)
            return
        self._taken = tag
        if self._reliable is not None:
            self._reliable.over()
        outer_tag = self.tags.of(tag)
        near = self.end(outer_tag)
        acknowledge: Acknowledge | None
        if self.inner.joined is not None:
            far, acknowledge = self.inner.joined
        else:
            phone = far = self.inner.phone(response)
            phone.site = self.line.site
            phone.pulse.agreed(as_client(response))
            phone.events = phone.offers_events = events_of(response.body)
            phone.sees_events = self._offered_events
            acknowledge = (lambda answer: phone.acknowledge(1, answer)) if self._late else None
            if acknowledge is None:
                phone.acknowledge(1)
        bridge = bridges.join(self.call_id, near, far)
        if acknowledge is not None:
            answer_it = acknowledge
            near.take_answer = lambda ack: bridge.answered(near, ack, answer_it)
        if self.channel is not None:
            near.on_end.append(self.channel.release)
            if not self._called_back:
                self.channel.give_way = near.give_way
            self.channel = None
        data = self._respond(200, response, outer_tag, (b"Supported: timer, replaces", *as_server(self.request)[1]))
        self.server.respond(200, data)
        near.told = self._for_caller(response)
        near.accept(data, self.request)
        if not self._late:
            near.events = events_of(self.request.body)
            near.sees_events = events_of(near.told) >= 0
            agreed(bridge)

    def end(self, tag: bytes) -> End:
        """The provider's end; `tag` is ours in its dialog, once there is an answer."""
        if self._end is None:
            request, line = self.request, self.line
            dialog = Dialog.as_server(request, tag, self._contact, reply_flow(request))
            end = self._end = End(self.bridges.layer, dialog, self.local_tag.decode("latin-1"), line)
            end.site, end.shown, end.manner = line.site, self.caller, self._manner
            end.trusts = lambda host: host in line.hosts
        return self._end

    def _too_late(self, response: Response) -> None:
        """A second phone answered before our CANCEL was there: it is hung up on."""
        assert self.inner is not None
        phone = self.inner.phone(response)
        phone.acknowledge(1)
        phone.hang_up()
        self.bridges.core.calls.hung_up(self.call_id, (response.to.tag, self.local_tag))

    # -- the provider

    def on_cancel(self, cancel: Request) -> None:
        """The caller hung up before anyone answered."""
        if self.inner is not None and self.inner.owner is not None:
            self.inner.owner.on_cancel(cancel)

    def on_caller_gone(self) -> None:
        """The connection to the provider closed."""
        if self.inner is not None and self.inner.owner is not None:
            self.inner.owner.on_caller_gone()

    def _give_way(self) -> None:
        """An emergency call needs the channel."""
        if self.channel is not None:
            self.channel.release()
            self.channel = None
        self.on_caller_gone()

    def taken_by_us(self) -> tuple[Request, ServerInvite]:
        """The switch answers this call itself: its leg is with the provider, and the inner call is gone."""
        bridges = self.bridges
        bridges.core.calls.moved(self.call_id, self.request.call_id, self.request.from_.tag)
        if self.channel is not None:
            bridges.when_over(self.request.call_id, self.channel.release)
            self.channel.give_way = None
            self.channel = None
        return self.request, self.server

    def _over(self) -> None:
        if self._reliable is not None:
            self._reliable.over()
        if self.channel is not None:
            self.channel.release()
            self.channel = None
        if self.inner is not None:
            self.inner.owner = None
