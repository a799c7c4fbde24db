"""A message that a caller left, and the store that knows of it; the sound itself is a file."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Message(NamedTuple):
    """One message. Site, person and id together are unique. Moments are seconds since 1970 UTC; 0 for not yet."""

    site: str
    person: str
    """Whose voicemail it is: the key in the dialplan."""
    id: str
    """Letters and digits; also the name of its file."""
    received_at: float
    caller: str
    """Who the caller showed to be; "" if hidden."""
    call_id: str
    seconds: float = 0.0
    """How long it is; 0 while it is being recorded."""
    heard_at: float = 0.0
    mail_to: str = ""
    """To whom it is to be sent; "" for nobody."""
    mailed_at: float = 0.0

    @property
    def box(self) -> tuple[str, str]:
        """Site and person."""
        return self.site, self.person


class Greeting(NamedTuple):
    """Which greeting it is that somebody recorded by phone."""

    site: str
    box: str
    """Whose voicemail it is for: a person or team, by the key in the dialplan."""
    key: str
    """What the dialplan keeps it under."""


class Change(NamedTuple):
    """Messages to keep, or to keep in a new state, and others to forget."""

    keep: tuple[Message, ...] = ()
    forget: tuple[Message, ...] = ()


class VoicemailStore(Protocol):
    """What outlives a crash. `store` implements it; the contract tests run on every engine."""

    async def load(self) -> Sequence[Message]:
        """All messages, the oldest first."""
        ...

    def write(self, change: Change) -> asyncio.Future[None] | None:
        """Make it durable; as `RecordStore.write` otherwise."""
        ...
