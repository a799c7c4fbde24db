"""The routing decision: a pure function of plan, facts and what was already tried.

It keeps nothing between two calls: the walk through the plan is gone again from its beginning with the history of
outcomes. Walks are a few steps long, and what is never stored can never be stale.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from softswitch.dialplan.facts import Facts
from softswitch.dialplan.outcome import FINAL_RESPONSES, Outcome, combine
from softswitch.dialplan.outside import allowed, dial_out, number_of
from softswitch.dialplan.plan import (
    Code,
    Destination,
    Person,
    Place,
    Plan,
    Route,
    RouteStep,
    Rule,
    Target,
    Team,
    ToEnd,
    ToEveryPlace,
    ToNumber,
    ToPerson,
    ToPlace,
    ToTeam,
)
from softswitch.dialplan.rota import IN_TURN, ORDERS
from softswitch.dialplan.step import Answer, Reject, Ring, Step
from softswitch.dialplan.trunk import OutsideCall

__all__ = ["MAX_STEPS", "Answer", "Outcome", "Reject", "Ring", "Step", "next_step"]

RING_SECONDS = 30.0
MAX_STEPS = 20
"""A call that was rung so often in vain ends."""
MAX_VISITS = 40
"""How many people and teams one walk asks, phones or none."""
MAX_HOPS = 10
"""How many people and teams may send a call on to one another."""

_TOO_MANY = Reject(480, "Temporarily Unavailable", (f"{MAX_STEPS} attempts were in vain, that is enough",))

Walk = Generator[Step, Outcome, Outcome]
"""Yields steps, is sent their outcomes, returns the outcome of the whole."""


def next_step(plan: Plan, facts: Facts, history: tuple[Outcome, ...]) -> Step:
    """What to do with the call now, after the steps before it came to `history`.

    After a Reject or an Answer nothing follows: any further history gives the same step again.
    """
    destination = plan.destinations.get(facts.called)
    if destination is None:
        number = number_of(plan, facts.called) if plan.trunks else ""
        destination = plan.destinations.get(number)  # a number of our own, dialled as from anywhere else
        if destination is None:
            return dial_out(plan, facts, history)
    if not history:
        at_once = destination.at_once
        if at_once is not None:
            return at_once
    elif len(history) >= MAX_STEPS:
        return _TOO_MANY
    return _Walker(plan, facts).walk(destination, history)


def places_now(person: Person, facts: Facts) -> tuple[Place, ...]:
    """Where somebody is rung as one of several: at the own places that the rule in force rings first, else at all.

    Only places count: where the rule forwards to others, it doesn't apply.
    """
    rule = _deciding_rule(person, facts, [])
    own: tuple[Place, ...] = ()
    if rule is not None and rule.route:
        targets = rule.route[0].targets
        own = tuple(t.place for t in targets if isinstance(t, ToPlace) and t.place.person == person.name)
    return own or tuple(person.places.values())


def _deciding_rule(person: Person, facts: Facts, reasons: list[str]) -> Rule | None:
    for rule in person.rules:
        for condition, miss in rule.checks:
            if not condition.fits(facts):
                reasons.append(miss)
                break
        else:
            reasons.append(rule.because)
            return rule
    return None


class _Walker:
    """One walk through the plan. Each method that may ring is a generator, see `Walk`."""

    __slots__ = ("facts", "plan", "reasons", "trail", "visits")

    def __init__(self, plan: Plan, facts: Facts) -> None:
        self.plan = plan
        self.facts = facts
        self.reasons: list[str] = []
        self.trail: list[str] = []
        self.visits = 0

    def walk(self, destination: Destination, history: Sequence[Outcome]) -> Step:
        steps = self._destination(destination)
        outcome = Outcome.UNREACHABLE
        try:
            step = next(steps)
            for outcome in history:
                if not isinstance(step, Ring):
                    break
                self.reasons.clear()
                step = steps.send(outcome)
            return step
        except StopIteration as end:
            outcome = end.value
        status, phrase = FINAL_RESPONSES[outcome]
        self.reasons.append(f"nothing is left to try; the last outcome is {outcome.value}")
        return Reject(status, phrase, tuple(self.reasons))

    def _destination(self, destination: Destination) -> Walk:
        match destination:
            case Person():
                return (yield from self._person(destination, None))
            case Team():
                return (yield from self._team(destination, None, {}))
            case Code():
                yield destination.at_once
                return Outcome.UNREACHABLE
            case _:
                assert_never(destination)

    def _person(self, person: Person, limit: float | None) -> Walk:
        """By the person's own rules; `limit` is the longest that one ringing may take, in seconds."""
        if not self._enter(person.name):
            return Outcome.UNREACHABLE
        rule = _deciding_rule(person, self.facts, self.reasons)
        if rule is not None:
            outcome = yield from self._route(rule.route, limit)
        else:
            self.reasons.append(f"no rule of {person.name} fits, so every place rings")
            outcome = yield from self._ring(tuple(person.places.values()), person.name, limit)
        self.trail.pop()
        return outcome

    def _team(self, team: Team, ring_seconds: float | None, ruling: Mapping[Outcome, Route]) -> Walk:
        """By the team's order; `ring_seconds` and `ruling` are the ringing rule's and win over the team's own."""
        if not self._enter(team.name):
            return Outcome.UNREACHABLE
        seconds = team.ring_seconds if ring_seconds is None else ring_seconds
        order = ORDERS[team.order](team.name, team.members, self.facts.standing, self.facts.seed)
        people = [self.plan.people[name] for name in order]
        if team.order == "all":
            self.reasons.append(f"{team.name} rings all of its members at once")
            places = tuple(place for person in people for place in places_now(person, self.facts))
            outcome = yield from self._ring(places, team.name, seconds)
        else:
            outcomes = []
            turn = team.name if team.order == IN_TURN else ""
            for person in people:
                self.reasons.append(f"{team.name} rings its members {team.order}, now {person.name}")
                label = f"{person.name} for {team.name}"
                outcomes.append((yield from self._ring(places_now(person, self.facts), label, seconds, turn)))
                turn = ""
            outcome = combine(outcomes)
        follow = None if outcome in ruling else team.then.get(outcome)
        if follow is not None:
            self.reasons.append(f"{team.name} after {outcome.value}: {follow[0].words}")
            outcome = yield from self._route(follow, None)
        self.trail.pop()
        return outcome

    def _route(self, route: Route, limit: float | None) -> Walk:
        outcome = Outcome.UNREACHABLE
        for step in route:
            outcome = yield from self._step(step, limit)
            follow = step.then.get(outcome)
            if follow is not None:
                self.reasons.append(f"after {outcome.value}: {follow[0].words}")
                return (yield from self._route(follow, limit))
        return outcome

    def _step(self, step: RouteStep, limit: float | None) -> Walk:
        seconds = step.ring_seconds
        if limit is not None:
            seconds = limit if seconds is None else min(seconds, limit)
        if len(step.targets) > 1:
            places = tuple(place for target in step.targets for place in self._places(target))
            return (yield from self._ring(places, step.words, seconds))
        target = step.targets[0]
        match target:
            case ToPlace():
                return (yield from self._ring((target.place,), target.place.label, seconds))
            case ToEveryPlace():
                return (yield from self._ring(self._places(target), target.person, seconds))
            case ToPerson():
                return (yield from self._person(self.plan.people[target.person], seconds))
            case ToTeam():
                return (yield from self._team(self.plan.teams[target.team], seconds, step.then))
            case ToNumber():
                return (yield from self._ring(self._places(target), target.number, seconds))
            case ToEnd():
                yield replace(target.step, reasons=tuple(self.reasons))
                return Outcome.UNREACHABLE
            case _:
                assert_never(target)

    def _places(self, target: Target) -> tuple[Place, ...]:
        """Where a target is reached when it is one of several at once."""
        match target:
            case ToPlace():
                return (target.place,)
            case ToEveryPlace():
                return tuple(self.plan.people[target.person].places.values())
            case ToPerson():
                return places_now(self.plan.people[target.person], self.facts)
            case ToTeam():
                members = self.plan.teams[target.team].members
                return tuple(place for name in members for place in places_now(self.plan.people[name], self.facts))
            case ToNumber():
                return (Place(target.person, target.number, (), target.number),)
            case ToEnd():
                return ()
            case _:
                assert_never(target)

    def _ring(self, places: tuple[Place, ...], label: str, seconds: float | None, turn: str = "") -> Walk:
        if len(places) == 1:
            phones = places[0].phones
        else:
            phones = tuple(dict.fromkeys(phone for place in places for phone in place.phones))
        numbers = self._numbers(places)
        if not phones and not numbers:
            self.reasons.append(f"{label} has no phone that can ring")
            return Outcome.UNREACHABLE
        long = RING_SECONDS if seconds is None else seconds
        return (yield Ring(phones, long, label, tuple(self.reasons), turn, numbers))

    def _numbers(self, places: Sequence[Place]) -> tuple[OutsideCall, ...]:
        """The calls to outside numbers among these places, as far as they are allowed."""
        found: dict[str, OutsideCall] = {}
        for place in places if self.plan.trunks else ():
            if not place.dial or place.dial in found:
                continue
            if place.dial == self.facts.caller:
                self.reasons.append(f"{place.dial} is who calls")
                continue
            call, reasons = allowed(self.plan, place.dial, place.person, "a team")
            self.reasons += reasons[-1:]
            if call is not None:
                found[place.dial] = call
        return tuple(found.values())

    def _enter(self, name: str) -> bool:
        """Whether this person or team may be asked; an endless way through the plan ends here."""
        self.visits += 1
        if name in self.trail:
            self.reasons.append(f"{name} sent the call on already and isn't asked again")
        elif len(self.trail) >= MAX_HOPS or self.visits > MAX_VISITS:
            self.reasons.append(f"the call was sent on too often to ask {name} too")
        else:
            self.trail.append(name)
            return True
        return False
