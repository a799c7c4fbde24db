"""All legs of our own: which one a request or an event of the sound is for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from softswitch.dialog.dialog import Dialog
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.plan import Plan
from softswitch.dialplan.step import Reject
from softswitch.errors import PeerError
from softswitch.legs.leg import Leg, text_of
from softswitch.legs.refusal import Refusal
from softswitch.media.engine import MediaEngine, MediaEvent
from softswitch.proxy.calls import Calls
from softswitch.proxy.fork import Fork
from softswitch.sip.message import Request
from softswitch.sound.library import Sound, said
from softswitch.transaction.layer import Layer
from softswitch.transaction.server_invite import ServerInvite
from softswitch.voicemail.boxes import Boxes

if TYPE_CHECKING:
    from softswitch.legs.joined import Park, Pickup

RingsBack = Callable[[Leg, Sequence[str], Callable[[Leg | None], None]], Callable[[], None]]
"""(who is parked, the phones, what gets the end that was answered); returns what cancels it."""
Note = Callable[..., None]
"""(Call-ID, what happened, and more by keyword)."""


class Legs:
    """The legs of our own, by Call-ID and our tag."""

    def __init__(
        self,
        layer: Layer,
        media: MediaEngine,
        calls: Calls,
        wall: Callable[[], float],
        note: Note,
        own_sound: Callable[[str], Sound | None],
        boxes: Boxes | None,
        ringing: Callable[[], Iterable[Fork]],
    ) -> None:
        """`note` writes a line about a call; `own_sound` has an operator's WAV file in the form that is played."""
        self.layer = layer
        self.media = media
        self.note = note
        self.own_sound = own_sound
        self.calls = calls
        self.wall = wall
        self.ringing = ringing
        """Calls that nobody has taken yet."""
        self.parked: dict[tuple[str, str], Park] = {}
        """Who waits, by site and the number dialled."""
        self.picking: dict[str, Pickup] = {}
        """Who takes a call that rang elsewhere, by account, until its caller is there."""
        self.ring_back: RingsBack = lambda parked, phones, done: lambda: None
        """Rings the phones of who parked a call; the switch puts it in."""
        self.boxes = boxes
        """Everybody's messages; None where none can be left."""
        self._legs: dict[tuple[bytes, bytes], Leg] = {}
        self._refusals: dict[tuple[str, str], Refusal] = {}
        """Callers who hear why they are refused, by Call-ID and the caller's tag."""
        self._by_caller: dict[tuple[str, str], Leg] = {}
        """By Call-ID and the caller's tag, as the engine knows them."""
        for event in ("dtmf", "played"):
            media.subscribe(event, self._on_media)

    def __len__(self) -> int:
        return len(self._legs)

    def answer(self, request: Request, server: ServerInvite, what: str, plan: Plan, facts: Facts) -> None:
        """Take a call; `what` begins with one of SCRIPTS, e.g. "echo" or "announcement closed"."""
        try:
            leg = Leg(self, request, server, what, plan, facts)
        except PeerError as error:
            server.reply(error.status, error.reason)
            self.calls.end(request.call_id)
            return
        self._keep(leg)
        leg.answer()

    def called(self, dialog: Dialog, invite: Request, server: ServerInvite, what: str, plan: Plan, facts: Facts) -> Leg:
        """Our end of a call of our own: it was answered, acknowledged, and our answer to its offer placed as `talk`."""
        leg = Leg(self, invite, server, what, plan, facts, dialog)
        self._keep(leg)
        return leg

    def _keep(self, leg: Leg) -> None:
        self._legs[leg.call_id, leg.local_tag] = leg
        self._by_caller[leg.media_key.call_id, leg.media_key.from_tag] = leg

    def refuse(
        self, request: Request, server: ServerInvite, step: Reject, plan: Plan, done: Callable[[], None]
    ) -> bool:
        """Say why a call is refused, then refuse it; `done` comes after that. False where it can't be said."""
        own = plan.announcements.get(step.said)
        sound = self.own_sound(own) if own is not None else said(step.said, plan.language)
        if sound is None:
            return False
        refusal = Refusal(self, request, server, step.status, step.phrase, sound, done)
        self._refusals[refusal.key.call_id, refusal.key.from_tag] = refusal
        refusal.begin()
        return True

    def refused(self, refusal: Refusal) -> None:
        """That is over."""
        self._refusals.pop((refusal.key.call_id, refusal.key.from_tag), None)

    def _on_media(self, event: MediaEvent) -> None:
        """Something happened in the sound of a call; of one that is over it is passed over."""
        leg = self._by_caller.get((event.call_id, event.from_tag))
        if leg is not None and not leg.ended:
            leg.heard(event)
        refusal = self._refusals.get((event.call_id, event.from_tag))
        if refusal is not None:
            refusal.heard(event)

    def on_request(self, request: Request) -> bool:
        """A request within a dialog; False when the dialog is none of ours."""
        leg = self._legs.get((request.call_id, request.to.tag))
        if leg is None or request.from_.tag != leg.remote_tag or request.flow.host != leg.flow.host:
            return False
        leg.receive(request)
        return True

    def hang_up_all(self) -> None:
        """The switch stops."""
        for leg in list(self._legs.values()):
            leg.hang_up()
        for refusal in list(self._refusals.values()):
            refusal.stop()

    def answered(self, leg: Leg) -> None:
        self.calls.answered(leg.call_id, leg.remote_tag, leg.local_tag, f"the switch: {leg.script.words}", self.wall())

    def forget(self, leg: Leg) -> None:
        self._legs.pop((leg.call_id, leg.local_tag), None)
        self._by_caller.pop((leg.media_key.call_id, leg.media_key.from_tag), None)
        call = self.calls.get(leg.call_id)
        self.media.delete(text_of(leg.call_id), text_of(leg.remote_tag), told=self.calls.told(call))
        if call is not None and call.from_tag in (leg.remote_tag, leg.local_tag):
            self.calls.end(leg.call_id)
