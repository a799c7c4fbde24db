"""Session timers: who refreshes a session, how often, and when it counts as dead (RFC 4028)."""

from __future__ import annotations

import re
from typing import NamedTuple

from softswitch.sip.message import Request, Response

SESSION_SECONDS = 1800
"""What we ask for."""
SHORTEST_SECONDS = 90
"""RFC 4028 §5."""
LONGEST_SECONDS = 86_400
MARGIN_SECONDS = 32.0
"""RFC 4028 §10: whoever waits for a refresh hangs up so long before the end, or a third of the interval before."""

_VALUE = re.compile(rb"([0-9]{1,9})[ \t]*(.*)", re.DOTALL)
_REFRESHER = re.compile(rb";[ \t]*refresher[ \t]*=[ \t]*(uac|uas)", re.IGNORECASE)


class Session(NamedTuple):
    """What both ends agreed on."""

    seconds: int
    ours: bool
    """Whether it is we who refresh."""

    @property
    def next_in(self) -> float:
        """In how many seconds we refresh, or hang up because nobody did."""
        return self.seconds / 2 if self.ours else self.seconds - min(MARGIN_SECONDS, self.seconds / 3)


def asked(message: Request | Response) -> tuple[int, bytes] | None:
    """Session-Expires of a message as seconds and refresher (b"uac", b"uas" or b""); None where there is none."""
    match = _VALUE.fullmatch(message.get(b"session-expires") or b"")
    if match is None:
        return None
    found = _REFRESHER.search(match[2])
    seconds = min(max(int(match[1]), SHORTEST_SECONDS), LONGEST_SECONDS)
    return seconds, found[1].lower() if found else b""


def minimum(message: Request | Response) -> int:
    """Min-SE of a message in seconds; 0 where there is none, or nonsense."""
    match = _VALUE.fullmatch(message.get(b"min-se") or b"")
    return min(int(match[1]), LONGEST_SECONDS) if match else 0


def supports_timer(message: Request | Response) -> bool:
    """Whether its sender knows session timers."""
    return any(b"timer" in value.lower() for value in message.all(b"supported"))


def as_client(response: Response) -> Session | None:
    """What a 2xx to our request with Session-Expires agrees on; None: the other end knows no timers (RFC 4028 §7.2)."""
    found = asked(response)
    if found is None:
        return None
    return Session(found[0], found[1] != b"uas")


def as_server(request: Request) -> tuple[Session | None, tuple[bytes, ...]]:
    """What our 2xx to this request agrees on, and the lines that say so (RFC 4028 §9).

    Who asks for no timer and knows them gets one that we keep; who doesn't know them gets none.
    """
    found = asked(request)
    if found is None:
        if not supports_timer(request):
            return None, ()
        found = (max(SESSION_SECONDS, minimum(request)), b"")
    seconds, refresher = found
    ours = refresher != b"uac"
    if not supports_timer(request):
        ours = True  # it was put in by a proxy on the way, which only we can serve
    line = b"Session-Expires: %d;refresher=%b" % (seconds, b"uas" if ours else b"uac")
    return Session(seconds, ours), (line,) if ours else (b"Require: timer", line)
