"""Several media engines as one: each call has one of them for as long as it lasts, new ones go where there is life."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from .client import RelayClient
from .engine import Did, Done, Heard, MediaFailed, MediaKey
from .memory import is_own_end
from .ng import Value
from .quality import StreamQuality, Told

PING_SECONDS = 2.0
MISSED_PINGS = 2
"""So many without an answer, and the engine is down until it answers one."""


@dataclass(slots=True, eq=False)
class Member:
    """One engine of the pool."""

    client: RelayClient
    weight: int = 1
    works: bool = True
    missed: int = 0
    debt: float = 0.0
    """How much it is due: the highest one gets the next call."""
    calls: set[str] = field(default_factory=set)


class _Together:
    """The figures that several tell, as one answer."""

    def __init__(self, told: Told, count: int) -> None:
        self._told = told
        self._missing = count
        self._found: list[StreamQuality] = []

    def hear(self, found: Sequence[StreamQuality]) -> None:
        """From each of them once."""
        self._found += found
        self._missing -= 1
        if not self._missing:
            self._told(self._found)


class EnginePool:
    """A `MediaEngine` of several: rtpengines, or relay processes of our own.

    Calls that the switch takes itself go to one of our own relays.
    """

    def __init__(
        self,
        members: Sequence[tuple[RelayClient, int]],
        own: RelayClient,
        changed: Callable[[Member], None] = lambda member: None,
    ) -> None:
        """`members` are engines and their weights; `changed` is told when one stops working, or works again."""
        self.members = tuple(Member(client, weight) for client, weight in members)
        self._own = own
        self._ends: set[str] = set()
        """Calls of which we are an end, in `own`."""
        self._changed = changed
        self._timer: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Begin, within a running loop."""
        self._loop = asyncio.get_running_loop()
        for member in self.members:
            member.client.open()
        self._ping()

    def close(self) -> None:
        """End."""
        if self._timer is not None:
            self._timer.cancel()
        for member in self.members:
            member.client.close()

    def offer(
        self,
        key: MediaKey,
        sdp: bytes,
        to_network: str,
        source: str,
        done: Done,
        transport: str = "",
        music: str = "",
    ) -> None:
        member = self._of(key.call_id)
        if member is not None:
            member.client.offer(key, sdp, to_network, source, done, transport, music)
            return
        self._offer_anew(key, sdp, to_network, source, done, transport, music, ())

    def answer(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done) -> None:
        member = self._of(key.call_id)
        if member is None:
            self._loop.call_soon(done, MediaFailed(503, "no media session for this answer"))
        else:
            member.client.answer(key, sdp, to_network, source, done)

    def echo(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done) -> None:
        self._end_of(key).echo(key, sdp, to_network, source, done)

    def talk(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done, music: str = "") -> None:
        self._end_of(key).talk(key, sdp, to_network, source, done, music)

    def propose(self, key: MediaKey, to_network: str, echoes: bool, done: Done, transport: str = "") -> None:
        self._end_of(key).propose(key, to_network, echoes, done, transport)

    def settle(self, key: MediaKey, sdp: bytes, source: str, done: Did) -> None:
        self._own.settle(key, sdp, source, done)

    def play(self, key: MediaKey, files: Sequence[str], repeat: bool, done: Did) -> None:
        self._own.play(key, files, repeat, done)

    def record(self, key: MediaKey, file: str, seconds: float, done: Did) -> None:
        self._own.record(key, file, seconds, done)

    def stop_recording(self, key: MediaKey, done: Did) -> None:
        self._own.stop_recording(key, done)

    def connect(self, key: MediaKey, other: MediaKey, done: Did) -> None:
        self._own.connect(key, other, done)

    def whisper(self, key: MediaKey, sdp: bytes, files: Sequence[str], done: Did) -> None:
        client = self._between(key)
        if client is not None:
            client.whisper(key, sdp, files, done)
        else:
            self._loop.call_soon(
                done, MediaFailed(503, "rtpengine can't whisper to one party: confirm: needs our own relay")
            )

    def stop_whisper(self, key: MediaKey) -> None:
        client = self._between(key)
        if client is not None:
            client.stop_whisper(key)

    def press(self, key: MediaKey, digit: str, seconds: float, done: Did) -> None:
        client = self._between(key)
        if client is not None:
            client.press(key, digit, seconds, done)
        else:
            self._loop.call_soon(done, MediaFailed(503, "keys are pressed by our own relay only"))

    def take_keys(self, key: MediaKey, takes: bool) -> None:
        client = self._between(key)
        if client is not None:
            client.take_keys(key, takes)

    def delete(self, call_id: str, from_tag: str = "", via_branch: str = "", told: Told | None = None) -> None:
        clients = self._clients_of(call_id)
        hear = _Together(told, len(clients)).hear if told is not None else None
        for client in clients:
            client.delete(call_id, from_tag, via_branch, hear)
        if not from_tag:
            self._ends.discard(call_id)
            for member in self.members:
                member.calls.discard(call_id)

    def query(self, call_id: str, told: Told) -> None:
        clients = self._clients_of(call_id)
        together = _Together(told, len(clients))
        for client in clients:
            client.query(call_id, together.hear)

    def subscribe(self, name: str, heard: Heard) -> None:
        for client in {id(one): one for one in (self._own, *(member.client for member in self.members))}.values():
            client.subscribe(name, heard)

    def recall(self) -> None:
        """The clients have asked their relays, which were another switch's before, what is to be remembered."""
        for member in self.members:
            for call_id, names in member.client.memory.calls():
                if any(not is_own_end(name) for name in names):
                    member.calls.add(call_id)
        self._ends.update(
            call_id for call_id, names in self._own.memory.calls() if any(is_own_end(name) for name in names)
        )

    def _end_of(self, key: MediaKey) -> RelayClient:
        """All calls that we take ourselves are in one relay, where they can be connected."""
        self._ends.add(key.call_id)
        return self._own

    def _between(self, key: MediaKey) -> RelayClient | None:
        """Who has this call and can speak in it."""
        member = self._of(key.call_id)
        client = member.client if member is not None else self._own
        return client if client.speaks else None

    def _clients_of(self, call_id: str) -> list[RelayClient]:
        """Who has something of this call: one that rang elsewhere may end in our voicemail."""
        member = self._of(call_id)
        if member is None:
            return [self._own]
        own = [self._own] if call_id in self._ends and member.client is not self._own else []
        return [member.client, *own]

    def _of(self, call_id: str) -> Member | None:
        return next((member for member in self.members if call_id in member.calls), None)

    def _offer_anew(
        self,
        key: MediaKey,
        sdp: bytes,
        to_network: str,
        source: str,
        done: Done,
        transport: str,
        music: str,
        tried: tuple[Member, ...],
    ) -> None:
        """The first offer of a call: to an engine that works and was not tried."""
        member = self._next([one for one in self.members if one.works and one not in tried])
        if member is None:
            self._loop.call_soon(done, MediaFailed(503, "no media engine works"))
            return
        member.calls.add(key.call_id)

        def placed(result: bytes | MediaFailed) -> None:
            if isinstance(result, MediaFailed) and result.status == 503:
                member.calls.discard(key.call_id)
                member.client.delete(key.call_id)
                self._offer_anew(key, sdp, to_network, source, done, transport, music, (*tried, member))
            else:
                done(result)

        member.client.offer(key, sdp, to_network, source, placed, transport, music)

    @staticmethod
    def _next(members: Sequence[Member]) -> Member | None:
        """In proportion to the weights, evenly mixed."""
        if not members:
            return None
        total = sum(member.weight for member in members)
        for member in members:
            member.debt += member.weight
        chosen = max(members, key=lambda member: member.debt)
        chosen.debt -= total
        return chosen

    def _ping(self) -> None:
        self._timer = self._loop.call_later(PING_SECONDS, self._ping)
        for member in self.members:
            member.client.request({"command": "ping"}, partial(self._pinged, member))

    def _pinged(self, member: Member, reply: dict[str, Value] | None) -> None:
        member.missed = 0 if reply is not None else member.missed + 1
        works = member.works if 0 < member.missed < MISSED_PINGS else not member.missed
        if works != member.works:
            member.works = works
            self._changed(member)
