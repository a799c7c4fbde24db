"""What a forwarded message looks like: the lines that came, with ours spliced in (RFC 3261 §16.6, §16.7)."""

from __future__ import annotations

from collections.abc import Sequence

from softswitch.sip.headers import split_list
from softswitch.sip.message import Request, Response

DEFAULT_MAX_FORWARDS = 70


def forward_request(
    request: Request,
    uri: bytes,
    via: bytes,
    max_forwards: int,
    record_routes: Sequence[bytes] = (),
    routes: Sequence[bytes] | None = None,
    body: bytes | None = None,
    remove: Sequence[int] = (),
    extra: Sequence[bytes] = (),
) -> bytes:
    """`request` as it goes on to `uri`.

    `via` is our whole Via value, `max_forwards` the new number, `record_routes` whole values, topmost first.
    `routes` are whole values in place of all that there are; None leaves the Route lines as they came.
    `body` replaces the body; `remove` are indices of lines to leave out; `extra` are whole lines.
    """
    lines = request.lines.copy()
    first = request.first
    gone = list(remove)
    if routes is not None:
        at = [i for i, key in enumerate(request.keys) if key == b"route"] if b"route" in first else []
        if routes:
            line = b"Route: " + b", ".join(routes)
            if at:
                lines[at.pop(0)] = line
            else:
                lines.append(line)
        gone += at
    top = b"Via: " + via + b"\r\n"
    if record_routes:
        ours = b"".join(b"Record-Route: %b\r\n" % value for value in record_routes)
        before = first.get(b"record-route")
        if before is None:
            top = ours + top
        else:
            lines[before] = ours + lines[before]
    hops = first.get(b"max-forwards")
    if hops is None:
        top += b"Max-Forwards: %d\r\n" % max_forwards
    else:
        lines[hops] = b"Max-Forwards: %d" % max_forwards
    at_via = first[b"via"]
    lines[at_via] = top + lines[at_via]
    if body is None:
        body = request.body
        if b"content-length" not in first:
            lines.append(b"Content-Length: %d" % len(body))
    else:
        _set_length(lines, first, len(body))
    lines += extra
    if gone:
        for index in sorted(set(gone), reverse=True):
            del lines[index]
    return b"\r\n".join((request.method + b" " + uri + b" SIP/2.0", *lines, b"", body))


def forward_response(response: Response, body: bytes | None = None, extra: Sequence[bytes] = ()) -> bytes:
    """`response` as it goes back: without the topmost Via value, and with `body` in place of its body if given."""
    lines = response.lines.copy()
    at = response.first[b"via"]
    line = lines[at]
    rest = split_list(line[line.find(b":") + 1 :].replace(b"\r\n", b" "))[1:] if b"," in line else []
    if body is not None:
        _set_length(lines, response.first, len(body))
    elif b"content-length" not in response.first:
        lines.append(b"Content-Length: %d" % len(response.body))
    lines += extra
    if rest:
        lines[at] = b"Via: " + b", ".join(rest)
    else:
        del lines[at]
    return b"\r\n".join((response.start, *lines, b"", response.body if body is None else body))


def _set_length(lines: list[bytes], first: dict[bytes, int], length: int) -> None:
    line = b"Content-Length: %d" % length
    at = first.get(b"content-length")
    if at is None:
        lines.append(line)
    else:
        lines[at] = line
