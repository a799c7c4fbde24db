"""A parked call rings back: a call of our own to the phone that parked it, whose answer is heard by an end of ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from softswitch.bridge.end import End
from softswitch.bridge.forking import BridgedFork, InnerServer
from softswitch.bridge.invitation import ALLOW
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.plan import Plan
from softswitch.dialplan.step import Reject, Ring
from softswitch.flow import Flow
from softswitch.legs.leg import Leg
from softswitch.media.anchor import sdp_of
from softswitch.media.engine import MediaFailed, MediaKey
from softswitch.proxy.branch import Branch
from softswitch.proxy.calls import Call
from softswitch.records.diary import Diary
from softswitch.registrar.bindings import Binding
from softswitch.sip.message import Request, Response
from softswitch.sip.parse import parse
from softswitch.sip.uri import escape
from softswitch.transaction.server_invite import ServerInvite

if TYPE_CHECKING:
    from softswitch.bridge.bridges import Bridges

RING_SECONDS = 30.0
SHOWN = {"de": "Geparkt auf", "en": "Parked at", "es": "Aparcada en"}
"""What the phone shows before the place and the caller."""


class RingBack:
    """One such call until it is answered; `done` gets our end of it, or None when nobody took it."""

    def __init__(
        self, bridges: Bridges, parked: Leg, phones: Sequence[str], done: Callable[[Leg | None], None]
    ) -> None:
        self.bridges = bridges
        self.call_id = bridges.layer.ids.call_id(parked.plan.site.encode())
        self.tag = bridges.layer.ids.tag()
        self._parked = parked
        self._phones = tuple(phones)
        self._done: Callable[[Leg | None], None] | None = done
        self._inner: InnerServer | None = None
        self._facts: Facts
        self._made: Request
        self._taken: End | None = None

    def begin(self) -> None:
        """Ring. Without an offer: whoever answers makes one, and hears us in the form that is good for him."""
        bridges, core, parked = self.bridges, self.bridges.core, self._parked
        plan, caller, place = parked.plan, parked.facts.caller, parked.facts.called
        site = plan.site.encode()
        lines = (
            b"INVITE sip:%b@%b SIP/2.0" % (escape(place.encode()), site),
            b"Via: " + parked.flow.listener.via + bridges.layer.ids.branch(),
            b"Max-Forwards: 70",
            b"From: " + self.sender,
            b"To: <sip:%b@%b>" % (escape(place.encode()), site),
            b"Call-ID: " + self.call_id,
            b"CSeq: 1 INVITE",
            ALLOW,
            b"Content-Length: 0\r\n\r\n",
        )
        made = parse(b"\r\n".join(lines), parked.flow)
        assert isinstance(made, Request)
        self._made = made
        self._inner = inner = InnerServer(self, made)
        facts = self._facts = core.facts(plan, place, caller, "", self.call_id)
        diary = Diary(plan.site, self.call_id, caller, place, "", plan.site, core.wall)
        fork = _Ringing(inner, plan, facts, diary, self._phones)
        core.ringing.add(fork)
        fork.owns = core.calls.begin(
            Call(plan.site, self.call_id, self.tag, caller, place, core.wall, diary, anchored=core.anchors)
        )
        bridges.note(self.call_id, "rings back", place=place, caller=caller, phones=self._phones)
        fork.proceed()

    def cancel(self) -> None:
        """The parked call is gone, or was taken."""
        self._done = None
        if self._inner is not None and self._inner.owner is not None and not self._inner.answered:
            self._inner.owner.on_caller_gone()

    def _over(self, leg: Leg | None) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(leg)
        elif leg is not None:
            leg.hang_up()

    # -- for the fork

    @property
    def sender(self) -> bytes:
        """From, as the phone sees it: who is parked, and where."""
        plan, caller, place = self._parked.plan, self._parked.facts.caller, self._parked.facts.called
        shown = f"{SHOWN[plan.language]} {place}" + (f": {caller}" if caller else "")
        name = shown.replace("\\", "").replace('"', "").encode()
        user = b"%b@%b" % (escape(caller.encode()), plan.site.encode()) if caller else b"anonymous@anonymous.invalid"
        return b'"%b" <sip:%b>;tag=%b' % (name, user, self.tag)

    def contact_for(self, flow: Flow) -> bytes:
        """What the phone is told to send its requests to."""
        return b"<sip:%b@%b>" % (escape(self._parked.facts.called.encode()), flow.listener.uri)

    def taken_by_us(self) -> tuple[Request, ServerInvite]:
        """No rule is asked, so none has the switch answer."""
        raise AssertionError("a call that rings back is for phones")

    def on_inner(self, response: Response) -> None:
        """From the phones."""
        assert self._inner is not None
        if response.status >= 300:
            self._over(None)
        elif response.status >= 200:
            if self._taken is not None and self._taken.dialog.remote_tag == response.to.tag:
                self._taken.acknowledge_again(1)
            elif self._taken is not None or self._done is None:
                self._too_late(self._inner.phone(response))
            else:
                self._taken = self._inner.phone(response)
                self._answer(self._taken, response)

    def on_inner_reply(self, status: int, reason: str, headers: Sequence[bytes]) -> None:
        """Nobody took it."""
        if status >= 300:
            self._over(None)

    def _too_late(self, phone: End) -> None:
        """It answered before our CANCEL was there."""
        phone.acknowledge(1)
        phone.hang_up()
        self.bridges.core.calls.hung_up(self.call_id, (phone.dialog.remote_tag, self.tag))

    def _answer(self, phone: End, response: Response) -> None:
        legs, inner = self._parked.legs, self._inner
        assert inner is not None
        sdp = sdp_of(response.get(b"content-type") or b"", response.body)

        def placed(answer: bytes | MediaFailed) -> None:
            if isinstance(answer, MediaFailed):
                self.bridges.note(self.call_id, "no media", status=answer.status, reason=answer.reason)
                self._too_late(phone)
                self._over(None)
                return
            phone.acknowledge(1, answer)
            self._over(legs.called(phone.dialog, self._made, inner, "parked", self._parked.plan, self._facts))

        if sdp is None:
            placed(MediaFailed(488, "it answered without an offer"))
            return
        dialog = phone.dialog
        text = dialog.call_id.decode("utf-8", "surrogateescape")
        key = MediaKey(text, dialog.remote_tag.decode("latin-1"), dialog.local_tag.decode("latin-1"))
        legs.media.talk(key, sdp, phone.network, response.flow.host, placed)


class _Ringing(BridgedFork):
    """Rings these phones, whatever the rules say: it is they who parked the call."""

    __slots__ = ("_phones",)

    def __init__(self, inner: InnerServer, plan: Plan, facts: Facts, diary: Diary, phones: tuple[str, ...]) -> None:
        super().__init__(inner, plan, facts, 70, diary)
        self._phones = phones

    def proceed(self) -> None:
        if not self.history:
            step = Ring(self._phones, RING_SECONDS, "who parked the call", ("a parked call rings back",))
            self.core.log_step(self.request, step)
            self.diary.step(self.core.wall, "ring", step.label, step.seconds, step.reasons)
            if self._ring(step):
                return
        self._refuse(Reject(480, "Temporarily Unavailable", ("who parked the call doesn't answer",)))

    def _add(self, binding: Binding) -> Branch | None:
        branch = super()._add(binding)
        if branch is not None:
            branch.anchor = False  # the end that it talks to is the relay's already
        return branch
