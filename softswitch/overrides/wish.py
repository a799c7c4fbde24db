"""What somebody asks for in words, on the command line or a page: whom it concerns, what is set, and until when."""

from __future__ import annotations

from typing import NamedTuple
from zoneinfo import ZoneInfo

from softswitch.dialplan.codes import ACTIONS, not_forwarded_to
from softswitch.dialplan.conditions import plain_number
from softswitch.dialplan.explain import parse_moment
from softswitch.dialplan.plan import Person, Plan
from softswitch.suggest import did_you_mean


class Wish(NamedTuple):
    """A change that makes sense."""

    person: str
    action: str
    """One of `codes.ACTIONS`."""
    target: str = ""
    until: float = 0.0
    """Seconds since 1970 UTC; 0 for no end."""


def person_named(plan: Plan, who: str) -> Person:
    """The person of this name or number, or whose phone it is. Raises ValueError in words."""
    found = plan.lookup(who) or plan.lookup(plain_number(who))
    if isinstance(found, Person):
        return found
    raise ValueError(f'no person "{who}"{did_you_mean(who, plan.people)}')


def wished(plan: Plan, who: str, action: str, target: str, until: str, wall: float) -> Wish:
    """What is meant; `until` is as for `parse_moment`, on the person's clocks, "" for no end.

    Raises ValueError in words.
    """
    person = person_named(plan, who)
    what = ACTIONS.get(action)
    if what is None:
        near = did_you_mean(action, ACTIONS) or f"; there are {', '.join(ACTIONS)}"
        raise ValueError(f'"{action}" is nothing that can be set{near}')
    if what.needs == "place" and target not in person.places:
        if not target:
            raise ValueError(f"at which place? {person.name} has {', '.join(person.places) or 'none'}")
        raise ValueError(f'{person.name} has no place "{target}"{did_you_mean(target, person.places)}')
    if what.needs == "number":
        if not target:
            raise ValueError("to whom? Name a person, a team or a number")
        target = target if target in plan.destinations else plain_number(target)
        problem = not_forwarded_to(plan, person, target)
        if problem:
            raise ValueError(f"{problem}{did_you_mean(target, plan.destinations)}")
    if target and not what.needs:
        raise ValueError(f'"{action}" takes nothing more, but "{target}" was said')
    if until and not what.sets:
        raise ValueError(f'"{action}" has no end')
    ends_at = parse_moment(until, ZoneInfo(person.timezone or plan.timezone), wall) if until else 0.0
    if until and ends_at <= wall:
        raise ValueError(f"{until} is over already")
    return Wish(person.name, action, target, ends_at)
