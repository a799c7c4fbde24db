"""RFC 4475 §3.2 to §3.4: well-formed messages that ask for something odd, and old ones."""

from __future__ import annotations

from softswitch.sip.uri import parse_uri

from .builder import offer, request, response
from .row import Accepted, Answered, Dropped, Forwarded, Refused, Row

OK = Accepted()
INTACT = Forwarded()
REGISTERED = Answered((200,))

_ROUTE = b"?Route=%3Csip:acme.example%3E"

ROWS = [
    Row(
        "badbranch",
        "3.2.1",
        "A branch that is the magic cookie and no more: matched by the rules for clients that sent none.",
        request("badbranch", change={"Via": b"Via: SIP/2.0/UDP 192.0.2.20;branch=z9hG4bK"}),
        OK,
        INTACT,
        (lambda m: m.via.branch == b"",),
    ),
    Row(
        "insuf",
        "3.3.1",
        "Neither Call-ID nor From nor To: answered with what there is.",
        request("insuf", b"INVITE", body=offer(), change={"Call-ID": None, "From": None, "To": None, "Contact": None}),
        Refused(400),
        Answered((400,)),
    ),
    Row(
        "unkscm",
        "3.3.2",
        "A Request-URI of an unknown scheme; To is no help.",
        request("unkscm", uri=b"nobodyKnowsThis:opaque-content"),
        Refused(416),
        Answered((416,)),
    ),
    Row(
        "novelsc",
        "3.3.3",
        "A Request-URI of a known scheme that means nothing to SIP.",
        request("novelsc", uri=b"soap.beep://192.0.2.103:3002"),
        Refused(416),
        Answered((416,)),
    ),
    Row(
        "unksm2",
        "3.3.4",
        "Other schemes in To, From and Contact are well-formed; a registrar has no such user.",
        request(
            "unksm2",
            b"REGISTER",
            b"sip:acme.example",
            change={
                "To": b"To: isbn:2983792873",
                "From": b"From: <http://www.acme.example>;tag=3",
                "Contact": b"Contact: <name:Carla_Ruiz>",
            },
        ),
        OK,
        Answered((400,)),
        (
            lambda m: m.to.uri == b"isbn:2983792873" and m.from_.uri == b"http://www.acme.example",
            lambda m: m.contacts()[0].uri == b"name:Carla_Ruiz",
        ),
    ),
    Row(
        "bext01",
        "3.3.5",
        "Extensions that proxies would have to know, and others that are the callee's affair.",
        request(
            "bext01",
            change={
                "Require": b"Require: nobodyDoesThis, norThis",
                "Proxy-Require": b"Proxy-Require: noProxyDoesThis, norThat",
            },
        ),
        OK,
        Answered((420,), (b"Unsupported: noProxyDoesThis, norThat",)),
        (lambda m: m.values(b"proxy-require") == [b"noProxyDoesThis", b"norThat"],),
    ),
    Row(
        "invut",
        "3.3.6",
        "A body of a type that only the callee may judge.",
        request(
            "invut",
            b"INVITE",
            body=b'<audio>\r\n <pcmu port="443"/>\r\n</audio>\r\n',
            change={"Content-Type": b"Content-Type: application/unknownformat"},
        ),
        OK,
        INTACT,
    ),
    Row(
        "regaut01",
        "3.3.7",
        "Credentials of an unknown scheme count as none.",
        request(
            "regaut01",
            b"REGISTER",
            b"sip:acme.example",
            change={"Authorization": b"Authorization: NobodyKnowsThis opaque-data=here"},
        ),
        OK,
        REGISTERED,
        (lambda m: m.get(b"authorization") == b"NobodyKnowsThis opaque-data=here",),
    ),
    Row(
        "multi01",
        "3.3.8",
        "Two values each where there must be one: two readers would see two requests.",
        request(
            "multi01",
            b"INVITE",
            body=offer(),
            change={
                "CSeq": (b"CSeq: 5 INVITE", b"CSeq: 59 INVITE"),
                "Call-ID": (b"Call-ID: one@192.0.2.20", b"i: two@192.0.2.20"),
                "From": (b"From: sip:carla@acme.example;tag=3", b"f: sip:anna@acme.example;tag=2"),
                "To": (b"To: sip:dario@acme.example", b"t: sip:anna@acme.example"),
                "Max-Forwards": (b"Max-Forwards: 70", b"Max-Forwards: 5"),
            },
        ),
        Refused(400),
        Answered((400,)),
    ),
    Row(
        "mcl01",
        "3.3.9",
        "Two lengths of one body.",
        request(
            "mcl01",
            body=b"Nobody can tell how much of this is meant.\r\n",
            change={"Content-Length": (b"Content-Length: 13", b"Content-Length: 5")},
        ),
        Refused(400),
        Answered((400,)),
    ),
    Row(
        "bcast",
        "3.3.10",
        "A response that would go on to a broadcast address. It matches nothing that was sent, so it goes nowhere.",
        response(
            "bcast",
            body=offer(b"192.0.2.30"),
            change={
                "Via": (
                    b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-forged",
                    b"Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK-bcast",
                )
            },
        ),
        OK,
        Dropped(),
    ),
    Row(
        "zeromf",
        "3.3.11",
        "Max-Forwards of zero ends at a proxy (RFC 3261 §16.3 item 3).",
        request("zeromf", change={"Max-Forwards": b"Max-Forwards: 0"}),
        OK,
        Answered((483,)),
        (lambda m: m.max_forwards == 0,),
    ),
    Row(
        "cparam01",
        "3.3.12",
        "Without brackets a parameter is the Contact's.",
        request(
            "cparam01", b"REGISTER", b"sip:acme.example", change={"Contact": b"Contact: sip:+4930555@192.0.2.20;odd"}
        ),
        OK,
        Answered((200,), (b"Contact: <sip:+4930555@192.0.2.20>;odd;expires=3600",)),
        (
            lambda m: m.contacts()[0].uri == b"sip:+4930555@192.0.2.20",
            lambda m: m.contacts()[0].params == {b"odd": None},
        ),
    ),
    Row(
        "cparam02",
        "3.3.13",
        "Within them it is the URI's.",
        request(
            "cparam02", b"REGISTER", b"sip:acme.example", change={"Contact": b"Contact: <sip:+4930555@192.0.2.20;odd>"}
        ),
        OK,
        Answered((200,), (b"Contact: <sip:+4930555@192.0.2.20;odd>;expires=3600",)),
        (
            lambda m: m.contacts()[0].uri == b"sip:+4930555@192.0.2.20;odd",
            lambda m: m.contacts()[0].params == {},
        ),
    ),
    Row(
        "regescrt",
        "3.3.14",
        "A Contact that carries a header field in its URI keeps it.",
        request(
            "regescrt",
            b"REGISTER",
            b"sip:acme.example",
            change={"Contact": b"M: <sip:carla@192.0.2.20" + _ROUTE + b">", "Content-Length": b"L:0"},
        ),
        OK,
        Answered((200,), (b"Contact: <sip:carla@192.0.2.20" + _ROUTE + b">;expires=3600",)),
        (
            lambda m: m.contacts()[0].uri == b"sip:carla@192.0.2.20" + _ROUTE,
            lambda m: parse_uri(m.contacts()[0].uri).headers_text == _ROUTE[1:],
        ),
    ),
    Row(
        "sdp01",
        "3.3.15",
        "An Accept that nobody can satisfy is between the two phones.",
        request("sdp01", b"INVITE", body=offer(), change={"Accept": b"Accept: text/nobodyKnowsThis"}),
        OK,
        INTACT,
    ),
    Row(
        "inv2543",
        "3.4.1",
        "As in RFC 2543: no branch, no From tag, no Max-Forwards, no Content-Length.",
        request(
            "inv2543",
            b"INVITE",
            body=offer(),
            change={
                "Via": b"Via: SIP/2.0/UDP 192.0.2.20",
                "From": b"From: <sip:+4930555@acme.example;user=phone>",
                "To": b"To: sip:dario@acme.example;user=phone",
                "Record-Route": b"Record-Route: <sip:carla@acme.example;maddr=192.0.2.20>",
                "Max-Forwards": None,
                "Contact": None,
                "Content-Length": None,
            },
        ),
        OK,
        INTACT,
        (
            lambda m: m.via.branch == b"" and m.from_.tag == b"" and m.max_forwards is None,
            lambda m: m.body == offer() and not m.has(b"content-length"),
            lambda m: m.to.params == {b"user": b"phone"},
        ),
    ),
]
