"""One end of a bridged call: a dialog of ours with one party, and what is under way in it.

It keeps to the rules of RFC 3261 by itself, such as a 200 that is repeated until its ACK comes, and asks its bridge
about everything that concerns the other party.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from softswitch.bridge.invitation import ALLOW, Login
from softswitch.bridge.keys import Manner, events_of, for_answer, for_offer
from softswitch.bridge.pulse import Pulse
from softswitch.dialog.dialog import Dialog
from softswitch.dialog.sessiontimer import as_server
from softswitch.errors import PeerError
from softswitch.flow import Flow
from softswitch.media.engine import MediaKey
from softswitch.sip.build import respond
from softswitch.sip.message import Request, Response
from softswitch.transaction.layer import Layer, reply_flow
from softswitch.transaction.server_invite import ServerInvite
from softswitch.transaction.server_other import ServerOther

if TYPE_CHECKING:
    from softswitch.bridge.bridge import Bridge

Done = Callable[[Response | None], None]
"""Gets the final response to a request of ours; None when there is none."""
_RELAYED = (b"INFO", b"MESSAGE")
PREEMPTED = b'Reason: preemption;cause=3;text="An emergency call needs the line"'


class End:
    """A dialog within a bridge. Its timer repeats the 200 that waits for an ACK."""

    __slots__ = (
        "_give_up_at",
        "_interval",
        "_ok",
        "_ok_cseq",
        "_ok_flow",
        "_to_ack",
        "account",
        "allowed",
        "bridge",
        "dialog",
        "due",
        "ended",
        "events",
        "invite_number",
        "inviting",
        "keys_taken",
        "layer",
        "locate",
        "login",
        "manner",
        "media_tag",
        "offers_events",
        "on_bye",
        "on_end",
        "pulse",
        "sees_events",
        "shown",
        "site",
        "slot",
        "take_answer",
        "told",
        "trusts",
    )

    def __init__(self, layer: Layer, dialog: Dialog, media_tag: str, login: Login | None = None) -> None:
        self.layer = layer
        self.dialog = dialog
        self.media_tag = media_tag
        """What the media engine calls this party."""
        self.login = login
        self.bridge: Bridge | None = None
        self.site = ""
        self.account = ""
        """The phone, if it is one of ours."""
        self.shown = ""
        """How others see this party: a number."""
        self.on_bye: Callable[[], None] | None = None
        """Told of a BYE while there is no bridge yet."""
        self.on_end: list[Callable[[], None]] = []
        self.ended = False
        self.inviting = False
        """An INVITE of ours is under way in this dialog."""
        self.invite_number = 0
        """The CSeq number of our latest INVITE in it."""
        self.allowed: frozenset[bytes] = frozenset()
        """The methods that the other end says it knows."""
        self.pulse = Pulse(self)
        self.told = b""
        """The session description that this party was given last."""
        self.manner = Manner()
        """How this party is about keys; that of a phone is found by `learn`."""
        self.events = -1
        """By which payload type it knows telephone events, as agreed last; -1 when it doesn't."""
        self.offers_events = -1
        """The same of the offer that it made last."""
        self.sees_events = False
        """It was given a description with telephone events, so it sends them."""
        self.keys_taken = False
        """Its telephone events are told to the other party by INFO."""
        self.trusts: Callable[[str], bool] = lambda host: False
        """Whether requests may come from this address too, besides where ours go."""
        self.locate: Callable[[Dialog], None] = lambda dialog: None
        """Sees to it that the dialog's way still exists; asked before each request of ours."""
        self.take_answer: Callable[[Request], None] | None = None
        """Takes the ACK that has the answer to an offer of ours in a 200."""
        self.due: float | None = None
        self.slot = 0
        self._ok = b""
        self._ok_cseq = 0
        self._ok_flow = dialog.flow
        self._interval = 0.0
        self._give_up_at = 0.0
        self._to_ack: tuple[bytes, Flow, int] | None = None
        """The ACK to the latest 200 that we were sent within the dialog, with its INVITE's number."""

    @property
    def network(self) -> str:
        """The network this party is on."""
        return self.dialog.flow.listener.network

    @property
    def unacknowledged(self) -> bool:
        """Whether a 200 of ours waits for its ACK."""
        return bool(self._ok)

    def key(self, other: End, call_id: str) -> MediaKey:
        """Of an offer that this party makes."""
        return MediaKey(call_id, self.media_tag, other.media_tag)

    def learn(self, message: Request | Response) -> None:
        """What the other end can do."""
        values = [value for line in message.all(b"allow") for value in line.upper().replace(b",", b" ").split()]
        if values:
            self.allowed = frozenset(values)
            if not self.manner.style:
                self.manner = Manner("", b"INFO" in self.allowed)

    def offers(self, message: Request | Response, body: bytes, to: End) -> bytes:
        """`body`, this party's offer, as it goes to that one."""
        self.offers_events = events_of(body)
        body = for_offer(message, body, self.manner, to.manner)
        to.sees_events = events_of(body) >= 0
        return body

    def answers(self, message: Request | Response, body: bytes, to: End) -> bytes:
        """The same for its answer."""
        self.events, to.events = events_of(body), to.offers_events
        body = for_answer(message, body, self.manner, to.manner, to.offers_events)
        to.sees_events = events_of(body) >= 0
        return body

    # -- what comes in

    def receive(self, request: Request) -> None:
        """A request of the other end within the dialog."""
        method = request.method
        if method == b"ACK":
            self._on_ack(request)
            return
        bridge = self.bridge
        server = self.layer.accept(request)
        if bridge is None and not self.ended and method == b"BYE" and self.on_bye is not None:
            server.reply(200)
            self.end()
            self.on_bye()
            return
        if bridge is None or self.ended:
            server.reply(481)
            return
        try:
            self.dialog.accept(request)
        except PeerError as error:
            server.reply(error.status, error.reason)
            return
        if isinstance(server, ServerInvite):
            self._on_invite(request, server, bridge)
        elif method == b"BYE":
            server.reply(200)
            bridge.on_bye(self, request)
        elif method == b"UPDATE":
            bridge.on_update(self, request, server)
        elif method in _RELAYED:
            bridge.on_other(self, request, server)
        elif method == b"REFER":
            bridge.on_refer(self, request, server)
        elif method in (b"OPTIONS", b"NOTIFY"):
            server.reply(200, headers=(ALLOW,))
        elif method == b"PRACK":
            server.reply(481)
        else:
            server.reply(405, headers=(ALLOW,))

    def _on_invite(self, request: Request, server: ServerInvite, bridge: Bridge) -> None:
        if self._ok:
            # Theirs is not acknowledged yet: RFC 3261 §14.2 has them wait.
            server.reply(500, headers=(b"Retry-After: 2",))
        elif self.inviting:
            server.reply(491)
        else:
            server.reply(100)
            bridge.on_invite(self, request, server)

    def _on_ack(self, request: Request) -> None:
        if not self._ok or request.cseq[0] != self._ok_cseq:
            return
        self._ok = b""
        self.due = None
        take, self.take_answer = self.take_answer, None
        if take is not None:
            take(request)

    # -- answers of ours

    def accept(self, data: bytes, request: Request) -> None:
        """A 200 to an INVITE was sent as `data`: it is sent again and again until its ACK comes (§13.3.1.4)."""
        layer = self.layer
        self.learn(request)
        self.pulse.agreed(as_server(request)[0])
        self._ok, self._ok_cseq, self._ok_flow = data, request.cseq[0], reply_flow(request)
        self._interval = layer.values.t1
        self._give_up_at = layer.now + layer.values.lifetime
        layer.wheel.arm(self, layer.now + self._interval)

    def answer(self, request: Request, server: ServerInvite, lines: Sequence[bytes], body: bytes) -> None:
        """Answer an INVITE within the dialog with 200."""
        session = as_server(request)[1]
        headers = [self._contact, ALLOW, *session, *lines, *([b"Content-Type: application/sdp"] if body else [])]
        self.told = body or self.told
        data = respond(request, 200, "", headers, body, self.dialog.local_tag)
        server.respond(200, data)
        self.accept(data, request)

    def answer_other(self, request: Request, server: ServerOther, body: bytes) -> None:
        """Answer an UPDATE with 200."""
        session, lines = as_server(request)
        self.told = body or self.told
        headers = (self._contact, ALLOW, *lines, *((b"Content-Type: application/sdp",) if body else ()))
        server.reply(200, "", headers, body)
        self.pulse.agreed(session)

    @property
    def _contact(self) -> bytes:
        return b"Contact: " + self.dialog.contact

    def fire(self, now: float) -> None:
        """The 200 was not acknowledged yet."""
        if not self._ok or self.ended:
            return
        if now >= self._give_up_at:
            if self.bridge is not None:
                self.bridge.dead(self, "it never acknowledged the answer")
            return
        self.layer.send(self._ok, self._ok_flow)
        self._interval = min(2 * self._interval, self.layer.values.t2)
        self.layer.wheel.arm(self, min(now + self._interval, self._give_up_at))

    # -- requests of ours

    def send(self, method: bytes, lines: Sequence[bytes] = (), body: bytes = b"", done: Done | None = None) -> None:
        """Send a request within the dialog; credentials are added when they are asked for."""
        if method == b"INVITE":
            self.inviting = True
        if method in (b"INVITE", b"UPDATE"):
            lines = (*self.pulse.lines(), ALLOW, *lines)
            self.told = body or self.told
        _Sent(self, method, lines, body, done).send(b"")

    def acknowledge(self, number: int, body: bytes = b"") -> None:
        """Send the ACK to a 200 of the INVITE with this number, and again when that 200 comes again."""
        lines = (b"Content-Type: application/sdp",) if body else ()
        self.told = body or self.told
        data = self.dialog.request(b"ACK", self.layer.ids.branch(), lines, body, number)
        self._to_ack = (data, self.dialog.flow, number)
        self.layer.send(data, self.dialog.flow)

    def acknowledge_again(self, number: int) -> None:
        """A 200 came once more."""
        if self._to_ack is not None and self._to_ack[2] == number:
            self.layer.send(self._to_ack[0], self._to_ack[1])

    # -- the end

    def end(self) -> None:
        """Nothing more is sent or awaited here."""
        self.ended = True
        self.due = None
        self.pulse.stop()
        self._ok = b""
        self.take_answer = None
        waiting, self.on_end = self.on_end, []
        for call in waiting:
            call()

    def give_way(self) -> None:
        """An emergency call needs this party's channel: the whole call ends (RFC 4411)."""
        if self.bridge is not None:
            self.bridge.hang_up(self, (PREEMPTED,))
        else:
            self.hang_up((PREEMPTED,))

    def hang_up(self, reasons: Sequence[bytes] = ()) -> None:
        """Send BYE."""
        if not self.ended:
            self.end()
            self.send(b"BYE", reasons)


