"""A trunk that the switch registers at (RFC 3261 §10.2, RFC 6140): it registers, and stays registered.

A provider that refuses our credentials is asked a few times and then left alone, for most of them lock out who
hammers; everything else is tried again after a growing while (RFC 5626 §4.5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from softswitch.dialplan.trunk import ALL_NUMBERS
from softswitch.errors import PeerError
from softswitch.flow import Flow
from softswitch.sip.challenge import challenge_of
from softswitch.sip.message import Response
from softswitch.sip.uri import escape
from softswitch.trunks.keeper import OPTIONS_SECONDS, Keeper, World
from softswitch.trunks.line import DOWN, UP, Line

EXPIRES_SECONDS = 600
"""For how long we ask to be registered."""
PING_SECONDS = 25.0
"""How often an empty datagram keeps a router's mapping to the registrar open (RFC 5626 §3.5.1)."""
STREAM_PING_SECONDS = 90.0
"""The same on a connection (§4.4.1)."""
RECONNECT_SECONDS = 2.0
"""How long to wait, at most, when the connection to the registrar has closed: others have lost theirs too."""
FIRST_BACKOFF_SECONDS = 10.0
LONGEST_BACKOFF_SECONDS = 600.0
MOST_REFUSALS = 3
"""So often a provider may refuse our credentials."""
_REFUSALS = (401, 403, 404, 407)
_EXPIRES = re.compile(rb";[ \t]*expires[ \t]*=[ \t]*\"?([0-9]{1,9})", re.IGNORECASE)


