"""The routing decision: a pure function of plan, facts and what was already tried.

It keeps nothing between two calls: the walk through the plan is gone again from its beginning with the history of
outcomes. Walks are a few steps long, and what is never stored can never be stale.
"""

from __future__ import annotations

from softswitch.dialplan.codes import dialled
from softswitch.dialplan.emergency import TEST, called_back, drill
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.outcome import Came, Moved, Outcome
from softswitch.dialplan.outside import dial_out, number_of
from softswitch.dialplan.plan import Code, Plan
from softswitch.dialplan.step import Answer, Command, Reject, Ring, Step
from softswitch.dialplan.walk import Walker

__all__ = ["MAX_STEPS", "Answer", "Came", "Command", "Moved", "Outcome", "Reject", "Ring", "Step", "next_step"]

MAX_STEPS = 20
"""A call that was rung so often in vain ends."""

_TOO_MANY = Reject(480, "Temporarily Unavailable", (f"{MAX_STEPS} attempts were in vain, that is enough",))


def next_step(plan: Plan, facts: Facts, history: tuple[Came, ...]) -> Step:
    """What to do with the call now, after the steps before it came to `history`.

    After a Reject, an Answer or a Command nothing follows: any further history gives the same step again.
    """
    if facts.called_back:
        if not history:
            return called_back(plan, facts)
        history = history[1:]
    destination = plan.destinations.get(facts.called)
    if destination is None:
        number = number_of(plan, facts.called) if plan.trunks else ""
        destination = plan.destinations.get(number)  # a number of our own, dialled as from anywhere else
        if destination is None:
            asked = None if number in plan.emergency else dialled(plan, facts)
            return asked or dial_out(plan, facts, history)
    if isinstance(destination, Code) and destination.what == TEST:
        return drill(plan, facts, history)
    if facts.forwarded >= plan.forwards:
        return Reject(482, "Loop Detected", (f"the call was sent on {facts.forwarded} times before it came here",))
    if not history:
        at_once = destination.at_once
        if at_once is not None and not facts.overrides and not facts.engaged:
            return at_once
    elif len(history) >= MAX_STEPS:
        return _TOO_MANY
    return Walker(plan, facts).walk(destination, history)
