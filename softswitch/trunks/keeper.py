"""Keeps a trunk usable: finds its host, asks something of it, and tries again when that fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from softswitch.flow import Flow
from softswitch.ids import Ids
from softswitch.proxy.ports import Resolver
from softswitch.sip.message import Response
from softswitch.sip.uri import escape
from softswitch.transaction.layer import Layer
from softswitch.trunks.line import DOWN, Line

OPTIONS_SECONDS = 60.0
"""How often a host is asked whether it is alive."""
_PATIENCE_SECONDS = 8.0
"""A request that is not answered for so long counts as lost; its transaction would wait four times as long."""


class World(Protocol):
    """What a keeper needs from elsewhere."""

    layer: Layer

    @property
    def resolver(self) -> Resolver: ...

    def located(self, line: Line, flows: Sequence[Flow]) -> None: ...

    def changed(self, line: Line, state: str, detail: str) -> None: ...


class Keeper:
    """Of one trunk. Its timer is the next thing to do there."""

    __slots__ = (
        "_at",
        "_call_id",
        "_cseq",
        "_failures",
        "_flow",
        "_latest",
        "_next",
        "_tag",
        "_why",
        "due",
        "line",
        "slot",
        "stopped",
        "world",
    )

    def __init__(self, world: World, line: Line) -> None:
        self.world = world
        self.line = line
        self.stopped = False
        self.due: float | None = None
        self.slot = 0
        self._flow: Flow | None = None
        self._call_id = b""
        self._tag = b""
        self._cseq = 0
        self._failures = 0
        self._why = ""
        """What became of the connection."""
        self._latest: _Asked | None = None
        self._next: Callable[[], None] = self._begin
        self._at = 0

    @property
    def _ids(self) -> Ids:
        return self.world.layer.ids

    def start(self) -> None:
        """Begin now."""
        self._plan(0.0, self._begin)

    def stop(self) -> None:
        """Do nothing more."""
        self.stopped = True
        self.due = None

    def hurry(self) -> None:
        """A call found no answer there: look after it now."""
        if not self.stopped:
            self._plan(0.0, self._begin)

    def flow_closed(self, flow: Flow, reason: str) -> None:
        """A connection has closed, or could not be opened."""
        own = self._flow
        if own is not None and (flow.listener, flow.host, flow.port) == (own.listener, own.host, own.port):
            self._why = reason
            if not self.stopped:
                self._lost()

    def _lost(self) -> None:
        """The connection to the host is gone."""

    def fire(self, now: float) -> None:
        """The next thing is due."""
        self._next()

    def _plan(self, seconds: float, then: Callable[[], None]) -> None:
        self._next = then
        layer = self.world.layer
        layer.wheel.arm(self, layer.now + seconds)

    # -- finding it

    def _begin(self) -> None:
        self._at += 1
        at = self._at
        self._plan(_PATIENCE_SECONDS, lambda: self._failed("its host cannot be looked up"))
        self.world.resolver.resolve(self.line.uri, 1200, lambda flows: self._found(at, flows))

    def _found(self, at: int, flows: Sequence[Flow]) -> None:
        if self.stopped or at != self._at:
            return
        if not flows:
            self._failed(f"there is no way to {self.line.trunk.host}")
            return
        self.world.located(self.line, flows)
        flow = self._flow = flows[self._failures % len(flows)]
        if not self._call_id:
            self._call_id = self._ids.call_id(flow.listener.advertised_host.encode())
            self._tag = self._ids.tag()
        self._reach(flow)

    def _reach(self, flow: Flow) -> None:
        """Ask what there is to be asked; it ends with `_failed`, or a plan for later."""
        raise NotImplementedError

    def _wait(self) -> float:
        """Until the next try after a failure."""
        raise NotImplementedError

    def _question(self, flow: Flow, branch: bytes, call_id: bytes, number: int) -> bytes:
        """OPTIONS to the trunk's host."""
        trunk = self.line.trunk
        user = escape((trunk.user or "switch").encode())
        return b"\r\n".join(
            (
                b"OPTIONS sip:%b SIP/2.0" % trunk.host.encode(),
                b"Via: " + flow.listener.via + branch + b";rport",
                b"Max-Forwards: 70",
                b"From: <sip:%b@%b>;tag=%b" % (user, flow.listener.advertised_host.encode(), self._tag),
                b"To: <sip:%b>" % trunk.host.encode(),
                b"Call-ID: " + call_id,
                b"CSeq: %d OPTIONS" % number,
                b"Contact: <sip:%b@%b>" % (user, self.line.contact_host(flow)),
                b"Content-Length: 0\r\n\r\n",
            )
        )

    # -- requests

    def _failed(self, words: str) -> None:
        if self.stopped:
            return
        self._at += 1
        self._latest = None
        self._failures += 1
        self.world.changed(self.line, DOWN, words)
        self._plan(self._wait(), self._begin)

    def _hand_over(
        self, method: bytes, branch: bytes, data: bytes, flow: Flow, done: Callable[[Response | None], None]
    ) -> None:
        self._why = ""
        asked = self._latest = _Asked(self, done)
        if not self.stopped:
            self._plan(_PATIENCE_SECONDS, lambda: self._failed(self._silence))
        self.world.layer.send_request(method, branch, data, flow, asked)

    @property
    def _silence(self) -> str:
        """Why there is no answer, in words."""
        return f"no connection to it: {self._why}" if self._why else "it does not answer"

    def is_latest(self, asked: _Asked) -> bool:
        return self._latest is asked

    def _chance(self) -> float:
        """From 0 to 1."""
        return int(self._ids.tag()[:8], 16) / 0xFFFFFFFF


class _Asked:
    """Waits for the answer to one request; to one that was given up already nothing is done."""

    __slots__ = ("_done", "_keeper")

    def __init__(self, keeper: Keeper, done: Callable[[Response | None], None]) -> None:
        self._keeper = keeper
        self._done = done

    def on_response(self, response: Response) -> None:
        if response.status >= 200 and self._keeper.is_latest(self):
            self._done(response)

    def on_no_answer(self, timed_out: bool) -> None:
        if self._keeper.is_latest(self):
            self._done(None)
