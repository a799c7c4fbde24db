"""Messages out of a byte stream, however it was cut (RFC 3261 §18.3, keep-alives of RFC 5626 §3.5.1)."""

from __future__ import annotations

import re

from softswitch.errors import PeerError

PING = b"\r\n\r\n"
"""What `next_message` gives for a keep-alive that wants a pong; no message looks like it."""
PONG = b"\r\n"
"""The answer to a PING (RFC 5626 §4.4.1)."""

# A value runs to a line end that no blank follows (folding, RFC 3261 §7.3.1). Only a line of its own counts:
# a folded continuation that happens to read "Content-Length: 9" starts with a blank and is not found.
_CONTENT_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:(.*?)(?=\r\n(?![ \t]))", re.IGNORECASE | re.DOTALL)
_BLANKS = b" \t\r\n"


class StreamFramer:
    """The messages of one stream: `feed` bytes in, take messages out with `next_message` until it gives None.

    Promise: any cutting of the same bytes gives the same messages, pings and error; only PeerError escapes;
    and beyond what the last `feed` brought never more is held than the two limits allow.
    """

    __slots__ = ("_body_limit", "_broken", "_buffer", "_header_limit", "_looked", "_need")

    def __init__(self, header_limit: int = 65_536, body_limit: int = 1_048_576) -> None:
        """Limits in bytes: the start line with all headers, and the body."""
        self._header_limit = header_limit
        self._body_limit = body_limit
        self._buffer = bytearray()
        self._looked = 0  # so much of the buffer has no blank line in it: looked at once, however it trickles in
        self._need = 0  # whole length of the message at the front, once its headers are there
        self._broken = False

    @property
    def started(self) -> bool:
        """Whether the buffer holds the beginning of a message; half a keep-alive is none."""
        return len(self._buffer) >= len(PING) or not PING.startswith(bytes(self._buffer))

    def feed(self, data: bytes) -> None:
        """Take what came in; after an error everything is thrown away unread."""
        if not self._broken:
            self._buffer += data

    def next_message(self) -> bytes | None:
        """The next whole message, `PING`, or None until more bytes come.

        Raises PeerError once, at the first violation, with the header bytes as its `message`: 400 without a
        readable Content-Length, 413 for too long a body, 513 for too long a header block. Where the next
        message would start is then unknown, so the stream has to be closed and nothing more is found in it.
        """
        buffer = self._buffer
        if not self._need:
            if buffer.startswith(b"\r"):
                if buffer.startswith(PING):
                    del buffer[:4]
                    return PING
                # One line end before a start line is ignored (§7.5); a shorter rest may become a ping yet.
                if len(buffer) < len(PING) and PING.startswith(bytes(buffer)):
                    return None
                if buffer.startswith(PONG):
                    del buffer[:2]
            if not self._find_end():
                return None
        if len(buffer) < self._need:
            return None
        message = bytes(memoryview(buffer)[: self._need])
        del buffer[: self._need]
        self._need = 0
        return message

    def _find_end(self) -> bool:
        """Whether the headers are complete; then `_need` is known."""
        buffer = self._buffer
        end = buffer.find(b"\r\n\r\n", self._looked)
        if end < 0:
            self._looked = max(0, len(buffer) - 3)
            if self._looked > self._header_limit:
                raise self._violation(513, "Header block too large", self._header_limit)
            return False
        if end > self._header_limit:
            raise self._violation(513, "Header block too large", self._header_limit)
        self._looked = 0
        self._need = end + 4 + self._content_length(end + 4)
        return True

    def _content_length(self, end: int) -> int:
        head = bytes(memoryview(self._buffer)[:end])
        values = {value.strip(_BLANKS) for value in _CONTENT_LENGTH.findall(head)}
        if not values:
            raise self._violation(400, "Missing Content-Length", end)
        value = values.pop()
        if values or not value.isdigit():
            raise self._violation(400, "Bad Content-Length", end)
        # Counted before it is converted: int() refuses thousands of digits with an error of its own.
        digits = value.lstrip(b"0")
        if len(digits) > 12 or int(digits or b"0") > self._body_limit:
            raise self._violation(413, "Request Entity Too Large", end)
        return int(digits or b"0")

    def _violation(self, status: int, reason: str, end: int) -> PeerError:
        head = bytes(memoryview(self._buffer)[:end])
        self._broken = True
        self._buffer = bytearray()
        self._looked = self._need = 0
        return PeerError(status, reason, message=head)
