"""The overrides in force: who has set what, for the decision, for phones, for the command line and for pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from softswitch.dialplan.codes import ACTIONS
from softswitch.dialplan.override import NOTHING_SET, Override, Overrides
from softswitch.dialplan.step import Command
from softswitch.events import Bus, OverrideChanged
from softswitch.overrides.change import OverrideChange, OverrideStore

BY_TIME = "time"
"""Who ended it when it ended by itself."""

Done = Callable[[str], None]
"""Told "" once a change is kept, else why it could not be."""


class OverrideService:
    """All sites. What is changed holds once it is durable."""

    def __init__(
        self, store: OverrideStore, bus: Bus, on_store_error: Callable[[BaseException], None] = lambda error: None
    ) -> None:
        self._store = store
        self._bus = bus
        self._on_store_error = on_store_error
        self._sites: dict[str, Overrides] = {}
        self._next_end = float("inf")

    async def load(self, wall: float) -> int:
        """Take over what was set before; how much still holds. Once, before the first call. Raises StoreError."""
        count = 0
        for site, person, override in await self._store.load():
            self._take(OverrideChange(site, person, override.set_at, True, override, override.by))
            count += override.holds(wall)
        return count

    def of(self, site: str) -> Overrides:
        """All that is set at a site; some of it may have ended within the last second."""
        return self._sites.get(site, NOTHING_SET)

    def of_person(self, site: str, person: str, wall: float) -> list[Override]:
        """What somebody has set and what holds now."""
        return [one for one in self.of(site).get(person, {}).values() if one.holds(wall)]

    def obey(self, site: str, command: Command, by: str, wall: float, done: Done) -> None:
        """Do what a feature code says."""
        self.act(site, command.person, command.action, command.target, command.until, by, wall, done)

    def act(
        self, site: str, person: str, action: str, target: str, until: float, by: str, wall: float, done: Done
    ) -> None:
        """Carry out one of `codes.ACTIONS`; `until` is 0 for no end. Whether the target is one, others have asked."""
        what = ACTIONS[action]
        held = self.of(site).get(person, {})
        changes = [OverrideChange(site, person, wall, False, held[kind], by) for kind in what.ends if kind in held]
        if what.sets:
            override = Override(what.sets, target, until, by, wall)
            changes.append(OverrideChange(site, person, wall, True, override, by))
        self._change(changes, done)

    def sweep(self, wall: float) -> None:
        """End what is over by now; call it about once a second."""
        if wall < self._next_end:
            return
        over = [
            OverrideChange(site, person, wall, False, one, BY_TIME)
            for site, people in self._sites.items()
            for person, held in people.items()
            for one in held.values()
            if not one.holds(wall)
        ]
        ends = [
            one.until
            for people in self._sites.values()
            for held in people.values()
            for one in held.values()
            if one.until and one.holds(wall)
        ]
        self._next_end = min(ends, default=float("inf"))
        self._change(over, lambda problem: None)

    def forgotten(self, site: str, person: str) -> None:
        """Everything about this person was deleted from the store."""
        for override in list(self.of(site).get(person, {}).values()):
            self._take(OverrideChange(site, person, 0.0, False, override, ""))

    def _change(self, changes: Sequence[OverrideChange], done: Done) -> None:
        written = self._store.write(changes) if changes else None
        if written is None:
            self._hold(changes)
            done("")
            return

        def kept(future: asyncio.Future[None]) -> None:
            error = asyncio.CancelledError() if future.cancelled() else future.exception()
            if error is not None:
                self._on_store_error(error)
                done(str(error) or "it could not be stored")
                return
            self._hold(changes)
            done("")

        written.add_done_callback(kept)

    def _hold(self, changes: Sequence[OverrideChange]) -> None:
        for change in changes:
            self._take(change)
            self._bus.publish(OverrideChanged(change.site, change.person, change.override.kind, change.sets, change.by))

    def _take(self, change: OverrideChange) -> None:
        people = self.of(change.site)
        held = dict(people.get(change.person, {}))
        if change.sets:
            held[change.override.kind] = change.override
            self._next_end = min(self._next_end, change.override.until or self._next_end)
        elif held.get(change.override.kind) == change.override:
            del held[change.override.kind]
        others = {person: one for person, one in people.items() if person != change.person}
        self._sites[change.site] = {**others, change.person: held} if held else others
