"""What of presence goes to disk: before it is acknowledged, or where nobody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from softswitch.presence.ports import Moment
from softswitch.presence.stored import PresenceChange, PresenceStore
from softswitch.transaction.server_other import ServerOther


class Saver:
    """Hands changes to the store, and comes back into the pump when they are durable."""

    def __init__(self, store: PresenceStore, moment: Moment, on_error: Callable[[BaseException], None]) -> None:
        self._store = store
        self._moment = moment
        self._on_store_error = on_error

    def when_stored(self, change: PresenceChange, server: ServerOther, then: Callable[[], None]) -> None:
        """Go on once it is durable; 500 to the request where it can't be."""
        saved = self._store.save(change)
        if saved is None:
            then()
            return

        def done(saved: asyncio.Future[None]) -> None:
            error = asyncio.CancelledError() if saved.cancelled() else saved.exception()
            with self._moment():
                if error is None:
                    then()
                else:
                    self._on_store_error(error)
                    server.reply(500)

        saved.add_done_callback(done)

    def save(self, change: PresenceChange) -> None:
        """Where nobody waits for it."""
        saved = self._store.save(change)
        if saved is not None:
            saved.add_done_callback(self._saved)

    def _saved(self, saved: asyncio.Future[None]) -> None:
        error = asyncio.CancelledError() if saved.cancelled() else saved.exception()
        if error is not None:
            self._on_store_error(error)
