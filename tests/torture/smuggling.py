"""Messages of which two readers could see two different ones, and other rows that no RFC has."""

from __future__ import annotations

from softswitch.sip.parse import MAX_LINES
from softswitch.sip.uri import parse_uri

from .builder import Change, offer, request, response
from .row import Accepted, Answered, Dropped, Forwarded, Refused, Row

OK = Accepted()
INTACT = Forwarded()


def _refused(name: str, why: str, data: bytes, status: int = 400) -> Row:
    return Row(name, "RFC 3261", why, data, Refused(status), Answered((status,)))


def _spoilt(name: str, why: str, status: int = 400, **change: Change) -> Row:
    fields = {key.replace("_", "-"): value for key, value in change.items()}
    return _refused(name, why, request(name, change=fields), status)


def _dropped(name: str, why: str, data: bytes) -> Row:
    return Row(name, "RFC 3261", why, data, Dropped(), Dropped())


_BARE = [
    _spoilt(
        "bare-lf", "A lone line feed ends a line for some readers.", Subject=b"Subject: a\nRoute: <sip:evil.example>"
    ),
    _spoilt("bare-cr", "A lone carriage return does for others.", Subject=b"Subject: a\rRoute: <sip:evil.example>"),
    _refused(
        "bare-cr-at-end",
        "The same before the blank line.",
        request("bare-cr-at-end", change={"Content-Length": b"Content-Length: 0\r"}),
    ),
    _spoilt("lf-fold", "A line feed and a blank is no folding.", Subject=b"Subject: a\n b"),
    _spoilt("nul-in-value", "Readers written in C stop at a zero byte.", Subject=b"Subject: a\0b"),
    _spoilt("nul-in-name", "In a name as well.", X=b"X\0Y: a"),
    _refused("nul-in-uri", "And in the Request-URI.", request("nul-in-uri", uri=b"sip:dario\0@acme.example")),
    _refused("tab-in-uri", "A tab parts no words there.", request("tab-in-uri", uri=b"sip:dario\t@acme.example")),
    _dropped(
        "lf-only",
        "Line feeds alone end no header block.",
        request("lf-only").replace(b"\r\n", b"\n"),
    ),
    _dropped("no-blank-line", "Headers without an end.", request("no-blank-line")[:-2]),
    _dropped(
        "response-bare-lf", "A response that would smuggle a Via.", response("rlf", change={"X": b"X: a\nVia: b"})
    ),
    _dropped("ack-bare-lf", "An ACK is never answered.", request("ack-lf", b"ACK", change={"X": b"X: a\nVia: b"})),
]

_DOUBLES = [
    _spoilt(
        "two-equal-lengths", "Even two equal lengths.", Content_Length=(b"Content-Length: 0", b"Content-Length: 0")
    ),
    _spoilt("two-lengths-compact", "Long and compact are one field.", Content_Length=(b"l: 0", b"Content-Length: 0")),
    _spoilt("two-types", "One body, one type.", Content_Type=(b"c: text/plain", b"Content-Type: text/html")),
    _spoilt("two-expires", "One request, one life.", Expires=(b"Expires: 60", b"expires: 0")),
    _spoilt("two-cseq", "As in multi01, one by one.", CSeq=(b"CSeq: 7 OPTIONS", b"CSeq: 7 OPTIONS")),
    _spoilt("two-call-ids", "As in multi01.", Call_ID=(b"Call-ID: a", b"i: b")),
    _spoilt("two-from", "As in multi01.", From=(b"From: <sip:a@acme.example>;tag=1", b"f: <sip:b@acme.example>;tag=2")),
    _spoilt("two-to", "As in multi01.", To=(b"To: <sip:dario@acme.example>", b"t: <sip:anna@acme.example>")),
    _spoilt("two-hops", "As in multi01.", Max_Forwards=(b"Max-Forwards: 70", b"Max-Forwards: 0")),
    _spoilt(
        "from-list", "A comma makes no list of a field that holds one value.", From=b"From: <sip:a@b>;tag=1, <sip:c@d>"
    ),
]

