"""The best of several final responses (RFC 3261 §16.7 steps 6 and 7)."""

from __future__ import annotations

from collections.abc import Sequence

from softswitch.sip.message import Response

_TELLING = (401, 407, 415, 420, 484)
"""4xx responses that tell the caller what to do differently."""


def best_of(responses: Sequence[Response]) -> Response | None:
    """The response to forward: a 6xx, else of the lowest class, and there one that helps the caller."""
    best: Response | None = None
    for response in responses:
        if best is None or _rank(response.status) < _rank(best.status):
            best = response
    return best


def _rank(status: int) -> tuple[int, int]:
    kind = status // 100
    if kind == 6:
        return 0, 0
    if status in _TELLING:
        return kind, 0
    if status in (408, 487, 503):
        return kind, 2  # says the least: somebody else's answer is better
    return kind, 1


def merged_challenges(best: Response, responses: Sequence[Response]) -> list[bytes]:
    """The challenge lines of all other 401 and 407 responses, to be added to the best one when it is such."""
    if best.status not in (401, 407):
        return []
    return [
        line
        for response in responses
        if response is not best and response.status in (401, 407)
        for line, key in zip(response.lines, response.keys, strict=True)
        if key in (b"www-authenticate", b"proxy-authenticate")
    ]
