"""Emergency calls of late: who called, and whom a call back is for (RFC 7090)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from softswitch.bridge.alarm import shown_for
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.plan import Plan
from softswitch.dialplan.trunk import OutsideCall
from softswitch.sip.message import Request

REMEMBERED_SECONDS = 86_400.0
"""Longer than any `call back:`."""
_MARK = b"psap-callback"


class EmergencyCall(NamedTuple):
    """One call to an emergency number. Moments are wall clock."""

    site: str
    account: str
    """The phone."""
    at: float
    call_id: str
    number: str
    """As dialled: "112"."""
    shown: tuple[str, ...]
    """The numbers that may have been shown with it, E.164."""
    location: str
    """In words; "" where it was not known."""
    ended_at: float = 0.0
    """0 while it lasts."""
    mailed_at: float = 0.0
    """0 as long as those who want a mail have none."""


class EmergencyStore(Protocol):
    """What outlives a crash. `store` implements it; the contract tests run on every engine."""

    def write(self, call: EmergencyCall) -> asyncio.Future[None] | None:
        """Keep a call, or what is known of it now. The future is done when that is durable; None: it is already."""
        ...

    async def load(self, since: float) -> list[EmergencyCall]:
        """The calls since then, oldest first. Raises StoreError."""
        ...

    async def delete_before(self, moment: float) -> int:
        """Forget older ones; how many. Raises StoreError."""
        ...


class Emergencies:
    """All sites. Without a store nothing outlives the switch."""

    def __init__(self, wall: Callable[[], float], write: Callable[[EmergencyCall], None] = lambda call: None) -> None:
        self._wall = wall
        self._write = write
        self._calls: list[EmergencyCall] = []

    def take_over(self, calls: Sequence[EmergencyCall]) -> None:
        """What an earlier run of the switch left; a call that was under way has ended with it, as far as we know."""
        wall = self._wall()
        self._calls = [call if call.ended_at else call._replace(ended_at=wall) for call in calls]

    def begin(self, plan: Plan, facts: Facts, call: OutsideCall, request: Request) -> EmergencyCall:
        """Somebody calls for help."""
        shown = shown_for(plan, call.person, call.trunks)
        made = EmergencyCall(
            plan.site,
            facts.caller_account,
            self._wall(),
            request.call_id.decode("utf-8", "replace"),
            call.number,
            shown,
            call.location.words if call.location is not None else "",
        )
        oldest = made.at - REMEMBERED_SECONDS
        self._calls = [one for one in self._calls if not one.ended_at or one.ended_at > oldest]
        self._calls.append(made)
        self._write(made)
        return made

    def end(self, call_id: str) -> None:
        """That call is over; from now on the time for calling back runs."""
        self._change(call_id, ended_at=self._wall())

    def mailed(self, call_id: str) -> None:
        """Whoever wants a mail about it has one."""
        self._change(call_id, mailed_at=self._wall())

    def _change(self, call_id: str, **changes: float) -> None:
        for at, call in enumerate(self._calls):
            if call.call_id == call_id:
                self._calls[at] = call._replace(**changes)  # type: ignore[arg-type]
                self._write(self._calls[at])

    def __iter__(self) -> Iterator[EmergencyCall]:
        return iter(list(self._calls))

    def called_back(self, plan: Plan, number: str, request: Request) -> str:
        """The phone that a call to one of the firm's numbers is for, because it called for help; "" for none.

        A call that says that it is the call back (RFC 7090 §5) is for whoever called last; any other one for the phone
        that had shown the number which is called now.
        """
        if not self._calls:
            return ""
        marked = (request.get(b"priority") or b"").strip().lower() == _MARK
        earliest = self._wall() - plan.emergencies.call_back_seconds
        for call in reversed(self._calls):
            lives = call.site == plan.site and (not call.ended_at or call.ended_at >= earliest)
            if lives and call.account in plan.phones and (marked or number in call.shown):
                return call.account
        return ""
