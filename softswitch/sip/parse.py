"""Bytes to messages: what must be right on arrival is checked here, everything else when it is asked for.

RFC 3261 §7, §8.1.1, §18.3, §25; the rulings of RFC 4475 and RFC 5118.
"""

from __future__ import annotations

import re
from itertools import pairwise

from softswitch.errors import PeerError
from softswitch.flow import Flow
from softswitch.sip.headers import NAMES, SINGLE, TOKEN, key_of, split_list
from softswitch.sip.message import Message, Request, Response
from softswitch.sip.uri import parse_uri
from softswitch.sip.via import parse_via

_STATUS = re.compile(rb"SIP/2\.0 ([1-6][0-9][0-9])(?: .*)?", re.IGNORECASE | re.DOTALL)
_FIELD_NAMES = re.compile(rb"\r\n([^:\s]+):").findall
_VERSION = re.compile(rb"SIP/[0-9]+\.[0-9]+", re.IGNORECASE)
_BARE_NUL = re.compile(rb"(?<!\\)\x00")
_QUOTED = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_EMPTY_PIECE = re.compile(rb"[;,][ \t]*+(?:[;,]|\Z)")

MAX_LINES = 500
"""More header lines than this are refused with 513."""
_TOO_MANY_LINES = "Too Many Header Lines"

_USUAL_METHODS = frozenset(
    b"INVITE ACK BYE CANCEL OPTIONS REGISTER SUBSCRIBE NOTIFY PUBLISH MESSAGE REFER INFO UPDATE PRACK".split()
)

MANDATORY = (b"via", b"from", b"to", b"call-id", b"cseq")

SHAPES_KEPT = 1000
LINES_KEPT = 60


class Shape:
    """Which header fields there are in which order. Messages of one shape share it, so nothing in it is changed."""

    __slots__ = ("first", "flaw", "keys")

    def __init__(self, keys: list[bytes], first: dict[bytes, int], flaw: str) -> None:
        self.keys = keys
        """The key of each line."""
        self.first = first
        """Key to index of its first line."""
        self.flaw = flaw
        """What is missing, or there twice; or nothing."""

    @classmethod
    def of(cls, keys: list[bytes]) -> Shape:
        first = dict(zip(reversed(keys), range(len(keys) - 1, -1, -1), strict=True))
        for key in MANDATORY:
            if key not in first:
                return cls(keys, first, f"Missing {key.decode().title()}")
        for key in SINGLE:
            if key in first and keys.count(key) > 1:
                return cls(keys, first, f"Two Values of {key.decode().title()}")
        return cls(keys, first, "")


_shapes: dict[tuple[bytes, ...], Shape] = {}
"""Shapes by the names as spelled. A phone writes its messages in a few shapes: most of what a parser does is done."""


def parse(data: bytes, flow: Flow) -> Request | Response:
    """Parse one whole message, a datagram or what framing cut from a stream.

    Raises PeerError(400, 501, 505 or 513) when it is malformed. Its `message` is the Request so far when that can be
    answered at all, otherwise None, which means: drop it. A malformed response is never answered, nor is an ACK.
    """
    head_end = data.find(b"\r\n\r\n")
    if head_end < 0:
        raise PeerError(400, "No End of Headers")
    head = data[:head_end]
    body = data[head_end + 4 :]
    # One search finds every name. It knows only whole line ends, `splitlines` bare ones too: a bare one, a folded line
    # or a line without a name makes the counts differ.
    lines = head.splitlines()
    names = tuple(_FIELD_NAMES(head))
    shape = _shapes.get(names)
    broken = ""
    if shape is None or len(names) != len(lines) - 1 or head[-1:] < b" " or b"\0" in head:
        if not head or head[:2] == b"\r\n":
            # Line ends before the start line are ignored (RFC 3261 §7.5).
            rest = data.lstrip(b"\r\n")
            if not rest:
                raise PeerError(400, "Empty Message")
            return parse(rest, flow)
        lines, keys, broken = _unusual(head)
        shape = Shape.of(keys)
        if not broken and len(keys) == len(names) < LINES_KEPT and all(map(NAMES.get, names)):
            if len(_shapes) >= SHAPES_KEPT:
                _shapes.clear()
            _shapes[names] = shape
    start = lines.pop(0)
    if start[:4].upper() == b"SIP/":
        return _response(start, lines, shape, body, flow, broken)
    return _request(start, lines, shape, body, flow, broken)


