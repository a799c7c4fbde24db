"""Loops of forwarding without a way out: people and teams who only ever send a call on to each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from softswitch.dialplan.outcome import Outcome
from softswitch.dialplan.plan import Person, Route, Team, ToEnd, ToEveryPlace, ToNumber, ToPerson, ToPlace, ToTeam


def endless_ways(people: Mapping[str, Person], teams: Mapping[str, Team]) -> list[tuple[str, ...]]:
    """Every such loop, as the names on the way: ("anna", "carla", "anna").

    Looked at is what happens when no rule with a condition fits. There is a way out where any step rings a
    phone or ends the call.
    """
    silent = frozenset(name for name, team in teams.items() if not _rings(team, people))
    ways = {name: _of_person(person, silent) for name, person in people.items()}
    ways |= {name: _of_team(team, silent) for name, team in teams.items()}
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


def _rings(team: Team, people: Mapping[str, Person]) -> bool:
    return any(place.rings for name in team.members for place in people[name].places.values())


def _of_person(person: Person, silent: frozenset[str]) -> list[str] | None:
    for rule in person.rules:
        if not rule.checks:
            return _onward(rule.route, silent)
    return None if any(place.rings for place in person.places.values()) else []


def _of_team(team: Team, silent: frozenset[str]) -> list[str] | None:
    return _onward(team.then.get(Outcome.UNREACHABLE, ()), silent) if team.name in silent else None


def _onward(route: Route, silent: frozenset[str]) -> list[str] | None:
    """To whom a route sends calls on; None when it rings a phone or ends the call itself.

    `silent` are the teams of whom nobody has a phone.
    """
    onward: list[str] = []
    for step in route:
        for target in step.targets:
            match target:
                case ToPlace() if not target.place.rings:
                    pass
                case ToPerson() if len(step.targets) == 1:
                    onward.append(target.person)
                case ToTeam() if len(step.targets) == 1 and target.team in silent:
                    # The ringing rule's `then` wins over the team's own.
                    if Outcome.UNREACHABLE not in step.then:
                        onward.append(target.team)
                case ToPlace() | ToEveryPlace() | ToNumber() | ToEnd() | ToPerson() | ToTeam():
                    return None
        # Where no phone rang, this is the only outcome there can be.
        follow = step.then.get(Outcome.UNREACHABLE)
        if follow is not None:
            more = _onward(follow, silent)
            return None if more is None else onward + more
    return onward
