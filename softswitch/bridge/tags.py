"""Which tag of ours each party on the far side has on the near one: a forked call stays a forked call."""

from __future__ import annotations

from softswitch.ids import Ids
from softswitch.sip.build import has_tag, status_line
from softswitch.sip.headers import key_of
from softswitch.sip.message import Request, Response

_VIA = b"Via: SIP/2.0/UDP bridge.invalid;branch=z9hG4bKbridge"


class Tags:
    """By the far side's tag ours; who has none there counts as the first."""

    __slots__ = ("_ids", "_known", "main")

    def __init__(self, ids: Ids, main: bytes = b"") -> None:
        self._ids = ids
        self.main = main or ids.tag()
        self._known: dict[bytes, bytes] = {}

    def of(self, tag: bytes) -> bytes:
        known = self._known.get(tag)
        if known is None:
            known = self._known[tag] = self._ids.tag() if self._known else self.main
        return known


def as_if_from_a_phone(
    request: Request,
    status: int,
    reason: str,
    tag: bytes,
    lines: tuple[bytes, ...],
    body: bytes,
    source: Response | None,
) -> Response:
    """A response to `request` as a phone behind a proxy would send it: with a Via on top for the proxy to take off.

    `source` is what it stands for; it comes from the same place. Route lines are returned as RFC 3261 §12.1.1 wants.
    """
    vias = [line for line, key in zip(request.lines, request.keys, strict=True) if key == b"via"]
    routes = [line for line, key in zip(request.lines, request.keys, strict=True) if key == b"record-route"]
    first = request.first
    to = request.lines[first[b"to"]]
    if tag and not has_tag(request):
        to += b";tag=" + tag
    same = request.lines[first[b"from"]], to, request.lines[first[b"call-id"]], request.lines[first[b"cseq"]]
    whole = [_VIA, *vias, *same, *routes, *lines, b"Content-Length: %d" % len(body)]
    keys = [key_of(line[: line.index(b":")]) or b"" for line in whole]
    at: dict[bytes, int] = {}
    for number, key in enumerate(keys):
        at.setdefault(key, number)
    flow = source.flow if source is not None else request.flow
    return Response(status, status_line(status, reason), whole, keys, at, body, flow)
