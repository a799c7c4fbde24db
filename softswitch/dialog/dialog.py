"""One dialog in which the switch itself is an end: tags, CSeq numbers, route set and remote target (RFC 3261 §12).

Pure: it makes requests as bytes and judges those that come; who sends them, and over which transaction, is its owner's.
"""

from __future__ import annotations

from collections.abc import Sequence

from softswitch.errors import PeerError
from softswitch.flow import Flow
from softswitch.sip.address import parse_address
from softswitch.sip.message import Request, Response

MAX_FORWARDS = b"Max-Forwards: 70"
TARGET_REFRESHERS = (b"INVITE", b"UPDATE", b"SUBSCRIBE", b"NOTIFY")
"""Requests whose Contact is where the other end is reached from then on (RFC 3261 §12.2, RFC 3311, RFC 6665)."""


class Dialog:
    """The state that both ends of a dialog keep, seen from ours."""

    __slots__ = (
        "call_id",
        "contact",
        "flow",
        "local",
        "local_cseq",
        "local_tag",
        "remote",
        "remote_cseq",
        "remote_tag",
        "routes",
        "target",
    )

    def __init__(
        self,
        *,
        call_id: bytes,
        local: bytes,
        local_tag: bytes,
        remote: bytes,
        remote_tag: bytes,
        target: bytes,
        routes: Sequence[bytes],
        contact: bytes,
        flow: Flow,
        local_cseq: int = 0,
        remote_cseq: int = 0,
    ) -> None:
        self.call_id = call_id
        self.local = local
        """Our whole From value, tag included; their To."""
        self.local_tag = local_tag
        self.remote = remote
        """Their whole value, with a tag once there is one."""
        self.remote_tag = remote_tag
        self.target = target
        """Where the other end says it is: the Request-URI of what we send."""
        self.routes = tuple(routes)
        """Whole Route values, the next hop first."""
        self.contact = contact
        """Our whole Contact value."""
        self.flow = flow
        """Where requests of ours go."""
        self.local_cseq = local_cseq
        """Of our latest request; 0 for none."""
        self.remote_cseq = remote_cseq
        """Of the other end's latest request; 0 for none yet."""

    @classmethod
    def as_server(cls, request: Request, local_tag: bytes, contact: bytes, flow: Flow) -> Dialog:
        """The dialog that our answer with this tag makes of a request (RFC 3261 §12.1.1).

        Raises PeerError(400) when the request says nowhere where its sender is.
        """
        contacts = request.contacts()
        sender = request.get(b"from") or b""
        to = request.get(b"to") or b""
        target = contacts[0].uri if contacts else parse_address(sender).uri
        if target == b"*":
            raise PeerError(400, "No Address in Contact")
        return cls(
            call_id=request.call_id,
            local=to if request.to.tag else b"%b;tag=%b" % (to, local_tag),
            local_tag=local_tag,
            remote=sender,
            remote_tag=request.from_.tag,
            target=target,
            routes=request.values(b"record-route"),
            contact=contact,
            flow=flow,
            remote_cseq=request.cseq[0],
        )

    @classmethod
    def as_client(cls, request: Request, response: Response, contact: bytes, flow: Flow) -> Dialog:
        """The dialog that a response with a tag makes of our request as sent (RFC 3261 §12.1.2)."""
        contacts = response.contacts()
        return cls(
            call_id=request.call_id,
            local=request.get(b"from") or b"",
            local_tag=request.from_.tag,
            remote=response.get(b"to") or b"",
            remote_tag=response.to.tag,
            target=contacts[0].uri if contacts and contacts[0].uri != b"*" else request.uri,
            routes=response.values(b"record-route")[::-1],
            contact=contact,
            flow=flow,
            local_cseq=request.cseq[0],
        )

    @property
    def key(self) -> tuple[bytes, bytes]:
        """By which a request that comes for this dialog is found: Call-ID and our tag."""
        return self.call_id, self.local_tag

    @property
    def next_hop(self) -> bytes:
        """The URI that decides where a request of ours goes: of the first Route value, else the target."""
        return parse_address(self.routes[0]).uri if self.routes else self.target

    def belongs(self, request: Request) -> bool:
        """Whether this request, whose Call-ID and To tag are ours, comes from the other end of this dialog."""
        return request.from_.tag == self.remote_tag

    def accept(self, request: Request) -> None:
        """Take note of a request from the other end; ACK and CANCEL are not for here.

        Raises PeerError(500) for one that comes out of order (RFC 3261 §12.2.2).
        """
        number = request.cseq[0]
        if number <= self.remote_cseq:
            raise PeerError(500, "CSeq Out of Order")
        self.remote_cseq = number
        if request.method in TARGET_REFRESHERS:
            self.refresh(request)

    def refresh(self, message: Request | Response) -> None:
        """Take over where the other end is now, from a target refresh request or the 2xx to one of ours."""
        contacts = message.contacts()
        if contacts and contacts[0].uri != b"*":
            self.target = contacts[0].uri

    def request(
        self, method: bytes, branch: bytes, headers: Sequence[bytes] = (), body: bytes = b"", cseq: int | None = None
    ) -> bytes:
        """A request of ours within the dialog.

        `headers` are whole lines. `cseq` is given for an ACK alone, as the number of its INVITE; else it is the next.
        """
        if cseq is None:
            self.local_cseq += 1
            cseq = self.local_cseq
        uri, routes = self._way()
        lines = [
            method + b" " + uri + b" SIP/2.0",
            b"Via: " + self.flow.listener.via + branch + b";rport",
            MAX_FORWARDS,
            *([b"Route: " + b", ".join(routes)] if routes else []),
            b"From: " + self.local,
            b"To: " + self.remote,
            b"Call-ID: " + self.call_id,
            b"CSeq: %d %b" % (cseq, method),
            *([b"Contact: " + self.contact] if method not in (b"ACK", b"BYE") else []),
            *headers,
            b"Content-Length: %d" % len(body),
        ]
        return b"\r\n".join((*lines, b"", body))

    def _way(self) -> tuple[bytes, Sequence[bytes]]:
        """Request-URI and Route values: with a strict router first these change places (RFC 3261 §12.2.1.1)."""
        if not self.routes:
            return self.target, ()
        first = parse_address(self.routes[0]).uri
        _, *params = first.lower().split(b";")
        if any(param.partition(b"=")[0].strip() == b"lr" for param in params):
            return self.target, self.routes
        return first, (*self.routes[1:], b"<%b>" % self.target)
