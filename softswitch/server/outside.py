"""What the switch asks the world around it: who is a peer, where a name leads, where to write what it says."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from softswitch.errors import PeerError
from softswitch.flow import Flow, Listener
from softswitch.ops.log import log
from softswitch.records.diary import Diary
from softswitch.records.line import in_one_line
from softswitch.settings import Peer
from softswitch.sip.uri import parse_uri
from softswitch.switch import Log
from softswitch.transport.resolve import Resolver
from softswitch.transport.select import choose_flow

LARGE_BYTES = 1300
"""A request larger than this goes over a stream where DNS leaves the choice (RFC 3261 §18.1.1)."""


class PeerDirectory:
    """Which addresses are listed peers; the proxy's `Directory`."""

    def __init__(self, peers: Sequence[Peer]) -> None:
        @lru_cache(10_000)
        def find(host: str) -> str | None:
            address = ip_address(host.partition("%")[0])
            for peer in peers:
                if address.version == peer.network.version and address in peer.network:
                    return peer.name
            return None

        self.peer: Callable[[str], str | None] = find if peers else lambda host: None


class FlowResolver:
    """Names into flows, by the asynchronous resolver; the proxy's `Resolver`."""

    def __init__(
        self, resolver: Resolver, listeners: Sequence[Listener], start_task: Callable[[Coroutine[Any, Any, None]], None]
    ) -> None:
        """`listeners`: what flows begin at. `start_task` runs a look-up beside the pump."""
        self._resolver = resolver
        self._listeners = listeners
        self._start_task = start_task

    def resolve(self, uri: bytes, size_bytes: int, done: Callable[[Sequence[Flow]], None]) -> None:
        """To `done`, later: the flows in order of preference; none for what is no URI or leads nowhere."""
        self._start_task(self._resolve(uri, size_bytes, done))

    async def _resolve(self, uri: bytes, size_bytes: int, done: Callable[[Sequence[Flow]], None]) -> None:
        try:
            parsed = parse_uri(uri)
        except PeerError:
            done(())
            return
        transport = parsed.param(b"transport")
        targets = await self._resolver.resolve(
            parsed.host.decode(),
            parsed.port,
            transport.decode("latin-1").upper() if transport else None,
            parsed.scheme == b"sips",
            ("TCP", "UDP", "TLS") if size_bytes > LARGE_BYTES else ("UDP", "TCP", "TLS"),
        )
        done([flow for target in targets if (flow := choose_flow(target, self._listeners)) is not None])


class SwitchLog(Log):
    """The pump's words, in the switch's log."""

    def note(self, call_id: bytes, event: str, **details: object) -> None:
        if log.info_on:
            words = {name: "; ".join(value) if isinstance(value, tuple) else value for name, value in details.items()}
            log.info(event, call_id=call_id, **words)

    def detail(self, call_id: bytes, event: str, **details: object) -> None:
        if log.debug_on:
            words = {name: "; ".join(value) if isinstance(value, tuple) else value for name, value in details.items()}
            log.debug(event, call_id=call_id, **words)

    def over(self, diary: Diary) -> None:
        if log.info_on:
            log.info("call", call_id=diary.call_id, **in_one_line(diary))

    def bug(self, error: BaseException, call_id: bytes) -> None:
        log.bug("a mistake of the switch; the request got 500", error, call_id=call_id)

    def dropped(self, flow: Flow, reason: str) -> None:
        if log.debug_on:
            log.debug("dropped what is no message", flow=str(flow), reason=reason)
