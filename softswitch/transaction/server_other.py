"""Server transaction of every other method (RFC 3261 §17.2.2, RFC 4320)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from softswitch.flow import Flow
from softswitch.sip.build import respond
from softswitch.sip.message import Request

if TYPE_CHECKING:
    from softswitch.transaction.layer import Layer

TRYING, COMPLETED, TERMINATED = "trying", "completed", "terminated"
REQUEST, PROVISIONAL, FINAL, TIMER = "request", "send 1xx", "send 200-699", "timer"

TABLE: dict[str, dict[str, str]] = {
    TRYING: {REQUEST: "resend", PROVISIONAL: "ignore", FINAL: "complete", TIMER: "trying_or_give_up"},
    COMPLETED: {REQUEST: "resend", PROVISIONAL: "ignore", FINAL: "ignore", TIMER: "end"},
    TERMINATED: {REQUEST: "ignore", PROVISIONAL: "ignore", FINAL: "ignore", TIMER: "ignore"},
}
"""RFC 4320 §4.1 leaves of the Proceeding state one thing: a 100 of our own, and only when the client's timer E has
grown to T2; any other provisional response is not for requests like these."""


class ServerOther:
    """One request other than INVITE and ACK that came in."""

    __slots__ = (
        "_give_up_at",
        "_to_tag",
        "due",
        "flow",
        "key",
        "last",
        "layer",
        "merge_key",
        "request",
        "slot",
        "state",
    )

    def __init__(self, layer: Layer, key: bytes, request: Request, flow: Flow) -> None:
        self.layer = layer
        self.key = key
        self.request: Request | None = request
        """None once it was answered."""
        self.flow = flow
        self.merge_key = b""
        self.state = TRYING
        self._to_tag = b""
        self.last = b""
        self.due: float | None = None
        self.slot = 0
        self._give_up_at = layer.now + layer.values.lifetime
        # E runs at 0.5, 1 and 2 s intervals before it reaches T2; on a stream there is no E, the same time serves.
        layer.wheel.arm(self, layer.now + 2 * layer.values.t2 - layer.values.t1)

    def respond(self, status: int, data: bytes) -> None:
        """Send a response made elsewhere. A final one after 64·T1 is of no use to anyone (RFC 4320 §4.2)."""
        ACTIONS[self.state][PROVISIONAL if status < 200 else FINAL](self, data)

    def reply(self, status: int, reason: str = "", headers: tuple[bytes, ...] = (), body: bytes = b"") -> None:
        """Make a response and send it; nothing once there was a final one."""
        if self.request is not None:
            self.respond(status, respond(self.request, status, reason, headers, body, to_tag=self.to_tag))

    @property
    def to_tag(self) -> bytes:
        """Our own tag, for responses that we make ourselves; made when the first one is."""
        if not self._to_tag:
            self._to_tag = self.layer.ids.tag()
        return self._to_tag

    @to_tag.setter
    def to_tag(self, tag: bytes) -> None:
        self._to_tag = tag

    @property
    def answered(self) -> bool:
        return self.state is not TRYING

    def receive(self, request: Request) -> None:
        """A retransmission."""
        ACTIONS[self.state][REQUEST](self, b"")

    def fire(self, now: float) -> None:
        """The timer of this state: the late 100, the end of patience, or J."""
        ACTIONS[self.state][TIMER](self, b"")

    # -- actions

    def ignore(self, data: bytes) -> None:
        """Absorbed."""

    def resend(self, _: bytes) -> None:
        if self.last:
            self.layer.send(self.last, self.flow)

    def trying_or_give_up(self, _: bytes) -> None:
        if self.layer.now >= self._give_up_at:
            self.end(b"")
            return
        if self.request is not None:
            self.last = respond(self.request, 100)
            self.layer.send(self.last, self.flow)
        self.layer.wheel.arm(self, self._give_up_at)

    def complete(self, data: bytes) -> None:
        self.state = COMPLETED
        self.request = None
        self.last = data
        self.layer.send(data, self.flow)
        if self.flow.listener.reliable:
            self.end(b"")
        else:
            self.layer.wheel.arm_loosely(self, self.layer.now + self.layer.values.lifetime)

    def end(self, _: bytes) -> None:
        self.state = TERMINATED
        self.due = None
        self.request = None
        self.layer.forget_server(self.key, self.merge_key)


ACTIONS: dict[str, dict[str, Callable[..., None]]] = {
    state: {event: getattr(ServerOther, action) for event, action in row.items()} for state, row in TABLE.items()
}
