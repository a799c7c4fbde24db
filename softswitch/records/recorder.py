"""Handing calls to the store: what changed within a moment goes in one write, off the message path.

A crash loses at most what happened within the last `FLUSH_SECONDS`. A call that begins and ends within them costs one
write instead of three.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from softswitch.records.diary import Diary, Whose, text
from softswitch.records.record import CallRecord, RecordStore

FLUSH_SECONDS = 0.2
OURS = "the switch: "
"""How the label of what answered begins, where it was the switch."""
LONGEST_SECONDS = 24 * 3600.0
"""A call of an earlier run of the switch of which nothing was heard for so long is over."""


class Recorder:
    """Keeps the diaries that have changed until they are stored."""

    def __init__(
        self,
        store: RecordStore,
        later: Callable[[float, Callable[[], object]], object],
        whose: Whose,
        on_error: Callable[[BaseException], None] = lambda error: None,
    ) -> None:
        """`later(seconds, call)` has `call` called so many seconds from now; `on_error` is told why a write failed."""
        self._store = store
        self._later = later
        self._whose = whose
        self._on_error = on_error
        self._changed: list[Diary] = []
        self._finished: list[CallRecord] = []
        self._earlier: dict[str, CallRecord] = {}
        """By the Call-ID that its phones have, the conversations that an earlier run of the switch left."""
        self._due = False
        self.on_over: Callable[[CallRecord], None] = lambda record: None
        """Told of each conversation of an earlier run that is over now."""

    def earlier(self) -> list[CallRecord]:
        """The conversations of an earlier run that go on."""
        return list(self._earlier.values())

    def changed(self, diary: Diary) -> None:
        """The call is to be stored as it will be in a moment."""
        if not diary.waiting:
            diary.waiting = True
            self._changed.append(diary)
            if not self._due:
                self._wake()

    def flush(self) -> asyncio.Future[None] | None:
        """Hand over all that has changed; the future is done once that is durable, None says it is already."""
        self._due = False
        if not self._changed and not self._finished:
            return None
        records = self._finished
        for diary in self._changed:
            diary.waiting = False
            records.append(diary.record(self._whose))
        self._changed = []
        self._finished = []
        written = self._store.write(records)
        if written is not None:
            written.add_done_callback(self._written)
        return written

    def _written(self, written: asyncio.Future[None]) -> None:
        error = asyncio.CancelledError() if written.cancelled() else written.exception()
        if error is not None:
            self._on_error(error)

    def _wake(self) -> None:
        self._due = True
        self._later(FLUSH_SECONDS, self.flush)

    # -- calls of an earlier run

    async def resume(self, wall: float) -> None:
        """Take over what an earlier run left without an end; once, before the first call. Raises StoreError.

        What rang then was interrupted, and so was what the switch itself had taken. Conversations between phones go on
        without us: their BYE may still come.
        """
        interrupted = []
        for record in await self._store.unfinished():
            if record.answered_at and not record.answered_by.startswith(OURS):
                self._earlier[record.dialog[0] or record.call_id] = record
            else:
                interrupted.append(_ended(record, "interrupted", wall))
        self._end(interrupted)
        self.close_silent(wall)

    def hung_up(self, call_id: bytes, wall: float) -> None:
        """A call that is not of this run was hung up."""
        if self._earlier:
            self.over(text(call_id), wall)

    def over(self, call_id: str, wall: float) -> None:
        """An earlier conversation came to its end."""
        self._finish(call_id, "answered", wall)

    def has(self, call_id: bytes, tag: bytes) -> bool:
        """Whether this is one end of a conversation of an earlier run."""
        record = self._earlier.get(text(call_id))
        return record is not None and tag.decode("latin-1") in record.dialog[1:] and bool(tag)

    def lost(self, call_id: str, wall: float) -> None:
        """Give up an earlier conversation: nobody in it answers any more."""
        self._finish(call_id, "lost", wall)

    def _finish(self, call_id: str, outcome: str, wall: float) -> None:
        record = self._earlier.pop(call_id, None)
        if record is not None:
            self._end([_ended(record, outcome, wall)])
            self.on_over(record)

    def close_silent(self, wall: float) -> None:
        """Give up the earlier conversations whose end nobody will tell any more."""
        for call_id, record in list(self._earlier.items()):
            if wall - record.answered_at > LONGEST_SECONDS:
                self.lost(call_id, wall)

    def _end(self, records: Iterable[CallRecord]) -> None:
        self._finished += records
        if self._finished and not self._due:
            self._wake()


def _ended(record: CallRecord, outcome: str, wall: float) -> CallRecord:
    """The record of a call that an earlier run began."""
    legs = tuple([leg if leg.ended_at else leg._replace(ended_at=wall) for leg in record.legs])
    return record._replace(outcome=outcome, ended_at=wall, legs=legs)
