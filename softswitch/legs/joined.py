"""Two calls that the switch answered become one: parked and taken again, or picked up while another phone rings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from softswitch.dialplan.parking import PARK, parking_of
from softswitch.dialplan.plan import Person
from softswitch.dialplan.step import Answer
from softswitch.errors import PeerError
from softswitch.legs.script import Script
from softswitch.media.engine import MediaFailed
from softswitch.proxy.calls import LONGEST_SECONDS
from softswitch.proxy.fork import Fork
from softswitch.sip.address import parse_address
from softswitch.sip.uri import parse_uri
from softswitch.sound.library import said, tone
from softswitch.transaction.timers import Timer

if TYPE_CHECKING:
    from softswitch.legs.leg import Leg

PICKED_UP = "picked up"
"""How the step for the caller whose call was picked up begins."""


class Joined(Script):
    """One of two who are to hear each other; when one hangs up, so does the other."""

    partner: Joined | None = None

    def join(self, other: Joined) -> None:
        """Have both hear each other from now on."""
        self.partner, other.partner = other, self
        for one in (self, other):
            one.leg.stop_playing()
            one.leg.last(LONGEST_SECONDS)
        self.leg.legs.media.connect(self.leg.media_key, other.leg.media_key, self._connected)

    def _connected(self, failed: MediaFailed | None) -> None:
        if failed is not None:
            self.leg.legs.note(self.leg.call_id, "not connected", reason=failed.reason)
            self.leg.hang_up()

    def over(self) -> None:
        partner, self.partner = self.partner, None
        if partner is not None:
            partner.partner = None
            partner.leg.hang_up()

    def refuse(self, name: str) -> None:
        """Say why not, and hang up."""
        sound = said(name, self.leg.plan.language)
        self.leg.play([sound or tone("error")], self.leg.hang_up)


class Park(Joined):
    """Who comes first to this number waits with music; who comes next takes that call.

    A call that is sent here (Referred-By, RFC 3892) never takes another one: two callers would find each other. After a
    while the phone that parked the call is rung, again and again unless something else follows.
    """

    def __init__(self, leg: Leg, about: str) -> None:
        super().__init__(leg, about)
        self._rules = parking_of(f"{PARK} {about}".strip())
        self._patience = Timer(self._ring_back)
        self._phones: tuple[str, ...] = ()
        self._cancel: Callable[[], None] | None = None

    @property
    def _place(self) -> tuple[str, str]:
        return self.leg.plan.site, self.leg.facts.called

    def begin(self) -> None:
        leg = self.leg
        waiting = leg.legs.parked.get(self._place)
        if waiting is None:
            leg.legs.parked[self._place] = self
            leg.play([tone("music")], lambda: None, repeat=True)
            self._phones = phones_of_parker(leg)
            self._wait()
        elif leg.invite.get(b"referred-by") is not None:
            self.refuse("not possible")
        else:
            waiting.leave()
            self.join(waiting)

    def leave(self) -> None:
        """The place is free again, and nobody is rung any more."""
        if self.leg.legs.parked.get(self._place) is self:
            del self.leg.legs.parked[self._place]
        self._patience.due = None
        cancel, self._cancel = self._cancel, None
        if cancel is not None:
            cancel()

    def _wait(self) -> None:
        if self._rules.seconds and self._phones:
            layer = self.leg.legs.layer
            layer.wheel.arm(self._patience, layer.now + self._rules.seconds)

    def _ring_back(self, now: float) -> None:
        self._cancel = self.leg.legs.ring_back(self.leg, self._phones, self._rung)

    def _rung(self, answered: Leg | None) -> None:
        self._cancel = None
        if answered is not None and isinstance(answered.script, Joined):
            self.leave()
            answered.script.join(self)
        elif self._rules.then:
            self.leg.become(self._rules.then)
        else:
            self._wait()

    def over(self) -> None:
        self.leave()
        super().over()


def phones_of_parker(leg: Leg) -> tuple[str, ...]:
    """The phones of who sent this call here: those that it is in a call with just now, else those of Referred-By."""
    site, account = leg.plan.site, leg.facts.caller_account
    if not leg.server.key:
        return (account,) if account else ()  # the switch itself sent it here, for this phone
    here = [call for call in leg.legs.calls if call.call_id != leg.call_id and (site, account) in call.parties]
    found = [phone for call in here for home, phone in call.parties if home == site and phone != account]
    named = _referrer(leg)
    return tuple(phone for phone in found if phone in named) or named or tuple(found)


def _referrer(leg: Leg) -> tuple[str, ...]:
    value = leg.invite.get(b"referred-by")
    try:
        user = parse_uri(parse_address(value).uri).user_text if value else ""
    except PeerError:
        return ()
    plan = leg.plan
    person = plan.lookup(user)
    if isinstance(person, Person):
        return tuple(phone for place in person.places.values() for phone in place.phones)
    return (user,) if user in plan.phones else ()


class Pickup(Joined):
    """Takes the call that has rung longest for somebody with whom the caller is in a team."""

    def begin(self) -> None:
        fork = self._ringing()
        if fork is None:
            self.refuse("nobody rings")
            return
        legs, account = self.leg.legs, self.leg.facts.caller_account
        legs.picking[account] = self
        fork.pick_up(Answer(f"{PICKED_UP} by {account}"))

    def _ringing(self) -> Fork | None:
        leg = self.leg
        person = leg.plan.person_of(leg.facts.caller_account)
        if person is None:
            return None
        teams = [team for team in leg.plan.teams.values() if person.name in team.members]
        phones = {
            phone
            for team in teams
            for name in team.members
            for place in leg.plan.people[name].places.values()
            for phone in place.phones
        }
        found = [
            fork
            for fork in leg.legs.ringing()
            if fork.plan.site == leg.plan.site and fork.step is not None and not phones.isdisjoint(fork.step.phones)
        ]
        return min(found, key=lambda fork: fork.facts.wall, default=None)

    def over(self) -> None:
        picking = self.leg.legs.picking
        if picking.get(self.leg.facts.caller_account) is self:
            del picking[self.leg.facts.caller_account]
        super().over()


class PickedUp(Joined):
    """The caller whose call somebody else takes: "picked up by anna-desk"."""

    def begin(self) -> None:
        taker = self.leg.legs.picking.pop(self.about.removeprefix("up by "), None)
        if taker is None or taker.leg.ended:
            self.leg.hang_up()
        else:
            self.join(taker)
