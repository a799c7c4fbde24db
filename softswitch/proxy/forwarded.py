"""Forwarded calls say so: Diversion (RFC 5806) and History-Info (RFC 7044) tell a phone for whom it rings, and why.

Both count how often a call was sent on, which ends loops that go through other networks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from softswitch.dialplan.plan import Plan
from softswitch.dialplan.step import Hop, Ring
from softswitch.sip.message import Request
from softswitch.sip.uri import escape

_COUNTER = re.compile(rb";\s*counter\s*=\s*(\d{1,3})", re.IGNORECASE)
_INDEX = re.compile(rb";\s*index\s*=\s*(\d{1,4}(?:\.\d{1,4}){0,40})", re.IGNORECASE)
_MAPPED = re.compile(rb";\s*mp\s*=", re.IGNORECASE)
STATUS: dict[str, int] = {"user-busy": 486, "no-answer": 408, "unavailable": 480, "deflection": 302}
"""What stands for a cause in History-Info's Reason (RFC 7044 §10.2, RFC 3326); none for an unconditional forward."""


def times_forwarded(request: Request) -> int:
    """How often others say that they sent this call on; 0 where nobody says anything."""
    first = request.first
    if b"diversion" not in first and b"history-info" not in first:
        return 0
    counts = [_COUNTER.search(value) for value in request.values(b"diversion")]
    diversions = sum(int(count[1]) if count else 1 for count in counts)
    return max(diversions, sum(1 for value in request.values(b"history-info") if _MAPPED.search(value)))


def forwarders(step: Ring, account: str, plan: Plan) -> tuple[Hop, ...]:
    """Who sent a call on to this phone: all on the way but the person whose phone it is, or the team she is in."""
    way = step.way
    if not way:
        return ()
    last = way[-1].name
    phone = plan.phones.get(account)
    person = phone.person if phone is not None else None
    if last == person:
        return way[:-1]
    team = plan.teams.get(last)
    return way[:-1] if team is not None and person in team.members else way


class Told(NamedTuple):
    """What changes in a request that is forwarded."""

    lines: tuple[bytes, ...]
    """Whole lines to add."""
    remove: tuple[int, ...]
    """Indices of lines whose place they take."""


NOTHING_TOLD = Told((), ())


def told(request: Request, step: Ring, account: str, plan: Plan, target: bytes) -> Told:
    """What an INVITE to a phone at the URI `target` says of its way; nothing for a call that was not sent on."""
    hops = forwarders(step, account, plan)
    if not hops or b"history" in (request.get(b"privacy") or b"").lower():
        return NOTHING_TOLD
    site = plan.site.encode()
    diversions = [
        b"Diversion: <sip:%b@%b>;reason=%b;counter=1;privacy=off"
        % (escape(hop.user.encode()), site, hop.cause.encode())
        for hop in reversed(hops)
    ]
    # The last one to divert stands first (RFC 5806 §7): those before us come after ours.
    earlier = tuple(at for at, key in enumerate(request.keys) if key == b"diversion")
    lines = (*diversions, *(request.lines[at] for at in earlier), _history(request, step.way, hops, site, target))
    return Told(lines, earlier)


def _history(request: Request, way: Sequence[Hop], hops: Sequence[Hop], site: bytes, target: bytes) -> bytes:
    known = [match[1] for value in request.values(b"history-info") if (match := _INDEX.search(value))]
    entries: list[bytes] = []
    index = known[-1] if known else b"1"
    for number, hop in enumerate(way):
        status = STATUS.get(hop.cause) if number + 1 < len(way) or len(hops) == len(way) else None
        reason = b"?Reason=SIP%%3Bcause%%3D%d" % status if status else b""
        uri = b"<sip:%b@%b%b>" % (escape(hop.user.encode()), site, reason)
        if number:
            entries.append(b"%b;index=%b.1;mp=%b" % (uri, index, index))
            index += b".1"
        elif not known:
            entries.append(b"%b;index=%b" % (uri, index))
    kind = b"mp" if len(hops) == len(way) else b"rc"
    entries.append(b"<%b>;index=%b.1;%b=%b" % (target, index, kind, index))
    return b"History-Info: " + b", ".join(entries)
