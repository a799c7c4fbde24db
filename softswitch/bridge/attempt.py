"""A call out to a number of the public network: a branch of a fork like a phone's, but a dialog of our own behind it.

To the fork it looks like a phone that rings, answers or fails. One trunk after the other is tried as long as nothing
has rung there: who is full, silent for some seconds, or fails with 5xx gives way to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from softswitch.bridge.end import End
from softswitch.bridge.identity import identity_of, lines_for
from softswitch.bridge.inner import InnerServer
from softswitch.bridge.invitation import ALLOW, Invitation
from softswitch.bridge.tags import Tags, as_if_from_a_phone
from softswitch.dialog.dialog import Dialog
from softswitch.dialplan.trunk import OutsideCall
from softswitch.flow import Flow
from softswitch.media.anchor import sdp_of
from softswitch.media.engine import MediaFailed
from softswitch.proxy.branch import Branch
from softswitch.proxy.fork import Fork
from softswitch.proxy.forward import forward_response
from softswitch.sip.message import Request, Response
from softswitch.sip.uri import escape
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
        "_early",
        "_late",
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
        self._ahead = list(lines)
        """Trunks that were not tried yet."""
        self._late = not fork.request.body
        """The offer is to come from the other side."""
        self._answer: tuple[Dialog, Response] | None = None
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
            line = self._ahead.pop(0)
            why = self.bridges.refuses(line, self.call)
            if why:
                self.bridges.note(self.request.call_id, "trunk passed over", trunk=line.name, why=why)
                continue
            self.line = line
            self.channel = line.take((line.site, self.call.line))
            self.bridges.note(self.request.call_id, "trunk tried", trunk=line.name, number=self.call.number)
            self.bridges.ways(line, self._found)
            return
        self._gone(487 if self.cancelled else status)

    def _found(self, flows: Sequence[Flow]) -> None:
        if self.done:
            return
        if not flows or self.cancelled:
            self._failed_over("its host is not found", 503)
            return
        self.flow, self.alternatives = flows[0], flows[1:]
        self.branch = self.core.ids.branch()
        request = self.request
        sdp = sdp_of(request.get(b"content-type") or b"", request.body) if self.anchor and request.body else None
        if sdp is None:
            self.offered = bool(request.body)
            self._send(None)
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
        sender, lines = lines_for(identity, trunk, line.country)
        listener = self.flow.listener
        user = escape((trunk.user or self.call.number).encode())
        at = request.first.get(b"content-type")
        self.invitation = Invitation(
            self.bridges.layer,
            self,
            uri=uri,
            flow=self.flow,
            local=sender,
            remote=b"<sip:%b@%b>" % (number, trunk.domain.encode()),
            contact=b"<sip:%b@%b>" % (user, listener.uri),
            lines=(*lines, *((request.lines[at],) if at is not None and request.body else ())),
            body=request.body if body is None else body,
            max_forwards=self.max_forwards,
            login=line,
            way_to=self.bridges.way_to,
        )
        line.calls_out += 1
        self.invitation.send()
        layer = self.bridges.layer
        layer.wheel.arm(self, layer.now + SILENT_SECONDS)

    # -- what the invitation tells

    def on_invited(self, response: Response) -> None:
        """Whatever comes but 100."""
        status = response.status
        if status < 200:
            self.due = None
            if response.body:
                self._early[response.to.tag] = response
            if not self.done and self._answer is None:
                super().on_response(self._translated(response))
        elif status < 300:
            self._taken(response)
        else:
            self._refused(response)

    def on_unanswered(self, timed_out: bool) -> None:
        """Nothing, or no way there."""
        if not self.done:
            self._failed_over("it does not answer" if timed_out else "there is no way to it", 408 if timed_out else 503)

    def _translated(self, response: Response) -> Response:
        """The response as the fork's caller sees it: no word of the provider's but what happened, and the SDP."""
        tag = self.tags.of(response.to.tag)
        source = response if response.body else self._early.get(response.to.tag, response)
        body = source.body if response.status >= 200 else response.body
        lines: tuple[bytes, ...] = (b"Contact: " + self._contact_for_caller(),)
        at = source.first.get(b"content-type")
        if body and at is not None:
            lines += (source.lines[at],)
        if response.status >= 200:
            lines += (ALLOW, b"Supported: timer, replaces")
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
        if ((status >= 500 and status < 600) or status in (401, 407, 408)) and not self.rang:
            self._failed_over(line.last_failure, 503, counted=True)
            return
        self._finish(status)
        if status not in (401, 407, 487):
            self.response = self._translated(response)
        self.owner.on_branch_gone(self, status)

    def _failed_over(self, why: str, status: int, counted: bool = False) -> None:
        line = self.line
        if line is not None and not counted:
            line.failed(why, self.core.wall)
        if line is not None:
            self.bridges.note(self.request.call_id, "trunk failed", trunk=line.name, why=why)
        if self.rang:
            self._gone(status)
            return
        self.core.release_branch(self)
        self.invitation = None
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
        if not self._late:
            invitation.acknowledge(dialog)
            if not response.body and response.to.tag not in self._early:
                self._hang_up(dialog)
                self._failed_nonsense()
                return
        self.due = None
        self._answer = (dialog, response)
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
        if not 200 <= response.status < 300 or answer is None:
            super()._pass_on(response, body)
            return
        dialog, received = answer
        if self.done or self.fork.finished or self.fork.cancelled:
            if self._late:
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
        far = End(bridges.layer, dialog, tag, line)
        far.learn(received)
        far.trusts = lambda host: host in line.hosts
        server = self.fork.server
        if isinstance(server, InnerServer):
            near = server.near(far)
        else:
            near = self._caller(request, response, body)
        bridge = bridges.join(request.call_id, near, far)
        if self.channel is not None:
            bridge.on_end.append(self.channel.release)
            self.channel = None
        if self._late:

            def take(ack: Request) -> None:
                bridge.answered(near, ack, lambda answer: invitation.acknowledge(dialog, answer))

            near.take_answer = take

    def _caller(self, request: Request, response: Response, body: bytes | None) -> End:
        """The caller's own end."""
        tag = response.to.tag
        dialog = Dialog.as_server(request, tag, self._contact_for_caller(), reply_flow(request))
        end = End(self.bridges.layer, dialog, request.from_.tag.decode("latin-1"))
        end.learn(request)
        end.accept(forward_response(response, body), request)
        return end

    # -- giving up

    def cancel(self, *headers: bytes) -> None:
        """Have it stop ringing."""
        if self.done or self._cancel_headers is not None:
            return
        self._cancel_headers = headers
        if self.invitation is None:
            self._gone(487)
        else:
            self.invitation.cancel(*headers)

    def abandon(self) -> None:
        """Whatever it is still answered comes too late."""
        super().abandon()
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
        if self.line is not None:
            self.bridges.trunks.silent(self.line)
        self._failed_over("it is silent", 408)

    def _finish(self, status: int) -> None:
        super()._finish(status)
        self._release()

    def _release(self) -> None:
        if self.channel is not None:
            self.channel.release()
            self.channel = None

    def _on_offer(self, result: bytes | MediaFailed) -> None:
        if isinstance(result, MediaFailed):
            self._release()
        super()._on_offer(result)
