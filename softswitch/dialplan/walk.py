"""One walk through the plan: from who is called to who rings, asked for one step after the other.

Each method that may ring is a generator: it yields a step and is sent what came of it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import assert_never
from zoneinfo import ZoneInfo

from softswitch.dialplan.codes import command
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.outcome import FINAL_RESPONSES, Came, Moved, Outcome, combine
from softswitch.dialplan.outside import allowed, number_of
from softswitch.dialplan.override import AT, DO_NOT_DISTURB, FORWARD_ALL, FORWARDS_AFTER, Override
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
from softswitch.dialplan.step import Hop, Reject, Ring, Step
from softswitch.dialplan.trunk import OutsideCall

RING_SECONDS = 30.0
MAX_VISITS = 40
"""How many people and teams one walk asks, phones or none."""
CAUSES: Mapping[Outcome, str] = {
    Outcome.BUSY: "user-busy",
    Outcome.NO_ANSWER: "no-answer",
    Outcome.UNREACHABLE: "unavailable",
    Outcome.DECLINED: "deflection",
}
"""Why a call goes on after an outcome, in the words of RFC 5806 §4."""
DEFLECTION = "deflection"
UNCONDITIONAL = "unconditional"

Walk = Generator[Step, Came, Outcome]
"""Yields steps, is sent what they came to, returns the outcome of the whole."""


class _Forwarded(Exception):
    """Somebody's own forwarding took the call away from her rules; `outcome` is what came of it."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


def deciding_rule(person: Person, facts: Facts, reasons: list[str]) -> Rule | None:
    """The first rule that fits; `reasons` get why it does, and why those above it don't."""
    for rule in person.rules:
        for condition, miss in rule.checks:
            if not condition.fits(facts):
                reasons.append(miss)
                break
        else:
            reasons.append(rule.because)
            return rule
    return None


NOTHING_LEFT = "nothing is left to try"
"""So begins the last reason where the dialplan has come to its end without a word of its own."""


