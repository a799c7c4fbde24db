"""Whether the party of one end is still there: session timers where it knows them, else a question now and then.

With RFC 4028 the one who refreshes is agreed on with each 200 to an INVITE or UPDATE; who does not know it is asked
OPTIONS within the dialog, which a party that lost the call answers with 481 or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.dialog.sessiontimer import SESSION_SECONDS, Session, as_client, minimum
from softswitch.sip.message import Response

if TYPE_CHECKING:
    from softswitch.bridge.end import End

AGAIN_SECONDS = 3.0
"""After a 491: somebody else's offer was under way (RFC 3261 §14.1: two to four seconds)."""
_DEAD = (408, 481)
_UNKNOWN = (405, 420, 501)
"""It does not know UPDATE after all."""


class Pulse:
    """The timer of one end's session."""

    __slots__ = ("_end", "_expires_at", "due", "seconds", "session", "slot")

    def __init__(self, end: End) -> None:
        self._end = end
        self.session: Session | None = None
        self.seconds = SESSION_SECONDS
        """The interval that we ask for."""
        self.due: float | None = None
        self.slot = 0
        self._expires_at = 0.0

    def agreed(self, session: Session | None) -> None:
        """A 200 was sent or came that says how it goes on from here."""
        self.session = session
        layer = self._end.layer
        if session is not None:
            self.seconds = session.seconds
            self._expires_at = layer.now + session.seconds
        wait = session.next_in if session is not None else SESSION_SECONDS / 2
        layer.wheel.arm(self, layer.now + wait)

    def stop(self) -> None:
        """The call is over."""
        self.due = None

    def lines(self) -> tuple[bytes, ...]:
        """What an INVITE or UPDATE of ours says about it."""
        ours = self.session is None or self.session.ours
        expires = b"Session-Expires: %d;refresher=%b" % (self.seconds, b"uac" if ours else b"uas")
        return b"Supported: timer, replaces", expires

    def fire(self, now: float) -> None:
        """It is time to refresh, or nobody did."""
        end, session = self._end, self.session
        bridge = end.bridge
        if end.ended or bridge is None:
            return
        if session is None:
            end.layer.wheel.arm(self, now + SESSION_SECONDS / 2)
            end.send(b"OPTIONS", (), b"", self._asked)
        elif not session.ours:
            bridge.dead(end, "it did not refresh its session")
        elif now >= self._expires_at:
            bridge.dead(end, "its session could not be refreshed")
        elif end.inviting or end.unacknowledged:
            end.layer.wheel.arm(self, now + AGAIN_SECONDS)
        elif b"UPDATE" in end.allowed or end.told[:2] != b"v=":
            self._wait(now)
            end.send(b"UPDATE", (), b"", self._refreshed)
        else:
            self._invite(now)

    def _invite(self, now: float) -> None:
        """With the same description as before: nothing changes but the time."""
        self._wait(now)
        end = self._end
        end.send(b"INVITE", (b"Content-Type: application/sdp",), end.told, self._refreshed)

    def _wait(self, now: float) -> None:
        """Until the session ends, should this refresh come to nothing."""
        self._end.layer.wheel.arm(self, max(self._expires_at, now + 1.0))

    def _asked(self, response: Response | None) -> None:
        end = self._end
        if end.ended or end.bridge is None:
            return
        if response is None or response.status in _DEAD:
            end.bridge.dead(end, "it does not know the call any more" if response else "it does not answer")
        else:
            end.bridge.heard()

    def _refreshed(self, response: Response | None) -> None:
        end = self._end
        bridge = end.bridge
        if end.ended or bridge is None:
            return
        layer = end.layer
        if response is None or response.status in _DEAD:
            bridge.dead(end, "it does not know the call any more" if response else "it does not answer")
        elif response.status < 300:
            if response.cseq[1] == b"INVITE":
                end.acknowledge(end.invite_number)
            bridge.heard()
        elif response.status == 491:
            layer.wheel.arm(self, layer.now + AGAIN_SECONDS)
        elif response.status == 422 and minimum(response) > self.seconds:
            self.seconds = minimum(response)
            layer.wheel.arm(self, layer.now)
        elif response.status in _UNKNOWN and response.cseq[1] == b"UPDATE":
            end.allowed -= {b"UPDATE"}
            if end.told[:2] == b"v=":
                self._invite(layer.now)

    def response_to(self, response: Response) -> None:
        """A 200 to an INVITE or UPDATE of ours, whoever wanted it."""
        self.agreed(as_client(response))