def _request(
    start: bytes,
    lines: list[bytes],
    shape: Shape,
    body: bytes,
    flow: Flow,
    broken: str,
) -> Request:
    words = start.split(b" ")
    if len(words) == 3:
        method, uri, version = words
    else:
        # Answered with 400 where its headers allow; never guessed at.
        method, uri, version = words[0], b"", b"SIP/2.0"
        broken = broken or "Malformed Request-Line"
    request = Request(method, uri, start, lines, shape.keys, shape.first, body, flow)
    try:
        if version != b"SIP/2.0":
            if not _VERSION.fullmatch(version):
                raise PeerError(400, "Malformed Request-Line")
            if version.upper() != b"SIP/2.0":
                raise PeerError(505, "Version Not Supported")
        if broken:
            raise PeerError(513 if broken is _TOO_MANY_LINES else 400, broken)
        if method not in _USUAL_METHODS and not TOKEN.fullmatch(method):
            raise PeerError(400, "Malformed Method")
        if uri[:1] == b"<" or not uri:
            raise PeerError(400, "Malformed Request-URI")
        if b"?" in uri and uri[:3].lower() == b"sip" and parse_uri(uri).headers_text:
            raise PeerError(400, "Headers in Request-URI")
        _check(request, shape)
        _ = request.from_, request.to
        if request.cseq[1] != method:
            # 501 for a method unknown here: whoever knows it might read its CSeq otherwise (RFC 4475 §3.1.2.18).
            raise PeerError(400 if method in _USUAL_METHODS else 501, "CSeq Method Mismatch")
        if not request.read_via():
            _check_via(request.get(b"via") or b"")
    except PeerError as error:
        raise PeerError(error.status, error.reason, message=_answerable(request)) from None
    return request


def _response(
    start: bytes,
    lines: list[bytes],
    shape: Shape,
    body: bytes,
    flow: Flow,
    broken: str,
) -> Response:
    match = _STATUS.fullmatch(start)
    if match is None or broken:
        raise PeerError(400, broken or "Malformed Status-Line")
    if start[:7] != b"SIP/2.0":
        start = b"SIP/2.0" + start[7:]  # read in any case, sent on in capitals (RFC 3261 §7.1)
    response = Response(int(match[1]), start, lines, shape.keys, shape.first, body, flow)
    _check(response, shape)
    # What is wrong here would go on to the caller, or into the ACK that we make of it.
    _ = response.cseq, response.via, response.from_, response.to
    return response


def _check(message: Message, shape: Shape) -> None:
    if shape.flaw:
        raise PeerError(400, shape.flaw)
    words = message.lines[shape.first[b"call-id"]].split()
    if len(words) == 2 and words[0] == b"Call-ID:":
        message._call_id = words[1]
    elif len(message.call_id.split()) != 1:
        raise PeerError(400, "Malformed Call-Id")
    body = message.body
    at = shape.first.get(b"content-length")
    if at is None or message.lines[at] == b"Content-Length: %d" % len(body):
        return
    length_text = message.get(b"content-length") or b""
    if not length_text.isdigit() or len(length_text) > 12:
        raise PeerError(400, "Malformed Content-Length")
    length = int(length_text)
    if length > len(body):
        raise PeerError(400, "Body Shorter than Content-Length")
    if length < len(body):
        # Octets behind the body are padding, not part of the message (RFC 3261 §18.3).
        message.body = body[:length]


def _answerable(request: Request) -> Request | None:
    """The request when a response to it could find its way and its sender could tell what is answered, else None."""
    if request.method == b"ACK" or b"cseq" not in request.first:
        return None
    try:
        _ = request.via
    except PeerError:
        return None
    return request


def _check_via(value: bytes) -> None:
    """Raise PeerError(400) when a Via line holds an empty or unreadable value or parameter (RFC 4475 §3.1.2.1).

    Message.via reads no further than the sent-by and the branch, so that this can be answered.
    """
    if _EMPTY_PIECE.search(_QUOTED.sub(b"q", value)):
        raise PeerError(400, "Malformed Via")
    for part in split_list(value):
        _ = parse_via(part).params


def _unusual(head: bytes) -> tuple[list[bytes], list[bytes], str]:
    """Start line and header lines, the keys of these, and what is wrong with them, or nothing."""
    lines = head.split(b"\r\n")
    line_ends = len(lines) - 1
    lines = lines[:1] + _join_folded(lines[1:])
    keys, broken = _keys(lines[1:])
    if len(keys) > MAX_LINES:
        broken = _TOO_MANY_LINES
    elif head.count(b"\n") != line_ends or head.count(b"\r") != line_ends:
        broken = "Bare Line End"
    elif b"\0" in head and _BARE_NUL.search(head):
        broken = "Zero Byte"
    return lines, keys, broken


def _join_folded(lines: list[bytes]) -> list[bytes]:
    """Put continuation lines back behind the line they continue, inner line ends kept (RFC 3261 §7.3.1)."""
    starts = [at for at, line in enumerate(lines) if line[:1] not in (b" ", b"\t")]
    if not starts or starts[0] != 0:
        starts.insert(0, 0)
    return [b"\r\n".join(lines[at:end]) for at, end in pairwise([*starts, len(lines)])]


def _keys(lines: list[bytes]) -> tuple[list[bytes], str]:
    """The keys of lines among which is a rare one, and what was wrong with them, or nothing."""
    keys = []
    broken = ""
    for line in lines:
        name, colon, _ = line.partition(b":")
        key = key_of(name) if colon else None
        if key is None:
            broken = "Malformed Header"
            key = b"?"
        keys.append(key)
    return keys, broken
