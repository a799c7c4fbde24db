"""A branch: one attempt to have one destination answer a request (RFC 3261 §16.6 steps 6 to 11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from softswitch.flow import Flow
from softswitch.media.anchor import sdp_of, with_sdp
from softswitch.media.engine import MediaFailed, MediaKey
from softswitch.proxy.encryption import Transports, fault
from softswitch.proxy.forward import forward_request
from softswitch.proxy.token import ANCHORED, CALLEE_STICKS, CALLER_STICKS
from softswitch.proxy.undone import Undone
from softswitch.proxy.validate import loop_mark
from softswitch.records.diary import DiaryLeg
from softswitch.registrar.bindings import Binding
from softswitch.sip.message import Request, Response
from softswitch.transaction import client_invite
from softswitch.transaction.client_invite import ClientInvite
from softswitch.transaction.client_other import ClientOther

if TYPE_CHECKING:
    from softswitch.proxy.core import Core

ELSEWHERE = b'Reason: SIP;cause=200;text="Call completed elsewhere"'
"""Tells a phone that the call is no missed call (RFC 3326)."""

DIALOG_STARTERS = (b"INVITE", b"SUBSCRIBE", b"REFER")


def target_of(binding: Binding) -> bytes:
    """The Request-URI for a contact: without headers, which have no place there (RFC 3261 §19.1.1, table 1)."""
    return binding.contact.partition("?")[0].encode()


class BranchOwner(Protocol):
    """Who sent the request down this branch, among others perhaps."""

    def on_branch_response(self, branch: Branch, response: Response, body: bytes | None) -> None:
        """Every response but 100; `body` replaces the response's own where it is not None."""
        ...

    def on_branch_gone(self, branch: Branch, status: int) -> None:
        """No final response will come; `status` says which one it is as good as: 408, 488, 503."""
        ...


class Nobody:
    """The owner of a CANCEL: what it is answered means nothing to us."""

    def on_response(self, response: Response) -> None:
        pass

    def on_no_answer(self, timed_out: bool) -> None:
        pass


NOBODY = Nobody()


