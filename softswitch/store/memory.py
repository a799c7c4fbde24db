"""Bindings in memory alone: for trying out, and where phones registering again after a restart is good enough."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from softswitch.registrar.bindings import Binding, BindingChange
from softswitch.store.errors import StoreError


class MemoryBindingStore:
    """Every save is done at once."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, tuple[Binding, ...]]] = {}
        self._closed = False

    async def load(self) -> Iterable[Binding]:
        return [binding for accounts in self._rows.values() for bindings in accounts.values() for binding in bindings]

    def save(self, change: BindingChange) -> asyncio.Future[None] | None:
        if self._closed:
            failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            failed.set_exception(StoreError("the store is closed"))
            return failed
        site, account, bindings = change
        accounts = self._rows.get(site)
        if accounts is None:
            accounts = self._rows[site] = {}
        if bindings:
            accounts[account] = bindings
        else:
            accounts.pop(account, None)
        return None

    async def close(self) -> None:
        self._closed = True
