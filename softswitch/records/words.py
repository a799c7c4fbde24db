"""Why a call went as it did, in words an operator can follow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo

from softswitch.media import quality
from softswitch.records.record import CallRecord, LegRecord, StepRecord


def told(call: CallRecord, zone: tzinfo) -> Iterator[str]:
    """The whole story of a call, line by line; times are those of `zone`."""
    begun = datetime.fromtimestamp(call.started_at, zone)
    phone = f" ({call.caller_account})" if call.caller_account not in ("", call.caller) else ""
    yield f"{begun:%a %Y-%m-%d %H:%M:%S} {call.caller or 'somebody unknown'}{phone} called {call.called} at {call.site}"
    legs = list(call.legs)
    for number, step in enumerate(call.steps):
        until = call.steps[number + 1].at if number + 1 < len(call.steps) else float("inf")
        yield f"{_clock(step.at, zone)} {_step(step)}"
        yield from (f"           {reason}" for reason in step.reasons)
        while legs and legs[0].started_at < until:
            yield f"         {_leg(legs.pop(0), call)}"
        if step.outcome:
            yield f"         outcome: {step.outcome}"
    yield from (f"         {_leg(leg, call)}" for leg in legs)
    if call.answered_at:
        waited = call.answered_at - call.started_at
        yield f"{_clock(call.answered_at, zone)} answered by {call.answered_by} after {waited:.1f} s"
    yield from (f"         {remark}" for remark in call.remarks)
    yield from (f"         {quality.told(one)}" for one in call.quality)
    yield _end(call, zone)


def _step(step: StepRecord) -> str:
    because = ", because" if step.reasons else ""
    if step.does == "ring":
        return f"rings {step.who} for {step.seconds:g} s{because}"
    if step.does == "answer":
        return f"the switch answers: {step.who}{because}"
    if step.does == "set":
        return f"the switch notes: {step.who}{because}"
    return f"is refused with {step.who}{because}"


def _leg(leg: LegRecord, call: CallRecord) -> str:
    rang = f"rang after {leg.rang_at - leg.started_at:.1f} s" if leg.rang_at else "never rang"
    if 200 <= leg.status < 300:
        end = "took the call"
    elif not leg.ended_at:
        end = "rings still" if not call.answered_at else "was told to stop"
    else:
        answer = f"with {leg.status}" if leg.status else "without an answer"
        end = f"ended after {leg.ended_at - leg.started_at:.1f} s {answer}"
    return f"{leg.account or leg.contact}: {rang}, {end}"


def _end(call: CallRecord, zone: tzinfo) -> str:
    if not call.ended_at:
        return f"still {call.outcome}"
    clock = _clock(call.ended_at, zone)
    if call.outcome == "answered":
        by = {"caller": " by the caller", "called": " by the one called"}.get(call.hung_up_by, "")
        return f"{clock} hung up{by} after {call.ended_at - call.answered_at:.1f} s"
    if call.outcome == "lost":
        return f"{clock} given up: nobody ever said that it ended"
    return f"{clock} {call.outcome}" + (f"; the caller was told {call.status}" if call.status else "")


def _clock(wall: float, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(wall, zone):%H:%M:%S}"
