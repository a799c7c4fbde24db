"""What one watcher may ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from softswitch.errors import PeerError


@dataclass(frozen=True, slots=True)
class PresenceLimits:
    """The fields of `settings.PresenceSettings`, which says how they are written."""

    minimum_seconds: int = 60
    """Shorter subscriptions and publications get 423 with Min-Expires."""
    default_seconds: int = 3600
    maximum_seconds: int = 7200
    """Longer wishes are cut to this."""
    subscriptions: int = 300
    """Of one watcher at once."""
    per_second: float = 20.0
    """SUBSCRIBEs and PUBLISHes of one watcher, sustained."""
    burst: int = 200
    """So many at once before that counts: a phone with many lamps that was just switched on."""
    body_bytes: int = 65_536
    """Of a PUBLISH; larger ones get 413."""


class Rate:
    """How much everybody asked for lately; time is monotonic seconds."""

    def __init__(self, limits: PresenceLimits) -> None:
        self._interval = 1 / limits.per_second if limits.per_second > 0 else 0.0
        self._window = self._interval * max(1, limits.burst)
        self._full_at: dict[str, float] = {}

    def admit(self, watcher: str, now: float) -> bool:
        """Whether he may ask for something now."""
        full_at = max(self._full_at.get(watcher, now), now)
        if full_at + self._interval > now + self._window + 1e-9:
            return False
        self._full_at[watcher] = full_at + self._interval
        return True

    def forget(self, now: float) -> None:
        """Drop those who have been quiet."""
        self._full_at = {watcher: full_at for watcher, full_at in self._full_at.items() if full_at > now}


class Admission:
    """Refuses a watcher who asks too often."""

    def __init__(self, limits: PresenceLimits, now: Callable[[], float]) -> None:
        self._rate = Rate(limits)
        self._now = now

    def admit(self, watcher: tuple[str, str]) -> None:
        """Raises PeerError(503)."""
        if not self._rate.admit("@".join(watcher), self._now()):
            raise PeerError(503, "Too Many Requests From You", headers=(b"Retry-After: 10",))

    def forget(self) -> None:
        """Drop those who have been quiet."""
        self._rate.forget(self._now())
