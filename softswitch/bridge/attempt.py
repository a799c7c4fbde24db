"""A call out to a number of the public network: a branch of a fork like a phone's, but a dialog of our own behind it.

To the fork it looks like a phone that rings, answers or fails. One trunk after the other is tried as long as nothing
has rung there: who is full, silent for some seconds, or fails with 5xx gives way to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from softswitch.bridge.confirm import Confirmation
from softswitch.bridge.end import End
from softswitch.bridge.forking import Acknowledge, InnerServer
from softswitch.bridge.identity import identity_of, lines_for
from softswitch.bridge.invitation import ALLOW, Invitation
from softswitch.bridge.keys import Manner, agreed, events_of, for_answer, for_offer, manner_of
from softswitch.bridge.pidflo import with_location
from softswitch.bridge.reliable import Reliable, wants_reliable
from softswitch.bridge.tags import Tags, as_if_from_a_phone
from softswitch.dialog.dialog import Dialog
from softswitch.dialog.sessiontimer import as_client, as_server
from softswitch.dialplan.trunk import AS_THEY_COME, OutsideCall
from softswitch.flow import Flow
from softswitch.media.anchor import sdp_of, with_sdp
from softswitch.media.engine import MediaFailed
from softswitch.proxy.branch import Branch
from softswitch.proxy.fork import Fork
from softswitch.proxy.forward import forward_response
from softswitch.sip.message import Request, Response
from softswitch.sip.uri import escape
from softswitch.sound.library import language_of
from softswitch.transaction.layer import reply_flow
from softswitch.trunks.line import Channel, Line

if TYPE_CHECKING:
    from softswitch.bridge.bridges import Bridges

SILENT_SECONDS = 4.0
"""A trunk of which not even a 100 has come after so long is given up for the next one."""


class Attempt(Branch):
    """One number, over one trunk after the other. Its timer is the patience with a silent trunk."""

    __slots__ = (
        "_ahead",
        "_answer",
        "_bare",
        "_began",
        "_confirmation",
        "_early",
        "_far",
        "_late",
        "_own_number",
        "_reliable",
        "_shows_stranger",
        "bridges",
        "call",
        "channel",
        "fork",
        "invitation",
        "line",
        "tags",
    )

    def __init__(self, bridges: Bridges, fork: Fork, call: OutsideCall, lines: Sequence[Line], hops: int) -> None:
        uri = b"tel:" + escape(call.number.encode())
        super().__init__(bridges.core, fork, fork.request, uri, fork.request.flow, hops)
        self.bridges = bridges
        self.fork = fork
        self.call = call
        self.line: Line | None = None
        self.channel: Channel | None = None
        self.invitation: Invitation | None = None
        self.tags = Tags(bridges.layer.ids)
        self.anchor = bridges.anchors
        self._bare = call.location is None
        """Whether the call goes without a word of where the caller is."""
        self._ahead = [(line, self._bare) for line in lines]
        """Trunks that were not tried yet, and whether that is to be without the location."""
        if call.emergency:
            # Once more: perhaps a carrier's channel was not free yet, cannot read more than a session description, or
            # never gets a datagram that is so large.
            self._ahead += [(line, True) for line in lines]
        self._began = False
        self._shows_stranger = False
        """Whether the number that is shown is none of the firm's, but that of who called before it was forwarded."""
        self._own_number = False
        """Whether the forwarder's is shown instead, for a trunk that forbids others."""
        self._late = not fork.request.body
        """The offer is to come from the other side."""
        server = fork.server
        wanted = wants_reliable(fork.request) and not isinstance(server, InnerServer)
        self._reliable = Reliable(bridges, fork.request, server) if wanted else None
        self._answer: tuple[Dialog, Response] | None = None
        self._confirmation: Confirmation | None = None
        self._far: End | None = None
        """Of somebody who was asked to press 1."""
        self._early: dict[bytes, Response] = {}
        """By the far side's tag what came with early sound; it may be the only answer there is (RFC 3261 §13.2.1)."""

    # -- sending

    def start(self) -> None:
        """Try the first trunk."""
        self._next_line(503)

    def _next_line(self, status: int) -> None:
        """Go on to the next trunk that can take the call; `status` says what the one before came to."""
        self._release()
        while self._ahead and not self.cancelled:
            line, self._bare = self._ahead.pop(0)
            why = self.bridges.refuses(line, self.call)
            if why:
                self.bridges.note(self.request.call_id, "trunk passed over", trunk=line.name, why=why)
                continue
            self.line = line
            if self.call.emergency and not self.call.drill:
                self.bridges.make_room(line, self.request.call_id)
            self.channel = line.take(self.call)
            if not self.call.emergency:
                self.channel.give_way = self._give_way
            self.bridges.trunks.meter.began(self.channel, self.request.call_id.decode("utf-8", "replace"), self._began)
            self._began = True
            self.bridges.detail(self.request.call_id, "trunk tried", trunk=line.name, number=self.call.number)
            self.bridges.ways(line, self._found)
            return
        self._gone(487 if self.cancelled else status)

    def _found(self, flows: Sequence[Flow]) -> None:
        if self.done:
            return
        if not flows or self.cancelled:
            self.alternatives = ()
            self._failed_over("its host is not found", 503)
            return
        self.flow, self.alternatives = flows[0], flows[1:]
        self.branch = self.core.ids.branch()
        request = self.request
        sdp = sdp_of(request.get(b"content-type") or b"", request.body) if self.anchor and request.body else None
        if sdp is None or self.call.confirm:
            self.offered = bool(request.body) and not self.call.confirm
            self._send(b"" if self.call.confirm else None)
            return
        self.offered = True
        key = self.core.media_key(request, self.branch)
        # Carriers speak plain RTP: what a phone encrypts is translated.
        self.core.media.offer(key, sdp, self.flow.listener.network, request.flow.host, self._on_offer, "RTP/AVP")

    def _send(self, body: bytes | None) -> None:
        line, request = self.line, self.request
        assert line is not None
        trunk = line.trunk
        number = escape(trunk.written(self.call.number, line.country).encode())
        uri = b"sip:%b@%b" % (number, trunk.host.encode())
        identity = identity_of(self.fork.plan, self.fork.facts, request, self.call)
        forwards = trunk.style.forwards != "own number"
        self._shows_stranger = bool(identity.forwarded and identity.number and forwards) and not self._own_number
        if self._own_number:
            identity = replace(identity, number=identity.forwarder or trunk.number)
        sender, lines = lines_for(identity, trunk, line.country)
        user = escape((trunk.user or self.call.number).encode())
        at = request.first.get(b"content-type")
        sdp = self._offer_to(line, request.body if body is None else body)
        told: tuple[bytes, ...] = (request.lines[at],) if at is not None and sdp else ()
        location, whole = self.call.location, sdp
        if location is not None and not self._bare:
            entity = sender[sender.rindex(b"<") + 1 : -1].decode()
            sdp = sdp_of(request.get(b"content-type") or b"", sdp) or b""
            host = self.flow.listener.advertised_host.encode()
            told, whole = with_location(location, entity, self.core.wall, host, self.core.ids.tag(), sdp)
        self.invitation = Invitation(
            self.bridges.layer,
            self,
            uri=uri,
            flow=self.flow,
            local=sender,
            remote=b"<sip:%b@%b>" % (number, trunk.domain.encode()),
            contact=b"<sip:%b@%b>" % (user, line.contact_host(self.flow)),
            lines=(*lines, *told),
            body=whole,
            offer=sdp,
            max_forwards=self.max_forwards,
            login=line,
            way_to=self.bridges.way_to,
        )
        line.calls_out += 1
        self.invitation.send()
        layer = self.bridges.layer
        layer.wheel.arm(self, layer.now + SILENT_SECONDS)

    @property
    def _caller_manner(self) -> Manner:
        """Of a call from another trunk its own `Inbound` sees to what that wants."""
        return manner_of(self.request) if self.fork.facts.caller_account else Manner(AS_THEY_COME)

    def _offer_to(self, line: Line, body: bytes) -> bytes:
        """The caller's offer as this trunk wants it."""
        if not body or not self.anchor:
            return body
        return for_offer(self.request, body, self._caller_manner, Manner(line.trunk.style.keys))

    def _for_caller(self, response: Response, body: bytes | None) -> bytes | None:
        """What the trunk said of its sound, as the caller gets it."""
        said = response.body if body is None else body
        if not said or self.line is None or not self.anchor or response.status >= 300:
            return body
        sender, caller = Manner(self.line.trunk.style.keys), self._caller_manner
        if self._late:
            return for_offer(response, said, sender, caller)
        return for_answer(response, said, sender, caller, events_of(self.request.body))

    # -- what the invitation tells

    def on_invited(self, response: Response) -> None:
        """Whatever comes but 100."""
        status = response.status
        if status < 200:
            self.due = None
            if response.body and not self.call.confirm:
                self._early[response.to.tag] = response
            if not self.done and self._answer is None and self._is_awaited:
                super().on_response(self._translated(response))
        elif status < 300:
            self._taken(response)
        else:
            self._refused(response)

    @property
    def _is_awaited(self) -> bool:
        """The caller has no final answer yet; with that its request is let go, and can't be answered."""
        return bool(self.request.lines)

    def on_unanswered(self, timed_out: bool) -> None:
        """Nothing, or no way there."""
        if not self.done:
            self._failed_over("it does not answer" if timed_out else "there is no way to it", 408 if timed_out else 503)

    def _translated(self, response: Response) -> Response:
        """The response as the fork's caller sees it: no word of the provider's but what happened, and the SDP."""
        tag = self.tags.of(response.to.tag)
        source = response if response.body else self._early.get(response.to.tag, response)
        body = source.body if response.status >= 200 else response.body
        if self.call.confirm and response.status < 200:
            body = b""  # an offer to us, not to the caller
        lines: tuple[bytes, ...] = (b"Contact: " + self._contact_for_caller(),)
        if response.status < 200 and self._reliable is not None:
            lines += self._reliable.lines(tag)
        at = source.first.get(b"content-type")
        if body and at is not None:
            lines += (source.lines[at],)
        if response.status >= 200:
            lines += (ALLOW, b"Supported: timer, replaces", *as_server(self.request)[1])
        return as_if_from_a_phone(self.request, response.status, "", tag, lines, body, response)

    def _contact_for_caller(self) -> bytes:
        flow = reply_flow(self.request)
        return b"<sip:%b@%b>" % (escape(self.call.number.encode()), flow.listener.uri)

    def _refused(self, response: Response) -> None:
        status = response.status
        line = self.line
        assert line is not None
        if status in (401, 407):
            line.failed("it refused our credentials", self.core.wall)
        elif status != 487:
            line.failed(f"{status} {response.reason.decode('utf-8', 'replace')}", self.core.wall)
        if self.done:
            return
        if self.call.emergency and status != 487:
            self._refused_help(line, status)
            return
        if (500 <= status < 600 or status in (401, 407, 408)) and not self.rang:
            if status != 503:
                self.alternatives = ()  # this speaks for all hosts of the trunk (RFC 3263 §4.3)
            self._failed_over(line.last_failure, 503, counted=True)
            return
        if status == 403 and self._shows_stranger and not self.rang:
            self._own_number = True
            self._ahead.insert(0, (line, self._bare))
            self._failed_over(f"{line.last_failure}, with the caller's own number", status, counted=True)
            return
        if 300 <= status < 400:
            status = 480  # where a provider would send the call is its own affair, and would be at our cost
        self._finish(status)
        if status not in (401, 407, 480, 487) and self._is_awaited:
            self.response = self._translated(response)
        self.owner.on_branch_gone(self, status)

    def _refused_help(self, line: Line, status: int) -> None:
        """An emergency call goes on to the next trunk whatever the reason is. First the same one again, where it may
        have stumbled over the location: 424 Bad Location Information says so, 415, 400 and 488 often mean it.
        """
        again = (line, True)
        if not self._bare and status not in (401, 407, 503) and again in self._ahead:
            self._ahead.remove(again)
            self._ahead.insert(0, again)
        if status != 503:
            self.alternatives = ()
        self._failed_over(line.last_failure, status, counted=True)

    def _failed_over(self, why: str, status: int, counted: bool = False) -> None:
        line = self.line
        if line is not None and not counted:
            line.failed(why, self.core.wall)
        if line is not None:
            self.bridges.note(self.request.call_id, "trunk failed", trunk=line.name, why=why)
        if self.rang and not self.call.emergency:
            self._gone(status)
            return
        self.core.release_branch(self)
        self.invitation = None
        if self.alternatives and not self.cancelled:
            self._found(self.alternatives)
        else:
            self._next_line(status)

    # -- somebody answered

    def _taken(self, response: Response) -> None:
        invitation = self.invitation
        assert invitation is not None
        dialog = invitation.dialog(response)
        if self.done or self.fork.finished or self.fork.cancelled:
            # Somebody else was faster, or the caller is gone.
            invitation.acknowledge(dialog)
            self._hang_up(dialog)
            if not self.done:
                self._gone(487)
            return
        if self.call.confirm:
            self._ask(dialog, response, invitation)
            return
        if not self._late:
            invitation.acknowledge(dialog)
            if not response.body and response.to.tag not in self._early:
                self._hang_up(dialog)
                self._failed_nonsense()
                return
        self.due = None
        self._answer = (dialog, response)
        Branch.on_response(self, self._translated(response))

    def _ask(self, dialog: Dialog, response: Response, invitation: Invitation) -> None:
        """Have whoever answered press 1 before the caller hears of it."""
        assert self.line is not None
        self.due = None
        self.rang = True
        far = self._far = End(self.bridges.layer, dialog, "", self.line)
        far.learn(response)

        def gone() -> None:
            self._unconfirmed(486)

        def done(yes: bool) -> None:
            if yes:
                self._confirmed(far)
            else:
                self._unconfirmed(480)

        far.on_bye = gone
        self._confirmation = Confirmation(self.bridges, far, language_of(self.line.country), done)
        self._confirmation.begin(response, lambda answer: invitation.acknowledge(dialog, answer))

    def _unconfirmed(self, status: int) -> None:
        """Nobody pressed 1: a mailbox, or somebody who won't. To the dialplan that is no answer, or busy."""
        self.bridges.note(self.request.call_id, "not confirmed", number=self.call.number)
        self._drop_far()
        if not self.done:
            self._gone(408 if status == 480 else status)

    def _drop_far(self) -> None:
        confirmation, self._confirmation = self._confirmation, None
        if confirmation is not None:
            confirmation.stop()
            confirmation.release()
        far, self._far = self._far, None
        if far is not None:
            far.hang_up()

    def _confirmed(self, far: End) -> None:
        """Now the caller's offer goes there."""
        request = self.request
        self.branch = self.core.ids.branch()
        sdp = sdp_of(request.get(b"content-type") or b"", request.body) if request.body else None
        at = request.first.get(b"content-type")
        lines = (request.lines[at],) if at is not None and request.body else ()
        self.offered = bool(request.body)

        def offer(body: bytes) -> None:
            if not self.done:
                assert self.line is not None
                far.send(b"INVITE", lines, self._offer_to(self.line, body), self._readdressed)

        def placed(result: bytes | MediaFailed) -> None:
            if isinstance(result, MediaFailed):
                self._unconfirmed(480)
            else:
                offer(with_sdp(request.get(b"content-type") or b"", request.body, result))

        if sdp is None or not self.anchor:
            offer(request.body)
        else:
            key = self.core.media_key(request, self.branch)
            network, source = self.flow.listener.network, request.flow.host
            self.core.media.offer(key, sdp, network, source, placed, "RTP/AVP")

    def _readdressed(self, response: Response | None) -> None:
        """The mobile took the caller's offer."""
        far = self._far
        if far is None:
            return
        if response is None or response.status >= 300 or self.done or not response.body:
            self._unconfirmed(480)
            return
        if not self._late:
            far.acknowledge(far.invite_number)
        if self._confirmation is not None:
            self._confirmation.release()
            self._confirmation = None
        self._answer = (far.dialog, response)
        Branch.on_response(self, self._translated(response))

    def _failed_nonsense(self) -> None:
        assert self.line is not None
        self.line.failed("it answered without saying where its sound is", self.core.wall)
        self._gone(502)

    def _hang_up(self, dialog: Dialog) -> None:
        layer = self.bridges.layer
        branch = layer.ids.branch()
        layer.send_request(b"BYE", branch, dialog.request(b"BYE", branch), dialog.flow, self.bridges)

    def _pass_on(self, response: Response, body: bytes | None) -> None:
        """A response of ours goes to the fork; with a 200 there is a bridge from now on."""
        answer = self._answer
        body = self._for_caller(response, body)
        if not 200 <= response.status < 300 or answer is None:
            super()._pass_on(response, body)
            return
        dialog, received = answer
        if self.done or self.fork.finished or self.fork.cancelled:
            self._drop_far()
            if self._late and not self.call.confirm:
                assert self.invitation is not None
                self.invitation.acknowledge(dialog)
            self._hang_up(dialog)
            if not self.done:
                self._gone(487)
            return
        self._join(dialog, received, response, body)
        self._finish(200)
        self.owner.on_branch_response(self, response, body)

    def _join(self, dialog: Dialog, received: Response, response: Response, body: bytes | None) -> None:
        """Make the bridge between the caller and who answered."""
        bridges, request, invitation = self.bridges, self.request, self.invitation
        line = self.line
        assert invitation is not None
        assert line is not None
        tag = response.to.tag.decode("latin-1")
        confirmed, self._far = self._far, None
        far = confirmed or End(bridges.layer, dialog, tag, line)
        far.media_tag, far.on_bye = tag, None
        far.told = far.told or invitation.offer
        far.manner = Manner(line.trunk.style.keys)
        said = received if received.body else self._early.get(received.to.tag, received)
        far.events = far.offers_events = events_of(said.body)
        far.sees_events = events_of(far.told) >= 0
        far.learn(received)
        far.pulse.agreed(as_client(received))
        far.trusts = lambda host: host in line.hosts
        far.site, far.shown = line.site, self.call.number
        if self.channel is not None:
            bridges.trunks.meter.answered(self.channel)
            far.on_end.append(self.channel.release)
            if not self.call.emergency:
                self.channel.give_way = far.give_way
            self.channel = None
        acknowledge: Acknowledge | None = None
        if self._late:

            def acknowledge(answer: bytes) -> None:
                if confirmed is not None:
                    far.acknowledge(far.invite_number, answer)
                    return
                far.told = answer
                invitation.acknowledge(dialog, answer)

        server = self.fork.server
        if isinstance(server, InnerServer):
            server.join(far, acknowledge)
            return
        near = self._caller(request, response, body)
        bridge = bridges.join(request.call_id, near, far)
        if acknowledge is not None:
            answer_it = acknowledge
            near.take_answer = lambda ack: bridge.answered(near, ack, answer_it)
        else:
            near.events, near.sees_events = events_of(request.body), events_of(near.told) >= 0
            agreed(bridge)

    def _caller(self, request: Request, response: Response, body: bytes | None) -> End:
        """The caller's own end."""
        tag = response.to.tag
        dialog = Dialog.as_server(request, tag, self._contact_for_caller(), reply_flow(request))
        end = End(self.bridges.layer, dialog, request.from_.tag.decode("latin-1"))
        end.told = response.body if body is None else body
        end.learn(request)
        facts = self.fork.facts
        end.site, end.account = self.fork.plan.site, facts.caller_account
        end.shown = facts.caller
        end.accept(forward_response(response, body), request)
        return end

    # -- giving up

    def _give_way(self) -> None:
        """An emergency call needs the channel."""
        self._ahead.clear()
        self._release()
        if self._far is not None:
            self._drop_far()
        elif self.invitation is not None:
            self.invitation.let_go()
        if not self.done:
            self._gone(503)

    def cancel(self, *headers: bytes) -> None:
        """Have it stop ringing."""
        if self.done or self._cancel_headers is not None:
            return
        self._cancel_headers = headers
        if self._far is not None:
            self._drop_far()
            self._gone(487)
        elif self.invitation is None:
            self._gone(487)
        else:
            self.invitation.cancel(*headers)

    def abandon(self) -> None:
        """Whatever it is still answered comes too late."""
        super().abandon()
        if self._reliable is not None:
            self._reliable.over()
        self._drop_far()
        if self.invitation is not None:
            self.invitation.let_go()
        self._release()

    @property
    def is_silent(self) -> bool:
        return self.invitation is None or self.invitation.is_silent

    def fire(self, now: float) -> None:
        """Nothing has come back."""
        invitation = self.invitation
        if invitation is None or self.done or not invitation.is_silent:
            return
        if self.cancelled:
            return
        invitation.let_go()
        if self.line is not None and not self.alternatives:
            self.bridges.trunks.silent(self.line)
        self._failed_over("it is silent", 408)

    def _finish(self, status: int) -> None:
        super()._finish(status)
        if self._reliable is not None:
            self._reliable.over()
        self._release()

    def _release(self) -> None:
        if self.channel is not None:
            self.channel.release()
            self.channel = None

    def _on_offer(self, result: bytes | MediaFailed) -> None:
        if isinstance(result, MediaFailed):
            self._release()
        super()._on_offer(result)
