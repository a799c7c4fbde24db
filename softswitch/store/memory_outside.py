"""Calls outside and emergency calls in memory alone: they are forgotten with the switch."""

from __future__ import annotations

import asyncio

from softswitch.bridge.emergencies import EmergencyCall
from softswitch.trunks.usage import OutsideUse, Stop

MOST_CALLS = 10_000
"""Older ones make room: memory is not to grow for ever."""


class MemoryUsageStore:
    """Every write is done at once."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, float, str, str], OutsideUse] = {}
        self._stops: dict[str, Stop] = {}

    def write(self, use: OutsideUse) -> asyncio.Future[None] | None:
        self._calls[use.use.site, use.begun_at, use.call_id, use.use.trunk] = use
        while len(self._calls) > MOST_CALLS:
            del self._calls[next(iter(self._calls))]
        return None

    def stop(self, stop: Stop) -> asyncio.Future[None] | None:
        self._stops[stop.site] = stop
        return None

    async def load(self, since: float) -> list[OutsideUse]:
        found = [one for one in self._calls.values() if one.begun_at >= since]
        return sorted(found, key=lambda one: (one.begun_at, one.call_id, one.use.trunk))

    async def stops(self) -> list[Stop]:
        return [stop for _, stop in sorted(self._stops.items())]

    async def delete_before(self, moment: float) -> int:
        return self._keep({key: one for key, one in self._calls.items() if one.begun_at >= moment})

    async def forget(self, site: str, person: str) -> int:
        return self._keep(
            {key: one for key, one in self._calls.items() if (one.use.site, one.use.person) != (site, person)}
        )

    def _keep(self, calls: dict[tuple[str, float, str, str], OutsideUse]) -> int:
        gone = len(self._calls) - len(calls)
        self._calls = calls
        return gone


class MemoryEmergencyStore:
    """Every write is done at once."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, float, str], EmergencyCall] = {}

    def write(self, call: EmergencyCall) -> asyncio.Future[None] | None:
        self._calls[call.site, call.at, call.call_id] = call
        return None

    async def load(self, since: float) -> list[EmergencyCall]:
        return sorted((one for one in self._calls.values() if one.at >= since), key=lambda one: (one.at, one.call_id))

    async def delete_before(self, moment: float) -> int:
        kept = {key: one for key, one in self._calls.items() if one.at >= moment}
        gone = len(self._calls) - len(kept)
        self._calls = kept
        return gone
