"""RFC 5118: IPv6 addresses, whose colons are also what parts a host from its port."""

from __future__ import annotations

from ipaddress import IPv6Address

from softswitch.sip.uri import ipv6_of, parse_uri
from softswitch.sip.via import parse_via

from .builder import offer, request
from .row import Accepted, Answered, Forwarded, Refused, Row

OK = Accepted()
INTACT = Forwarded()
HERE = b"sip:[2001:db8::1]"
"""An address of the switch."""
_SIX = b"Via: SIP/2.0/UDP [2001:db8::20]:5060;branch=z9hG4bK-six"
_TWO_STREAMS = (
    b"v=0\r\no=carla 1 1 IN IP6 2001:db8::20\r\ns=-\r\nt=0 0\r\n"
    b"m=audio 40000 RTP/AVP 8\r\nc=IN IP6 2001:db8::20\r\nm=video 40002 RTP/AVP 31\r\nc=IN IP4 192.0.2.20\r\n"
)


ROWS = [
    Row(
        "ipv6-good",
        "4.1",
        "An address in brackets as Request-URI, sent-by and Contact.",
        request(
            "ipv6-good",
            b"REGISTER",
            HERE,
            change={"Via": _SIX, "Contact": b'Contact: "Carla Ruiz" <sip:carla@[2001:db8::20]>'},
        ),
        OK,
        Answered((200,), (b"Contact: <sip:carla@[2001:db8::20]>;expires=3600",)),
        (
            lambda m: parse_uri(m.uri).host == b"[2001:db8::1]" and parse_uri(m.uri).port is None,
            lambda m: m.via.host == b"[2001:db8::20]" and m.via.port == 5060,
            lambda m: parse_uri(m.contacts()[0].uri).host == b"[2001:db8::20]",
        ),
    ),
    Row(
        "ipv6-bad",
        "4.2",
        "The same address without its brackets.",
        request("ipv6-bad", b"REGISTER", b"sip:2001:db8::1", change={"Via": _SIX}),
        Refused(400),
        Answered((400,)),
    ),
    Row(
        "port-ambiguous",
        "4.3",
        "A port slipped inside the brackets is a part of the address: legal, if hardly meant.",
        request("port-ambiguous", b"REGISTER", b"sip:[2001:db8::1:5070]", change={"Via": _SIX}),
        OK,
        Answered((404,)),
        (
            lambda m: ipv6_of(parse_uri(m.uri).host) == IPv6Address("2001:db8::1:5070"),
            lambda m: parse_uri(m.uri).port is None,
        ),
    ),
    Row(
        "port-unambiguous",
        "4.4",
        "A port behind the brackets.",
        request("port-unambiguous", b"REGISTER", b"sip:[2001:db8::1]:5070", change={"Via": _SIX}),
        OK,
        Answered((404,)),
        (lambda m: parse_uri(m.uri).host == b"[2001:db8::1]" and parse_uri(m.uri).port == 5070,),
    ),
    Row(
        "via-received-param-with-delim",
        "4.5",
        "A received parameter in brackets, which the grammar doesn't have and implementations write.",
        request(
            "via-delim", change={"Via": b"Via: SIP/2.0/UDP [2001:db8::20];received=[2001:db8::21];branch=z9hG4bK-5a"}
        ),
        OK,
        INTACT,
        (lambda m: m.via.received == "2001:db8::21" and m.via.branch == b"z9hG4bK-5a",),
    ),
    Row(
        "via-received-param-no-delim",
        "4.5",
        "And without, as the grammar has it.",
        request(
            "via-no-delim", change={"Via": b"Via: SIP/2.0/UDP [2001:db8::20];received=2001:db8::21;branch=z9hG4bK-5b"}
        ),
        OK,
        INTACT,
        (lambda m: m.via.received == "2001:db8::21" and m.via.branch == b"z9hG4bK-5b",),
    ),
    Row(
        "ipv6-in-sdp",
        "4.6",
        "An offer of an IPv6 address; in SDP it has no brackets.",
        request(
            "ipv6-in-sdp",
            b"INVITE",
            body=offer(b"2001:db8::20", b"IP6"),
            change={"Via": _SIX, "Contact": b"Contact: <sip:carla@[2001:db8::20]>"},
        ),
        OK,
        INTACT,
        (lambda m: b"c=IN IP6 2001:db8::20\r\n" in m.body,),
    ),
    Row(
        "mult-ip-in-header",
        "4.7",
        "Addresses of both families in the Vias of one request.",
        request(
            "mult-ip-in-header",
            change={
                "Via": (
                    b"Via: SIP/2.0/UDP [2001:db8::20]:6050;branch=z9hG4bK-7a,SIP/2.0/TCP 192.0.2.8;branch=z9hG4bK-7b",
                    b"Via: SIP/2.0/UDP [2001:db8::9]:6050;branch=z9hG4bK-7c;received=2001:db8::10",
                )
            },
        ),
        OK,
        INTACT,
        (
            lambda m: (
                [parse_via(v).host for v in m.values(b"via")] == [b"[2001:db8::20]", b"192.0.2.8", b"[2001:db8::9]"]
            ),
            lambda m: m.via.port == 6050 and m.via.branch == b"z9hG4bK-7a",
        ),
    ),
    Row(
        "mult-ip-in-sdp",
        "4.8",
        "A stream of each family in one offer.",
        request("mult-ip-in-sdp", b"INVITE", body=_TWO_STREAMS, change={"Via": _SIX}),
        OK,
        INTACT,
        (lambda m: m.body == _TWO_STREAMS,),
    ),
    Row(
        "ipv4-mapped-ipv6",
        "4.9",
        "An IPv4 address in IPv6 clothes.",
        request(
            "ipv4-mapped",
            b"INVITE",
            body=offer(b"::ffff:192.0.2.20", b"IP6"),
            change={
                "Via": b"Via: SIP/2.0/UDP [::ffff:192.0.2.20]:5060;branch=z9hG4bK-9",
                "Contact": b"Contact: <sip:carla@[::ffff:192.0.2.20]>",
            },
        ),
        OK,
        INTACT,
        (
            lambda m: m.via.host == b"[::ffff:192.0.2.20]" and m.via.branch == b"z9hG4bK-9",
            lambda m: ipv6_of(parse_uri(m.contacts()[0].uri).host) == IPv6Address("::ffff:192.0.2.20"),
        ),
    ),
    Row(
        "ipv6-bug-abnf-3-colons",
        "4.10",
        "The three colons that RFC 3261's grammar let through are tolerated, and read as two.",
        request(
            "three-colons",
            uri=b"sip:dario@[2001:db8:::192.0.2.1]",
            change={"To": b"To: sip:dario@[2001:db8:::192.0.2.1]"},
        ),
        OK,
        Answered((403,)),
        (lambda m: ipv6_of(parse_uri(m.uri).host) == IPv6Address("2001:db8::192.0.2.1"),),
    ),
    Row(
        "ipv6-correct-abnf-2-colons",
        "4.10",
        "The same as it should be.",
        request(
            "two-colons",
            uri=b"sip:dario@[2001:db8::192.0.2.1]",
            change={"To": b"To: sip:dario@[2001:db8::192.0.2.1]"},
        ),
        OK,
        Answered((403,)),
        (lambda m: ipv6_of(parse_uri(m.uri).host) == IPv6Address("2001:db8::192.0.2.1"),),
    ),
]
