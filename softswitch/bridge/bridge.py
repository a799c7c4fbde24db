"""Two dialogs of ours as one call: what one party asks is asked of the other, the sound passes through the engine.

Offers are relayed end to end, so both parties agree with each other and not with us: hold, codecs, pictures. The
parties never see each other's addresses, tags or Call-IDs. A party that dies takes the other one with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from softswitch.bridge import keys
from softswitch.bridge.end import End
from softswitch.errors import PeerError
from softswitch.flow import INSIDE
from softswitch.media.anchor import sdp_of, with_sdp
from softswitch.media.engine import MediaFailed
from softswitch.sip.message import Request, Response
from softswitch.transaction.server_invite import ServerInvite
from softswitch.transaction.server_other import ServerOther

if TYPE_CHECKING:
    from softswitch.bridge.bridges import Bridges
    from softswitch.bridge.transfer import Transfer

Placed = Callable[[bytes], None]
SDP = b"Content-Type: application/sdp"
_DEAD = (408, 481)
"""What a party answers that has lost the call (RFC 3261 §12.2.1.2)."""


class Bridge:
    """An answered call: `a` called, `b` took it."""

    __slots__ = ("a", "b", "bridges", "call_id", "ended", "text", "transfer")

    def __init__(self, bridges: Bridges, call_id: bytes, a: End, b: End) -> None:
        self.bridges = bridges
        self.call_id = call_id
        """Under which the call is known here, to the media engine too."""
        self.text = call_id.decode("utf-8", "surrogateescape")
        self.a = a
        self.b = b
        self.ended = False
        self.transfer: Transfer | None = None
        """Of one party by the other, under way."""
        a.bridge = b.bridge = self

    def other(self, end: End) -> End:
        return self.b if end is self.a else self.a

    # -- sound

    def offered(self, end: End, message: Request | Response, then: Placed, failed: Callable[[int], None]) -> None:
        """Have an offer of this party anchored; its whole body as it goes to the other one."""
        other = self.other(end)

        def placed(body: bytes) -> None:
            then(end.offers(message, body, other) if self.bridges.anchors else body)

        self._place(self.bridges.media.offer, end, other, other, message, placed, failed)

    def answered(self, end: End, message: Request | Response, then: Placed) -> None:
        """The same for this party's answer. It never fails: what is agreed is passed on as it is."""
        other = self.other(end)

        def placed(body: bytes) -> None:
            if body and self.bridges.anchors:
                then(end.answers(message, body, other))
                keys.agreed(self)
            else:
                then(body)

        self._place(self.bridges.media.answer, other, end, other, message, placed, lambda status: placed(message.body))

    def _place(
        self,
        place: Callable[..., None],
        offerer: End,
        answerer: End,
        to: End,
        message: Request | Response,
        then: Placed,
        failed: Callable[[int], None],
    ) -> None:
        content_type, body = message.get(b"content-type") or b"", message.body
        sdp = sdp_of(content_type, body)
        if sdp is None or not self.bridges.anchors or INSIDE in (offerer.dialog.flow.host, answerer.dialog.flow.host):
            then(body)  # a leg of our own is at the engine itself
            return

        def done(result: bytes | MediaFailed) -> None:
            if self.ended:
                return
            if isinstance(result, MediaFailed):
                self.bridges.note(self.call_id, "no media", status=result.status, reason=result.reason)
                failed(result.status)
            else:
                then(with_sdp(content_type, body, result))

        place(offerer.key(answerer, self.text), sdp, to.network, message.flow.host, done)

    # -- a new offer within the call

    def on_invite(self, end: End, request: Request, server: ServerInvite) -> None:
        """Hold, resume, another codec or address: asked of the other party."""
        other = self.other(end)
        if other.inviting or other.unacknowledged:
            # Both at once (glare): each of them tries again after a while of its own (RFC 3261 §14.1).
            server.reply(491)
            return
        self.heard()
        other.inviting = True  # from here on, also while the engine thinks
        server.owner = Waiting()
        if not request.body:
            self._late_offer(end, request, server)
            return

        def asked(body: bytes) -> None:
            other.send(b"INVITE", (_type(request),), body, lambda got: self._reanswered(end, request, server, got))

        def failed(status: int) -> None:
            other.inviting = False
            server.reply(status)

        self.offered(end, request, asked, failed)

    def _reanswered(self, end: End, request: Request, server: ServerInvite, response: Response | None) -> None:
        other = self.other(end)
        if self.ended:
            server.reply(481)
            return
        if response is None or response.status >= 300:
            self._refused(other, server, response)
            return
        other.acknowledge(other.invite_number)
        self.answered(other, response, lambda body: end.answer(request, server, (), body))

    def _late_offer(self, end: End, request: Request, server: ServerInvite) -> None:
        """An INVITE without an offer: the other party's 200 has it, the ACK brings the answer back."""
        other = self.other(end)

        def answered(response: Response | None) -> None:
            if self.ended:
                server.reply(481)
                return
            if response is None or response.status >= 300:
                self._refused(other, server, response)
                return
            number = other.invite_number

            def take(ack: Request) -> None:
                self.answered(end, ack, lambda body: other.acknowledge(number, body))

            def offer(body: bytes) -> None:
                end.take_answer = take
                end.answer(request, server, (), body)

            self.offered(other, response, offer, server.reply)

        other.send(b"INVITE", (), b"", answered)

    def _refused(self, other: End, server: ServerInvite | ServerOther, response: Response | None) -> None:
        status = response.status if response is not None else 408
        server.reply(500 if status in (401, 407, 503) else status)
        if status in _DEAD:
            self.dead(other, f"it answered {status}")

    def on_update(self, end: End, request: Request, server: ServerOther) -> None:
        """An offer without an INVITE (RFC 3311), or only a sign of life."""
        self.heard()
        other = self.other(end)
        if not request.body:
            end.answer_other(request, server, b"")
            return
        if other.inviting or other.unacknowledged or end.inviting:
            server.reply(491)
            return

        def done(response: Response | None) -> None:
            other.inviting = False
            if self.ended:
                server.reply(481)
            elif response is None or response.status >= 300:
                self._refused(other, server, response)
            else:
                if method == b"INVITE":
                    other.acknowledge(other.invite_number)
                self.answered(other, response, lambda body: end.answer_other(request, server, body))

        def failed(status: int) -> None:
            other.inviting = False
            server.reply(status)

        method = b"UPDATE" if b"UPDATE" in other.allowed else b"INVITE"
        other.inviting = True
        self.offered(end, request, lambda body: other.send(method, (_type(request),), body, done), failed)

    # -- other requests

    def on_other(self, end: End, request: Request, server: ServerOther) -> None:
        """INFO with a key that was pressed, a line of text: passed on."""
        self.heard()
        if request.method != b"INFO" or not keys.pressed(self, end, request, server):
            self.pass_on(end, request, server)

    def pass_on(self, end: End, request: Request, server: ServerOther) -> None:
        """As it is."""

        def done(response: Response | None) -> None:
            if response is None:
                server.reply(408)
            else:
                server.reply(response.status)
            if not self.ended and (response is None or response.status in _DEAD):
                self.dead(self.other(end), "it did not answer")

        passed = (b"content-type", b"info-package", b"content-disposition", b"recv-info")
        lines = [line for line, key in zip(request.lines, request.keys, strict=True) if key in passed]
        self.other(end).send(request.method, lines, request.body, done)

    def on_refer(self, end: End, request: Request, server: ServerOther) -> None:
        """A phone sends the other party elsewhere; a provider may not, for it would be the firm that pays."""
        if not end.account:
            server.reply(603)
        elif self.transfer is not None:
            server.reply(491)
        else:
            try:
                self.bridges.transfer(self, end, request, server)
            except PeerError as error:
                server.reply(error.status, error.reason)

    # -- the end

    def on_bye(self, end: End, request: Request) -> None:
        """One party hung up."""
        reasons = [line for line, key in zip(request.lines, request.keys, strict=True) if key == b"reason"]
        end.end()
        transfer = self.transfer
        if transfer is not None and transfer.mover is end:
            return  # the phone need not wait for how it goes on (RFC 5589 §6.1)
        self.other(end).hang_up(reasons)
        self.finish(end)

    def leave(self, end: End) -> None:
        """This party goes on in another call; this one is over, and the other party is to be hung up."""
        if not self.ended:
            self.ended = True
            self.transfer = None
            self.bridges.forget(self, self.other(end), staying=end)

    def dead(self, end: End, why: str) -> None:
        """One party is gone without a word; it is told so all the same, perhaps it hears."""
        if not self.ended:
            self.bridges.note(self.call_id, "call lost", by=end.dialog.remote.decode("utf-8", "replace"), why=why)
            self.hang_up(end)

    def hang_up(self, by: End | None = None, reasons: Sequence[bytes] = ()) -> None:
        """End the call for both."""
        if not self.ended:
            self.a.hang_up(reasons)
            self.b.hang_up(reasons)
            self.finish(by or self.a)

    def finish(self, by: End) -> None:
        """Give back what the call held."""
        if self.ended:
            return
        self.ended = True
        for end in (self.a, self.b):
            end.end()
        self.bridges.forget(self, by)
        if self.transfer is not None:
            self.transfer.cancel()

    def heard(self) -> None:
        """A party showed that it is alive."""
        self.bridges.heard(self.call_id)


class Waiting:
    """Owner of an INVITE of one party that the other one answers. Its CANCEL changes nothing: that comes at once."""

    def on_cancel(self, cancel: Request) -> None:
        pass

    def on_caller_gone(self) -> None:
        pass


def _type(request: Request) -> bytes:
    at = request.first.get(b"content-type")
    return request.lines[at] if at is not None else SDP
