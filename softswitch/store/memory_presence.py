"""Subscriptions and publications in memory alone: they end with the switch."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from softswitch.presence.stored import PresenceChange, StoredPublication, StoredSubscription


class MemoryPresenceStore:
    """Every save is done at once."""

    def __init__(self) -> None:
        self._subscriptions: dict[tuple[str, str], StoredSubscription] = {}
        self._publications: dict[tuple[str, str, str], StoredPublication] = {}

    async def subscriptions(self) -> Iterable[StoredSubscription]:
        return list(self._subscriptions.values())

    async def publications(self) -> Iterable[StoredPublication]:
        return list(self._publications.values())

    def save(self, change: PresenceChange) -> asyncio.Future[None] | None:
        row, gone = change
        if isinstance(row, StoredSubscription):
            if gone:
                self._subscriptions.pop((row.call_id, row.local_tag), None)
            else:
                self._subscriptions[row.call_id, row.local_tag] = row
        elif gone:
            self._publications.pop((row.site, row.person, row.etag), None)
        else:
            self._publications[row.site, row.person, row.etag] = row
        return None

    async def forget(self, site: str, person: str, accounts: Iterable[str]) -> int:
        phones = set(accounts)
        mine = [
            key
            for key, row in self._subscriptions.items()
            if (row.site, row.key) == (site, person) or (row.watcher_site == site and row.account in phones)
        ]
        said = [key for key in self._publications if key[:2] == (site, person)]
        for one in mine:
            del self._subscriptions[one]
        for other in said:
            del self._publications[other]
        return len(mine) + len(said)
