"""Can somebody be reached now, and if not, why: the answer of `softswitch why`, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from softswitch.dialplan.availability import EVERYBODY_AVAILABLE, Presences
from softswitch.dialplan.decide import MAX_STEPS, next_step
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.outcome import Outcome
from softswitch.dialplan.override import NOTHING_SET, Overrides
from softswitch.dialplan.plan import Code, Person, Plan
from softswitch.dialplan.step import Answer, Command, Reject, Ring
from softswitch.registrar.bindings import Binding
from softswitch.suggest import did_you_mean

BindingsOf = Callable[[str], Sequence[Binding]]
"""The bindings of an account, expired ones included or not."""


@dataclass(frozen=True, slots=True)
class Why:
    """The answer and how it came about."""

    reachable: bool
    lines: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """What goes over the control socket."""
        return asdict(self)


def why(
    plan: Plan,
    who: str,
    bindings_of: BindingsOf,
    wall: float,
    overrides: Overrides = NOTHING_SET,
    presences: Presences = EVERYBODY_AVAILABLE,
) -> Why:
    """Whether a call to `who` (a name, a number, an account) would ring anywhere now, from an unknown caller.

    Phones without a binding count as unreachable; whether a registered one is busy only a call can tell.
    """
    destination = plan.lookup(who)
    if destination is None:
        return Why(False, (f'nobody at {plan.site} is called "{who}"{did_you_mean(who, plan.destinations)}',))
    if isinstance(destination, Code):
        return Why(True, (f"the switch itself answers {who}: {destination.what}",))
    number = f", {destination.number}" if destination.number else ""
    lines = [f"{destination.display} ({destination.name}{number}) at {plan.site}"]
    people = [destination] if isinstance(destination, Person) else [plan.people[m] for m in destination.members]
    for person in people:
        lines += _places(person, bindings_of, wall)
    walked, reachable = _walk(
        plan, bindings_of, Facts(plan.site, who, wall=wall, overrides=overrides, presences=presences)
    )
    return Why(reachable, (*lines, *walked))


def _places(person: Person, bindings_of: BindingsOf, wall: float) -> Iterable[str]:
    if not person.places:
        yield f"{person.name} has no places, so nothing can ring"
    for place in person.places.values():
        if place.dial:
            yield f"{place.label}: {place.dial}, outside"
        for account in place.phones:
            alive = [one for one in bindings_of(account) if one.expires_at > wall]
            if not alive:
                yield f"{place.label}: {account} is not registered"
            for one in alive:
                if not _usable(one, wall):
                    yield f"{place.label}: {account} lost its connection and has not come back yet"
                    continue
                left = _span(one.expires_at - wall)
                yield f"{place.label}: {account} is registered as {one.contact}, for {left} more"


def _walk(plan: Plan, bindings_of: BindingsOf, facts: Facts) -> tuple[list[str], bool]:
    """What a call would do now, up to the first phone that can ring."""
    lines: list[str] = []
    history: tuple[Outcome, ...] = ()
    while len(history) <= MAX_STEPS:
        step = next_step(plan, facts, history)
        because = f" ({'; '.join(step.reasons)})" if step.reasons else ""
        if isinstance(step, Answer | Command):
            what = step.what if isinstance(step, Answer) else step.action
            return [*lines, f"a call now is answered by the switch: {what}{because}"], True
        if isinstance(step, Reject):
            return [*lines, f"a call now ends with {step.status} {step.phrase}{because}"], False
        ready = _ready(step, bindings_of, facts.wall)
        if ready:
            return [*lines, f"a call now rings {step.label}: {', '.join(ready)}{because}"], True
        lines.append(f"a call now finds no phone of {step.label} registered{because}")
        history = (*history, Outcome.UNREACHABLE)
    return lines, False


def _ready(step: Ring, bindings_of: BindingsOf, wall: float) -> list[str]:
    ready = [phone for phone in step.phones if any(_usable(one, wall) for one in bindings_of(phone))]
    return ready + [call.words for call in step.numbers]


def _usable(binding: Binding, wall: float) -> bool:
    """Whether there is a way to the phone: an empty flow is a connection that went with a restart."""
    return binding.expires_at > wall and bool(binding.flow or binding.path)


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
