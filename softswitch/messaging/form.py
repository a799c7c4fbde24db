"""A message as it is kept, and as it goes to a phone later: the lines that came, without those of its way so far."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from email.utils import formatdate

from softswitch.sip.headers import key_of
from softswitch.sip.message import Request

OF_THE_WAY = frozenset((b"via", b"route", b"record-route", b"max-forwards", b"max-breadth", b"content-length"))
"""What belongs to the hops and not to the message."""


def kept_form(request: Request, max_forwards: int, remove: Collection[int], wall: float) -> bytes:
    """All of a request behind its start line and Via, ready to be sent again.

    `remove` are indices of lines that end here. Date is added where there is none, so that a phone can show when the
    message was sent and not when it came (RFC 3428 §7).
    """
    lines = [
        line
        for at, (line, key) in enumerate(zip(request.lines, request.keys, strict=True))
        if key not in OF_THE_WAY and at not in remove
    ]
    if b"date" not in request.first:
        lines.append(b"Date: " + formatdate(int(wall), usegmt=True).encode())
    return tail(max_forwards, lines, request.body)


def tail(max_forwards: int, lines: Sequence[bytes], body: bytes) -> bytes:
    """What is kept, of whole header lines and a body."""
    return b"\r\n".join((b"Max-Forwards: %d" % max_forwards, *lines, b"Content-Length: %d" % len(body), b"", body))


def sent_form(content: bytes, uri: bytes, via: bytes, routes: Sequence[bytes]) -> bytes:
    """The request to `uri`; `via` is a whole Via value, `routes` whole Route values."""
    head = b"MESSAGE %b SIP/2.0\r\nVia: %b\r\n" % (uri, via)
    if routes:
        head += b"Route: " + b", ".join(routes) + b"\r\n"
    return head + content


def header_of(content: bytes, key: bytes) -> bytes:
    """The value of the first line with this key in what is kept, or b""."""
    return next((value for name, value in headers_of(content) if name == key), b"")


def headers_of(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The header lines of what is kept: keys and values, unfolded."""
    head = content.partition(b"\r\n\r\n")[0]
    for line in head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ").split(b"\r\n"):
        name, _, value = line.partition(b":")
        yield key_of(name) or b"", value.strip()


def body_of(content: bytes) -> bytes:
    """The body of what is kept."""
    return content.partition(b"\r\n\r\n")[2]


def text_of(content: bytes) -> str:
    """The body for people to read: text as it is, anything else by its kind and size."""
    kind = header_of(content, b"content-type").decode("latin-1") or "text/plain"
    body = body_of(content)
    if kind.lower().startswith(("text/", "message/cpim", "message/imdn", "application/im-iscomposing")):
        return body.decode("utf-8", "replace")
    return f"({kind}, {len(body)} bytes)"
