"""Calls to the public network as they are kept: where they are noted, and what an earlier run of the switch left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from softswitch.bridge.emergencies import REMEMBERED_SECONDS, EmergencyCall, EmergencyStore
from softswitch.trunks.meter import DAY_SECONDS, USUAL_DAYS
from softswitch.trunks.usage import OutsideUse, Stop, UsageStore


@dataclass(frozen=True, slots=True)
class KeptOutside:
    """The stores, and their contents at the start."""

    usage: UsageStore
    emergencies: EmergencyStore
    uses: Sequence[OutsideUse] = ()
    stops: Sequence[Stop] = ()
    emergency_calls: Sequence[EmergencyCall] = ()
    on_error: Callable[[BaseException], None] = lambda error: None
    """Told why something could not be stored."""

    @classmethod
    async def load(
        cls,
        usage: UsageStore,
        emergencies: EmergencyStore,
        wall: float,
        on_error: Callable[[BaseException], None] = lambda error: None,
    ) -> KeptOutside:
        """What is in the stores at this moment. Raises StoreError."""
        uses = await usage.load(wall - (USUAL_DAYS + 1) * DAY_SECONDS)
        calls = await emergencies.load(wall - REMEMBERED_SECONDS)
        return cls(usage, emergencies, uses, await usage.stops(), calls, on_error)

    def write(self, what: OutsideUse | Stop | EmergencyCall) -> None:
        """Nobody waits for it."""
        match what:
            case OutsideUse():
                written = self.usage.write(what)
            case Stop():
                written = self.usage.stop(what)
            case EmergencyCall():
                written = self.emergencies.write(what)
        if written is not None:
            written.add_done_callback(self._written)

    def _written(self, future: asyncio.Future[None]) -> None:
        error = None if future.cancelled() else future.exception()
        if error is not None:
            self.on_error(error)
