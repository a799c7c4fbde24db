"""Keeps a trunk usable: registers there and stays registered, or asks a peer once a minute whether it is alive.

A provider that refuses our credentials is asked a few times and then left alone, for most of them lock out who
hammers; everything else is tried again after a growing while (RFC 5626 §4.5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from softswitch.flow import Flow
from softswitch.ids import Ids
from softswitch.proxy.ports import Resolver
from softswitch.sip.challenge import challenge_of
from softswitch.sip.message import Response
from softswitch.sip.uri import escape
from softswitch.transaction.layer import Layer
from softswitch.trunks.line import DOWN, UP, Line

EXPIRES_SECONDS = 600
"""For how long we ask to be registered."""
PING_SECONDS = 25.0
"""How often an empty datagram keeps a router's mapping to the registrar open (RFC 5626 §3.5.1)."""
OPTIONS_SECONDS = 60.0
OPTIONS_AGAIN_SECONDS = 15.0
"""While a peer is down."""
FIRST_BACKOFF_SECONDS = 10.0
LONGEST_BACKOFF_SECONDS = 600.0
MOST_REFUSALS = 3
"""So often a provider may refuse our credentials."""
_REFUSALS = (401, 403, 404, 407)
_EXPIRES = re.compile(rb";[ \t]*expires[ \t]*=[ \t]*\"?([0-9]{1,9})", re.IGNORECASE)
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
        "_expires",
        "_failures",
        "_flow",
        "_latest",
        "_next",
        "_refresh_at",
        "_refusals",
        "_tag",
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
        self._expires = EXPIRES_SECONDS
        self._failures = 0
        self._refusals = 0
        self._latest: _Asked | None = None
        self._refresh_at = 0.0
        self._next: Callable[[], None] = self._begin
        self._at = 0

    @property
    def _ids(self) -> Ids:
        return self.world.layer.ids

    def start(self) -> None:
        """Begin now."""
        self._plan(0.0, self._begin)

    def stop(self) -> None:
        """Say goodbye where we are registered, and do nothing more."""
        if self.stopped:
            return
        self.stopped = True
        self.due = None
        if self.line.trunk.registers and self.line.state == UP and self._flow is not None:
            self._register(b"", 0)

    def hurry(self) -> None:
        """A call found no answer there: look after it now."""
        if not self.stopped and self._refusals < MOST_REFUSALS:
            self._plan(0.0, self._begin)

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
        self._flow = flows[self._failures % len(flows)]
        if self.line.trunk.registers:
            self._register(b"", self._expires)
        else:
            self._ask()

    # -- registered

    def _register(self, credentials: bytes, expires: int, again: bool = False) -> None:
        flow, trunk, ids = self._flow, self.line.trunk, self._ids
        assert flow is not None
        if not self._call_id:
            self._call_id = ids.call_id(flow.listener.advertised_host.encode())
            self._tag = ids.tag()
        self._cseq += 1
        user = escape(trunk.user.encode())
        lines = [
            b"From: <sip:%b@%b>;tag=%b" % (user, trunk.domain.encode(), self._tag),
            b"To: <sip:%b@%b>" % (user, trunk.domain.encode()),
            b"Call-ID: " + self._call_id,
            b"CSeq: %d REGISTER" % self._cseq,
            b"Contact: <sip:%b@%b>" % (user, flow.listener.uri),
            b"Expires: %d" % expires,
            b"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, PRACK, NOTIFY",
            *([credentials] if credentials else []),
        ]
        self._send(
            b"REGISTER", b"sip:" + trunk.domain.encode(), lines, lambda got: self._registered(got, expires, again)
        )

    def _registered(self, response: Response | None, expires: int, again: bool) -> None:
        if self.stopped and expires:
            return
        if response is None:
            self._failed("it does not answer")
            return
        status = response.status
        if status in (401, 407):
            challenge = challenge_of(response)
            uri = b"sip:" + self.line.trunk.domain.encode()
            line = self.line.answer(response, b"REGISTER", uri, self._ids.tag())
            if line is not None and (not again or (challenge is not None and challenge.stale)):
                self._register(line, expires, True)
                return
        if self.stopped:
            return
        if status < 300:
            self._good(response)
        elif status == 423 and (least := _number(response.get(b"min-expires"))) > self._expires:
            self._expires = min(least, 86_400)
            self._register(b"", self._expires)
        elif status in _REFUSALS:
            self._refused(status)
        else:
            self._failed(f"it answered {status} {response.reason.decode('utf-8', 'replace')}")

    def _good(self, response: Response) -> None:
        self._failures = self._refusals = 0
        granted = self._granted(response)
        layer = self.world.layer
        # A tenth of chance, so that a hundred switches that started together do not stay together.
        early = granted * (0.5 + 0.1 * self._chance()) if granted < 120 else granted * (0.8 + 0.1 * self._chance())
        self._refresh_at = layer.now + max(early, 5.0)
        assert self._flow is not None
        flows = [flow for flow in self.line.flows if flow != self._flow]
        self.line.flows = (self._flow, *flows)
        self.world.changed(self.line, UP, f"registered for {granted} s")
        self._stay()

    def _stay(self) -> None:
        """Registered: keep the way open until it is time to register again."""
        layer, flow = self.world.layer, self._flow
        left = self._refresh_at - layer.now
        if left <= 0.0 or flow is None:
            self._begin()
        elif flow.listener.reliable or left <= PING_SECONDS:
            self._plan(max(left, 0.1), self._begin)
        else:
            self._plan(PING_SECONDS, self._ping)

    def _ping(self) -> None:
        if self._flow is not None:
            self.world.layer.send(b"\r\n\r\n", self._flow)
        self._stay()

    def _granted(self, response: Response) -> int:
        assert self._flow is not None
        ours = b"@" + self._flow.listener.uri
        for value in response.values(b"contact"):
            match = _EXPIRES.search(value)
            if ours in value and match is not None:
                return max(int(match[1]), 10)
        return max(_number(response.get(b"expires")) or self._expires, 10)

    def _refused(self, status: int) -> None:
        self._refusals += 1
        if self._refusals >= MOST_REFUSALS:
            self.due = None
            times = f"{MOST_REFUSALS} times"
            what = f"the provider refused the account {self.line.trunk.user} or its secret {times} ({status})"
            self.world.changed(self.line, DOWN, f"{what}; it is not asked again until a reload")
        else:
            self._failed(f"it refused the account {self.line.trunk.user} or its secret ({status})")

    # -- known by address

    def _ask(self) -> None:
        flow, ids, trunk = self._flow, self._ids, self.line.trunk
        assert flow is not None
        if not self._call_id:
            self._call_id = ids.call_id(flow.listener.advertised_host.encode())
            self._tag = ids.tag()
        self._cseq += 1
        user = escape((trunk.user or "switch").encode())
        lines = [
            b"From: <sip:%b@%b>;tag=%b" % (user, flow.listener.advertised_host.encode(), self._tag),
            b"To: <sip:%b>" % trunk.host.encode(),
            b"Call-ID: " + self._call_id,
            b"CSeq: %d OPTIONS" % self._cseq,
            b"Contact: <sip:%b@%b>" % (user, flow.listener.uri),
        ]
        self._send(b"OPTIONS", b"sip:" + trunk.host.encode(), lines, self._answered)

    def _answered(self, response: Response | None) -> None:
        """Any answer is a sign of life; 503 says that it can't."""
        if self.stopped:
            return
        if response is None:
            self._failed("it does not answer")
        elif response.status in (408, 503, 504):
            self._failed(f"it answered {response.status} {response.reason.decode('utf-8', 'replace')}")
        else:
            self._failures = 0
            self.world.changed(self.line, UP, "it answers")
            self._plan(OPTIONS_SECONDS + self._chance(), self._begin)

    # -- for both

    def _failed(self, words: str) -> None:
        if self.stopped:
            return
        self._at += 1
        self._latest = None
        self._failures += 1
        self.world.changed(self.line, DOWN, words)
        if not self.line.trunk.registers:
            self._plan(OPTIONS_AGAIN_SECONDS, self._begin)
            return
        wait = min(FIRST_BACKOFF_SECONDS * 2 ** min(self._failures - 1, 8), LONGEST_BACKOFF_SECONDS)
        self._plan(wait * (0.75 + 0.5 * self._chance()), self._begin)

    def _send(self, method: bytes, uri: bytes, lines: Sequence[bytes], done: Callable[[Response | None], None]) -> None:
        layer, flow = self.world.layer, self._flow
        assert flow is not None
        branch = layer.ids.branch()
        head = (
            method + b" " + uri + b" SIP/2.0",
            b"Via: " + flow.listener.via + branch + b";rport",
            b"Max-Forwards: 70",
            *lines,
            b"Content-Length: 0\r\n\r\n",
        )
        asked = self._latest = _Asked(self, done)
        if not self.stopped:
            self._plan(_PATIENCE_SECONDS, lambda: self._failed("it does not answer"))
        layer.send_request(method, branch, b"\r\n".join(head), flow, asked)

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


def _number(value: bytes | None) -> int:
    return int(value) if value and value.isdigit() and len(value) < 10 else 0
