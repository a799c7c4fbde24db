"""Requests and responses as the proxy's parts see them."""

from __future__ import annotations

from softswitch.flow import Flow, Listener
from softswitch.sip.message import Request, Response
from softswitch.sip.parse import parse

UDP = Listener(0, "UDP", "192.0.2.1", 5060, "192.0.2.1", 5060, "office")
TCP = Listener(1, "TCP", "192.0.2.1", 5060, "192.0.2.1", 5060, "office")
PUBLIC = Listener(2, "UDP", "10.0.0.1", 5080, "sip.acme.example", 5080, "internet")
SIX = Listener(3, "UDP", "2001:db8::1", 5060, "2001:db8::1", 5060, "office")
FLOW = Flow(UDP, "192.0.2.20", 5060)


def request(
    *lines: bytes, uri: bytes = b"sip:101@acme.example", method: bytes = b"INVITE", body: bytes = b""
) -> Request:
    """`lines` come behind the Via."""
    head = [
        method + b" " + uri + b" SIP/2.0",
        b"Via: SIP/2.0/UDP 192.0.2.20;branch=z9hG4bKone",
        *lines,
        b"From: <sip:102@acme.example>;tag=f",
        b"To: <sip:101@acme.example>",
        b"Call-ID: call",
        b"CSeq: 1 " + method,
    ]
    message = parse(b"\r\n".join([*head, b"", body]), FLOW)
    assert isinstance(message, Request)
    return message


def response(status: int, *lines: bytes, body: bytes = b"") -> Response:
    """With two Via lines, unless `lines` bring their own."""
    vias = [line for line in lines if line.lower().startswith((b"via", b"v:"))] or [
        b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours",
        b"Via: SIP/2.0/UDP 192.0.2.20;branch=z9hG4bKone",
    ]
    rest = [line for line in lines if line not in vias]
    head = [
        b"SIP/2.0 %d X" % status,
        *vias,
        b"From: <sip:102@acme.example>;tag=f",
        b"To: <sip:101@acme.example>;tag=t",
        b"Call-ID: call",
        b"CSeq: 1 INVITE",
        *rest,
    ]
    message = parse(b"\r\n".join([*head, b"", body]), FLOW)
    assert isinstance(message, Response)
    return message
