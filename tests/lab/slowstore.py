"""A store of messages on a slow disk: what it has not told to be durable is gone with a crash, or perhaps is there."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from softswitch.messaging.letter import Done, Letter
from softswitch.store.memory_messages import MemoryMessageStore

from .events import Events


class SlowMessageStore(MemoryMessageStore):
    """Writes one after the other, each after up to `seconds`."""

    def __init__(self, events: Events, chance: random.Random, seconds: float = 0.3) -> None:
        super().__init__()
        self._events = events
        self._chance = chance
        self._seconds = seconds
        self._run = 0
        self._free_at = 0.0

    def crashes(self) -> None:
        """What was not durable is lost; of what was it nobody hears."""
        self._run += 1

    def _later(self, work: Callable[[Done], None], done: Done) -> None:
        run = self._run
        now = self._events.clock.monotonic()
        self._free_at = max(self._free_at, now) + self._chance.uniform(0.0, self._seconds)

        def durable() -> None:
            if run == self._run:
                work(lambda error: None)
                # A crash may come between the disk and us.
                self._events.after(0.001, lambda: done(None) if run == self._run else None)

        self._events.at(self._free_at, durable)

    def add(self, letters: Sequence[Letter], content: bytes, done: Done) -> None:
        self._later(lambda then: MemoryMessageStore.add(self, letters, content, then), done)

    def update(self, letter: Letter, done: Done) -> None:
        self._later(lambda then: MemoryMessageStore.update(self, letter, then), done)

    def remove(self, letters: Sequence[Letter], done: Done) -> None:
        self._later(lambda then: MemoryMessageStore.remove(self, letters, then), done)

    def fetch(self, letter: Letter, done: Callable[[bytes | None], None]) -> None:
        run = self._run
        self._events.after(
            self._chance.uniform(0.0, self._seconds),
            lambda: MemoryMessageStore.fetch(self, letter, done) if run == self._run else None,
        )
