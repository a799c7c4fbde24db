"""Name lookups with a memory: each answer kept for its time to live, each question asked once at a time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

SECONDS_AT_LEAST = 1.0
SECONDS_AT_MOST = 3_600.0
SECONDS_FOR_NOTHING = 30.0
"""How long "there is no such thing" is believed."""
SECONDS_FOR_FAILURE = 3.0
"""How long a server that does not answer is not asked again for the same."""
SECONDS_STALE = 86_400.0
"""How long past its time an answer still serves while the servers are silent (RFC 8767)."""
LOOKUP_THREADS = 2


class Service(NamedTuple):
    """One SRV record (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: str
    """Without its last dot; "" says that there is no such service."""


class _Answer(NamedTuple):
    records: tuple[str, ...] | tuple[Service, ...]
    until: float
    """Not asked again before."""
    stale_until: float
    """Serves so long when asking again fails."""


SystemLookup = Callable[[str], Awaitable[list[str]]]


class DnsCache:
    """Questions of the kinds A, AAAA and SRV, and the system's own lookup for names that DNS does not have."""

    def __init__(
        self,
        nameservers: Sequence[str] | None = None,
        *,
        port: int = 53,
        timeout_seconds: float = 2.0,
        size: int = 4_096,
        clock: Callable[[], float] | None = None,
        system_lookup: SystemLookup | None = None,
    ) -> None:
        """`nameservers` are literal addresses; None: those of the system (/etc/resolv.conf).

        A question takes `timeout_seconds` at most; `size` answers are kept; `clock` is monotonic seconds.
        """
        self._timeout = timeout_seconds
        self._size = size
        self._clock = clock or asyncio.get_running_loop().time
        self._answers: dict[tuple[str, str], _Answer] = {}
        self._asking: dict[tuple[str, str], asyncio.Task[_Answer]] = {}
        self._system_lookup = system_lookup or self._ask_system
        self._threads = ThreadPoolExecutor(LOOKUP_THREADS, thread_name_prefix="lookup")
        try:
            self._resolver = dns.asyncresolver.Resolver(configure=nameservers is None)
        except dns.resolver.NoResolverConfiguration:
            # A machine without DNS: the hosts file still works.
            self._resolver = dns.asyncresolver.Resolver(configure=False)
        if nameservers is not None:
            self._resolver.nameservers = list(nameservers)
            self._resolver.port = port
        self._resolver.lifetime = timeout_seconds
        self._resolver.timeout = max(0.05, timeout_seconds / 2)

    async def addresses(self, name: str, kind: str) -> tuple[str, ...]:
        """The addresses of `kind` "A" or "AAAA"; () when there are none or no one answers in time."""
        return tuple(str(record) for record in (await self._look(name, kind)).records)

    async def services(self, name: str) -> tuple[Service, ...]:
        """The SRV records, unordered; () as above."""
        records = (await self._look(name, "SRV")).records
        return tuple(record for record in records if isinstance(record, Service))

    async def system(self, name: str) -> tuple[str, ...]:
        """What the system says: the hosts file, and whatever else it asks."""
        return tuple(str(record) for record in (await self._look(name, "system")).records)

    def __len__(self) -> int:
        return len(self._answers)

    def close(self) -> None:
        """End the lookups that are under way."""
        for task in self._asking.values():
            task.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _look(self, name: str, kind: str) -> _Answer:
        key = (name.lower().rstrip("."), kind)
        known = self._answers.get(key)
        if known is not None and known.until > self._clock():
            return known
        task = self._asking.get(key)
        if task is None:
            task = asyncio.create_task(self._learn(key, known))
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        # Shielded: one caller giving up must not take the answer from the others.
        return await asyncio.shield(task)

    async def _learn(self, key: tuple[str, str], known: _Answer | None) -> _Answer:
        name, kind = key
        try:
            async with asyncio.timeout(self._timeout + 0.5):
                if kind == "system":
                    answer = self._answer(tuple(await self._system_lookup(name)), SECONDS_FOR_NOTHING)
                else:
                    answer = await self._ask(name, kind)
        except (TimeoutError, OSError, dns.exception.DNSException, UnicodeError):
            now = self._clock()
            answer = _Answer((), now + SECONDS_FOR_FAILURE, 0.0)
            if known is not None and now < known.stale_until:
                answer = known._replace(until=answer.until)
        self._remember(key, answer)
        return answer

    async def _ask(self, name: str, kind: str) -> _Answer:
        try:
            found = await self._resolver.resolve(name, kind, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return self._answer((), SECONDS_FOR_NOTHING)
        if found.rrset is None:
            return self._answer((), SECONDS_FOR_NOTHING)
        seconds = min(max(SECONDS_AT_LEAST, found.chaining_result.minimum_ttl), SECONDS_AT_MOST)
        if kind == "SRV":
            services = tuple(
                Service(record.priority, record.weight, record.port, record.target.to_text().rstrip("."))
                for record in found.rrset
            )
            return self._answer(services, seconds)
        return self._answer(tuple(record.address for record in found.rrset), seconds)

    def _answer(self, records: tuple[str, ...] | tuple[Service, ...], seconds: float) -> _Answer:
        until = self._clock() + seconds
        return _Answer(records, until, until + SECONDS_STALE if records else 0.0)

    def _remember(self, key: tuple[str, str], answer: _Answer) -> None:
        if len(self._answers) >= self._size and key not in self._answers:
            now = self._clock()
            self._answers = {known: kept for known, kept in self._answers.items() if kept.until > now}
            while len(self._answers) >= self._size:
                del self._answers[next(iter(self._answers))]
        self._answers[key] = answer

    async def _ask_system(self, name: str) -> list[str]:
        """In threads of its own, few: a slow name must not hold up others' work in the loop's pool."""
        loop = asyncio.get_running_loop()

        def look() -> list[str]:
            try:
                found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            except (OSError, UnicodeError):
                return []
            return list(dict.fromkeys(str(entry[4][0]) for entry in found))

        return await loop.run_in_executor(self._threads, look)