_FIELDS = [
    _spoilt("blank-in-call-id", "A Call-ID is one word.", Call_ID=b"Call-ID: a b"),
    _spoilt("empty-call-id", "And not none.", Call_ID=b"Call-ID: "),
    _spoilt("folded-call-id", "Nor two on two lines.", Call_ID=b"Call-ID: a\r\n b"),
    _spoilt("no-call-id", "RFC 3261 §8.1.1: mandatory.", Call_ID=None),
    _spoilt("no-from", "Mandatory.", From=None),
    _spoilt("no-to", "Mandatory.", To=None),
    _dropped("no-via", "Nowhere to answer to.", request("no-via", change={"Via": None})),
    _dropped("no-cseq", "No transaction to answer to.", request("no-cseq", change={"CSeq": None})),
    _dropped("bad-via", "No sent-by.", request("bad-via", change={"Via": b"Via: SIP/2.0/UDP ;branch=z9hG4bK1"})),
    _dropped("via-port", "A port beyond 65535.", request("via-port", change={"Via": b"Via: SIP/2.0/UDP a:65536"})),
    _dropped("ack-no-to", "An ACK is never answered.", request("ack-no-to", b"ACK", change={"To": None})),
    _spoilt("signed-length", "A plus sign is no digit.", Content_Length=b"Content-Length: +0"),
    _spoilt("hex-length", "Nor is an x.", Content_Length=b"Content-Length: 0x0"),
    _spoilt("two-word-length", "Two numbers are no number.", Content_Length=b"Content-Length: 0 0"),
    _spoilt("listed-length", "Nor is a list.", Content_Length=b"Content-Length: 0, 0"),
    _spoilt("unicode-length", "Digits of other scripts aren't digits.", Content_Length="Content-Length: ٠".encode()),
    _spoilt("vast-length", "More digits than there are octets.", Content_Length=b"Content-Length: " + b"9" * 5000),
    _spoilt("cseq-2-31", "RFC 3261 §8.1.1.5: less than 2**31.", CSeq=b"CSeq: 2147483648 OPTIONS"),
    _spoilt("cseq-vast", "More digits than int() takes.", CSeq=b"CSeq: " + b"9" * 5000 + b" OPTIONS"),
    _spoilt("cseq-negative", "No sign.", CSeq=b"CSeq: -1 OPTIONS"),
    _spoilt("cseq-lower", "Methods are case-sensitive (RFC 3261 §7.1).", CSeq=b"CSeq: 7 options"),
    _spoilt("no-colon", "A line without a name.", X=b"just words"),
    _spoilt("blank-in-name", "A name is one token.", X=b"X Y: a"),
    _spoilt("no-name", "An empty one isn't.", X=b": a"),
    _spoilt("empty-to", "Brackets around nothing.", To=b"To: <>"),
    _spoilt("to-tail", "Something between bracket and parameters.", To=b"To: <sip:dario@acme.example> x;tag=1"),
    _refused(
        "fold-first",
        "The first header line continues nothing.",
        request("fold-first", first=(b" X: a",)),
    ),
    _refused("slash-method", "A method is a token.", request("slash-method", b"OPT/IONS")),
    _refused("empty-user", "An @ needs a user.", request("empty-user", uri=b"sip:@acme.example")),
    _refused("port-zero", "No such port.", request("port-zero", uri=b"sip:dario@acme.example:0")),
    _refused("bad-escape", "A percent sign and no number.", request("bad-escape", uri=b"sip:d%zz@acme.example")),
    _refused("bad-ipv6", "Brackets with no address in them.", request("bad-ipv6", uri=b"sip:dario@[::1::2]")),
    _refused("version-3", "One to come.", request("version-3", start=b"OPTIONS sip:dario@acme.example SIP/3.0"), 505),
    _refused("http", "Another protocol.", request("http", start=b"OPTIONS sip:dario@acme.example HTTP/1.1")),
    _refused(
        "too-many-lines",
        "More header lines than any phone sends.",
        request("too-many-lines", change={"X": (b"X: a",) * MAX_LINES}),
        513,
    ),
    Row(
        "many-hops",
        "RFC 3261",
        "A Max-Forwards beyond 255.",
        request("many-hops", change={"Max-Forwards": b"Max-Forwards: 256"}),
        OK,
        Answered((400,)),
    ),
]

