"""Who may watch whom, and how much of it he sees."""

from __future__ import annotations

from typing import NamedTuple

from softswitch.dialplan.plan import Person, Plan, Team
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
    if watching.site != plan.site or watching.account not in plan.phones:
        return NOTHING
    watcher = plan.person_of(watching.account)
    if watcher is None:
        return STATE
    return EVERYTHING if watcher.name in _near(plan, who) else STATE


def is_own(plan: Plan, who: Person | Team, watching: Watching) -> bool:
    """Whether it is a phone of this very person."""
    watcher = plan.person_of(watching.account) if watching.site == plan.site else None
    return watcher is not None and watcher is who


def _near(plan: Plan, who: Person | Team) -> set[str]:
    """The person and everybody in a team with her; of a team its members."""
    if isinstance(who, Team):
        return set(who.members)
    return {who.name, *(name for team in plan.teams.values() if who.name in team.members for name in team.members)}
