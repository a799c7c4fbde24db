"""Messages of our own making: responses, ACK and CANCEL (RFC 3261 §8.2.6, §9.1, §17.1.1.3)."""

from __future__ import annotations

from collections.abc import Sequence

from softswitch.errors import PeerError
from softswitch.sip.message import Request, Response

PHRASES = {
    100: b"Trying",
    180: b"Ringing",
    181: b"Call Is Being Forwarded",
    183: b"Session Progress",
    200: b"OK",
    202: b"Accepted",
    300: b"Multiple Choices",
    301: b"Moved Permanently",
    302: b"Moved Temporarily",
    305: b"Use Proxy",
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    406: b"Not Acceptable",
    407: b"Proxy Authentication Required",
    408: b"Request Timeout",
    410: b"Gone",
    413: b"Request Entity Too Large",
    414: b"Request-URI Too Long",
    415: b"Unsupported Media Type",
    416: b"Unsupported URI Scheme",
    420: b"Bad Extension",
    421: b"Extension Required",
    423: b"Interval Too Brief",
    430: b"Flow Failed",
    440: b"Max-Breadth Exceeded",
    480: b"Temporarily Unavailable",
    481: b"Call/Transaction Does Not Exist",
    482: b"Loop Detected",
    483: b"Too Many Hops",
    484: b"Address Incomplete",
    485: b"Ambiguous",
    486: b"Busy Here",
    487: b"Request Terminated",
    488: b"Not Acceptable Here",
    489: b"Bad Event",
    491: b"Request Pending",
    493: b"Undecipherable",
    500: b"Server Internal Error",
    501: b"Not Implemented",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    504: b"Server Time-out",
    505: b"Version Not Supported",
    513: b"Message Too Large",
    580: b"Precondition Failure",
    600: b"Busy Everywhere",
    603: b"Decline",
    604: b"Does Not Exist Anywhere",
    606: b"Not Acceptable",
}


def status_line(status: int, reason: str = "") -> bytes:
    """b"SIP/2.0 404 Not Found", with the standard phrase where no other is given."""
    return b"SIP/2.0 %d %s" % (status, reason.encode() if reason else PHRASES.get(status, b""))


def respond(
    request: Request,
    status: int,
    reason: str = "",
    headers: Sequence[bytes] = (),
    body: bytes = b"",
    to_tag: bytes = b"",
) -> bytes:
    """A response to `request`: its Via lines, From, To, Call-ID and CSeq as they came, then `headers` (whole lines).

    `to_tag` is added where the request's To has none; a 100 gets none. Timestamp is echoed in a 100 (RFC 3261 §8.2.6).
    """
    lines, keys, first = request.lines, request.keys, request.first
    vias: Sequence[bytes]
    if keys.count(b"via") == 1:
        vias = (lines[first[b"via"]],)
    else:
        vias = [line for line, key in zip(lines, keys, strict=True) if key == b"via"]
    extra = headers
    if status == 100 and b"timestamp" in first:
        extra = (*headers, lines[first[b"timestamp"]])
    try:
        to = lines[first[b"to"]]
        if to_tag and status != 100 and not has_tag(request):
            to += b";tag=" + to_tag
        same: Sequence[bytes] = (lines[first[b"from"]], to, lines[first[b"call-id"]], lines[first[b"cseq"]])
    except KeyError:
        # A request that lacks some of these is answered with those it has (RFC 4475 §3.3.1).
        same = [lines[first[key]] for key in (b"from", b"to", b"call-id", b"cseq") if key in first]
    return b"\r\n".join(
        (
            status_line(status, reason),
            *vias,
            *same,
            *extra,
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body),
        )
    )


def has_tag(request: Request) -> bool:
    """Whether To bears a tag."""
    to = request.lines[request.first[b"to"]]
    if b"tag" not in to and b"tag" not in to.lower():
        return False
    try:
        return bool(request.to.tag)
    except PeerError:
        return True  # whatever stands there, adding a second tag makes it no better


def ack_for(sent: Request, response: Response) -> bytes:
    """The ACK to a final response other than 2xx, hop by hop (RFC 3261 §17.1.1.3). `sent` is the INVITE as sent."""
    lines = [
        b"ACK " + sent.uri + b" SIP/2.0",
        b"Via: " + sent.via.raw,
        b"Max-Forwards: 70",
        sent.lines[sent.first[b"from"]],
        response.lines[response.first[b"to"]],
        sent.lines[sent.first[b"call-id"]],
        b"CSeq: %d ACK" % sent.cseq[0],
    ]
    lines += [line for line, key in zip(sent.lines, sent.keys, strict=True) if key == b"route"]
    return b"\r\n".join((*lines, b"Content-Length: 0\r\n\r\n"))


def cancel_for(sent: Request, headers: Sequence[bytes] = ()) -> bytes:
    """The CANCEL of an INVITE as sent, for the same branch (RFC 3261 §9.1)."""
    lines = [
        b"CANCEL " + sent.uri + b" SIP/2.0",
        b"Via: " + sent.via.raw,
        b"Max-Forwards: 70",
        sent.lines[sent.first[b"from"]],
        sent.lines[sent.first[b"to"]],
        sent.lines[sent.first[b"call-id"]],
        b"CSeq: %d CANCEL" % sent.cseq[0],
    ]
    lines += [line for line, key in zip(sent.lines, sent.keys, strict=True) if key == b"route"]
    return b"\r\n".join((*lines, *headers, b"Content-Length: 0\r\n\r\n"))