class _Sent:
    """A request of ours in a dialog that waits for its answer."""

    __slots__ = ("_body", "_cseq", "_done", "_end", "_lines", "_method", "_tries")

    def __init__(self, end: End, method: bytes, lines: Sequence[bytes], body: bytes, done: Done | None) -> None:
        self._end = end
        self._method = method
        self._lines = lines
        self._body = body
        self._done = done
        self._tries = 0
        self._cseq = 0

    def send(self, credentials: bytes) -> None:
        end = self._end
        self._tries += 1
        end.locate(end.dialog)
        branch = end.layer.ids.branch()
        lines = (*self._lines, credentials) if credentials else self._lines
        data = end.dialog.request(self._method, branch, lines, self._body)
        self._cseq = end.dialog.local_cseq
        if self._method == b"INVITE":
            end.invite_number = self._cseq
        end.layer.send_request(self._method, branch, data, end.dialog.flow, self)

    def on_response(self, response: Response) -> None:
        status = response.status
        if status < 200:
            return
        end = self._end
        if status in (401, 407) and self._tries == 1 and end.login is not None:
            line = end.login.answer(response, self._method, end.dialog.target, end.layer.ids.tag())
            if line is not None:
                self.send(line)
                return
        if self._method == b"INVITE" and status < 300:
            if self._done is None:
                end.acknowledge_again(self._cseq)
                return
            if end.ended:
                end.acknowledge(self._cseq)
            end.dialog.refresh(response)
        self._finish(response)

    def on_no_answer(self, timed_out: bool) -> None:
        self._finish(None)

    def _finish(self, response: Response | None) -> None:
        end = self._end
        if self._method == b"INVITE":
            end.inviting = False
        if self._method in (b"INVITE", b"UPDATE") and response is not None and response.status < 300 and not end.ended:
            end.learn(response)
            end.pulse.response_to(response)
        done, self._done = self._done, None
        if done is not None:
            done(response)
