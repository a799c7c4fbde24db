"""A fork whose caller is ourselves: phones and numbers are rung for an INVITE of our own making.

What the fork takes for the caller's transaction is on no wire: whatever it answers is told to the origin of the call,
a provider that calls in or a phone that transfers somebody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from softswitch.bridge.end import End
from softswitch.dialog.dialog import Dialog
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.plan import Plan
from softswitch.flow import INSIDE, Flow
from softswitch.proxy.branch import Branch
from softswitch.proxy.encryption import srtp_of, transports
from softswitch.proxy.fork import Fork
from softswitch.records.diary import Diary
from softswitch.registrar.bindings import Binding
from softswitch.sip.message import Request, Response
from softswitch.sip.parse import parse
from softswitch.transaction.server_invite import ServerInvite

if TYPE_CHECKING:
    from softswitch.bridge.bridges import Bridges

Acknowledge = Callable[[bytes], None]
"""Sends the ACK with this answer to whoever made an offer in a 200."""

_VIA = b"Via: SIP/2.0/UDP inside.invalid;branch=z9hG4bKinside\r\n"


class Origin(Protocol):
    """Whose call it is."""

    bridges: Bridges

    @property
    def sender(self) -> bytes:
        """The From value of the INVITE, tag included."""
        ...

    def contact_for(self, flow: Flow) -> bytes:
        """What a phone on this way is told to send its requests to; a whole Contact value."""
        ...

    def on_inner(self, response: Response) -> None:
        """What somebody who is rung answered, or the fork for them."""
        ...

    def on_inner_reply(self, status: int, reason: str, headers: Sequence[bytes]) -> None:
        """The fork's own word."""
        ...

    def taken_by_us(self) -> tuple[Request, ServerInvite]:
        """What is answered when the switch takes the call itself."""
        ...


class InnerServer(ServerInvite):
    """Stands in for a server transaction."""

    __slots__ = ("_finished", "_sent", "joined", "origin", "phones")

    def __init__(self, origin: Origin, request: Request) -> None:
        super().__init__(origin.bridges.layer, b"", request, request.flow)
        self.origin = origin
        self.phones: dict[bytes, tuple[Flow, str, bytes]] = {}
        """By the phone's tag the way to it, its account, and the offer that it got."""
        self.joined: tuple[End, Acknowledge | None] | None = None
        """A number outside that answered, already an end; with what its offer, if it made one, is to be answered by."""
        self._finished = False
        self._sent = request
        """The INVITE, also after it was answered."""

    @property
    def answered(self) -> bool:
        return self._finished

    def join(self, far: End, acknowledge: Acknowledge | None) -> None:
        """A number outside has answered; its answer comes through the fork next."""
        self.joined = (far, acknowledge)

    def phone(self, response: Response) -> End:
        """Our end towards a phone that answered so."""
        tag, sent = response.to.tag, self._sent
        flow, account, offer = self.phones.get(tag, (response.flow, "", b""))
        contacts = response.contacts()
        dialog = Dialog(
            call_id=sent.call_id,
            local=self.origin.sender,
            local_tag=sent.from_.tag,
            remote=response.get(b"to") or b"",
            remote_tag=tag,
            target=contacts[0].uri if contacts else b"",
            routes=response.values(b"record-route")[::-1],
            contact=self.origin.contact_for(flow),
            flow=flow,
            local_cseq=1,
        )
        end = End(self.layer, dialog, tag.decode("latin-1"))
        end.account, end.told = account, offer
        end.learn(response)
        return end

    def respond(self, status: int, data: bytes) -> None:
        """A leg of our own takes the call: the origin talks with it as with a phone, within this switch."""
        start, _, rest = data.partition(b"\r\n")
        response = parse(start + b"\r\n" + _VIA + rest, self.flow._replace(host=INSIDE))
        assert isinstance(response, Response)
        self.forward(response, None)

    def forward(self, response: Response, body: bytes | None) -> None:
        """What the fork sends to its caller; `body` replaces the response's own where it is not None."""
        if body is not None and body != response.body:
            given = response
            response = Response(
                given.status, given.start, given.lines, given.keys, given.first, body, given.flow
            )  # its Content-Length is not looked at any more
        if response.status >= 200 and not self._finished:
            self._finish()
        self.origin.on_inner(response)

    def reply(self, status: int, reason: str = "", headers: tuple[bytes, ...] = ()) -> None:
        if not self._finished and status > 100:
            if status >= 200:
                self._finish()
            self.origin.on_inner_reply(status, reason, headers)

    def _finish(self) -> None:
        self._finished = True
        self.request = None


class BridgedFork(Fork):
    """Phones talk to us directly, without routes through the proxy."""

    __slots__ = ("inner",)

    def __init__(self, inner: InnerServer, plan: Plan, facts: Facts, hops: int, diary: Diary) -> None:
        assert inner.request is not None
        super().__init__(inner.origin.bridges.core, inner, inner.request, plan, facts, hops, diary)
        self.inner = inner

    def _add(self, binding: Binding) -> Branch | None:
        branch = super()._add(binding)
        if branch is not None:
            branch.record_route = False
            # The other side is the public network, whoever began the call here, and that speaks plain RTP.
            branch.transports = transports("never", srtp_of(self.plan, binding.account))
            branch.extra = (*branch.extra, b"Contact: " + self.inner.origin.contact_for(branch.flow))
        return branch

    def on_branch_response(self, branch: Branch, response: Response, body: bytes | None) -> None:
        offer = branch.request.body if branch.sent_body is None else branch.sent_body
        self.inner.phones[response.to.tag] = (branch.flow, branch.account, offer)
        super().on_branch_response(branch, response, body)

    def _forward(self, response: Response, body: bytes | None, extra: Sequence[bytes] = ()) -> None:
        self.inner.forward(response, body)

    def own_call(self) -> tuple[Request, ServerInvite]:
        return self.inner.origin.taken_by_us()
