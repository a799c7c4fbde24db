"""Who may watch whom, and how much of it he sees."""

from __future__ import annotations

from typing import NamedTuple

from softswitch.dialplan.plan import Person, Plan, Team
from softswitch.dialplan.sight import Sight
from softswitch.presence.view import EVERYTHING, NOTHING, STATE


class Watching(NamedTuple):
    """Who wants to watch."""

    site: str
    """The firm whose phone it is; "" for a peer."""
    account: str
    """The phone; "" for a peer."""
    address: str
    """Who he says he is, e.g. "bob@partner.example"; believed of peers, proven for phones."""
    peer: str = ""
    """The operator's name of the peer."""


def view_of(plan: Plan, who: Person | Team, watching: Watching) -> str:
    """What he sees of somebody: one of `view`."""
    if is_own(plan, who, watching):
        return EVERYTHING
    if not _may(plan, who, who.seen_by, watching):
        return NOTHING
    return EVERYTHING if _may(plan, who, who.calls_seen_by, watching) else STATE


def is_own(plan: Plan, who: Person | Team, watching: Watching) -> bool:
    """Whether it is a phone of this very person, or of a member of this team."""
    watcher = plan.person_of(watching.account) if watching.site == plan.site else None
    return watcher is not None and (watcher is who or (isinstance(who, Team) and watcher.name in who.members))


def member_view(team: Team, member: Person, view: str) -> str:
    """What he who sees this much of a team sees there of a member: no more than she would show to all of them."""
    if view == NOTHING or not (member.seen_by.firm or member.seen_by == team.seen_by):
        return NOTHING
    if view == EVERYTHING and (member.calls_seen_by.firm or member.calls_seen_by == team.calls_seen_by):
        return EVERYTHING
    return STATE


def _may(plan: Plan, who: Person | Team, sight: Sight, watching: Watching) -> bool:
    if watching.site != plan.site:
        return sight.from_outside(watching.address)
    if watching.account not in plan.phones:
        return False  # a reload took the phone away
    watcher = plan.person_of(watching.account)
    return sight.of_the_firm(watcher.name if watcher is not None else "", _mates(plan, who) if sight.team else ())


def _mates(plan: Plan, who: Person | Team) -> set[str]:
    """Everybody in a team with the person; of a team its members."""
    if isinstance(who, Team):
        return set(who.members)
    return {name for team in plan.teams.values() if who.name in team.members for name in team.members}
