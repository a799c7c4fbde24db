"""A call as a phone sees it: from either end, with every dialog that comes of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from softswitch.sip.address import parse_address
from softswitch.sip.message import Request, Response

from .exchange import LIFETIME, Exchange, Incoming
from .lines import build, lines_of
from .sdp import media_of, sdp

if TYPE_CHECKING:
    from .phone import Phone

SDP_LINE = b"Content-Type: application/sdp"


class Call:
    """One call of one phone. `state` is calling, ringing, answered or ended; `why` is how it ended."""

    def __init__(self, phone: Phone, incoming: Incoming | None = None) -> None:
        self.phone = phone
        self.incoming = incoming
        self.state = "calling"
        self.why = ""
        self.exchanges: list[Exchange] = []
        self.invitation: Exchange | None = None
        self.reinvited: Incoming | None = None
        self.late_offer = False
        self.reasons: list[bytes] = []
        """Reason values of the CANCEL."""
        self.early: dict[bytes, bytes] = {}
        """Of a caller: by the callee's tag the media address of its early media."""
        self.answers: list[bytes] = []
        """Bodies of the 2xx responses and the ACKs that came."""
        self.others: list[Exchange] = []
        """BYEs to further phones that answered."""
        self.on_hung_up: Callable[[], None] = lambda: None
        self.remote_tag = b""
        self.routes: list[bytes] = []
        self.target = b""
        self._cseq = 0
        self._acks: dict[bytes, bytes] = {}
        self._version = 1
        if incoming is not None:
            request = incoming.request
            self.state = "ringing"
            self.call_id = request.call_id
            self.local_tag = incoming.tag
            self.remote_tag = request.from_.tag
            self.local = b"%b;tag=%b" % (request.get(b"to"), incoming.tag)
            self.remote = request.get(b"from") or b""
            self.routes = request.values(b"record-route")
            contacts = request.contacts()
            self.target = contacts[0].uri if contacts else b""
            self.offered = media_of(request.body)
            self.late_offer = not request.body
            incoming.on_never_acknowledged = self._never_acknowledged
        else:
            self.call_id = phone.lab.word() + b"@" + phone.host.encode()
            self.local_tag = phone.new_tag()
            self.local = self.remote = b""
            self.offered = ""

    @property
    def media(self) -> str:
        """Where this side sends its sound."""
        return media_of(self.answers[-1]) if self.answers else self.offered

    @property
    def status(self) -> int:
        """What the INVITE was answered in the end."""
        return self.invitation.status if self.invitation is not None else 0

    @property
    def statuses(self) -> list[int]:
        """All responses to the INVITE, the 100 left out."""
        assert self.invitation is not None
        return [status for status in self.invitation.statuses if status != 100]

    @property
    def own_sdp(self) -> bytes:
        return sdp(self.phone.host, 40000, version=self._version, events=self._events)

    @property
    def _events(self) -> int:
        """The payload type of telephone events; as an answer has it only where it was offered."""
        offer = self.incoming.request.body if self.incoming is not None else b""
        match = re.search(rb"a=rtpmap:(\d+) telephone-event", offer)
        if match is not None and self.phone.events:
            return int(match[1])
        return 0 if offer else self.phone.events

    def next_cseq(self) -> int:
        self._cseq += 1
        return self._cseq

    def matches(self, request: Request) -> bool:
        """Whether a request belongs to this call's dialog."""
        if request.call_id != self.call_id or request.to.tag != self.local_tag:
            return False
        # Another phone that answered as well has a dialog of its own.
        return self.state != "answered" or request.from_.tag == self.remote_tag

    # -- the caller's side

    def invite(self, to: str, extra: list[bytes], body: bytes | None, uri: bytes | None, sender: str | None) -> None:
        """Send the INVITE."""
        phone = self.phone
        target = phone.uri_of(to)
        self.local = f"{sender or f'<{phone.aor}>'};tag=".encode() + self.local_tag
        self.remote = f"<{target}>".encode()
        body = self.own_sdp if body is None else body
        self.late_offer = not body
        lines = [
            *([] if any(line.lower().startswith(b"max-forwards") for line in extra) else [b"Max-Forwards: 70"]),
            *([b"Route: " + phone.route.encode()] if phone.route else []),
            b"From: " + self.local,
            b"To: " + self.remote,
            b"Call-ID: " + self.call_id,
            b"Contact: " + phone.contact,
            *([SDP_LINE] if body and not any(line.lower().startswith(b"content-type") for line in extra) else []),
            *extra,
        ]
        self.invitation = Exchange(phone, "INVITE", uri or target.encode(), lines, body, self._on_response)
        self.exchanges.append(self.invitation)
        self.invitation.send(self.next_cseq())

    def _on_response(self, exchange: Exchange, response: Response) -> None:
        tag = response.to.tag
        if response.status < 200:
            if response.status > 100:
                if response.body:
                    self.early[tag] = response.body
                if self.state == "calling":
                    self.state = "ringing"
                if self.state == "ringing":
                    self.remember(response)
        elif response.status < 300:
            self._on_answer(exchange, response)
        elif self.state in ("calling", "ringing"):
            self._ended(f"{response.status}")

    def remember(self, response: Response) -> None:
        """Take the dialog of a response for ours."""
        self.remote_tag = response.to.tag
        self.remote = response.get(b"to") or b""
        self.routes = response.values(b"record-route")[::-1]
        contacts = response.contacts()
        if contacts:
            self.target = contacts[0].uri

    def _on_answer(self, exchange: Exchange, response: Response) -> None:
        tag = response.to.tag
        ack = self._acks.get(tag)
        if ack is not None:
            self.phone.send(ack)
            return
        another = self.state == "answered" and tag != self.remote_tag
        hung_up = self.state == "ended"
        kept = self.remote_tag, self.remote, self.routes, self.target
        self.remember(response)
        body = self.own_sdp if self.late_offer else b""
        lines = self._dialog_lines(exchange.cseq, "ACK") + ([SDP_LINE] if body else [])
        ack = self._acks[tag] = build("ACK", self.target, self.phone.via(self.phone.new_branch()), lines, body)
        self.phone.send(ack)
        if another or hung_up:
            # Somebody else was faster, or nobody waits any more: hang this one up again (RFC 3261 §13.2.2.4).
            self.others.append(self.sends("BYE"))
            self.remote_tag, self.remote, self.routes, self.target = kept
            return
        self.state = "answered"
        self.answers.append(response.body)

    def cancel(self, *extra: str | bytes) -> Exchange:
        """Give up before anybody answered."""
        invitation = self.invitation
        assert invitation is not None
        lines = [line for line in invitation.lines if line[:4] not in (b"Cont", b"Requ", b"Supp")]
        exchange = Exchange(self.phone, "CANCEL", invitation.uri, [*lines, *lines_of(*extra)])
        data = build(
            "CANCEL",
            invitation.uri,
            self.phone.via(invitation.branch),
            [*exchange.lines, b"CSeq: %d CANCEL" % invitation.cseq],
        )
        self.phone.cancels(exchange, data, invitation.branch)
        # Who hears nothing more for so long takes it for cancelled (RFC 3261 §9.1).
        self.phone.lab.events.after(LIFETIME, self._presumed_cancelled)
        return exchange

    def _presumed_cancelled(self) -> None:
        if self.state in ("calling", "ringing"):
            self._ended("presumed cancelled")
            assert self.invitation is not None
            self.invitation.stop()

    # -- the callee's side

    def ring(self, status: int = 180, body: bytes = b"", *extra: str | bytes) -> None:
        """Send a provisional response, with a body of early media perhaps."""
        assert self.incoming is not None
        if self.state == "ringing":
            lines = (b"Contact: " + self.phone.contact, *([SDP_LINE] if body else []), *lines_of(*extra))
            self.incoming.reply(status, lines, body)

    def answer(self, *extra: str | bytes, body: bytes | None = None) -> None:
        """Take the call."""
        assert self.incoming is not None
        if self.state == "ringing":
            self.state = "answered"
            lines = (b"Contact: " + self.phone.contact, SDP_LINE, *lines_of(*extra))
            self.incoming.reply(200, lines, self.own_sdp if body is None else body)

    def refuse(self, status: int = 486, *extra: str | bytes) -> None:
        """Don't."""
        assert self.incoming is not None
        if self.state == "ringing":
            self._ended(f"refused {status}")
            self.incoming.reply(status, tuple(lines_of(*extra)))

    def on_cancel(self, cancel: Request) -> None:
        """The caller gave up."""
        assert self.incoming is not None
        if self.state == "ringing":
            self.reasons = cancel.values(b"reason")
            self._ended("cancelled")
            self.incoming.reply(487)

    def _never_acknowledged(self) -> None:
        assert self.incoming is not None
        if self.incoming.status < 300 and self.state == "answered":
            self._ended("never acknowledged")
            self.sends("BYE")

    # -- within the dialog

    def _dialog_lines(self, cseq: int, method: str) -> list[bytes]:
        return [
            b"Max-Forwards: 70",
            *([b"Route: " + b", ".join(self.routes)] if self.routes else []),
            b"From: " + self.local,
            b"To: " + self.remote,
            b"Call-ID: " + self.call_id,
            b"CSeq: %d %b" % (cseq, method.encode()),
            *([b"Contact: " + self.phone.contact] if method == "INVITE" else []),
        ]

    def sends(self, method: str, *extra: str | bytes, body: bytes = b"", uri: bytes | None = None) -> Exchange:
        """A request within the dialog."""
        cseq = self.next_cseq()
        lines = [line for line in self._dialog_lines(cseq, method) if not line.startswith(b"CSeq")]
        on_response = self._on_reanswer if method == "INVITE" else None
        exchange = Exchange(self.phone, method, uri or self.target, [*lines, *lines_of(*extra)], body, on_response)
        self.exchanges.append(exchange)
        return exchange.send(cseq)

    def bye(self, *extra: str | bytes) -> Exchange:
        """Hang up."""
        self._ended("hung up")
        return self.sends("BYE", *extra)

    def reinvite(self, direction: str = "sendrecv", *extra: str | bytes) -> Exchange:
        """Offer anew: hold with "sendonly"."""
        self._version += 1
        return self.sends(
            "INVITE",
            SDP_LINE,
            *extra,
            body=sdp(self.phone.host, 40000, direction, version=self._version, events=self.phone.events),
        )

    def _on_reanswer(self, exchange: Exchange, response: Response) -> None:
        if 200 <= response.status < 300:
            if not any(one.status >= 200 for one in exchange.responses[:-1]):
                self.answers.append(response.body)
            body = b"" if exchange.body else self.own_sdp
            lines = self._dialog_lines(exchange.cseq, "ACK") + ([SDP_LINE] if body else [])
            self.phone.send(build("ACK", self.target, self.phone.via(self.phone.new_branch()), lines, body))

    def on_ack(self, ack: Request) -> None:
        """An ACK to a 2xx came."""
        waiting = self.incoming if self.reinvited is None else self.reinvited
        if waiting is not None and ack.cseq[0] == waiting.request.cseq[0]:
            waiting.acknowledge()
            if ack.body:
                self.answers.append(ack.body)

    def on_request(self, incoming: Incoming) -> None:
        """A request within the dialog came."""
        request = incoming.request
        method = request.method.decode()
        status, lines, body = self.phone.replies.get(method, (200, (), b""))
        if method == "BYE":
            self._ended("they hung up")
        elif method == "INVITE":
            self.reinvited = incoming
            contacts = request.contacts()
            if contacts:
                self.target = contacts[0].uri
            self.offered = media_of(request.body)
            if not lines:
                lines, body = (b"Contact: " + self.phone.contact, SDP_LINE), self.own_sdp
        if status:
            incoming.reply(status, lines, body)

    def _ended(self, why: str) -> None:
        if self.state != "ended":
            self.state = "ended"
            self.why = why
            self.on_hung_up()

    def remote_uri(self) -> bytes:
        """The other side, as From or To show it."""
        return parse_address(self.remote).uri

    def __repr__(self) -> str:
        return f"<call of {self.phone.name}: {self.state} {self.why}>"
