"""What people have set, in words and for export."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any

from softswitch.dialplan.override import Override
from softswitch.overrides.change import OverrideChange


def override_words(override: Override, zone: tzinfo) -> str:
    """E.g. "at home until Fri 2026-11-27 18:00, set by anna-desk on Fri 2026-11-27 09:12"."""
    until = f" until {_clock(override.until, zone)}" if override.until else ""
    return f"{override.words}{until}, set by {override.by} on {_clock(override.set_at, zone)}"


def change_words(change: OverrideChange, zone: tzinfo) -> str:
    """E.g. "Fri 2026-11-27 18:00 over: at home (time)"."""
    override = change.override
    until = f" until {_clock(override.until, zone)}" if override.until and change.sets else ""
    return f"{_clock(change.at, zone)} {'set' if change.sets else 'over'}: {override.words}{until} ({change.by})"


def change_json(change: OverrideChange, zone: tzinfo) -> dict[str, Any]:
    """A change as it is exported; moments in ISO 8601, null for never."""
    override = change.override
    return {
        "at": _iso(change.at, zone),
        "sets": change.sets,
        "kind": override.kind,
        "target": override.target,
        "until": _iso(override.until, zone),
        "by": change.by,
    }


def _clock(wall: float, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(wall, UTC).astimezone(zone):%a %Y-%m-%d %H:%M}"


def _iso(wall: float, zone: tzinfo) -> str | None:
    return datetime.fromtimestamp(wall, zone).isoformat(timespec="seconds") if wall else None
