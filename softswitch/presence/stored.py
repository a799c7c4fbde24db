"""What of presence outlives a crash: subscriptions and publications; `store` keeps them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple, Protocol


class StoredSubscription(NamedTuple):
    """One subscription with its dialog, as it was when the watcher last sent a SUBSCRIBE."""

    site: str
    call_id: str
    local_tag: str
    """With the Call-ID unique."""
    key: str
    user: str
    package: str
    event_id: str
    account: str
    watcher_site: str
    watcher: str
    lists: bool
    local: str
    remote: str
    remote_tag: str
    target: str
    routes: tuple[str, ...]
    contact: str
    flow: str
    """As `registrar.flows` writes it."""
    local_cseq: int
    remote_cseq: int
    expires_at: float
    interval: float
    longest: float
    stored_at: float
    """Wall clock; how far CSeq may have come since then is reckoned from it."""


class StoredPublication(NamedTuple):
    """What one device published of a person."""

    site: str
    person: str
    etag: str
    account: str
    open: bool
    activity: str
    note: str
    published_at: float
    expires_at: float
    package: str = "presence"
    """Or "dialog"."""
    lamps: str = ""
    """Of `dialog`: the calls, as `dialoginfo.lamps_text` writes them."""


class PresenceChange(NamedTuple):
    """A row to write, or with `gone` to delete."""

    row: StoredSubscription | StoredPublication
    gone: bool = False


class PresenceStore(Protocol):
    """The contract tests run on every engine."""

    async def subscriptions(self) -> Iterable[StoredSubscription]:
        """All of them, expired ones too."""
        ...

    async def publications(self) -> Iterable[StoredPublication]:
        """All of them, expired ones too."""
        ...

    def save(self, change: PresenceChange) -> asyncio.Future[None] | None:
        """Write or delete; the future is done when that is durable, None says that it is already.

        Never raises: what goes wrong is the future's exception. Calls are carried out in order.
        """
        ...

    async def forget(self, site: str, person: str, accounts: Iterable[str]) -> int:
        """Delete what a person's phones subscribed to, what is subscribed to of her, what she published; how much."""
        ...
