"""Deleting call records when they are as old as the settings allow."""

from __future__ import annotations

from softswitch.records.record import RecordStore

SWEEP_SECONDS = 3600.0
AT_ONCE = 1_000
"""So few that a registration which waits for the same disk hardly waits longer."""


async def delete_old(store: RecordStore, wall: float, keep_seconds: float) -> int:
    """Delete the finished calls that began more than `keep_seconds` ago; how many. 0 keeps all. Raises StoreError."""
    total = 0
    while keep_seconds:
        deleted = await store.delete_before(wall - keep_seconds, AT_ONCE)
        total += deleted
        if deleted < AT_ONCE:
            break
    return total
