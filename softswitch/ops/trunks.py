"""What `softswitch trunks` shows: each line to the public network as it is now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from softswitch.trunks.line import Line


@dataclass(frozen=True, slots=True)
class TrunkStatus:
    """One trunk."""

    site: str
    name: str
    host: str
    state: str
    """"up", "down" or "unknown"."""
    detail: str
    """In words, e.g. "registered for 600 s"."""
    busy: int
    """Channels that are taken."""
    channels: int
    """All; 0 for no limit."""
    calls_out: int
    """Since the start, as the next three."""
    calls_in: int
    calls_failed: int
    refused: int
    """Calls from there to what is no number of the firm."""
    last_failure: str
    last_failure_seconds: float
    """How long ago; 0 for never."""


def trunk_statuses(lines: Iterable[Line], wall: float) -> list[dict[str, Any]]:
    """As it goes over the control socket; `wall` is now."""
    return [
        asdict(
            TrunkStatus(
                line.site,
                line.name,
                line.trunk.host,
                line.state,
                line.detail,
                len(line.channels),
                line.trunk.channels,
                line.calls_out,
                line.calls_in,
                line.calls_failed,
                line.refused_strangers,
                line.last_failure,
                wall - line.last_failure_at if line.last_failure_at else 0.0,
            )
        )
        for line in lines
    ]
