"""Client transaction of every other method (RFC 3261 §17.1.2, RFC 4320)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from softswitch.flow import Flow
from softswitch.sip.message import Response
from softswitch.transaction.client_invite import ClientOwner

if TYPE_CHECKING:
    from softswitch.transaction.layer import Layer

TRYING, PROCEEDING, COMPLETED, TERMINATED = "trying", "proceeding", "completed", "terminated"
PROVISIONAL, FINAL, TIMER, BROKEN = "1xx", "200-699", "timer", "transport error"

TABLE: dict[str, dict[str, str]] = {
    TRYING: {PROVISIONAL: "proceed", FINAL: "complete", TIMER: "resend_or_give_up", BROKEN: "fail"},
    PROCEEDING: {PROVISIONAL: "proceed", FINAL: "complete", TIMER: "resend_or_give_up", BROKEN: "fail"},
    COMPLETED: {PROVISIONAL: "ignore", FINAL: "ignore", TIMER: "end", BROKEN: "ignore"},
    TERMINATED: {PROVISIONAL: "ignore", FINAL: "ignore", TIMER: "ignore", BROKEN: "ignore"},
}


class ClientOther:
    """One request other than INVITE and ACK, as sent to one place."""

    __slots__ = ("_give_up_at", "_interval", "data", "due", "flow", "key", "layer", "owner", "slot", "state")

    def __init__(self, layer: Layer, key: bytes, data: bytes, flow: Flow, owner: ClientOwner) -> None:
        self.layer = layer
        self.key = key
        self.data = data
        self.flow = flow
        self.owner: ClientOwner | None = owner
        """None once it was told the end."""
        self.state = TRYING
        self.due: float | None = None
        self.slot = 0
        now = layer.now
        values = layer.values
        self._interval = values.t1
        self._give_up_at = now + values.lifetime
        layer.send(data, flow)
        layer.wheel.arm(self, self._give_up_at if flow.listener.reliable else now + values.t1)

    def receive(self, response: Response) -> None:
        """A response that matched."""
        ACTIONS[self.state][PROVISIONAL if response.status < 200 else FINAL](self, response)

    def fire(self, now: float) -> None:
        """The timer of this state: E and F, or K."""
        ACTIONS[self.state][TIMER](self, None)

    def broken(self) -> None:
        """The transport cannot deliver."""
        ACTIONS[self.state][BROKEN](self, None)

    # -- actions

    def ignore(self, response: Response | None) -> None:
        """Absorbed."""

    def proceed(self, response: Response) -> None:
        self.state = PROCEEDING
        self._interval = self.layer.values.t2
        assert self.owner is not None
        self.owner.on_response(response)

    def complete(self, response: Response) -> None:
        owner, self.owner = self.owner, None
        if self.flow.listener.reliable:
            self.end(None)
        else:
            self.state = COMPLETED
            self.data = b""
            self.layer.wheel.arm_loosely(self, self.layer.now + self.layer.values.t4)
        assert owner is not None
        owner.on_response(response)

    def resend_or_give_up(self, _: None) -> None:
        now = self.layer.now
        if now >= self._give_up_at:
            self._gone(True)
            return
        self.layer.send(self.data, self.flow)
        self._interval = min(2 * self._interval, self.layer.values.t2)
        self.layer.wheel.arm(self, min(now + self._interval, self._give_up_at))

    def fail(self, _: None) -> None:
        self._gone(False)

    def _gone(self, timed_out: bool) -> None:
        owner, self.owner = self.owner, None
        self.end(None)
        assert owner is not None
        owner.on_no_answer(timed_out)

    def end(self, _: None) -> None:
        self.state = TERMINATED
        self.due = None
        self.layer.forget_client(self.key)


ACTIONS: dict[str, dict[str, Callable[..., None]]] = {
    state: {event: getattr(ClientOther, action) for event, action in row.items()} for state, row in TABLE.items()
}
