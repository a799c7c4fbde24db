"""Deleting what is kept when it is as old as the settings allow."""

from __future__ import annotations

from typing import Protocol

SWEEP_SECONDS = 3600.0
AT_ONCE = 1_000
"""So few that a registration which waits for the same disk hardly waits longer."""


class Ageing(Protocol):
    """A store whose rows get too old."""

    async def delete_before(self, moment: float, at_most: int) -> int:
        """Delete at most so many that are older than this; how many were deleted."""
        ...


async def delete_old(store: Ageing, wall: float, keep_seconds: float) -> int:
    """Delete what is finished and began more than `keep_seconds` ago; how many. 0 keeps all. Raises StoreError."""
    total = 0
    while keep_seconds:
        deleted = await store.delete_before(wall - keep_seconds, AT_ONCE)
        total += deleted
        if deleted < AT_ONCE:
            break
    return total
