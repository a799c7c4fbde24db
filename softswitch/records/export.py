"""Call records for other programs: a JSON object or a line of CSV for each call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any

from softswitch.records.record import CallRecord, LegRecord, StepRecord

CSV_COLUMNS: dict[str, Callable[[CallRecord, tzinfo], object]] = {
    "site": lambda call, zone: call.site,
    "call_id": lambda call, zone: call.call_id,
    "started": lambda call, zone: moment(call.started_at, zone),
    "answered": lambda call, zone: moment(call.answered_at, zone),
    "ended": lambda call, zone: moment(call.ended_at, zone),
    "caller": lambda call, zone: call.caller,
    "caller_account": lambda call, zone: call.caller_account,
    "called": lambda call, zone: call.called,
    "outcome": lambda call, zone: call.outcome,
    "status": lambda call, zone: call.status or "",
    "answered_by": lambda call, zone: call.answered_by,
    "hung_up_by": lambda call, zone: call.hung_up_by,
    "ring_seconds": lambda call, zone: _seconds(call.started_at, call.answered_at or call.ended_at),
    "talk_seconds": lambda call, zone: _seconds(call.answered_at, call.ended_at),
    "legs": lambda call, zone: "; ".join(f"{leg.account or leg.contact} {leg.status or '-'}" for leg in call.legs),
    "steps": lambda call, zone: "; ".join(_step(step) for step in call.steps),
    "people": lambda call, zone: "; ".join(call.people),
    "remarks": lambda call, zone: "; ".join(call.remarks),
    "mos": lambda call, zone: _worst(min, [one.mos for one in call.quality if one.mos], 1),
    "loss_percent": lambda call, zone: _worst(max, [100 * max(one.loss, one.reported_loss) for one in call.quality], 2),
    "jitter_ms": lambda call, zone: _worst(max, [one.jitter_ms for one in call.quality], 1),
    "round_trip_ms": lambda call, zone: _worst(
        max, [one.round_trip_ms for one in call.quality if one.round_trip_ms >= 0], 0
    ),
}
"""The columns, each with what stands in it."""


def csv_row(call: CallRecord, zone: tzinfo) -> list[str]:
    """One line, in the order of CSV_COLUMNS."""
    return [_harmless(str(cell(call, zone))) for cell in CSV_COLUMNS.values()]


def as_json(call: CallRecord, zone: tzinfo) -> dict[str, Any]:
    """The whole record; moments in ISO 8601, null for never."""
    found = call._asdict()
    for name in ("started", "answered", "ended"):
        found[f"{name}_at"] = moment(found[f"{name}_at"], zone) or None
    found["legs"] = [_leg_json(leg, zone) for leg in call.legs]
    found["quality"] = [one._asdict() for one in call.quality]
    found["steps"] = [{**step._asdict(), "at": moment(step.at, zone)} for step in call.steps]
    return found


def moment(wall: float, zone: tzinfo) -> str:
    """ISO 8601 with milliseconds and the offset from UTC; "" for never."""
    return datetime.fromtimestamp(wall, zone).isoformat(timespec="milliseconds") if wall else ""


def _worst(choose: Callable[[list[float]], float], figures: list[float], digits: int) -> str:
    """Of both directions the one that was heard worse; "" where nothing is known."""
    return f"{choose(figures):.{digits}f}" if figures else ""


def _leg_json(leg: LegRecord, zone: tzinfo) -> dict[str, Any]:
    found = leg._asdict()
    for name in ("started_at", "rang_at", "ended_at"):
        found[name] = moment(found[name], zone) or None
    return found


def _step(step: StepRecord) -> str:
    reasons = f" ({', '.join(step.reasons)})" if step.reasons else ""
    return f"{step.does} {step.who}{reasons}" + (f": {step.outcome}" if step.outcome else "")


def _seconds(since: float, until: float) -> str:
    return f"{until - since:.1f}" if since and until else ""


def _harmless(cell: str) -> str:
    """A caller chooses what is shown of her: a spreadsheet must not take it for a formula. Numbers stay numbers."""
    if cell[:1] in ("=", "@", "\t", "\r") or (cell[:1] in ("+", "-") and not cell[1:].isdigit()):
        return f"'{cell}"
    return cell
