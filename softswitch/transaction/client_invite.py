"""INVITE client transaction (RFC 3261 §17.1.1, with the Accepted state of RFC 6026 §7.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from softswitch.flow import Flow
from softswitch.sip.build import ack_for, cancel_for
from softswitch.sip.message import Request, Response
from softswitch.sip.parse import parse

if TYPE_CHECKING:
    from softswitch.transaction.layer import Layer

CALLING, PROCEEDING, COMPLETED, ACCEPTED, TERMINATED = "calling", "proceeding", "completed", "accepted", "terminated"
PROVISIONAL, SUCCESS, FAILURE, TIMER, BROKEN = "1xx", "2xx", "300-699", "timer", "transport error"

TABLE: dict[str, dict[str, str]] = {
    CALLING: {
        PROVISIONAL: "proceed",
        SUCCESS: "accept",
        FAILURE: "complete",
        TIMER: "resend_or_give_up",
        BROKEN: "fail",
    },
    PROCEEDING: {PROVISIONAL: "proceed", SUCCESS: "accept", FAILURE: "complete", TIMER: "ignore", BROKEN: "fail"},
    COMPLETED: {PROVISIONAL: "ignore", SUCCESS: "ignore", FAILURE: "resend_ack", TIMER: "end", BROKEN: "ignore"},
    ACCEPTED: {PROVISIONAL: "ignore", SUCCESS: "pass_up", FAILURE: "ignore", TIMER: "end", BROKEN: "ignore"},
    TERMINATED: {
        PROVISIONAL: "ignore",
        SUCCESS: "ignore",
        FAILURE: "ignore",
        TIMER: "ignore",
        BROKEN: "ignore",
    },
}


class ClientOwner(Protocol):
    """Who sent the request and wants to know what became of it."""

    def on_response(self, response: Response) -> None:
        """Every provisional, every 2xx, the first other final response."""
        ...

    def on_no_answer(self, timed_out: bool) -> None:
        """No final response will come: nobody answered in 64·T1, or the way there is broken."""
        ...


class ClientInvite:
    """One INVITE as sent to one place."""

    __slots__ = ("_ack", "_give_up_at", "_interval", "data", "due", "flow", "key", "layer", "owner", "slot", "state")

    def __init__(self, layer: Layer, key: bytes, data: bytes, flow: Flow, owner: ClientOwner) -> None:
        self.layer = layer
        self.key = key
        self.data = data
        """The INVITE as sent; b"" when it is no longer needed."""
        self.flow = flow
        self.owner = owner
        self.state = CALLING
        self.due: float | None = None
        self.slot = 0
        self._ack = b""
        now = layer.now
        values = layer.values
        self._interval = values.t1
        self._give_up_at = now + values.lifetime
        layer.send(data, flow)
        layer.wheel.arm(self, self._give_up_at if flow.listener.reliable else now + values.t1)

    def receive(self, response: Response) -> None:
        """A response that matched."""
        status = response.status
        ACTIONS[self.state][PROVISIONAL if status < 200 else SUCCESS if status < 300 else FAILURE](self, response)

    def fire(self, now: float) -> None:
        """The timer of this state: A and B, D or M."""
        ACTIONS[self.state][TIMER](self, None)

    def broken(self) -> None:
        """The transport cannot deliver."""
        ACTIONS[self.state][BROKEN](self, None)

    def cancel(self, headers: tuple[bytes, ...] = ()) -> bytes:
        """The CANCEL for this INVITE; to be sent in a transaction of its own, once a 1xx has come (RFC 3261 §9.1)."""
        return cancel_for(self.sent(), headers)

    def sent(self) -> Request:
        """The INVITE as sent, parsed anew."""
        request = parse(self.data, self.flow)
        assert isinstance(request, Request)
        return request

    # -- actions

    def ignore(self, response: Response | None) -> None:
        """Absorbed."""

    def proceed(self, response: Response) -> None:
        self.state = PROCEEDING
        self.due = None  # from here on the proxy's timer C watches
        self.owner.on_response(response)

    def accept(self, response: Response) -> None:
        self.state = ACCEPTED
        self.data = b""
        self.layer.wheel.arm_loosely(self, self.layer.now + self.layer.values.lifetime)
        self.owner.on_response(response)

    def complete(self, response: Response) -> None:
        self.state = COMPLETED
        self._ack = ack_for(self.sent(), response)
        self.layer.send(self._ack, self.flow)
        if self.flow.listener.reliable:
            self.end(None)
        else:
            self.layer.wheel.arm_loosely(self, self.layer.now + self.layer.values.timer_d)
        self.owner.on_response(response)

    def resend_ack(self, response: Response) -> None:
        self.layer.send(self._ack, self.flow)

    def pass_up(self, response: Response) -> None:
        self.owner.on_response(response)

    def resend_or_give_up(self, _: None) -> None:
        now = self.layer.now
        if now >= self._give_up_at:
            self.end(None)
            self.owner.on_no_answer(True)
            return
        self.layer.send(self.data, self.flow)
        self._interval *= 2
        self.layer.wheel.arm(self, min(now + self._interval, self._give_up_at))

    def fail(self, _: None) -> None:
        self.end(None)
        self.owner.on_no_answer(False)

    def end(self, _: None) -> None:
        self.state = TERMINATED
        self.due = None
        self.layer.forget_client(self.key)


ACTIONS: dict[str, dict[str, Callable[..., None]]] = {
    state: {event: getattr(ClientInvite, action) for event, action in row.items()} for state, row in TABLE.items()
}
