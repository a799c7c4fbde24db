"""Loops of forwarding without a way out: people and teams who only ever send a call on to each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from softswitch.dialplan.plan import Person, Route, Team, ToEnd, ToEveryPlace, ToPerson, ToPlace, ToTeam


def endless_ways(people: Mapping[str, Person], teams: Mapping[str, Team]) -> list[tuple[str, ...]]:
    """Every such loop, as the names on the way: ("anna", "carla", "anna").

    Looked at is what happens when no rule with a condition fits. There is a way out where any step, whatever the
    outcome before it, rings a phone or ends the call.
    """
    ways = {name: _of_person(person) for name, person in people.items()}
    ways |= {name: _of_team(team, people) for name, team in teams.items()}
    closed = {name: onward for name, onward in ways.items() if onward is not None}
    # Take away whoever gets out through somebody, then whoever stops at somebody; those left go round.
    while free := [name for name, onward in closed.items() if any(ways[other] is None for other in onward)]:
        for name in free:
            ways[name] = None
            del closed[name]
    while stuck := [name for name, onward in closed.items() if closed.keys().isdisjoint(onward)]:
        for name in stuck:
            del closed[name]
    return list(_loops(closed))


def _loops(closed: Mapping[str, list[str]]) -> Iterator[tuple[str, ...]]:
    """Follow the first way on from each name until one comes again; each loop once."""
    seen: set[str] = set()
    for start in closed:
        trail: list[str] = []
        name = start
        while name not in seen:
            seen.add(name)
            trail.append(name)
            name = next(other for other in closed[name] if other in closed)
        if name in trail:
            yield (*trail[trail.index(name) :], name)


def _of_person(person: Person) -> list[str] | None:
    for rule in person.rules:
        if not rule.checks:
            return _onward(rule.route)
    return None


def _of_team(team: Team, people: Mapping[str, Person]) -> list[str] | None:
    if any(place.phones for name in team.members for place in people[name].places.values()):
        return None
    onward: list[str] = []
    for route in team.then.values():
        more = _onward(route)
        if more is None:
            return None
        onward += more
    return onward


def _onward(route: Route) -> list[str] | None:
    """To whom a route sends calls on; None when it rings a phone or ends the call itself."""
    onward: list[str] = []
    for step in route:
        for target in step.targets:
            match target:
                case ToPlace() if not target.place.phones:
                    pass
                case ToPerson() if len(step.targets) == 1:
                    onward.append(target.person)
                case ToTeam() if len(step.targets) == 1:
                    onward.append(target.team)
                case ToPlace() | ToEveryPlace() | ToEnd() | ToPerson() | ToTeam():
                    return None
        for follow in step.then.values():
            more = _onward(follow)
            if more is None:
                return None
            onward += more
    return onward
