"""RFC 4475 §3.1.2: messages that break the grammar, each in one way."""

from __future__ import annotations

from typing import Any

from softswitch.errors import PeerError

from .builder import offer, request, response
from .row import Accepted, Answered, Dropped, Forwarded, Refused, Row


def _refused(name: str, section: str, why: str, data: bytes, status: int = 400) -> Row:
    return Row(name, section, why, data, Refused(status), Answered((status,)))


def _no_contacts(message: Any) -> bool:
    try:
        message.contacts()
    except PeerError as error:
        return error.status == 400
    return False


ROWS = [
    _refused(
        "badinv01",
        "3.1.2.1",
        "Separators with nothing between them in Via and Contact. The sent-by is readable: 400 can find its way.",
        request(
            "badinv01",
            b"INVITE",
            body=offer(),
            change={
                "Via": b"Via: SIP/2.0/UDP 192.0.2.20;;,;,,",
                "Contact": b'Contact: "Carla" <sip:carla@192.0.2.20>;;;;',
            },
        ),
    ),
    _refused(
        "clerr",
        "3.1.2.2",
        "Content-Length goes beyond the datagram's end (RFC 3261 §18.3).",
        request("clerr", b"INVITE", body=offer(), change={"Content-Length": b"Content-Length: 9999"}),
    ),
    _refused(
        "ncl",
        "3.1.2.3",
        "A negative Content-Length is no number.",
        request("ncl", b"INVITE", body=offer(), change={"Content-Length": b"Content-Length: -999"}),
    ),
    _refused(
        "scalar02",
        "3.1.2.4",
        "CSeq, Max-Forwards and the expiries of a request beyond their ranges; CSeq alone is enough for 400.",
        request(
            "scalar02",
            b"REGISTER",
            b"sip:acme.example",
            change={
                "CSeq": b"CSeq: 36893488147419103232 REGISTER",
                "Max-Forwards": b"Max-Forwards: 300",
                "Expires": b"Expires: 1" + b"0" * 100,
                "Contact": b"Contact: <sip:carla@192.0.2.20>\r\n ;expires=280297596632815",
            },
        ),
    ),
    Row(
        "scalarlg",
        "3.1.2.5",
        "A response whose CSeq is out of range is thrown away.",
        response(
            "scalarlg",
            b"SIP/2.0 503 Service Unavailable",
            change={
                "CSeq": b"CSeq: 9292394834772304023312 INVITE",
                "Retry-After": b"Retry-After: 949302838503028349304023988",
                "Warning": b'Warning: 1812 acme "Busy"',
            },
        ),
        Dropped(),
        Dropped(),
    ),
    _refused(
        "quotbal",
        "3.1.2.6",
        "A quoted display name that never ends.",
        request("quotbal", b"INVITE", body=offer(), change={"To": b'To: "Mr. Conti <sip:dario@acme.example>'}),
    ),
    _refused(
        "ltgtruri",
        "3.1.2.7",
        "Brackets around the Request-URI.",
        request("ltgtruri", b"INVITE", b"<sip:dario@acme.example>", body=offer()),
    ),
    _refused(
        "lwsruri",
        "3.1.2.8",
        "A blank within the Request-URI.",
        request("lwsruri", b"INVITE", b"sip:dario@acme.example; lr", body=offer()),
    ),
    _refused(
        "lwsstart",
        "3.1.2.9",
        "Two blanks between the parts of the request line.",
        request("lwsstart", b"INVITE", start=b"INVITE  sip:dario@acme.example  SIP/2.0", body=offer()),
    ),
    _refused(
        "trws",
        "3.1.2.10",
        "Blanks behind the version.",
        request("trws", start=b"OPTIONS sip:dario@acme.example SIP/2.0  "),
    ),
    _refused(
        "escruri",
        "3.1.2.11",
        "Header fields in the Request-URI would become real ones somewhere.",
        request("escruri", b"INVITE", b"sip:dario@acme.example?Route=%3Csip:acme.example%3E", body=offer()),
    ),
    Row(
        "baddate",
        "3.1.2.12",
        "A time zone other than GMT; a proxy has no use for Date, so it isn't its business.",
        request("baddate", b"INVITE", body=offer(), change={"Date": b"Date: Fri, 01 Jan 2027 16:00:00 EST"}),
        Accepted(),
        Forwarded(),
        (lambda m: m.get(b"date") == b"Fri, 01 Jan 2027 16:00:00 EST",),
    ),
    Row(
        "regbadct",
        "3.1.2.13",
        "A Contact with URI headers outside of brackets; the registrar refuses what the parser doesn't read.",
        request(
            "regbadct",
            b"REGISTER",
            b"sip:acme.example",
            change={"Contact": b"Contact: sip:carla@192.0.2.20?Route=%3Csip:acme.example%3E"},
        ),
        Accepted(),
        Answered((400,)),
        (_no_contacts,),
    ),
    _refused(
        "badaspec",
        "3.1.2.14",
        "Blanks inside the brackets of an address.",
        request("badaspec", change={"To": b'To: "Conti, Dario" < sip:dario@acme.example >'}),
    ),
    _refused(
        "baddn",
        "3.1.2.15",
        "A comma in a display name without quotes.",
        request(
            "baddn",
            change={
                "From": b"From:    Ruiz, Carla <sip:carla@acme.example>;tag=43",
                "To": b"To:      Conti, Dario <sip:dario@acme.example>",
            },
        ),
    ),
    _refused(
        "badvers",
        "3.1.2.16",
        "A version to come, in the start line and in Via.",
        request(
            "badvers",
            start=b"OPTIONS sip:dario@acme.example SIP/7.0",
            change={"Via": b"Via:     SIP/7.0/UDP 192.0.2.20;branch=z9hG4bK-badvers"},
        ),
        505,
    ),
    _refused(
        "mismatch01",
        "3.1.2.17",
        "CSeq names another method than the start line.",
        request("mismatch01", change={"CSeq": b"CSeq: 8 INVITE"}),
    ),
    _refused(
        "mismatch02",
        "3.1.2.18",
        "The same with a method that nobody here knows: 501 rather than 400, as the RFC advises proxies.",
        request("mismatch02", b"NEWMETHOD", body=offer(), change={"CSeq": b"CSeq: 8 INVITE"}),
        501,
    ),
    Row(
        "bigcode",
        "3.1.2.19",
        "A status beyond 699.",
        response("bigcode", b"SIP/2.0 4294967301 better not wrap around"),
        Dropped(),
        Dropped(),
    ),
]
