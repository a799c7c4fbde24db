"""Two calls that the switch answered become one: parked and taken again, or picked up while another phone rings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.dialplan.step import Answer
from softswitch.legs.script import Script
from softswitch.media.engine import MediaFailed
from softswitch.proxy.calls import LONGEST_SECONDS
from softswitch.proxy.fork import Fork
from softswitch.sound.library import said, tone

if TYPE_CHECKING:
    pass

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

    A call that is sent here (Referred-By, RFC 3892) never takes another one: two callers would find each other.
    """

    def begin(self) -> None:
        leg = self.leg
        place = leg.plan.site, leg.facts.called
        waiting = leg.legs.parked.get(place)
        if waiting is None:
            leg.legs.parked[place] = self
            leg.play([tone("music")], lambda: None, repeat=True)
        elif leg.invite.get(b"referred-by") is not None:
            self.refuse("not possible")
        else:
            del leg.legs.parked[place]
            self.join(waiting)

    def over(self) -> None:
        leg = self.leg
        place = leg.plan.site, leg.facts.called
        if leg.legs.parked.get(place) is self:
            del leg.legs.parked[place]
        super().over()


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
