"""A call's record: who called whom, whom that rang and why, and how it ended; and the store that keeps it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from softswitch.media.quality import StreamQuality

OUTCOMES: dict[str, str] = {
    "ringing": "not answered yet",
    "talking": "answered, and not over yet",
    "answered": "answered, and over",
    "busy": "every attempt ended so, or the last one",
    "no answer": "every attempt ended so, or the last one",
    "unreachable": "every attempt ended so, or the last one",
    "declined": "every attempt ended so, or the last one",
    "refused": "the dialplan knows nobody of that name, or says to refuse such calls",
    "cancelled": "the caller gave up",
    "no media": "the media engine could not take the call, or not its SDP",
    "interrupted": "the switch stopped while it rang",
    "lost": "answered, but nobody ever said that it ended",
    "failed": "the switch itself could not take it",
}
"""What `CallRecord.outcome` can be."""


class LegRecord(NamedTuple):
    """One attempt to have one phone take the call. Moments are seconds since 1970 UTC; 0 for never."""

    account: str
    """The phone; "" for any other destination."""
    contact: str
    started_at: float
    rang_at: float
    """When it first said that it rings."""
    ended_at: float
    status: int
    """Its final SIP response; 0 when none came before the call was over."""


class StepRecord(NamedTuple):
    """One decision of the dialplan."""

    at: float
    does: str
    """"ring", "answer", "set" or "refuse"."""
    who: str
    """Who rings, as which service the switch answers, what was set, or the status and phrase of the refusal."""
    seconds: float
    """How long to ring; 0 where nobody rings."""
    reasons: tuple[str, ...]
    outcome: str
    """What came of the ringing, as the dialplan calls it; "" for the step that ended it all."""


class CallRecord(NamedTuple):
    """One call. Moments are seconds since 1970 UTC; 0 for never. Site, start and Call-ID together are unique."""

    site: str
    """The domain of the firm that was called."""
    call_id: str
    started_at: float
    caller: str
    """Who the caller showed to be; "" if hidden."""
    caller_account: str
    """The phone that called; "" for a peer."""
    called: str
    """What was dialled."""
    answered_at: float
    ended_at: float
    outcome: str
    """One of OUTCOMES."""
    status: int
    """The final SIP response that the caller got; 0 while there is none."""
    answered_by: str
    """The phone that took it, or "the switch: echo"."""
    hung_up_by: str
    """"caller" or "called"; "" when it was neither, or is not known."""
    legs: tuple[LegRecord, ...]
    steps: tuple[StepRecord, ...]
    people: tuple[str, ...]
    """Everybody of ours who called, was called or was rung, as "anna@acme.example"; for export and deletion."""
    remarks: tuple[str, ...] = ()
    """What was noticed while it ran, a sentence each: such as that one party was not heard."""
    quality: tuple[StreamQuality, ...] = ()
    """How well each party was heard, where its sound went through us."""
    dialog: tuple[str, str, str] = ("", "", "")
    """Call-ID, the caller's tag and the other's, as its phones have them; "" where that is not known."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which records are wanted; what is left out doesn't matter."""

    site: str = ""
    """The firm that was called; with a person, that person's firm: she may have called another one."""
    person: str = ""
    """Key in the dialplan, e.g. "anna"; of any site where none is given."""
    call_id: str = ""
    since: float = 0.0
    """Calls that started then or later; seconds since 1970 UTC."""
    limit: int = 0
    """The newest so many; 0 for all."""


class RecordStore(Protocol):
    """What outlives a crash. `store` implements it; the contract tests run on every engine."""

    def write(self, records: Sequence[CallRecord]) -> asyncio.Future[None] | None:
        """Add records, or replace earlier states of the same calls.

        The future is done when that is durable, None says that it is already. Never raises: what goes wrong is the
        future's exception. Writes are done in order.
        """
        ...

    async def find(self, query: Query) -> list[CallRecord]:
        """What matches, newest first. Raises StoreError."""
        ...

    async def unfinished(self) -> list[CallRecord]:
        """The calls without an end."""
        ...

    async def delete_before(self, moment: float, at_most: int) -> int:
        """Delete at most so many finished calls that started before `moment`; how many were deleted."""
        ...

    async def forget(self, site: str, person: str) -> int:
        """Delete every finished call that this person took part in; how many they were."""
        ...
