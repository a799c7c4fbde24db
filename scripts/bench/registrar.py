"""CPU time of the registrar's steps, in microseconds: `python scripts/bench/registrar.py`."""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
from collections.abc import Callable
from functools import partial

from softswitch.errors import PeerError
from softswitch.events import Bus
from softswitch.flow import Flow, Listener
from softswitch.registrar.auth import Authenticator
from softswitch.registrar.service import Registrar
from softswitch.registrar.wishes import RegistrarLimits
from softswitch.sip.digest import ALGORITHMS, parse_credentials
from softswitch.sip.message import Request
from softswitch.sip.parse import parse
from softswitch.store.database import Database
from softswitch.store.memory import MemoryBindingStore
from softswitch.store.sqlite import SqliteBindingStore

COUNT = 20_000
SITE = "acme.example"


def register(flow: Flow, cseq: int, authorization: str = "") -> Request:
    lines = [
        "REGISTER sip:acme.example SIP/2.0",
        f"Via: SIP/2.0/UDP 192.0.2.7:5060;rport;branch=z9hG4bK{cseq:x}",
        "From: <sip:anna-desk@acme.example>;tag=1",
        "To: <sip:anna-desk@acme.example>",
        "Call-ID: 0123456789abcdef@192.0.2.7",
        f"CSeq: {cseq} REGISTER",
        "Contact: <sip:anna-desk@192.0.2.7:5060>;expires=3600",
        *([f"Authorization: {authorization}"] if authorization else []),
        "User-Agent: Deskphone 1.0",
        "Content-Length: 0",
    ]
    request = parse("\r\n".join([*lines, "", ""]).encode(), flow)
    assert isinstance(request, Request)
    return request


def measure(name: str, work: list[Callable[[], object]]) -> None:
    """Print the best of five fifths of the work, by its CPU time per call."""
    part = len(work) // 5
    gc.freeze()  # as the switch does after its start
    best = 1e9
    for at in range(5):
        begun = time.process_time()
        for call in work[at * part : (at + 1) * part]:
            call()
        best = min(best, (time.process_time() - begun) / part)
    print(f"{name:42} {best * 1e6:6.1f} µs")


def main() -> None:
    listener = Listener(0, "UDP", "192.0.2.1", 5060, "192.0.2.1", 5060, "office")
    flow = Flow(listener, "192.0.2.7", 5060)
    for name in ("MD5", "SHA-256", "SHA-512-256"):
        algorithm = ALGORITHMS[name]
        ha1 = algorithm.ha1(b"anna-desk", b"acme.example", b"secret")
        auth = Authenticator(lambda *_, ha1=ha1: ha1, (name,), 300.0, b"k" * 32)
        signed = []
        for cseq in range(1, COUNT + 1):
            nonce = auth.challenge(SITE, 0.0, False).headers[0].split(b'nonce="')[1][:32].decode()
            text = (
                f'Digest username="anna-desk", realm="acme.example", nonce="{nonce}", uri="sip:acme.example", '
                f'response="%s", algorithm={name}, cnonce="0a4f113b", qop=auth, nc=00000001'
            )
            draft = parse_credentials((text % "").encode())
            assert draft is not None
            signed.append(register(flow, cseq, text % algorithm.response(ha1, draft, b"REGISTER").decode()))
        measure(f"verify, {name}", [partial(auth.verify, r, SITE, 1.0, False) for r in signed])
    auth = Authenticator(lambda *_: None, ("SHA-256", "MD5"), 300.0, b"k" * 32)

    def challenged(request: Request) -> None:
        try:
            auth.verify(request, SITE, 1.0, False)
        except PeerError:
            pass

    plain = [register(flow, cseq) for cseq in range(1, COUNT + 1)]
    measure("challenge, SHA-256 and MD5", [partial(challenged, r) for r in plain])
    registrar = Registrar(MemoryBindingStore(), Bus(), RegistrarLimits(), 1000.0)

    def refresh(request: Request) -> None:
        registrar.on_register(request, SITE, "anna-desk", flow, 1000.0, lambda *_: None)

    measure("refresh of one contact, memory store", [partial(refresh, r) for r in plain])
    asyncio.run(durable(flow))


async def durable(flow: Flow) -> None:
    """2 000 phones refreshing, 50 at a time: what a phone costs until its binding is on the disk, both threads."""
    with tempfile.TemporaryDirectory() as directory:
        store = SqliteBindingStore(Database(f"{directory}/softswitch.db"))
        registrar = Registrar(store, Bus(), RegistrarLimits(), 1000.0)
        requests = [register(flow, cseq) for cseq in range(1, COUNT + 1)]
        loop = asyncio.get_running_loop()

        async def phone(first: int) -> None:
            for at in range(first, COUNT, 50):
                done: asyncio.Future[None] = loop.create_future()
                registrar.on_register(
                    requests[at], SITE, f"phone-{at % 2000}", flow, 1000.0, lambda *_, done=done: done.set_result(None)
                )
                await done

        begun, elapsed = time.process_time(), time.monotonic()
        await asyncio.gather(*[phone(first) for first in range(50)])
        used, elapsed = time.process_time() - begun, time.monotonic() - elapsed
        print(f"{'refresh, durable in SQLite':42} {used / COUNT * 1e6:6.1f} µs, {COUNT / elapsed:.0f} a second")
        await store.close()


if __name__ == "__main__":
    main()
