"""A line to one phone: one message at a time goes over it, and after a failure it rests for longer and longer."""

from __future__ import annotations

from softswitch.transaction.timers import Timer

FIRST_REST_SECONDS = 10.0
LONGEST_REST_SECONDS = 3600.0
SETTLING_SECONDS = 0.5
"""After a phone's REGISTER was answered: some drop what comes before that answer."""


class Line:
    """One phone's. Moments are monotonic seconds."""

    __slots__ = ("account", "failures", "item", "person", "renewed", "rests_until", "silent", "site", "timer")

    def __init__(self, site: str, person: str, account: str, timer: Timer) -> None:
        self.site = site
        self.person = person
        self.account = account
        self.timer = timer
        """Due when the line is to be looked at again."""
        self.item: object | None = None
        """What is under way to the phone."""
        self.failures = 0
        self.rests_until = 0.0
        self.silent = False
        """The last failure was that nothing came back: any sign of life ends the rest."""
        self.renewed = False
        """The phone registered while something was under way to it."""

    def is_free(self, now: float) -> bool:
        """Whether a message may be sent to the phone now."""
        return self.item is None and now >= self.rests_until

    def worked(self) -> None:
        """The phone answered as it should."""
        self.failures = 0
        self.rests_until = 0.0
        self.renewed = False
        self.timer.due = None

    def failed(self, now: float, silent: bool, at_least_seconds: float) -> float:
        """The phone could not take a message now: when to try again. `silent`: nothing came back at all."""
        self.failures += 1
        rest = min(FIRST_REST_SECONDS * 2 ** min(self.failures - 1, 20), LONGEST_REST_SECONDS)
        self.silent = silent
        self.rests_until = now + max(rest, min(at_least_seconds, LONGEST_REST_SECONDS))
        if self.renewed and silent:
            self.rests_until = now + SETTLING_SECONDS
        self.renewed = False
        return self.rests_until

    def registered(self, now: float, anew: bool) -> float:
        """The phone registered, `anew` or as before: when to try, which is a rest's end if that rest is to go on."""
        if self.item is not None:
            self.renewed = True
        elif anew or self.silent or not self.failures:
            self.rests_until = now + SETTLING_SECONDS
        return self.rests_until
