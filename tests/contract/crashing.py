"""A program that saves bindings, says which are acknowledged, and never ends: `python -m contract.crashing FILE`."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys

from contract.bindings import change
from softswitch.store.database import Database
from softswitch.store.sqlite import SqliteBindingStore


async def main(file: str) -> None:
    store = SqliteBindingStore(Database(file))
    numbers = itertools.count(1)

    async def worker() -> None:
        for number in numbers:
            saved = store.save(change(f"phone-{number % 100}", number))
            assert saved is not None
            await saved
            os.write(1, b"%d\n" % number)

    await asyncio.gather(*[worker() for _ in range(50)])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