_FINE = [
    Row(
        "leading-line-ends",
        "RFC 3261 §7.5",
        "Line ends before the start line are ignored.",
        b"\r\n\r\n\r\n" + request("leading-line-ends"),
        OK,
        INTACT,
        (lambda m: m.method == b"OPTIONS" and m.call_id == b"leading-line-ends@192.0.2.20",),
    ),
    Row(
        "folded-length",
        "RFC 3261 §7.3.1",
        "A folded length with a blank before its colon is the length.",
        request("folded-length", b"INVITE", body=offer(), change={"Content-Length": b"l :\r\n\t%d" % len(offer())}),
        OK,
        INTACT,
        (lambda m: m.body == offer(),),
    ),
    Row(
        "folded-lookalike",
        "RFC 3261 §7.3.1",
        "A continued line that looks like a header line is none.",
        request("folded-lookalike", change={"Subject": b"Subject: a\r\n Route: <sip:evil.example>\r\n\tTo: b"}),
        OK,
        INTACT,
        (lambda m: not m.has(b"route") and m.get(b"subject") == b"a Route: <sip:evil.example> To: b",),
    ),
    Row(
        "padding",
        "RFC 3261 §18.3",
        "A body shorter than the datagram.",
        request(
            "padding", b"MESSAGE", body=b"hello", change={"Content-Type": b"Content-Type: text/plain"}, padding=b"!!"
        ),
        OK,
        INTACT,
        (lambda m: m.body == b"hello",),
    ),
    Row(
        "quoted-tag",
        "RFC 3261 §25.1",
        "A tag inside a quoted parameter is none.",
        request("quoted-tag", change={"From": b'From: <sip:carla@acme.example>;x=";tag=false";tag=true'}),
        OK,
        INTACT,
        (lambda m: m.from_.tag == b"true",),
    ),
    Row(
        "quoted-branch",
        "RFC 3261 §25.1",
        "Nor is such a branch one.",
        request("quoted-branch", change={"Via": b'Via: SIP/2.0/UDP 192.0.2.20;x=";branch=z9hG4bK0";branch=z9hG4bK1'}),
        OK,
        INTACT,
        (lambda m: m.via.branch == b"z9hG4bK1",),
    ),
    Row(
        "quoted-comma",
        "RFC 3261 §7.3.1",
        "Commas in quotes and in brackets part no values.",
        request(
            "quoted-comma",
            b"INVITE",
            body=offer(),
            change={"Contact": b'Contact: "Ruiz, \\"C\\", <x>" <sip:a,b@192.0.2.20>;q=0.1, <sip:c@192.0.2.20>'},
        ),
        OK,
        INTACT,
        (
            lambda m: [one.uri for one in m.contacts()] == [b"sip:a,b@192.0.2.20", b"sip:c@192.0.2.20"],
            lambda m: m.contacts()[0].display == b'Ruiz, "C", <x>',
        ),
    ),
    Row(
        "one-line-vias",
        "RFC 3261 §7.3.1",
        "Several Vias on the first line: the topmost is the first of them.",
        request(
            "one-line-vias",
            change={
                "Via": b"Via: SIP/2.0/UDP 192.0.2.20;branch=z9hG4bK1, SIP/2.0/TCP hop.acme.example;branch=z9hG4bK2"
            },
        ),
        OK,
        INTACT,
        (lambda m: m.via.branch == b"z9hG4bK1" and len(m.values(b"via")) == 2,),
    ),
    Row(
        "lower-version",
        "RFC 3261 §7.1",
        "The version in lower case is the version.",
        request("lower-version", start=b"OPTIONS sip:dario@acme.example sip/2.0"),
        OK,
        INTACT,
    ),
    Row(
        "lower-method",
        "RFC 3261 §7.1",
        "A method in lower case is another method, and forwarded as one.",
        request("lower-method", b"options"),
        OK,
        INTACT,
        (lambda m: m.method == b"options",),
    ),
    Row(
        "utf8-name",
        "RFC 3261 §25.1",
        "A display name in UTF-8 without quotes, as several phones write it.",
        request("utf8-name", change={"From": "From: Zoë <sip:carla@acme.example>;tag=1".encode()}),
        OK,
        INTACT,
        (lambda m: m.from_.display == "Zoë".encode(),),
    ),
    Row(
        "empty-display",
        "RFC 3261 §25.1",
        "An empty quoted name.",
        request("empty-display", change={"From": b'From: "" <sip:carla@acme.example>;tag=1'}),
        OK,
        INTACT,
        (lambda m: m.from_.display == b"" and m.from_.tag == b"1",),
    ),
    Row(
        "tel-uri",
        "RFC 3966",
        "A telephone number instead of an address: 103 is Dario's.",
        request(
            "tel-uri",
            b"INVITE",
            b"tel:103;phone-context=acme.example",
            body=offer(),
            change={"To": b"To: <tel:103;phone-context=acme.example>"},
        ),
        OK,
        INTACT,
        (lambda m: m.uri == m.to.uri == b"tel:103;phone-context=acme.example",),
    ),
    Row(
        "secure-uri",
        "RFC 3261 §19.1",
        "A sips: URI with everything. What may only go over TLS doesn't go to a phone on UDP (RFC 3261 §26.2.2).",
        request("secure-uri", uri=b"SIPS:dario:secret@ACME.example:5061;transport=tcp;lr"),
        OK,
        Answered((416, 480)),
        (
            lambda m: parse_uri(m.uri).scheme == b"sips" and parse_uri(m.uri).host == b"acme.example",
            lambda m: parse_uri(m.uri).user_text == "dario" and parse_uri(m.uri).port == 5061,
            lambda m: parse_uri(m.uri).param(b"lr") == b"" and parse_uri(m.uri).param(b"transport") == b"tcp",
        ),
    ),
    Row(
        "no-phrase",
        "RFC 3261 §7.2",
        "Not even the blank before a missing reason phrase; some gateways forget it.",
        response("no-phrase", b"SIP/2.0 180"),
        OK,
        INTACT,
        (lambda m: m.status == 180 and m.reason == b"",),
    ),
]

ROWS = _BARE + _DOUBLES + _FIELDS + _FINE
