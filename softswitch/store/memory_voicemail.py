"""Messages in memory alone: for as long as the switch runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from softswitch.voicemail.message import Change, Message


class MemoryVoicemailStore:
    """Every write is done at once."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str], Message] = {}

    async def load(self) -> Sequence[Message]:
        return sorted(self._rows.values(), key=lambda message: (message.received_at, message.id))

    def write(self, change: Change) -> asyncio.Future[None] | None:
        for message in change.keep:
            self._rows[*message.box, message.id] = message
        for message in change.forget:
            self._rows.pop((*message.box, message.id), None)
        return None