class Walker:
    """The walk of one call."""

    __slots__ = ("cause", "causes", "facts", "passed", "plan", "reasons", "trail", "visits")

    def __init__(self, plan: Plan, facts: Facts) -> None:
        self.plan = plan
        self.facts = facts
        self.reasons: list[str] = []
        self.trail: list[Person | Team] = []
        """Who was asked, each by the one before."""
        self.causes: list[str] = []
        """Why each of them but the first was asked."""
        self.cause = UNCONDITIONAL
        """Why the next one would be."""
        self.passed: dict[str, Outcome] = {}
        """By person: what came of ringing where she said she is. Her other places are passed over."""
        self.visits = 0

    def walk(self, destination: Destination, history: Sequence[Came]) -> Step:
        """The step after `history`."""
        steps = self._destination(destination)
        outcome = Outcome.UNREACHABLE
        try:
            step = next(steps)
            for came in history:
                if not isinstance(step, Ring):
                    break
                self.reasons.clear()
                step = steps.send(came)
            return step
        except StopIteration as end:
            outcome = end.value
        status, phrase = FINAL_RESPONSES[outcome]
        self.reasons.append(f"{NOTHING_LEFT}; the last outcome is {outcome.value}")
        return Reject(status, phrase, tuple(self.reasons))

    def _destination(self, destination: Destination) -> Walk:
        match destination:
            case Person():
                return (yield from self._person(destination, None))
            case Team():
                return (yield from self._team(destination, None, {}))
            case Code():
                yield command(self.plan, destination, self.facts, {})
                return Outcome.UNREACHABLE
            case _:
                assert_never(destination)

    # -- a person

    def _person(self, person: Person, limit: float | None) -> Walk:
        """By what the person has set, then by her rules; `limit`: no ringing takes longer, in seconds."""
        if not self._enter(person):
            return Outcome.UNREACHABLE
        try:
            if self.facts.overrides:
                outcome = yield from self._overridden(person, limit)
            else:
                outcome = yield from self._by_rules(person, limit)
        except _Forwarded as forwarded:
            outcome = forwarded.outcome
        self._leave()
        return outcome

    def _overridden(self, person: Person, limit: float | None) -> Walk:
        forward = self._override(person, FORWARD_ALL)
        if forward is not None:
            self.reasons.append(f"{person.name} has set {self._told(forward, person)}")
            return (yield from self._called(forward.target, person))
        at = self._override(person, AT)
        if at is not None and not self._silent(person):
            place = person.places.get(at.target)
            if place is None:
                self.reasons.append(f"{person.name} is at {at.target}, which is no place of hers any more")
            else:
                self.reasons.append(f"{person.name} is {self._told(at, person)}")
                self.passed[person.name] = yield from self._ring((place,), place.label, limit)
        return (yield from self._by_rules(person, limit))

    def _by_rules(self, person: Person, limit: float | None) -> Walk:
        rule = deciding_rule(person, self.facts, self.reasons)
        if rule is not None:
            return (yield from self._route(rule.route, limit))
        self.reasons.append(f"no rule of {person.name} fits, so every place rings")
        return (yield from self._ring(tuple(person.places.values()), person.name, limit))

    def _override(self, person: Person, kind: str) -> Override | None:
        """What the person has set, if it hasn't ended."""
        found = self.facts.overrides.get(person.name)
        one = found.get(kind) if found else None
        return one if one is not None and one.holds(self.facts.wall) else None

    def _silent(self, person: Person) -> bool:
        return self._override(person, DO_NOT_DISTURB) is not None

    def _told(self, override: Override, person: Person) -> str:
        return told(override, ZoneInfo(person.timezone or self.plan.timezone))

    def _called(self, user: str, by: Person) -> Walk:
        """Whom a phone or an override of this person names; a number outside is called on her behalf."""
        destination = self.plan.destinations.get(user)
        if destination is None and self.plan.trunks and (number := number_of(self.plan, user)):
            destination = self.plan.destinations.get(number)
            if destination is None:
                return (yield from self._ring((Place(by.name, number, (), number),), number, None))
        if destination is None or isinstance(destination, Code):
            self.reasons.append(f'nobody is called "{user}"')
            return Outcome.UNREACHABLE
        return (yield from self._destination(destination))

    # -- a team

    def _team(self, team: Team, ring_seconds: float | None, ruling: Mapping[Outcome, Route]) -> Walk:
        """By the team's order; `ring_seconds` and `ruling` are the ringing rule's and win over the team's own."""
        if not self._enter(team):
            return Outcome.UNREACHABLE
        seconds = team.ring_seconds if ring_seconds is None else ring_seconds
        order = ORDERS[team.order](team.name, team.members, self.facts.standing, self.facts.seed)
        people = [self.plan.people[name] for name in order]
        if team.order == "all":
            self.reasons.append(f"{team.name} rings all of its members at once")
            places = tuple(place for person in people for place in self._places_now(person))
            outcome = yield from self._ring(places, team.name, seconds)
        else:
            outcomes = []
            turn = team.name if team.order == IN_TURN else ""
            for person in people:
                self.reasons.append(f"{team.name} rings its members {team.order}, now {person.name}")
                label = f"{person.name} for {team.name}"
                outcomes.append((yield from self._ring(self._places_now(person), label, seconds, turn)))
                turn = ""
            outcome = combine(outcomes)
        follow = None if outcome in ruling else team.then.get(outcome)
        if follow is not None:
            self.reasons.append(f"{team.name} after {outcome.value}: {follow[0].words}")
            outcome = yield from self._route(follow, None)
        self._leave()
        return outcome

    def _places_now(self, person: Person) -> tuple[Place, ...]:
        """Where somebody is rung as one of several: where she says she is, or at the own places that the rule in
        force rings first, else at all; nowhere if she is not to be disturbed.

        Only places count: where the rule forwards to others, it doesn't apply.
        """
        if self.facts.overrides:
            if self._silent(person):
                self.reasons.append(f"{person.name} has set do not disturb and is left out")
                return ()
            at = self._override(person, AT)
            if at is not None and at.target in person.places:
                self.reasons.append(f"{person.name} is {self._told(at, person)}")
                return (person.places[at.target],)
        rule = deciding_rule(person, self.facts, [])
        own: tuple[Place, ...] = ()
        if rule is not None and rule.route:
            targets = rule.route[0].targets
            own = tuple(t.place for t in targets if isinstance(t, ToPlace) and t.place.person == person.name)
        return own or tuple(person.places.values())

    # -- a route

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
                return self._places_now(self.plan.people[target.person])
            case ToTeam():
                members = self.plan.teams[target.team].members
                return tuple(place for name in members for place in self._places_now(self.plan.people[name]))
            case ToNumber():
                return (Place(target.person, target.number, (), target.number),)
            case ToEnd():
                return ()
            case _:
                assert_never(target)

    # -- ringing

    def _ring(self, places: tuple[Place, ...], label: str, seconds: float | None, turn: str = "") -> Walk:
        kept: list[Outcome] = []
        ringing = self._awake(places, kept) if self.passed or self.facts.overrides or self.facts.engaged else places
        if len(ringing) == 1:
            phones = ringing[0].phones
        else:
            phones = tuple(dict.fromkeys(phone for place in ringing for phone in place.phones))
        numbers = self._numbers(ringing) if self.plan.trunks else ()
        if phones or numbers:
            for_seconds = RING_SECONDS if seconds is None else seconds
            came = yield Ring(phones, for_seconds, label, tuple(self.reasons), turn, numbers, self._way())
            outcome = (yield from self._moved(came, ringing)) if isinstance(came, Moved) else came
            if kept:
                # Who wanted quiet doesn't speak for those who rang.
                outcome = combine((outcome, *(one for one in kept if one is not Outcome.DECLINED)))
        else:
            if not kept:
                self.reasons.append(f"{label} has no phone that can ring")
            outcome = combine(kept)
        self.cause = CAUSES[outcome]
        if self.facts.overrides:
            yield from self._forwarded(places, outcome)
        return outcome

    def _numbers(self, places: Sequence[Place]) -> tuple[OutsideCall, ...]:
        """The calls to outside numbers among these places, as far as they are allowed."""
        found: dict[str, OutsideCall] = {}
        for place in places:
            if not place.dial or place.dial in found:
                continue
            if place.dial == self.facts.caller:
                self.reasons.append(f"{place.dial} is who calls")
                continue
            call, reasons = allowed(self.plan, place.dial, place.person, "a team")
            self.reasons += reasons[-1:]
            if call is not None:
                found[place.dial] = call._replace(confirm=place.confirm)
        return tuple(found.values())

    def _awake(self, places: tuple[Place, ...], kept: list[Outcome]) -> tuple[Place, ...]:
        """The places that may ring; `kept` gets what the others count as."""
        found = []
        reasons: dict[str, None] = {}
        for place in places:
            name = place.person
            passed = self.passed.get(name)
            if place.name == place.dial:
                found.append(place)  # a number outside, and nobody's place
            elif self._silent(self.plan.people[name]):
                reasons[f"{name} has set do not disturb"] = None
                kept.append(Outcome.DECLINED)
            elif passed is not None:
                reasons[f"{place.name} is passed over, since {name} is elsewhere"] = None
                kept.append(passed)
            elif name in self.facts.engaged:
                reasons[f"{name} is on a call, which counts as busy"] = None
                kept.append(Outcome.BUSY)
            else:
                found.append(place)
        self.reasons += reasons
        return tuple(found)

    def _moved(self, came: Moved, places: tuple[Place, ...]) -> Walk:
        """A phone sends the call on by itself."""
        name = next((place.person for place in places if place.phones), "")
        if not name:
            self.reasons.append("where somebody outside sends the call on to isn't followed")
            return Outcome.UNREACHABLE
        who = self.plan.people[name]
        self.reasons.append(f"a phone of {who.name} sends the call on to {came.to}")
        entered = not self._was_asked(who) and self._enter(who)
        self.cause = DEFLECTION
        outcome = yield from self._called(came.to, who)
        if entered:
            self._leave()
        return outcome

    def _forwarded(self, places: tuple[Place, ...], outcome: Outcome) -> Walk:
        """Leave the rules if the person whose rules these are has set where the call goes after this outcome."""
        person = self.trail[-1]
        if isinstance(person, Person) and any(
            place.person == person.name and place.name != place.dial for place in places
        ):
            for kind, after in FORWARDS_AFTER.items():
                if after is outcome:
                    forward = self._override(person, kind)
                    if forward is not None:
                        self.reasons.append(
                            f"after {outcome.value}: {person.name} has set {self._told(forward, person)}"
                        )
                        raise _Forwarded((yield from self._called(forward.target, person)))
        return outcome

    # -- the way

    def _way(self) -> tuple[Hop, ...]:
        causes = (*self.causes[1:], self.cause)
        return tuple([Hop(one.name, one.number or one.name, why) for one, why in zip(self.trail, causes, strict=True)])

    def _enter(self, who: Person | Team) -> bool:
        """Whether this person or team may be asked; an endless way through the plan ends here."""
        self.visits += 1
        if self._was_asked(who):
            self.reasons.append(f"{who.name} sent the call on already and isn't asked again")
        elif len(self.trail) + self.facts.forwarded > self.plan.forwards or self.visits > MAX_VISITS:
            self.reasons.append(f"the call was sent on too often to ask {who.name} too")
        else:
            self.trail.append(who)
            self.causes.append(self.cause)
            self.cause = UNCONDITIONAL
            return True
        return False

    def _was_asked(self, who: Person | Team) -> bool:
        # Not by `in`, which would compare all that is known of both.
        return any([one is who for one in self.trail])

    def _leave(self) -> None:
        self.trail.pop()
        self.causes.pop()


def told(override: Override, zone: ZoneInfo) -> str:
    """An override in words, with its end, e.g. "at home until Fri 2026-11-27 18:00"; times on clocks of `zone`."""
    if not override.until:
        return override.words
    end = datetime.fromtimestamp(override.until, UTC).astimezone(zone)
    return f"{override.words} until {end:%a %Y-%m-%d %H:%M}"
