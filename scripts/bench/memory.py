"""Memory of a registration, with 100 000 of them: `python scripts/bench/memory.py [how many]`.

Resident memory (what the machine pays) before and after, divided; phones behind NAT with an instance, digest nonces
included. Then the same out of a SQLite file, with the time it takes to load.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from softswitch.events import Bus
from softswitch.flow import Flow, Listener
from softswitch.registrar.bindings import BindingChange, BindingStore
from softswitch.registrar.nonces import Nonces
from softswitch.registrar.service import Registrar
from softswitch.registrar.wishes import RegistrarLimits
from softswitch.sip.message import Request
from softswitch.sip.parse import parse
from softswitch.store.database import Database
from softswitch.store.memory import MemoryBindingStore
from softswitch.store.sqlite import SqliteBindingStore

SITE = "acme.example"
WALL = 1_700_000_000.0
LISTENER = Listener(0, "UDP", "192.0.2.1", 5060, "192.0.2.1", 5060, "internet")


def resident() -> int:
    """Bytes of this process in memory now."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def register(number: int) -> Request:
    host = f"198.51.{number // 250 % 250}.{number % 250}"
    flow = Flow(LISTENER, host, 1024 + number % 60000)
    private = f"10.0.{number // 250 % 250}.{number % 250}:5060"
    lines = [
        "REGISTER sip:acme.example SIP/2.0",
        f"Via: SIP/2.0/UDP {private};rport;branch=z9hG4bK{number:x}",
        f"From: <sip:phone-{number}@acme.example>;tag={number:x}",
        f"To: <sip:phone-{number}@acme.example>",
        f"Call-ID: {number:032x}@{private}",
        "CSeq: 2 REGISTER",
        f'Contact: <sip:phone-{number}@{private};transport=udp>;+sip.instance="<urn:uuid:{number:032x}>"',
        "Expires: 3600",
        f"User-Agent: Deskphone {number % 20}.0",
    ]
    request = parse("\r\n".join([*lines, "", ""]).encode(), flow)
    assert isinstance(request, Request)
    return request


async def fill(store: BindingStore, count: int) -> Registrar:
    registrar = Registrar(store, Bus(), RegistrarLimits(), WALL)
    for number in range(count):
        request = register(number)
        registrar.on_register(request, SITE, f"phone-{number}", request.flow, WALL, lambda *_: None)
    return registrar


async def main(count: int) -> None:
    await fill(MemoryBindingStore(), 10)
    begun = resident()
    nonces = Nonces(b"k" * 32, 300.0, limit=4 * count)
    for number in range(count):
        nonces.accept(nonces.issue(0.0), f"phone-{number}@{SITE}".encode(), 1, 0.0)
    registrar = await fill(MemoryBindingStore(), count)
    print(f"{(resident() - begun) / count:7.0f} bytes a registration, memory store, {len(registrar)} registrations")
    with tempfile.TemporaryDirectory() as directory:
        file = os.path.join(directory, "softswitch.db")
        store = SqliteBindingStore(Database(file))
        futures = [store.save(BindingChange(SITE, one.account, (one,))) for one in registrar.all(WALL)]
        await asyncio.gather(*[future for future in futures if future is not None])
        await store.close()
        del registrar, nonces, futures
        begun = resident()
        started = time.monotonic()
        store = SqliteBindingStore(Database(file))
        loaded = Registrar(store, Bus(), RegistrarLimits(), WALL)
        good = await loaded.load(WALL)
        taken = time.monotonic() - started
        print(f"{taken:7.2f} s to load {good} registrations from a SQLite file")
        await store.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