class Registration(Keeper):
    """Of one such trunk."""

    __slots__ = (
        "_answers_options",
        "_corrects",
        "_expires",
        "_look_at",
        "_named",
        "_naming",
        "_refresh_at",
        "_refusals",
    )

    def __init__(self, world: World, line: Line) -> None:
        super().__init__(world, line)
        self._expires = EXPIRES_SECONDS
        self._refusals = 0
        self._refresh_at = 0.0
        self._look_at = 0.0
        """When to ask again how the registrar sees us."""
        self._answers_options = False
        self._corrects = False
        """This registration is only there to correct the address of the one before."""
        self._named = b""
        """The address under which we are registered."""
        self._naming = b""
        """That of the latest REGISTER."""

    def stop(self) -> None:
        """Say goodbye where we are registered, and do nothing more."""
        was_stopped = self.stopped
        super().stop()
        if not was_stopped and self.line.state == UP and self._flow is not None:
            self._register(b"", 0)

    def hurry(self) -> None:
        if self._refusals < MOST_REFUSALS:
            super().hurry()

    def _lost(self) -> None:
        """Calls can come in again only over a new connection."""
        if self.line.state == UP:
            self._plan(RECONNECT_SECONDS * (0.2 + 0.8 * self._chance()), self._begin)

    def _reach(self, flow: Flow) -> None:
        self._register(b"", self._expires)

    def _wait(self) -> float:
        wait: float = min(FIRST_BACKOFF_SECONDS * 2 ** min(self._failures - 1, 8), LONGEST_BACKOFF_SECONDS)
        return wait * (0.75 + 0.5 * self._chance())

    def _register(self, credentials: bytes, expires: int, again: bool = False) -> None:
        flow, trunk = self._flow, self.line.trunk
        assert flow is not None
        self._cseq += 1
        user = escape(trunk.user.encode())
        where = self.line.contact_host(flow)
        contact = b"Contact: " + self._contact(user, where)
        if self._named and self._named != where:
            contact += b", %b;expires=0" % self._contact(user, self._named)
        self._naming = where
        lines = [
            b"From: <sip:%b@%b>;tag=%b" % (user, trunk.domain.encode(), self._tag),
            b"To: <sip:%b@%b>" % (user, trunk.domain.encode()),
            b"Call-ID: " + self._call_id,
            b"CSeq: %d REGISTER" % self._cseq,
            contact,
            b"Expires: %d" % expires,
            b"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, PRACK, NOTIFY",
            *((b"Supported: path, gin", b"Require: gin", b"Proxy-Require: gin") if self._for_all_numbers else ()),
            *([credentials] if credentials else []),
        ]
        self._send(
            b"REGISTER", b"sip:" + trunk.domain.encode(), lines, lambda got: self._registered(got, expires, again)
        )

    @property
    def _for_all_numbers(self) -> bool:
        return self.line.trunk.style.register == ALL_NUMBERS

    def _contact(self, user: bytes, where: bytes) -> bytes:
        """One Contact for the account, or for every number of the trunk (RFC 6140 §5.2)."""
        return b"<sip:%b;bnc>" % where if self._for_all_numbers else b"<sip:%b@%b>" % (user, where)

    def _registered(self, response: Response | None, expires: int, again: bool) -> None:
        if self.stopped and expires:
            return
        if response is None:
            self._failed(self._silence)
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
        elif status == 420 and self._for_all_numbers:
            self._failed("it does not register all numbers at once (RFC 6140): leave out `register: all numbers`")
        elif status in _REFUSALS:
            self._refused(status)
        else:
            self._failed(f"it answered {status} {response.reason.decode('utf-8', 'replace')}")

    def _good(self, response: Response) -> None:
        self._failures = self._refusals = 0
        self._named = self._naming
        granted = self._granted(response)
        layer = self.world.layer
        # A tenth of chance, so that a hundred switches that started together do not stay together.
        early = granted * (0.5 + 0.1 * self._chance()) if granted < 120 else granted * (0.8 + 0.1 * self._chance())
        self._refresh_at = layer.now + max(early, 5.0)
        assert self._flow is not None
        flows = [flow for flow in self.line.flows if flow != self._flow]
        self.line.flows = (self._flow, *flows)
        self._look_at = layer.now + OPTIONS_SECONDS
        was = self.line.contact_host(self._flow)
        self.line.seen = _seen(response)
        self.world.changed(self.line, UP, f"registered for {granted} s")
        self._corrects = not self._corrects and self.line.contact_host(self._flow) != was
        if self._corrects:
            self._plan(0.0, self._begin)  # under the address that it sees
        else:
            self._stay()

    def _stay(self) -> None:
        """Registered: keep the way open until it is time to register again."""
        layer, flow = self.world.layer, self._flow
        left = self._refresh_at - layer.now
        if left <= 0.0 or flow is None:
            self._begin()
        else:
            ping = STREAM_PING_SECONDS if flow.listener.reliable else PING_SECONDS
            self._plan(max(left, 0.1) if left <= ping else ping, self._begin if left <= ping else self._ping)

    def _ping(self) -> None:
        layer = self.world.layer
        if self._flow is not None:
            layer.send(b"\r\n\r\n", self._flow)
            if layer.now >= self._look_at:
                self._look(self._flow)
        self._stay()

    def _look(self, flow: Flow) -> None:
        """Ask how the registrar sees us: an office's address changes, and a router forgets."""
        layer = self.world.layer
        self._look_at = layer.now + OPTIONS_SECONDS
        branch = layer.ids.branch()
        data = self._question(flow, branch, layer.ids.call_id(flow.listener.advertised_host.encode()), 1)
        layer.send_request(b"OPTIONS", branch, data, flow, _Looking(self, flow))

    def looked(self, flow: Flow, response: Response | None) -> None:
        """To `_look`: what came of it."""
        if self.stopped or self.line.state != UP or flow is not self._flow:
            return
        if response is None:
            if self._answers_options:
                self._plan(0.0, self._begin)  # it used to answer: does it still know us?
            return
        self._answers_options = True
        seen = _seen(response)
        if seen != self.line.seen:
            self.line.seen = seen
            self.world.changed(self.line, UP, "our address has changed; registering again")
            self._plan(0.0, self._begin)

    def _granted(self, response: Response) -> int:
        ours = (b":" if self._for_all_numbers else b"@") + self._named
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
        self._hand_over(method, branch, b"\r\n".join(head), flow, done)


class _Looking:
    """Waits for the answer to the question how we are seen."""

    __slots__ = ("_flow", "_keeper")

    def __init__(self, keeper: Registration, flow: Flow) -> None:
        self._keeper = keeper
        self._flow = flow

    def on_response(self, response: Response) -> None:
        if response.status >= 200:
            self._keeper.looked(self._flow, response)

    def on_no_answer(self, timed_out: bool) -> None:
        self._keeper.looked(self._flow, None)


def _seen(response: Response) -> tuple[str, int]:
    """Where our request came from, by its Via in the answer (RFC 3581 §4)."""
    try:
        via = response.via
        port = via.params.get(b"rport") or b""
        host = via.received or via.host.strip(b"[]").decode("latin-1")
    except PeerError:
        return "", 0
    return host, int(port) if port.isdigit() and len(port) < 6 else via.port or 5060


def _number(value: bytes | None) -> int:
    return int(value) if value and value.isdigit() and len(value) < 10 else 0