class Branch:
    """One attempt. Timer C is its own timer."""

    __slots__ = (
        "_abandoned",
        "_answers",
        "_cancel_headers",
        "_queue",
        "account",
        "alternatives",
        "anchor",
        "answers",
        "branch",
        "breadth",
        "client",
        "core",
        "done",
        "due",
        "extra",
        "flow",
        "leg",
        "max_forwards",
        "media_failure",
        "offered",
        "owner",
        "rang",
        "record_route",
        "remove",
        "request",
        "response",
        "routes",
        "sent_body",
        "slot",
        "srtp",
        "status",
        "sticky",
        "transports",
        "undone",
        "uri",
    )

    def __init__(self, core: Core, owner: BranchOwner, request: Request, uri: bytes, flow: Flow, hops: int) -> None:
        self.core = core
        self.owner = owner
        self.request = request
        self.uri = uri
        self.flow = flow
        self.max_forwards = hops
        self.leg: DiaryLeg | None = None
        """What the call's record says of this attempt; the fork's."""
        self.account = ""
        """The phone that is tried; "" for any other destination."""
        self.alternatives: Sequence[Flow] = ()
        """Where else to try when this flow fails (RFC 3263 §4.3)."""
        self.routes: Sequence[bytes] | None = None
        """See `forward_request`."""
        self.record_route = request.method in DIALOG_STARTERS
        self.sticky = (False, False)
        """Whether caller and callee are reached over their flows in this dialog, whatever their Contacts say."""
        self.remove: Sequence[int] = ()
        self.extra: Sequence[bytes] = ()
        self.anchor = False
        self.transports = Transports()
        self.srtp = ""
        """The dialplan's word on the phone's encryption."""
        self.undone: Undone | None = None
        """Its answer, where that was not to be used."""
        self.answers = False
        """The request carries the answer to an offer that came in a response."""
        self.offered = False
        """The request carried an offer, so that SDP coming back is its answer."""
        self.media_failure: MediaFailed | None = None
        """Why the request was never sent."""
        self.breadth = 1
        """See RFC 5393 §5.3."""
        self.branch = b""
        self.sent_body: bytes | None = None
        """What was sent in place of the request's body."""
        self.client: ClientInvite | ClientOther | None = None
        self.rang = False
        self.status = 0
        """The final status, or 0."""
        self.response: Response | None = None
        """The final response, when one came that is no 2xx."""
        self.done = False
        self.due: float | None = None
        self.slot = 0
        self._answers: dict[bytes, bytes] | None = None
        self._queue: list[Response] | None = None
        self._cancel_headers: tuple[bytes, ...] | None = None
        self._abandoned = False

    # -- sending

    def use_breadth(self, breadth: int) -> None:
        """Into so many branches the next hops together may fork it; told to them where the sender spoke of it."""
        self.breadth = breadth
        at = self.request.first.get(b"max-breadth")
        if at is not None:
            self.remove = [*self.remove, at]
            self.extra = [*self.extra, b"Max-Breadth: %d" % breadth]

    def start(self) -> None:
        """Send the request, its offer anchored first where `anchor` says so."""
        self.branch = self.core.ids.branch() + loop_mark(self.request)
        request = self.request
        if self.anchor and request.body:
            sdp = sdp_of(request.get(b"content-type") or b"", request.body)
            if sdp is not None:
                key = self.core.media_key(request, self.branch)
                network, source = self.flow.listener.network, request.flow.host
                if self.answers:
                    offered = MediaKey(key.call_id, key.to_tag, key.from_tag)
                    self.core.media.answer(offered, sdp, network, source, self._on_offer)
                else:
                    self.offered = True
                    self.core.media.offer(key, sdp, network, source, self._on_offer, self.transports.to_callee)
                return
        self._send(None)

    def _on_offer(self, result: bytes | MediaFailed) -> None:
        if self.done:
            return
        if isinstance(result, MediaFailed):
            self.core.log_media_failure(self.request, result)
            self.media_failure = result
            self._gone(result.status)
        else:
            request = self.request
            self._send(with_sdp(request.get(b"content-type") or b"", request.body, result))

    def _send(self, body: bytes | None) -> None:
        self.sent_body = body
        request, listener = self.request, self.flow.listener
        data = forward_request(
            request,
            self.uri,
            listener.via + self.branch,
            self.max_forwards,
            self._record_routes() if self.record_route else (),
            self.routes,
            body,
            self.remove,
            self.extra,
        )
        self.client = self.core.layer.send_request(request.method, self.branch, data, self.flow, self)
        if request.method == b"INVITE":
            self.core.layer.wheel.arm(self, self.core.layer.now + self.core.layer.values.timer_c)

    def _record_routes(self) -> tuple[bytes, ...]:
        """One value, or two when the message changes transport, family or network on its way through us.

        The one for the far side stands on top (RFC 5658 §3).
        """
        request, out, came = self.request, self.flow.listener, self.request.flow.listener
        flags = ANCHORED if self.anchor else 0
        if self.sticky[0]:
            flags |= CALLER_STICKS
        if self.sticky[1]:
            flags |= CALLEE_STICKS
        token = self.core.tokens.seal(request.call_id, request.from_.tag, request.flow, self.flow, flags)
        value = b"<sip:%b@%b;lr>" % (token, out.uri)
        if out is came:
            return (value,)
        return (value, b"<sip:%b@%b;lr>" % (token, came.uri))

    # -- what the transaction tells

    def on_response(self, response: Response) -> None:
        """From the client transaction."""
        status = response.status
        if self._abandoned:
            if status < 200 and self._cancel_headers is not None:
                self._send_cancel()
            return
        if status < 200 and not self.done and self.request.method == b"INVITE":
            self.core.layer.wheel.arm(self, self.core.layer.now + self.core.layer.values.timer_c)
            if self._cancel_headers is not None:
                self._send_cancel()
        if status == 100:
            return
        if self.undone is not None and 200 <= status < 300:
            self.undone.again()
            return
        if self.srtp and self._is_forbidden(response):
            return
        if self._queue is not None:
            self._queue.append(response)
        elif self.anchor and response.body and status < 300:
            self._anchor_response(response)
        else:
            self._pass_on(response, None)

    def _is_forbidden(self, response: Response) -> bool:
        """Whether this brings an offer that the phone may not make; then the branch has failed, and is ended."""
        if self.done or response.status >= 300 or not response.body or self.request.body:
            return False
        sdp = sdp_of(response.get(b"content-type") or b"", response.body)
        wrong = fault(self.srtp, sdp)
        if sdp is None or not wrong:
            return False
        if self.media_failure is None:
            reason = f"{wrong} (srtp: {self.srtp})"
            self.core.log.note(self.request.call_id, "refused", account=self.account, reason=reason)
            self.media_failure = MediaFailed(488, wrong)
        if response.status < 200:
            self.cancel(b'Reason: SIP;cause=488;text="%b"' % wrong.encode())
            return True
        routes = len(self._record_routes()) if self.record_route else 0
        self.undone = Undone(self.core, self.request, self.flow, response, routes)
        self.undone.begin(response.cseq[0], sdp, wrong)
        self._gone(488)
        return True

    def _anchor_response(self, response: Response) -> None:
        content_type = response.get(b"content-type") or b""
        sdp = sdp_of(content_type, response.body)
        if sdp is None:
            self._pass_on(response, None)
            return
        if self._answers is None:
            self._answers = {}
        # Phones repeat an answer word for word, in the 183 and the 200 or in a 200 sent again: it stays what it was.
        known = self._answers.get(response.to.tag + b"|" + response.body)
        if known is not None:
            self._pass_on(response, known)
            return
        self._queue = []
        tag = response.to.tag.decode("latin-1")
        key = self.core.media_key(self.request, self.branch)
        network, source = self.request.flow.listener.network, response.flow.host

        def anchored(result: bytes | MediaFailed) -> None:
            body = None
            if isinstance(result, MediaFailed):
                # The call is answered: to pass its SDP on as it is may still give sound, to refuse it never.
                self.core.log_media_failure(self.request, result)
            else:
                body = with_sdp(content_type, response.body, result)
                assert self._answers is not None
                self._answers[response.to.tag + b"|" + response.body] = body
            queue, self._queue = self._queue or [], None
            self._pass_on(response, body)
            for waiting in queue:
                self.on_response(waiting)

        if self.offered:
            answer_key = MediaKey(key.call_id, key.from_tag, tag, key.via_branch)
            self.core.media.answer(answer_key, sdp, network, source, anchored)
        else:
            if response.status < 200:
                call = self.core.calls.get(self.request.call_id)
                if call is not None:
                    call.awaiting.add(response.to.tag)
            offer_key = MediaKey(key.call_id, tag, key.from_tag)
            self.core.media.offer(offer_key, sdp, network, source, anchored, self.transports.to_caller)

    def _pass_on(self, response: Response, body: bytes | None) -> None:
        status = response.status
        if status >= 200:
            if not self.done:
                if status == 503 and self._try_next():
                    return
                self._finish(status)
                if status >= 300:
                    self.response = response
            elif status >= 300:
                return
        elif self.done:
            return
        elif status != 100:
            self.rang = True
        self.owner.on_branch_response(self, response, body)

    def on_no_answer(self, timed_out: bool) -> None:
        """From the client transaction."""
        if not self.done and not self._try_next():
            self._gone(408 if timed_out else 503)

    def _try_next(self) -> bool:
        if not self.alternatives or self._cancel_headers is not None:
            return False
        self.core.release_branch(self)
        self.flow, *rest = self.alternatives
        self.alternatives = rest
        self.client = None
        self.start()
        return True

    def _gone(self, status: int) -> None:
        self._finish(status)
        self.owner.on_branch_gone(self, status)

    def _finish(self, status: int) -> None:
        self.done = True
        self.status = status
        self.due = None
        self.client = None

    # -- giving up

    def cancel(self, *headers: bytes) -> None:
        """Have the other side stop ringing; its 487 ends the branch. One that was never sent ends at once."""
        if self.done or self._cancel_headers is not None:
            return
        self._cancel_headers = headers
        if self.client is None:
            self._finish(487)
        elif self.client.state == client_invite.PROCEEDING:
            self._send_cancel()
        # else it waits for the first provisional response (RFC 3261 §9.1)

    def abandon(self) -> None:
        """Whatever it is still answered comes too late: the caller was told something else."""
        if not self.done:
            self.done = self._abandoned = True
            self.status = 487

    @property
    def is_silent(self) -> bool:
        """Whether nothing at all has come back yet."""
        return self.client is not None and self.client.state == client_invite.CALLING

    @property
    def cancelled(self) -> bool:
        return self._cancel_headers is not None

    def _send_cancel(self) -> None:
        if not isinstance(self.client, ClientInvite):
            return
        layer = self.core.layer
        key = b"%b|CANCEL" % self.branch
        if key not in layer.clients:
            data = self.client.cancel(self._cancel_headers or ())
            layer.send_request(b"CANCEL", self.branch, data, self.flow, NOBODY)
            # Who does not even answer a CANCEL is gone (RFC 3261 §9.1: 64·T1).
            layer.wheel.arm(self, layer.now + layer.values.lifetime)

    def fire(self, now: float) -> None:
        """Timer C, or the end of patience after a CANCEL."""
        if self.client is None:
            return
        if self._abandoned:
            self.client.end(None)
            return
        if self._cancel_headers is None and self.client.state == client_invite.PROCEEDING:
            self.cancel()
        else:
            client = self.client
            client.end(None)
            self._gone(487 if self.cancelled else 408)
