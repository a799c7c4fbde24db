"""Group commit: saves that come while the disk is busy share the next transaction, and its one fsync.

One thread writes, so that the event loop never waits for the disk.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from softswitch.store.errors import StoreError

T = TypeVar("T")

LARGEST_BATCH = 2_000
LONGEST_QUEUE = 100_000
"""A disk so slow that more are waiting loses new ones at once rather than memory."""


class GroupCommit(Generic[T]):
    """A queue of items, written in order by `commit` in a thread of its own."""

    def __init__(self, commit: Callable[[list[T]], list[Exception | None]], finish: Callable[[], None]) -> None:
        """`commit` makes a batch durable and says for each item what went wrong; what it raises is every item's.

        `finish` runs last. Both run in the writer thread.
        """
        self._commit = commit
        self._finish = finish
        self._queue: list[tuple[T, asyncio.Future[None]]] = []
        self._wake = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def put(self, item: T) -> asyncio.Future[None]:
        """Done once the item is durable. From the event loop only. Fails with StoreError after `close`."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._wake:
            if self._closed or len(self._queue) >= LONGEST_QUEUE:
                text = "the store is closed" if self._closed else "the store is too slow: 100 000 writes are waiting"
                future.set_exception(StoreError(text))
                return future
            self._queue.append((item, future))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, args=(loop,), name="store", daemon=True)
                self._thread.start()
            elif len(self._queue) == 1:
                self._wake.notify()
        return future

    async def close(self) -> None:
        """Write what is queued, then end the thread."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread is None:
            self._finish()
        else:
            await asyncio.to_thread(self._thread.join)
            # The last results were handed to the loop just before the thread ended.
            await asyncio.sleep(0)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            self._write_all(loop)
        finally:
            with self._wake:
                self._closed = True
            self._finish()

    def _write_all(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            with self._wake:
                while not self._queue and not self._closed:
                    self._wake.wait()
                batch = self._queue[:LARGEST_BATCH]
                del self._queue[:LARGEST_BATCH]
            if not batch:
                break
            try:
                results = self._commit([item for item, _ in batch])
            except Exception as error:  # a mistake of ours: whoever waits is told, and later writes go on
                results = [StoreError(f"not stored, by a mistake of the switch: {error!r}")] * len(batch)
            futures = [future for _, future in batch]
            try:
                loop.call_soon_threadsafe(_resolve, futures, results)
            except RuntimeError:
                break  # the loop is closed: nobody waits for results any more


def _resolve(futures: list[asyncio.Future[None]], results: list[Exception | None]) -> None:
    for future, error in zip(futures, results, strict=True):
        if future.done():
            continue  # cancelled by whoever waited
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
