"""Plain requests and responses of the sample office, changed line by line until they are anything but plain."""

from __future__ import annotations

from collections.abc import Mapping

Change = bytes | tuple[bytes, ...] | None
"""What takes the place of a field: a whole line, several, or nothing."""

CALLER = b"192.0.2.20"
CALLEE = b"192.0.2.30"
CONTACT = b"<sip:carla@192.0.2.20:5060>"


def offer(host: bytes = CALLER, family: bytes = b"IP4") -> bytes:
    """A session description with one stream."""
    return (
        b"v=0\r\no=carla 2890844526 2890844526 IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n"
        b"m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
    ) % (family, host, family, host)


def request(
    name: str,
    method: bytes = b"OPTIONS",
    uri: bytes = b"sip:dario@acme.example",
    *,
    start: bytes | None = None,
    body: bytes = b"",
    first: tuple[bytes, ...] = (),
    change: Mapping[str, Change] | None = None,
    padding: bytes = b"",
) -> bytes:
    """A request from Carla to Dario (a REGISTER: of Carla).

    `change` maps field names to what stands in their place, new names coming last; lines of `first` precede all
    others. Content-Length follows the body unless it is changed; `padding` comes behind the body.
    """
    token = name.encode()
    registers = method == b"REGISTER"
    fields: dict[str, Change] = {
        "Via": b"Via: SIP/2.0/UDP %s:5060;branch=z9hG4bK-%s" % (CALLER, token),
        "Max-Forwards": b"Max-Forwards: 70",
        "From": b"From: <sip:carla@acme.example>;tag=f-%s" % token,
        "To": b"To: <sip:carla@acme.example>" if registers else b"To: <sip:dario@acme.example>",
        "Call-ID": b"Call-ID: %s@%s" % (token, CALLER),
        "CSeq": b"CSeq: 7 " + method,
    }
    if registers or method == b"INVITE":
        fields["Contact"] = b"Contact: " + CONTACT
    if body:
        fields["Content-Type"] = b"Content-Type: application/sdp"
    fields |= change or {}
    if "Content-Length" not in fields:
        fields["Content-Length"] = b"Content-Length: %d" % len(body)
    return _join(start or b"%s %s SIP/2.0" % (method, uri), first, fields, body) + padding


def response(
    name: str,
    start: bytes = b"SIP/2.0 200 OK",
    *,
    body: bytes = b"",
    change: Mapping[str, Change] | None = None,
) -> bytes:
    """A response of Dario's phone to an INVITE from Carla that passed through 192.0.2.1."""
    token = name.encode()
    fields: dict[str, Change] = {
        "Via": (
            b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-hop-" + token,
            b"Via: SIP/2.0/UDP %s:5060;branch=z9hG4bK-%s" % (CALLER, token),
        ),
        "From": b"From: <sip:carla@acme.example>;tag=f-" + token,
        "To": b"To: <sip:dario@acme.example>;tag=t-" + token,
        "Call-ID": b"Call-ID: %s@%s" % (token, CALLER),
        "CSeq": b"CSeq: 7 INVITE",
        "Contact": b"Contact: <sip:dario@%s:5060>" % CALLEE,
    }
    if body:
        fields["Content-Type"] = b"Content-Type: application/sdp"
    fields |= change or {}
    if "Content-Length" not in fields:
        fields["Content-Length"] = b"Content-Length: %d" % len(body)
    return _join(start, (), fields, body)


def answering(response_data: bytes, forwarded: bytes) -> bytes:
    """The response with the Via, From, To, Call-ID and CSeq lines of the request that a phone was sent.

    The To of the request gets a tag. Both have to be free of folding and of compact names.
    """
    head, _, body = response_data.partition(b"\r\n\r\n")
    start, *lines = head.split(b"\r\n")
    own = forwarded.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    copied = [line + (b";tag=callee" if line[:3].lower() == b"to:" else b"") for line in own if _key(line) in _COPIED]
    rest = [line for line in lines if _key(line) not in _COPIED]
    return b"\r\n".join((start, *copied, *rest)) + b"\r\n\r\n" + body


_COPIED = (b"via", b"from", b"to", b"call-id", b"cseq")


def _key(line: bytes) -> bytes:
    return line.partition(b":")[0].strip().lower()


def _join(start: bytes, first: tuple[bytes, ...], fields: Mapping[str, Change], body: bytes) -> bytes:
    lines = [start, *first]
    for change in fields.values():
        if isinstance(change, bytes):
            lines.append(change)
        elif change is not None:
            lines += change
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
