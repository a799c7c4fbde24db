"""Explanations: who would ring at some moment, step by step, in words an operator can follow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import assert_never
from zoneinfo import ZoneInfo

from softswitch.dialplan.availability import supposed
from softswitch.dialplan.conditions import plain_number
from softswitch.dialplan.decide import next_step
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.hours import FULL_NAMES, parse_date, parse_time, weekday_named
from softswitch.dialplan.outcome import Outcome, outcome_named
from softswitch.dialplan.plan import Plan
from softswitch.dialplan.step import Answer, Command, Reject, Ring, Step
from softswitch.suggest import did_you_mean

ANONYMOUS = "anonymous"
_MOMENT = re.compile(r"(?:([A-Za-z]+) ?)?(?:(\d{4}-\d{1,2}-\d{1,2})[ T])? ?(\d{1,2}:\d{2})(?::00)?")


def simulate(
    plan: Plan,
    to: str,
    at: datetime | str,
    caller: str = "",
    then: Sequence[Outcome] = (),
    *,
    wall: float = 0.0,
    presence: Sequence[str] = (),
) -> list[str]:
    """Lines that tell what becomes of a call, all phones being registered.

    `presence` says how somebody is, e.g. "dario is offline"; everybody else is available.

    `at` is an aware datetime, or text as for `parse_moment`, which `wall` (seconds since 1970 UTC, now) is for. `then`
    are the outcomes of the first steps, as far as they are to be followed; what comes after the last is named at the
    end for every outcome.
    Raises ValueError in an operator's words for a moment or presence that can't be read, and a caller that nobody is.
    """
    zone = ZoneInfo(plan.timezone)
    moment = parse_moment(at, zone, wall) if isinstance(at, str) else at.timestamp()
    caller = caller_meant(plan, caller)
    account = caller if caller in plan.phones else ""
    called = to if to in plan.destinations else plain_number(to)
    supposing = supposed(presence, plan.people_by_user())
    facts = Facts(plan.site, called, caller, account, moment, presences=supposing)
    who = f"from {caller}" if caller else "from an unknown caller"
    who += f", while {' and '.join(presence)}" if presence else ""
    lines = [f"{_clock(moment, zone)} ({plan.timezone}): {to} is called {who}"]
    history: tuple[Outcome, ...] = ()
    for outcome in (*then, None):
        step = next_step(plan, facts, history)
        lines.append(f"{len(history) + 1}. {in_words(step)}")
        lines += (f"     {reason}" for reason in step.reasons)
        if isinstance(step, Ring) and account in step.phones:
            lines.append(f"     {account} is the phone that calls, and does not ring itself")
        if not isinstance(step, Ring):
            return lines
        if outcome is not None:
            lines.append(f"   {outcome.value}:")
            history += (outcome,)
    for case, step in followed(plan, facts, history):
        lines.append(f"   then, {case or 'whatever comes of it'}: {in_words(step)}")
    return lines


def caller_meant(plan: Plan, text: str) -> str:
    """Who calls, as facts have it: one of ours by name, number or phone, a number from outside, or "" when hidden.

    Raises ValueError in an operator's words: a name that is misspelt would be a stranger's, and prove nothing.
    """
    if text in ("", ANONYMOUS):
        return ""
    number = plain_number(text)
    if number in plan.destinations or number in plan.phones or number.lstrip("+").isdecimal():
        return number
    near = did_you_mean(text, [*plan.destinations, *plan.phones, ANONYMOUS])
    raise ValueError(f'nobody here is called "{text}", and it is no number{near}')


def followed(plan: Plan, facts: Facts, history: tuple[Outcome, ...] = ()) -> list[tuple[str, Step]]:
    """What follows each outcome of the step after `history`, as ("if busy or declined", step); "" for every outcome."""
    steps: dict[str, Step] = {}
    outcomes: dict[str, list[str]] = {}
    for outcome in Outcome:
        step = next_step(plan, facts, (*history, outcome))
        words = in_words(step)
        steps.setdefault(words, step)
        outcomes.setdefault(words, []).append(outcome.value)
    if len(steps) == 1:
        return [("", step) for step in steps.values()]
    return [(f"if {' or '.join(outcomes[words])}", step) for words, step in steps.items()]


def in_words(step: Step) -> str:
    """What a step does, without its reasons."""
    match step:
        case Ring():
            ringing = (*step.phones, *(call.words for call in step.numbers))
            return f"{step.label} rings for {step.seconds:g} s ({', '.join(ringing)})"
        case Reject():
            return f"the call is refused: {step.status} {step.phrase}"
        case Answer():
            return f"the switch answers: {step.what}"
        case Command():
            return f"the switch notes for {step.person}: {command_words(step)}"
        case _:
            assert_never(step)


def command_words(command: Command) -> str:
    """What a command changes, e.g. "forward all 102"; without its end."""
    return f"{command.action} {command.target}".strip()


def parse_moment(text: str, zone: ZoneInfo, wall: float) -> float:
    """Seconds since 1970 UTC of "now", "18:05", "fri 18:05", "2026-11-27 18:05" or "fri 2026-11-27 18:05".

    Read on the clocks of `zone`; without a date it is the next such moment, `wall` being now.
    Raises ValueError in an operator's words.
    """
    if text.strip() == "now":
        return wall
    match = _MOMENT.fullmatch(" ".join(text.split()))
    weekday = weekday_named(match[1]) if match and match[1] else None
    if match is None or (match[1] and weekday is None):
        raise ValueError(f'"{text}" is no moment; write now, fri 18:05 or 2026-11-27 18:05')
    minutes = parse_time(match[3])
    now = datetime.fromtimestamp(wall, UTC).astimezone(zone)
    if match[2]:
        day = parse_date(match[2])
        if weekday is not None and day.weekday() != weekday:
            raise ValueError(f"{day} is a {FULL_NAMES[day.weekday()]}")
    else:
        day = now.date()
        if minutes < now.hour * 60 + now.minute:
            day += timedelta(days=1)
        while weekday is not None and day.weekday() != weekday:
            day += timedelta(days=1)
    # A time in the skipped hour is the same time after the change, as in schedules; of a doubled one it is the first.
    return (datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=minutes)).timestamp()


def has_date(text: str) -> bool:
    """Whether a moment that can be parsed says its date."""
    match = _MOMENT.fullmatch(" ".join(text.split()))
    return match is not None and match[2] is not None


def parse_outcomes(text: str) -> tuple[Outcome, ...]:
    """The outcomes of "busy, no answer".

    Raises ValueError in an operator's words.
    """
    return tuple(outcome_named(word) for word in text.split(",")) if text.strip() else ()


def _clock(moment: float, zone: ZoneInfo) -> str:
    local = datetime.fromtimestamp(moment, UTC).astimezone(zone)
    return f"{FULL_NAMES[local.weekday()]} {local:%Y-%m-%d %H:%M}"
