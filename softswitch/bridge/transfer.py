"""Transfers out of a bridged call: a phone sends the other party elsewhere, and we carry it out (RFC 3515, 5589).

The phone is told how it went by NOTIFYs that say what really happened (RFC 3515 §2.4.4). The party that is sent on
keeps its dialog with us; it gets a new offer when there is somebody for it. Until then, and when it fails, the old
call stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from softswitch.bridge.bridge import Bridge
from softswitch.bridge.end import End
from softswitch.bridge.forking import Acknowledge, BridgedFork, InnerServer
from softswitch.bridge.invitation import ALLOW, Invitation
from softswitch.dialplan.plan import Plan
from softswitch.errors import PeerError
from softswitch.flow import INSIDE, Flow
from softswitch.proxy.branch import target_of
from softswitch.proxy.calls import Call
from softswitch.records.diary import Diary
from softswitch.sip.address import parse_address
from softswitch.sip.build import PHRASES
from softswitch.sip.message import Request, Response
from softswitch.sip.params import parse_params
from softswitch.sip.parse import parse
from softswitch.sip.uri import escape, parse_uri, unescape
from softswitch.transaction.server_invite import ServerInvite
from softswitch.transaction.timers import Timer

if TYPE_CHECKING:
    from softswitch.bridge.bridges import Bridges

BUSY_SECONDS = 0.5
"""How long to wait while the party that is sent on is in the middle of an offer."""
BUSY_TIMES = 20


class Replaces(NamedTuple):
    """The dialog that a new one takes the place of (RFC 3891 §6.1)."""

    call_id: bytes
    to_tag: bytes
    from_tag: bytes


def replaces_of(value: bytes) -> Replaces:
    """From the value of a Replaces header field. Raises PeerError(400)."""
    call_id, _, rest = value.strip().partition(b";")
    params = parse_params(b";" + rest) if rest else {}
    to_tag, from_tag = params.get(b"to-tag"), params.get(b"from-tag")
    if not call_id or not to_tag or not from_tag:
        raise PeerError(400, "Malformed Replaces")
    return Replaces(call_id.strip(), to_tag, from_tag)


class Transfer:
    """One REFER. `mover` sent it, `moved` is sent on."""

    def __init__(self, bridges: Bridges, bridge: Bridge, mover: End, request: Request) -> None:
        self.bridges = bridges
        self.bridge = bridge
        self.mover = mover
        self.moved = bridge.other(mover)
        self.call_id = bridges.layer.ids.call_id(mover.site.encode())
        self.tag = bridges.layer.ids.tag()
        """What the media engine, and the target's dialog, call the moved party."""
        self.over = False
        self.tells = (request.get(b"refer-sub") or b"").lower() != b"false"
        self._id = request.cseq[0]
        self._inner: InnerServer | None = None
        self._invitation: Invitation | None = None
        self._places: list[tuple[bytes, Flow]] = []
        self._replaces = b""
        self._asked: tuple[bytes, Flow] | None = None
        """Where the target is asked now."""
        self._tries = 0
        self._waiting = Timer(lambda now: self._offer())
        self._offered: tuple[End, bytes, str, Acknowledge] | None = None

    # -- beginning

    def begin(self, target: bytes) -> None:
        """`target` is the URI of Refer-To, with its headers."""
        self._tell(100)
        uri, _, headers = target.partition(b"?")
        replaces = next(
            (unescape(value) for name, _, value in (one.partition(b"=") for one in headers.split(b"&"))
             if unescape(name).lower() == b"replaces"),
            None,
        )  # fmt: skip
        try:
            if replaces is None:
                self._blind(uri)
            else:
                self._attended(uri, replaces)
        except PeerError as error:
            self._failed(error.status)

    def _blind(self, uri: bytes) -> None:
        """To whom the dialplan means by a number."""
        core = self.bridges.core
        if uri[:4].lower() == b"tel:":
            called = unescape(uri[4:].partition(b";")[0]).decode("utf-8", "replace")
        else:
            parsed = parse_uri(uri)
            if not core.firms.is_for_us(parsed):
                raise PeerError(403)
            called = parsed.user_text
        plan = core.firms.plan_at(self.mover.site)
        if plan is None or not called:
            raise PeerError(404)
        self._ring(plan, called)

    def _ring(self, plan: Plan, called: str) -> None:
        bridges, core = self.bridges, self.bridges.core
        caller, site = self.moved.shown, plan.site.encode()
        flow = self.mover.dialog.flow
        number = escape(called.encode())
        lines = (
            b"INVITE sip:%b@%b SIP/2.0" % (number, site),
            b"Via: " + flow.listener.via + bridges.layer.ids.branch(),
            b"Max-Forwards: 70",
            b"From: " + self._sender(site),
            b"To: <sip:%b@%b>" % (number, site),
            b"Call-ID: " + self.call_id,
            b"CSeq: 1 INVITE",
            ALLOW,
            b"Supported: timer, replaces",
            b"Content-Length: 0\r\n\r\n",
        )
        made = parse(b"\r\n".join(lines), self.moved.dialog.flow)
        assert isinstance(made, Request)
        self._inner = inner = InnerServer(self, made)
        account = self.mover.account
        facts = core.facts(plan, called, caller, account, self.call_id)
        diary = Diary(plan.site, self.call_id, caller, called, account, plan.site, core.wall)
        fork = BridgedFork(inner, plan, facts, 70, diary)
        core.ringing.add(fork)
        fork.owns = core.calls.begin(
            Call(plan.site, self.call_id, self.tag, caller, called, core.wall, diary, anchored=core.anchors)
        )
        bridges.note(self.call_id, "transfer", caller=caller, called=called, account=account)
        fork.proceed()

    def _sender(self, site: bytes) -> bytes:
        caller = self.moved.shown
        if not caller:
            return b"<sip:anonymous@anonymous.invalid>;tag=" + self.tag
        return b"<sip:%b@%b>;tag=%b" % (escape(caller.encode()), site, self.tag)

    def _attended(self, uri: bytes, value: bytes) -> None:
        """To whom the phone talks in another call."""
        replaces = replaces_of(value)
        other = self.bridges.end_of(replaces.call_id, replaces.to_tag)
        if other is not None:
            if other.dialog.remote_tag != replaces.from_tag or other.account != self.mover.account:
                raise PeerError(403)
            if other.bridge is None or other.bridge is self.bridge:
                raise PeerError(481)
            self._join_two(other)
            return
        self._places = self._places_of(uri, replaces)
        self._replaces = value
        if not self._places:
            raise PeerError(404)
        self._invite_next()

    def _places_of(self, uri: bytes, replaces: Replaces) -> list[tuple[bytes, Flow]]:
        """Where the phone of the other call may be: at its Contact, or at those of the phones in that call."""
        core = self.bridges.core
        flow = core.contacts.newest(uri)
        if flow is not None:
            return [(uri, flow)]
        call = core.calls.get(replaces.call_id)
        found: list[tuple[bytes, Flow]] = []
        for site, account in call.parties if call is not None else ():
            if account != self.mover.account:
                for binding in core.contacts.bindings(site, account, core.wall):
                    way = core.contacts.flow_of(binding)
                    if way is not None:
                        found.append((target_of(binding), way))
        return found

    def _invite_next(self) -> None:
        """Only the phone that has that call takes the new one; others answer 481."""
        uri, flow = self._asked = self._places.pop(0)
        value, before = self._replaces, self._invitation
        site = self.mover.site.encode()
        sender = self._sender(site).rpartition(b";tag=")[0]
        self._invitation = Invitation(
            self.bridges.layer,
            self,
            uri=uri,
            flow=flow,
            local=sender,
            remote=b"<%b>" % uri,
            contact=self.contact_for(flow),
            lines=(b"Replaces: " + value, b"Require: replaces") if value else (),
            body=b"",
            max_forwards=70,
            login=None,
            way_to=lambda uri, flow: flow,
            call_id=self.call_id,
            local_tag=self.tag,
        )
        if before is not None:
            self._invitation.cseq = before.cseq  # counted on: else it would be the same request, come round (§8.2.2.2)
        self._invitation.send()

    # -- what the target says

    def on_inner(self, response: Response) -> None:
        """From the fork."""
        status = response.status
        if status < 200:
            self._tell(status)
        elif status < 300:
            self._target_answered(response)
        else:
            self._failed(status)

    def on_inner_reply(self, status: int, reason: str, headers: object) -> None:
        """The switch's own word."""
        if status >= 300:
            self._failed(status)

    def on_invited(self, response: Response) -> None:
        """From the invitation that replaces the phone's other call."""
        status = response.status
        if status < 200:
            self._tell(status)
        elif status >= 300:
            if status == 481 and self._places and not self.over:
                self._invite_next()
            elif status == 420 and self._replaces and self._asked is not None and not self.over:
                # COMPAT: baresip 1.0 knows no Replaces. It rings once more, and the call from before ends by itself.
                self._replaces = b""
                self._places = [self._asked]
                self._invite_next()
            else:
                self._failed(status)
        elif self._invitation is not None:
            invitation = self._invitation
            dialog = invitation.dialog(response)
            far = End(self.bridges.layer, dialog, response.to.tag.decode("latin-1"))
            far.site = self.mover.site
            far.learn(response)

            def acknowledge(answer: bytes) -> None:
                far.told = answer
                invitation.acknowledge(dialog, answer)

            def placed(body: bytes) -> None:
                self._target_ready(far, response, body, acknowledge)

            key = (self.call_id, far.media_tag, self.tag.decode("latin-1"))
            self.bridges.place_offer(key, self.moved, response, placed, lambda status: self._failed(status))

    def on_unanswered(self, timed_out: bool) -> None:
        """From that invitation."""
        self._failed(408 if timed_out else 503)

    def _target_answered(self, response: Response) -> None:
        inner = self._inner
        assert inner is not None
        if self.over or self._offered is not None:
            if inner.joined is None:
                self._too_late(response)
            return
        if inner.joined is not None:
            far, acknowledge = inner.joined
            assert acknowledge is not None
            self._target_ready(far, response, response.body, acknowledge)
            return
        phone = inner.phone(response)
        phone.site = self.mover.site
        self._target_ready(phone, response, response.body, lambda answer: phone.acknowledge(1, answer))

    def _too_late(self, response: Response) -> None:
        assert self._inner is not None
        phone = self._inner.phone(response)
        phone.acknowledge(1)
        phone.hang_up()
        self.bridges.core.calls.hung_up(self.call_id, (response.to.tag, self.tag))

    # -- the moved party gets a new offer

    def _target_ready(self, far: End, response: Response, offer: bytes, acknowledge: Acknowledge) -> None:
        offer = far.offers(response, offer, self.moved)
        self._offered = (far, offer, far.media_tag, acknowledge)
        self._offer()

    def _offer(self) -> None:
        """As soon as nothing else is under way there."""
        assert self._offered is not None
        far, offer, _, acknowledge = self._offered
        moved, layer = self.moved, self.bridges.layer
        if self.over or moved.ended:
            self._drop(far, acknowledge)
            return
        if moved.inviting or moved.unacknowledged:
            self._tries += 1
            if self._tries > BUSY_TIMES:
                self._drop(far, acknowledge)
                self._failed(500)
                return
            layer.wheel.arm(self._waiting, layer.now + BUSY_SECONDS)
            return

        def answered(response: Response | None) -> None:
            if response is None or response.status >= 300 or moved.ended:  # its BYE may have crossed its 200
                self._drop(far, acknowledge)
                self._failed(response.status if response is not None and response.status >= 300 else 408)
                return
            moved.acknowledge(moved.invite_number)
            bridge = self._commit(far)
            bridge.answered(moved, response, acknowledge)
            self._done()

        moved.send(b"INVITE", (b"Content-Type: application/sdp",), offer, answered)

    def _drop(self, far: End, acknowledge: Acknowledge) -> None:
        acknowledge(b"")
        far.hang_up()
        self.bridges.core.calls.hung_up(self.call_id, (self.tag, far.media_tag.encode("latin-1")))
        self.bridges.media.delete(self.call_id.decode("utf-8", "surrogateescape"))

    def _commit(self, far: End) -> Bridge:
        """From here on the moved party and the target are one call."""
        self.bridge.leave(self.moved)
        self.moved.media_tag = self.tag.decode("latin-1")
        return self.bridges.join(self.call_id, self.moved, far)

    def _join_two(self, other: End) -> None:
        """The phone's two calls are both ours: the far parties of both become one call."""
        assert other.bridge is not None
        second, target = other.bridge, other.bridge.other(other)
        moved = self.moved
        if moved.inviting or moved.unacknowledged or target.inviting or target.unacknowledged:
            self._tries += 1
            if self._tries > BUSY_TIMES:
                raise PeerError(491)
            layer = self.bridges.layer
            self._waiting = Timer(lambda now: self._again(other))
            layer.wheel.arm(self._waiting, layer.now + BUSY_SECONDS)
            return
        key = (self.call_id, self.tag.decode("latin-1"), target.media_tag)

        def offered(response: Response | None) -> None:
            if response is None or response.status >= 300 or not response.body:
                if response is not None and response.status < 300:
                    moved.acknowledge(moved.invite_number)
                self._failed(500 if response is None else max(response.status, 500))
                return
            number = moved.invite_number

            def lost(status: int) -> None:
                moved.acknowledge(number)
                self._failed(status)
                self.bridge.dead(moved, "its transfer failed in the middle")

            def placed(body: bytes) -> None:
                def answered(reply: Response | None) -> None:
                    if reply is None or reply.status >= 300 or self.over:
                        lost(500 if reply is None else reply.status)
                        return
                    target.acknowledge(target.invite_number)
                    self.bridges.core.calls.handed_over(
                        self.bridge.call_id, self.call_id, self.tag, target.media_tag.encode("latin-1")
                    )
                    self.bridge.leave(moved)
                    second.leave(target)
                    moved.media_tag = self.tag.decode("latin-1")
                    joined = self.bridges.join(self.call_id, moved, target)
                    joined.answered(target, reply, lambda answer: moved.acknowledge(number, answer))
                    other.hang_up()
                    self._done()

                offer = moved.offers(response, body, target)
                target.send(b"INVITE", (b"Content-Type: application/sdp",), offer, answered)

            self.bridges.place_offer(key, target, response, placed, lost)

        moved.send(b"INVITE", (), b"", offered)

    def _again(self, other: End) -> None:
        try:
            if not self.over and other.bridge is not None and not other.ended:
                self._join_two(other)
            else:
                self._failed(481)
        except PeerError as error:
            self._failed(error.status)

    # -- the end

    def _done(self) -> None:
        self._end(200)
        self.bridges.note(self.call_id, "transferred", by=self.mover.account)
        self.mover.hang_up()

    def _failed(self, status: int) -> None:
        if self.over:
            return
        self._end(status)
        self.bridges.note(self.bridge.call_id, "transfer failed", status=status)
        self.bridge.transfer = None
        if self.mover.ended:
            self.bridge.hang_up(self.mover)  # nobody waits for the moved party any more

    def _end(self, status: int) -> None:
        self._tell(status)
        self.over = True
        self._waiting.due = None

    def cancel(self) -> None:
        """The party that was to be sent on has hung up."""
        if self.over:
            return
        self.over = True
        self._waiting.due = None
        if self._inner is not None and self._inner.owner is not None:
            self._inner.owner.on_caller_gone()
        if self._invitation is not None:
            self._invitation.let_go()

    def _tell(self, status: int) -> None:
        """NOTIFY with what happened (RFC 3515 §2.4.5)."""
        if not self.tells or self.over or self.mover.ended:
            return
        state = b"active;expires=180" if status < 200 else b"terminated;reason=noresource"
        lines = (
            b"Event: refer;id=%d" % self._id,
            b"Subscription-State: " + state,
            b"Content-Type: message/sipfrag;version=2.0",
        )
        body = b"SIP/2.0 %d %b\r\n" % (status, PHRASES.get(status, b"Failed" if status >= 300 else b"OK"))
        self.mover.send(b"NOTIFY", lines, body)

    # -- for the fork

    def contact_for(self, flow: Flow) -> bytes:
        """What a phone on this way is told to send its requests to."""
        user = escape(self.moved.shown.encode()) if self.moved.shown else b"anonymous"
        return b"<sip:%b@%b>" % (user, flow.listener.uri)

    @property
    def sender(self) -> bytes:
        """From, as phones see it."""
        return self._sender(self.mover.site.encode())

    def taken_by_us(self) -> tuple[Request, ServerInvite]:
        """A leg of our own makes an offer as a phone does; the dialog with it is within this switch."""
        inner = self._inner
        assert inner is not None
        assert inner.request is not None
        flow = inner.flow._replace(host=INSIDE)
        head, _, _ = inner.request.to_bytes().partition(b"\r\n\r\n")
        made = parse(b"%b\r\nContact: %b\r\n\r\n" % (head, self.contact_for(flow)), flow)
        assert isinstance(made, Request)
        return made, inner


def refer_target(request: Request) -> bytes:
    """The URI of Refer-To. Raises PeerError(400) where there is none or are several."""
    values = request.all(b"refer-to")
    if len(values) != 1:
        raise PeerError(400, "One Refer-To Is Needed")
    return parse_address(values[0]).uri
