"""An INVITE of our own, from its first sending until somebody has answered or nobody will.

Here are the things that a user agent client does by itself: it answers challenges with a raised CSeq (RFC 3261
§22.2), asks for a longer session when told to (RFC 4028 §7.3), acknowledges provisional responses (RFC 3262 §4),
repeats its ACK, and hangs up on whoever answers after it has given up or has another answer (RFC 3261 §13.2.2.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from softswitch.dialog.dialog import Dialog
from softswitch.dialog.sessiontimer import SESSION_SECONDS, minimum
from softswitch.flow import Flow
from softswitch.sip.challenge import challenge_of
from softswitch.sip.message import Response
from softswitch.transaction import client_invite
from softswitch.transaction.client_invite import ClientInvite
from softswitch.transaction.layer import Layer

MOST_TRIES = 4
"""A server that is never content with what we send gets no more."""
ALLOW = b"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, PRACK, REFER, NOTIFY"

WayTo = Callable[[bytes, Flow], Flow]
"""(URI, the way we know) to the way for requests to this URI."""


class Login(Protocol):
    """How we prove who we are to the other end."""

    def answer(self, response: Response, method: bytes, uri: bytes, cnonce: bytes) -> bytes | None:
        """The credentials line for a 401 or 407; None when there is nothing (more) to say."""
        ...


class Inviter(Protocol):
    """Who sent an invitation."""

    def on_invited(self, response: Response) -> None:
        """Every provisional response but 100, the first 2xx, or the final refusal."""
        ...

    def on_unanswered(self, timed_out: bool) -> None:
        """There will be no final response."""
        ...


class Invitation:
    """One INVITE to one place."""

    __slots__ = (
        "_acks",
        "_answered",
        "_branch",
        "_cancel",
        "_credentials",
        "_dialogs",
        "_expires",
        "_lines",
        "_pracked",
        "_tries",
        "_waits_for_answer",
        "body",
        "call_id",
        "client",
        "contact",
        "cseq",
        "due",
        "flow",
        "heard",
        "layer",
        "local",
        "local_tag",
        "login",
        "max_forwards",
        "offer",
        "owner",
        "remote",
        "slot",
        "uri",
        "way_to",
    )

    def __init__(
        self,
        layer: Layer,
        owner: Inviter,
        *,
        uri: bytes,
        flow: Flow,
        local: bytes,
        remote: bytes,
        contact: bytes,
        lines: Sequence[bytes],
        body: bytes,
        max_forwards: int,
        login: Login | None,
        way_to: WayTo,
        call_id: bytes = b"",
        local_tag: bytes = b"",
        offer: bytes | None = None,
    ) -> None:
        """`local` and `remote` are From and To without tags, `lines` whole lines besides those every INVITE has.

        `offer` is the session description, where the body is more than that.
        """
        ids = layer.ids
        self.layer = layer
        self.owner: Inviter | None = owner
        """None once nobody waits for it any more."""
        self.uri = uri
        self.flow = flow
        self.local_tag = local_tag or ids.tag()
        self.local = b"%b;tag=%b" % (local, self.local_tag)
        self.remote = remote
        self.contact = contact
        self.call_id = call_id or ids.call_id(flow.listener.advertised_host.encode())
        self.cseq = 0
        self.login = login
        self.max_forwards = max_forwards
        self.way_to = way_to
        self.client: ClientInvite | None = None
        self.heard = False
        """Whether anything came back at all."""
        self._lines = lines
        self.body = body
        self.offer = body if offer is None else offer
        self._waits_for_answer = not self.offer
        self._credentials = b""
        self._expires = SESSION_SECONDS
        self._tries = 0
        self._branch = b""
        self._cancel: tuple[bytes, ...] | None = None
        self._answered = b""
        """The tag of whose answer we took."""
        self._acks: dict[bytes, tuple[bytes, Flow]] = {}
        self._dialogs: dict[bytes, Dialog] = {}
        """By the other end's tag: early ones too, for PRACK."""
        self._pracked: set[bytes] = set()
        self.due: float | None = None
        self.slot = 0

    # -- sending

    def send(self) -> None:
        """Send it, or send it again with what was missing."""
        layer = self.layer
        self._tries += 1
        self.cseq += 1
        self._branch = layer.ids.branch()
        supported = b"Supported: timer, replaces" if self._waits_for_answer else b"Supported: timer, replaces, 100rel"
        session = b"Session-Expires: %d" % self._expires
        lines = [
            b"INVITE " + self.uri + b" SIP/2.0",
            b"Via: " + self.flow.listener.via + self._branch + b";rport",
            b"Max-Forwards: %d" % self.max_forwards,
            b"From: " + self.local,
            b"To: " + self.remote,
            b"Call-ID: " + self.call_id,
            b"CSeq: %d INVITE" % self.cseq,
            b"Contact: " + self.contact,
            ALLOW,
            supported,
            session,
            *self._lines,
            *([self._credentials] if self._credentials else []),
            b"Content-Length: %d" % len(self.body),
        ]
        if self._expires > SESSION_SECONDS:
            lines.insert(-1, b"Min-SE: %d" % self._expires)
        data = b"\r\n".join((*lines, b"", self.body))
        client = layer.send_request(b"INVITE", self._branch, data, self.flow, self)
        assert isinstance(client, ClientInvite)
        self.client = client

    # -- what comes back

    def on_response(self, response: Response) -> None:
        """From the transaction; to one that was replaced by a next try nothing comes any more but its ACK."""
        self.heard = True
        status = response.status
        if status < 200:
            self._provisional(response)
        elif status < 300:
            self._accepted(response)
        else:
            self.client = None
            if self.owner is None or (self._cancel is None and self._tries < MOST_TRIES and self._again(response)):
                return
            self.owner.on_invited(response)

    def on_no_answer(self, timed_out: bool) -> None:
        """From the transaction."""
        self.client = None
        if self.owner is not None:
            self.owner.on_unanswered(timed_out)

    def _provisional(self, response: Response) -> None:
        if self._cancel is not None:
            self._send_cancel()
        if response.has(b"rseq") and response.to.tag:
            self._prack(response)
        if response.status > 100 and self.owner is not None:
            self.owner.on_invited(response)

    def _accepted(self, response: Response) -> None:
        tag = response.to.tag
        known = self._acks.get(tag)
        if known is not None:
            self.layer.send(*known)
        elif tag == self._answered and tag:
            return  # the answer to its offer is still awaited from the other side
        elif self.owner is None or self._answered:
            self._refuse(response)
        else:
            self._answered = tag
            self.owner.on_invited(response)

    def _again(self, response: Response) -> bool:
        """Whether what this refusal asks for can be done, and is."""
        if response.status in (401, 407):
            line = self.login.answer(response, b"INVITE", self.uri, self.layer.ids.tag()) if self.login else None
            if line is None or (self._credentials and not _is_stale(response)):
                return False
            self._credentials = line
        elif response.status == 422 and self._expires < minimum(response):
            self._expires = minimum(response)
        else:
            return False
        self.send()
        return True

    def _prack(self, response: Response) -> None:
        """RFC 3262 §4. It carries no SDP: 100rel is only offered with an offer in the INVITE."""
        number = response.get(b"rseq") or b""
        tag = response.to.tag
        mark = tag + b"|" + number
        if mark in self._pracked or not number.isdigit():
            return
        self._pracked.add(mark)
        dialog = self._dialogs.get(tag)
        if dialog is None:
            dialog = self._dialogs[tag] = self._dialog(response)
        branch = self.layer.ids.branch()
        data = dialog.request(b"PRACK", branch, (b"RAck: %b %d INVITE" % (number, self.cseq),))
        self.layer.send_request(b"PRACK", branch, data, dialog.flow, _NOBODY)

    # -- when somebody has answered

    def dialog(self, response: Response) -> Dialog:
        """The dialog that this 2xx makes."""
        dialog = self._dialogs.pop(response.to.tag, None)
        if dialog is None:
            return self._dialog(response)
        dialog.refresh(response)
        if response.has(b"record-route"):
            dialog.routes = tuple(response.values(b"record-route")[::-1])
        dialog.remote = response.get(b"to") or b""
        dialog.flow = self._way(dialog)
        return dialog

    def acknowledge(self, dialog: Dialog, body: bytes = b"", content_type: bytes = b"application/sdp") -> None:
        """Send the ACK, with an answer where the 2xx had the offer; kept, for the 2xx may come again."""
        lines = [self._credentials] if self._credentials else []  # as in the INVITE (RFC 3261 §22.1)
        if body:
            lines.append(b"Content-Type: " + content_type)
        data = dialog.request(b"ACK", self.layer.ids.branch(), lines, body, self.cseq)
        self._acks[dialog.remote_tag] = (data, dialog.flow)
        self.layer.send(data, dialog.flow)

    def _refuse(self, response: Response) -> None:
        """Hang up on an answer that nobody waits for."""
        dialog = self.dialog(response)
        self.acknowledge(dialog)
        branch = self.layer.ids.branch()
        self.layer.send_request(b"BYE", branch, dialog.request(b"BYE", branch), dialog.flow, _NOBODY)

    def _dialog(self, response: Response) -> Dialog:
        contacts = response.contacts()
        dialog = Dialog(
            call_id=self.call_id,
            local=self.local,
            local_tag=self.local_tag,
            remote=response.get(b"to") or b"",
            remote_tag=response.to.tag,
            target=contacts[0].uri if contacts and contacts[0].uri != b"*" else self.uri,
            routes=response.values(b"record-route")[::-1],
            contact=self.contact,
            flow=self.flow,
            local_cseq=self.cseq,
        )
        dialog.flow = self._way(dialog)
        return dialog

    def _way(self, dialog: Dialog) -> Flow:
        return self.way_to(dialog.next_hop, self.flow)

    # -- giving up

    def cancel(self, *reasons: bytes) -> None:
        """Have the other side stop ringing; a first provisional response is waited for (RFC 3261 §9.1)."""
        if self._cancel is None:
            self._cancel = reasons
            if self.client is not None and self.client.state == client_invite.PROCEEDING:
                self._send_cancel()

    def let_go(self) -> None:
        """Nobody waits for it any more: it is cancelled, and whoever answers all the same is hung up on."""
        self.owner = None
        self.cancel()

    def give_up(self) -> None:
        """Nothing more is awaited from there, not even the end of its ringing."""
        self.owner = None
        if self.client is not None:
            self.client.end(None)
            self.client = None

    @property
    def is_silent(self) -> bool:
        """Whether nothing at all has come back."""
        return self.client is not None and self.client.state == client_invite.CALLING

    def _send_cancel(self) -> None:
        layer = self.layer
        if self.client is not None and b"%b|CANCEL" % self._branch not in layer.clients:
            layer.send_request(b"CANCEL", self._branch, self.client.cancel(self._cancel or ()), self.flow, _NOBODY)
            # Who does not even answer a CANCEL is gone (RFC 3261 §9.1: 64·T1).
            layer.wheel.arm(self, layer.now + layer.values.lifetime)

    def fire(self, now: float) -> None:
        """The end of patience after a CANCEL."""
        if self.client is not None and self.client.state == client_invite.PROCEEDING:
            owner = self.owner
            self.give_up()
            if owner is not None:
                owner.on_unanswered(True)


def _is_stale(response: Response) -> bool:
    challenge = challenge_of(response)
    return challenge is not None and challenge.stale


class _Nobody:
    """What these requests are answered means nothing to us."""

    def on_response(self, response: Response) -> None:
        pass

    def on_no_answer(self, timed_out: bool) -> None:
        pass


_NOBODY = _Nobody()
