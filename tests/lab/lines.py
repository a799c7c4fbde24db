"""How the laboratory's phones write a request."""

from __future__ import annotations

from collections.abc import Iterable

T1, T2 = 0.5, 4.0


def build(method: str, uri: bytes, via: bytes, lines: Iterable[bytes], body: bytes = b"") -> bytes:
    """A whole request."""
    head = (b"%b %b SIP/2.0" % (method.encode(), uri), b"Via: " + via, *lines, b"Content-Length: %d" % len(body))
    return b"\r\n".join((*head, b"", body))


def lines_of(*texts: str | bytes) -> list[bytes]:
    """Header lines as bytes."""
    return [text.encode() if isinstance(text, str) else text for text in texts]
