"""Whether the rules for calls refuse a caller: asked for what is no call, such as a message."""

from __future__ import annotations

from softswitch.dialplan.conditions import From
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.plan import Person, ToEnd
from softswitch.dialplan.step import Reject


def blocked(person: Person, facts: Facts) -> Reject | None:
    """How the rule that decides refuses this very caller; None where it doesn't, or would refuse others as well."""
    for rule in person.rules:
        if all(condition.fits(facts) for condition, _ in rule.checks):
            target = rule.route[0].targets[0] if rule.route else None
            if isinstance(target, ToEnd) and isinstance(target.step, Reject):
                return target.step if any(isinstance(condition, From) for condition, _ in rule.checks) else None
            return None
    return None
