"""Calls to the public network: which line of `outside` a number comes under, and whether this caller may."""

from __future__ import annotations

from collections.abc import Sequence

from softswitch.dialplan.emergency import emergency_call
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.outcome import FINAL_RESPONSES, Came, Moved, Outcome
from softswitch.dialplan.plan import Plan
from softswitch.dialplan.step import Reject, Ring, Step
from softswitch.dialplan.telephone import country_of, fault_of, international
from softswitch.dialplan.trunk import OutsideCall

RING_SECONDS = 180.0
"""How long somebody outside may ring whom a phone has called by number: it is the caller who gives up."""


def number_of(plan: Plan, text: str) -> str:
    """What a number as written or dialled means outside: E.164, or a short number that the plan knows; else ""."""
    if text in plan.emergency or any(text in line.exact for line in plan.outside):
        return text
    return international(text, plan.country)


def dial_out(plan: Plan, facts: Facts, history: Sequence[Came]) -> Step:
    """The decision on a number that is nobody's here, dialled by a phone."""
    nobody = Reject(404, "Not Found", (f'nobody at {plan.site} is called "{facts.called}"',))
    if not plan.trunks:
        return nobody
    number = number_of(plan, facts.called)
    if not number:
        fault = fault_of(facts.called, plan.country)
        if fault:
            reason = f"{facts.called} can't be called outside: {fault}"
            return Reject(404, "Not Found", (*nobody.reasons, reason), said="wrong number")
        return nobody
    if not facts.caller_account:
        return Reject(403, "Forbidden", (f"{facts.called} is outside, and only phones of {plan.site} may call there",))
    person = plan.person_of(facts.caller_account)
    call, reasons = allowed(plan, number, person.name if person is not None else "", facts.caller_account)
    if call is None:
        return Reject(403, "Forbidden", reasons, said="not allowed")
    if history:
        outcome = Outcome.UNREACHABLE if isinstance(history[0], Moved) else history[0]
        status, phrase = FINAL_RESPONSES[outcome]
        return Reject(status, phrase, (f"{number}: {outcome.value}",))
    return Ring((), RING_SECONDS, number, reasons, "", (call,))


def allowed(plan: Plan, number: str, person: str, account: str = "") -> tuple[OutsideCall | None, tuple[str, ...]]:
    """The call to a number on behalf of a person (a key, or ""), or None; and why. `account` is the phone that dials.

    Emergency numbers go first, for everybody and over any trunk. The first line that fits decides: who may not use it
    is refused and not sent on to the next.
    """
    who = person or account
    if number in plan.emergency:
        return emergency_call(plan, number, person, account)
    reasons: list[str] = []
    for line in plan.outside:
        if not line.fits(number):
            reasons.append(f"line {line.number} of outside does not fit {number}")
            continue
        if line.may is not None and person not in line.may:
            reasons.append(f"line {line.number} of outside fits {number}; only {line.may_words} may, and {who} may not")
            return None, tuple(reasons)
        reasons.append(f"line {line.number} of outside fits {number}")
        country, payer = country_of(number), plan.people.get(person)
        if payer is not None and payer.countries and country not in payer.countries:
            reasons.append(f"{person} may call numbers of {' and '.join(sorted(payer.countries))} only")
            return None, tuple(reasons)
        abroad = bool(plan.country) and number.startswith("+") and country != plan.country
        call = OutsideCall(
            number,
            line.trunks,
            line.number,
            line.limits,
            person,
            abroad=abroad,
            own_limits=payer.limits if payer is not None else (),
            country=country,
            sudden=plan.sudden if abroad else 0,
        )
        return call, tuple(reasons)
    reasons.append(f"no line of outside is for {number}")
    return None, tuple(reasons)
