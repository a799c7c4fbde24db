"""Reach: everybody whom a call may come to from one person or team, and the conditions that are asked on the way."""

from __future__ import annotations

from collections.abc import Iterator

from softswitch.dialplan.conditions import Condition
from softswitch.dialplan.plan import (
    Code,
    Destination,
    Person,
    Plan,
    Route,
    Target,
    Team,
    ToEnd,
    ToEveryPlace,
    ToNumber,
    ToPerson,
    ToPlace,
    ToTeam,
)
from softswitch.dialplan.schedule import Schedule


def reached(plan: Plan, destination: Destination) -> dict[str, Person | Team]:
    """The person or team itself and everybody a call may be sent on to, by name; nobody behind a code."""
    found: dict[str, Person | Team] = {}
    waiting = [] if isinstance(destination, Code) else [destination]
    while waiting:
        one = waiting.pop()
        if one.name in found:
            continue
        found[one.name] = one
        waiting += next_to(plan, one)
    return found


def next_to(plan: Plan, one: Person | Team) -> list[Person | Team]:
    """Whom a call for this person or team may be sent on to, or rings, with nobody in between; some more than once."""
    found: list[Person | Team] = []
    if isinstance(one, Team):
        found += (plan.people[name] for name in one.members)
        targets = [target for route in one.then.values() for target in _targets(route)]
    else:
        targets = [target for rule in one.rules for target in _targets(rule.route)]
    for target in targets:
        match target:
            case ToPerson() | ToEveryPlace():
                found.append(plan.people[target.person])
            case ToTeam():
                found.append(plan.teams[target.team])
            case ToPlace() | ToNumber() | ToEnd():
                pass
    return found


def conditions(plan: Plan, destination: Destination) -> list[Condition]:
    """All that may be asked of a call to this person or team."""
    people = (one for one in reached(plan, destination).values() if isinstance(one, Person))
    return [condition for person in people for rule in person.rules for condition, _ in rule.checks]


def schedules(plan: Plan, destination: Destination) -> list[Schedule]:
    """Every schedule that is asked on the way, once."""
    found = {id(one): one for condition in conditions(plan, destination) for one in condition.schedules}
    return list(found.values())


def changes(schedules: list[Schedule], start: float, end: float) -> list[float]:
    """The moments after `start` and before `end`, in order, at which any of the schedules begins or ends."""
    found: set[float] = set()
    for schedule in schedules:
        change = schedule.next_change(start)
        while change is not None and change < end:
            found.add(change)
            change = schedule.next_change(change)
    return sorted(found)


def _targets(route: Route) -> Iterator[Target]:
    for step in route:
        yield from step.targets
        for follow in step.then.values():
            yield from _targets(follow)
