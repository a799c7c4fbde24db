"""Where the next call lands: the dialplan's own decision, followed until a phone is there to ring."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from softswitch.dialplan.decide import MAX_STEPS, next_step
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.outcome import Outcome
from softswitch.dialplan.plan import Person, Plan
from softswitch.dialplan.step import Answer, Command, Reject, Ring
from softswitch.presence.compose import NOBODY, Landing

OTHER_END = Landing(NOBODY, NOBODY)


def landing(plan: Plan, person: Person, facts: Facts, reachable: Callable[[str], bool]) -> Landing:
    """Whom a call for this person rings now, those passed over that nobody could reach.

    `facts` are of a call by nobody in particular; `called` is put in here. `reachable(account)`: whether a call
    could reach the phone.
    """
    asked = facts._replace(called=person.name)
    history: tuple[Outcome, ...] = ()
    for _ in range(MAX_STEPS):
        step = next_step(plan, asked, history)
        match step:
            case Ring():
                there = [account for account in step.phones if reachable(account)]
                if there or step.numbers:
                    phones = [plan.phones[account] for account in there if account in plan.phones]
                    places = [one.place for one in phones if one.person == person.name and one.place]
                    return Landing("ring", step.label, tuple(dict.fromkeys(places)))
                history += (Outcome.UNREACHABLE,)
            case Answer():
                return Landing("switch", step.what)
            case Command():
                return Landing("switch", step.action)
            case Reject():
                return OTHER_END
            case _:
                assert_never(step)
    return OTHER_END
