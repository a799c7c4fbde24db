"""INVITE server transaction (RFC 3261 §17.2.1, with the Accepted state of RFC 6026 §7.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from softswitch.flow import Flow
from softswitch.sip.build import respond
from softswitch.sip.message import Request

if TYPE_CHECKING:
    from softswitch.transaction.layer import Layer

PROCEEDING, COMPLETED, CONFIRMED, ACCEPTED, TERMINATED = (
    "proceeding",
    "completed",
    "confirmed",
    "accepted",
    "terminated",
)
INVITE, ACK, PROVISIONAL, SUCCESS, FAILURE, TIMER = "INVITE", "ACK", "send 1xx", "send 2xx", "send 300-699", "timer"

TABLE: dict[str, dict[str, str]] = {
    PROCEEDING: {
        INVITE: "resend",
        ACK: "ignore",
        PROVISIONAL: "send",
        SUCCESS: "accept",
        FAILURE: "complete",
        TIMER: "ignore",
    },
    COMPLETED: {
        INVITE: "resend",
        ACK: "confirm",
        PROVISIONAL: "ignore",
        SUCCESS: "ignore",
        FAILURE: "ignore",
        TIMER: "resend_or_give_up",
    },
    CONFIRMED: {
        INVITE: "ignore",
        ACK: "ignore",
        PROVISIONAL: "ignore",
        SUCCESS: "ignore",
        FAILURE: "ignore",
        TIMER: "end",
    },
    ACCEPTED: {
        INVITE: "ignore",
        ACK: "ignore",
        PROVISIONAL: "ignore",
        SUCCESS: "send",
        FAILURE: "ignore",
        TIMER: "end",
    },
    TERMINATED: {
        INVITE: "ignore",
        ACK: "ignore",
        PROVISIONAL: "ignore",
        SUCCESS: "ignore",
        FAILURE: "ignore",
        TIMER: "ignore",
    },
}
"""An ACK in Accepted is the caller's to a 2xx. By RFC 3261 it has a branch of its own; with the INVITE's, as some old
clients send it, the layer takes it for what it is. It never comes here."""


class InviteOwner(Protocol):
    """Who handles an INVITE that came in."""

    def on_cancel(self, cancel: Request) -> None:
        """The caller has given up; the CANCEL itself is answered already."""
        ...

    def on_caller_gone(self) -> None:
        """The caller's connection has closed: no answer can reach it any more."""
        ...


class ServerInvite:
    """One INVITE that came in."""

    __slots__ = (
        "_give_up_at",
        "_interval",
        "_to_tag",
        "due",
        "flow",
        "key",
        "last",
        "layer",
        "merge_key",
        "owner",
        "request",
        "slot",
        "state",
    )

    def __init__(self, layer: Layer, key: bytes, request: Request, flow: Flow) -> None:
        self.layer = layer
        self.key = key
        self.request: Request | None = request
        """The INVITE; None once it was accepted or confirmed."""
        self.flow = flow
        """Where responses go."""
        self.merge_key = b""
        self.owner: InviteOwner | None = None
        self.state = PROCEEDING
        self._to_tag = b""
        self.last = b""
        """The last response sent."""
        self.due: float | None = None
        self.slot = 0
        self._interval = 0.0
        self._give_up_at = 0.0

    def respond(self, status: int, data: bytes) -> None:
        """Send a response made elsewhere."""
        ACTIONS[self.state][PROVISIONAL if status < 200 else SUCCESS if status < 300 else FAILURE](self, data)

    def reply(self, status: int, reason: str = "", headers: tuple[bytes, ...] = ()) -> None:
        """Make a response and send it; nothing once there was a final one."""
        if self.request is not None:
            self.respond(
                status, respond(self.request, status, reason, headers, to_tag=b"" if status == 100 else self.to_tag)
            )

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
        """Whether a final response was sent."""
        return self.state is not PROCEEDING

    def receive(self, request: Request) -> None:
        """A retransmission, or the ACK to a final response other than 2xx."""
        ACTIONS[self.state][ACK if request.method == b"ACK" else INVITE](self, b"")

    def fire(self, now: float) -> None:
        """The timer of this state: G and H, I or L."""
        ACTIONS[self.state][TIMER](self, b"")

    # -- actions

    def ignore(self, data: bytes) -> None:
        """Absorbed."""

    def send(self, data: bytes) -> None:
        self.last = data
        self.layer.send(data, self.flow)

    def resend(self, _: bytes) -> None:
        if self.last:
            self.layer.send(self.last, self.flow)

    def accept(self, data: bytes) -> None:
        self.state = ACCEPTED
        self.request = None
        self.owner = None
        self.layer.send(data, self.flow)
        self.last = b""
        self.layer.wheel.arm(self, self.layer.now + self.layer.values.lifetime)

    def complete(self, data: bytes) -> None:
        self.state = COMPLETED
        self.send(data)
        layer = self.layer
        self._interval = layer.values.t1
        self._give_up_at = layer.now + layer.values.lifetime
        reliable = self.flow.listener.reliable
        layer.wheel.arm(self, self._give_up_at if reliable else layer.now + self._interval)

    def confirm(self, _: bytes) -> None:
        self.request = None
        if self.flow.listener.reliable:
            self.end(b"")
        else:
            self.state = CONFIRMED
            self.last = b""
            self.layer.wheel.arm_loosely(self, self.layer.now + self.layer.values.t4)

    def resend_or_give_up(self, _: bytes) -> None:
        now = self.layer.now
        if now >= self._give_up_at:
            self.end(b"")
            return
        self.resend(b"")
        self._interval = min(2 * self._interval, self.layer.values.t2)
        self.layer.wheel.arm(self, min(now + self._interval, self._give_up_at))

    def end(self, _: bytes) -> None:
        self.state = TERMINATED
        self.due = None
        self.request = None
        self.owner = None
        self.layer.forget_server(self.key, self.merge_key)


ACTIONS: dict[str, dict[str, Callable[..., None]]] = {
    state: {event: getattr(ServerInvite, action) for event, action in row.items()} for state, row in TABLE.items()
}
