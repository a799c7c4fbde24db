"""What `softswitch presence` shows: the shape of the answer between the running switch and the command line."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PersonStatus:
    """One person as she is now."""

    site: str
    person: str
    name: str
    number: str
    availability: str
    place: str
    note: str
    lands: str
    """Where the next call for her will ring."""
    since_seconds: float
    """For how long she has been so; since the start of the switch at most."""
    phones: list[str]
    """Those that are registered."""
    calls: list[str]
    """With whom, e.g. "from 102, ringing"."""
    watchers: list[str]
    """Who watches her presence or her lamp."""

    def as_json(self) -> dict[str, Any]:
        """What goes over the control socket."""
        return asdict(self)
