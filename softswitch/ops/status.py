"""What `softswitch status` shows: the shape of the answer between the running switch and the command line."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ListenerStatus:
    """One of our addresses."""

    transport: str
    bind: str
    """host:port, an IPv6 host in brackets."""
    advertised: str
    network: str
    connections: int = 0


@dataclass(frozen=True, slots=True)
class RegistrationStatus:
    """One contact of one phone."""

    site: str
    account: str
    person: str
    """Her or his key in the dialplan; empty for a phone without person."""
    contact: str
    source: str
    """Where it is reached: "udp:192.0.2.7:5060"."""
    user_agent: str
    expires_in_seconds: float


@dataclass(frozen=True, slots=True)
class CallStatus:
    """One running call."""

    call_id: str
    caller: str
    called: str
    state: str
    """"ringing" or "answered"."""
    since_seconds: float
    detail: str = ""
    """Who rings or answered, e.g. "anna at home"."""
    remarks: list[str] = field(default_factory=list)
    """What was noticed about it, a sentence each."""
    quality: list[dict[str, Any]] = field(default_factory=list)
    """How well each party is heard so far: `media/quality.StreamQuality` as an object."""


@dataclass(frozen=True, slots=True)
class Status:
    """The whole of it."""

    version: str
    pid: int
    uptime_seconds: float
    time: str
    """The switch's own idea of now, in ISO 8601; another than ours when it runs with --at."""
    listeners: list[ListenerStatus] = field(default_factory=list)
    registrations: list[RegistrationStatus] = field(default_factory=list)
    calls: list[CallStatus] = field(default_factory=list)
    relay: dict[str, Any] = field(default_factory=dict)
    """What the media engine tells of itself, e.g. {"state": "running", "streams": 2}."""
    messages: dict[str, int] = field(default_factory=dict)
    """How many wait, and for how many people: {"waiting": 3, "people": 2}."""
    counters: dict[str, int] = field(default_factory=dict)
    """Numbers since the start, by name: requests, dropped messages …"""
    alarms: list[str] = field(default_factory=list)
    """What an operator should act on, a sentence each."""

    def as_json(self) -> dict[str, Any]:
        """What goes over the control socket."""
        return asdict(self)
