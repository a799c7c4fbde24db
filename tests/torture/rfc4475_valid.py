"""RFC 4475 §3.1.1: messages that look wrong and are right."""

from __future__ import annotations

from softswitch.sip.uri import parse_uri

from .builder import offer, request, response
from .row import Accepted, Answered, Forwarded, Row

OK = Accepted()
INTACT = Forwarded()
REGISTERED = Answered((200,))

_TORTUOUS = request(
    "wsinv",
    b"INVITE",
    b"sip:dario@acme.example;odd-param",
    body=offer(),
    change={
        "To": b"tO \t:\r\n\tsip:dario@acme.example ;  odd\t=  t-odd",
        "From": b'fROm    : "Carla \\\\\\"" \t <sip:carla@acme.example>\r\n ;\r\n\ttag\r\n = f-odd',
        "Max-Forwards": b"mAX-forWARDS: 00068",
        "CSeq": b"cseq:\r\n  0007\r\n   INVITE",
        "Via": (
            b"vIA  : SIP \t/  2.0\r\n /UDP\r\n     192.0.2.20;branch=oldstyle",
            b"v:  SIP  / 2.0 /  TCP    hop2.acme.example   ;\r\n  branch  =  z9hG4bK-two   ,\r\n"
            b" SIP /2.0 / UDP  192.0.2.99  ; branch=\r\n z9hG4bK-three",
        ),
        "Subject": b"s :",
        "X-New": b"X-New:  first half\r\n second half",
        "X-Commas": b"X-Commas: ,;;,,;;,",
        "Route": b"Route:\r\n <sip:192.0.2.1;lr;odd=value;odd-too>",
        "Contact": b'm:"A \\" quote" <sip:carla@192.0.2.20> ; first =\r\n      value ;\r\n  second ; q = 0.33',
    },
)

_EVERY_MARK = b"x.!%66*_+`'~-"
_ODD_USER = b"1_odd.URI~(to!be)&so't+on$/?,;;*:&p=1,q!*pas$wd"
_METHOD = b"!odd-Method12_*+`.%ok'~"

_LONG = b"long" * 60

_ALL_SPELLINGS = (b"Via", b"VIA", b"via", b"vIa", b"v", b"V", b"v ", b"V\t", b"Via  ")

_SIGNATURE = bytes(range(256)) + b"\r\n\r\n--cut\0" + bytes(range(255, -1, -1))
_PARTS = (
    b"--cut\r\nContent-Type: text/plain\r\n\r\nHello\r\n"
    b"--cut\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    + _SIGNATURE
    + b"\r\n--cut--\r\n"
)

_PHRASE = "= 6 × 7, это не новость".encode()

ROWS = [
    Row(
        "wsinv",
        "3.1.1.1",
        "Folding, blanks and tabs wherever the grammar has room for them, odd case, compact names, two Vias on a line.",
        _TORTUOUS,
        OK,
        INTACT,
        (
            lambda m: m.to.uri == b"sip:dario@acme.example" and m.to.params == {b"odd": b"t-odd"},
            lambda m: m.from_.display == b'Carla \\"' and m.from_.tag == b"f-odd",
            lambda m: m.max_forwards == 68 and m.cseq == (7, b"INVITE"),
            lambda m: m.via.branch == b"oldstyle" and m.via.host == b"192.0.2.20",
            lambda m: len(m.values(b"via")) == 3 and m.values(b"via")[2].endswith(b"z9hG4bK-three"),
            lambda m: m.get(b"x-new") == b"first half second half" and m.get(b"subject") == b"",
            lambda m: m.get(b"x-commas") == b",;;,,;;,",
            lambda m: m.contacts()[0].display == b'A " quote' and m.contacts()[0].params[b"q"] == b"0.33",
            lambda m: m.contacts()[0].params[b"first"] == b"value" and m.contacts()[0].params[b"second"] is None,
            lambda m: parse_uri(m.uri).params == {b"odd-param": None},
        ),
    ),
    Row(
        "intmeth",
        "3.1.1.2",
        "Every character that the grammar allows, in the method, names, tags, quoted strings and the user part.",
        request(
            "intmeth",
            _METHOD,
            b"sip:" + _ODD_USER + b"@acme.example",
            change={
                "Via": b"Via: SIP/2.0/UDP 192.0.2.20;branch=z9hG4bK" + _EVERY_MARK,
                "To": b'To: "BEL \\\x07 NUL \\\0 DEL \\\x7f" <sip:' + _ODD_USER + b"@acme.example>",
                "From": b"From: one~` two'+_ three*%!.- <sip:carla@acme.example>;p''~+*_!.-%=\"\xd1\x80\xd0\xb0\";tag="
                + _EVERY_MARK,
                "Call-ID": b"Call-ID: odd%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
                "X": _EVERY_MARK + b":\xef\xbb\xbf\xe5\xa4\xa7",
            },
        ),
        OK,
        Answered((404,)),  # nobody of this name lives here; with Dario's in its place it is forwarded
        (
            lambda m: m.method == _METHOD and parse_uri(m.uri).user == _ODD_USER,
            lambda m: m.to.display == b"BEL \x07 NUL \0 DEL \x7f",
            lambda m: m.from_.display == b"one~` two'+_ three*%!.-" and m.from_.tag == _EVERY_MARK,
            lambda m: m.from_.params[b"p''~+*_!.-%"] == b"\xd1\x80\xd0\xb0",
            lambda m: m.via.branch == b"z9hG4bK" + _EVERY_MARK,
            lambda m: m.get(_EVERY_MARK.lower()) == b"\xef\xbb\xbf\xe5\xa4\xa7",
        ),
    ),
    Row(
        "esc01",
        "3.1.1.3",
        "Escapes in users and parameters are undone once, and only for reading.",
        request(
            "esc01",
            b"INVITE",
            b"sip:%64ario@acme.example",
            body=offer(),
            change={
                "To": b"To: sip:%64ar%69o@acme.example",
                "From": b"From: <sip:I%20have%20blanks@acme.example>;tag=9",
                "Contact": b"Contact:\r\n  <sip:car%6Ca@192.0.2.20;%6C%72;n%61me=v%61lue%25%34%31>",
            },
        ),
        OK,
        INTACT,
        (
            lambda m: parse_uri(m.to.uri).user_text == "dario" and m.to.uri == b"sip:%64ar%69o@acme.example",
            lambda m: parse_uri(m.from_.uri).user_text == "I have blanks",
            lambda m: parse_uri(m.contacts()[0].uri).params == {b"lr": None, b"name": b"value%41"},
            lambda m: parse_uri(m.contacts()[0].uri).param(b"lr") == b"",
        ),
    ),
    Row(
        "escnull",
        "3.1.1.4",
        "An escaped zero byte ends nothing: the two contacts differ.",
        request(
            "escnull",
            b"REGISTER",
            b"sip:acme.example",
            change={
                "From": b"From: sip:zero-%00-zero@acme.example;tag=8",
                "Contact": (b"Contact: <sip:%00@192.0.2.20>", b"Contact: <sip:%00%00@192.0.2.20>"),
                "Content-Length": b"L:0",
            },
        ),
        OK,
        Answered(
            (200,),
            (
                b"Contact: <sip:%00@192.0.2.20>;expires=3600",
                b"Contact: <sip:%00%00@192.0.2.20>;expires=3600",
            ),
        ),
        (
            lambda m: parse_uri(m.from_.uri).user_text == "zero-\0-zero",
            lambda m: [parse_uri(one.uri).user_text for one in m.contacts()] == ["\0", "\0\0"],
            lambda m: m.has(b"content-length"),
        ),
    ),
    Row(
        "esc02",
        "3.1.1.5",
        "A percent sign is no escape in a method, a header name, a quoted string or a branch.",
        request(
            "esc02",
            b"RE%47IST%45R",
            change={
                "To": b'To: "%Z%45" <sip:dario@acme.example>',
                "Via": b"Via: SIP/2.0/UDP 192.0.2.20;branch=z9hG4bK209%fzsnel234",
                "Contact": (
                    b"Contact: <sip:one@192.0.2.20>",
                    b"C%6Fntact: <sip:two@192.0.2.20>",
                    b"Contact: <sip:three@192.0.2.20>",
                ),
            },
        ),
        OK,
        INTACT,
        (
            lambda m: m.method == b"RE%47IST%45R" and m.to.display == b"%Z%45",
            lambda m: m.via.branch == b"z9hG4bK209%fzsnel234",
            lambda m: [one.uri for one in m.contacts()] == [b"sip:one@192.0.2.20", b"sip:three@192.0.2.20"],
        ),
    ),
    Row(
        "lwsdisp",
        "3.1.1.6",
        "No blank between a display name and its bracket.",
        request("lwsdisp", change={"From": b"From: carla<sip:carla@acme.example>;tag=3"}),
        OK,
        INTACT,
        (lambda m: m.from_.display == b"carla" and m.from_.tag == b"3",),
    ),
    Row(
        "longreq",
        "3.1.1.7",
        "Long values everywhere, and a Via in every spelling.",
        request(
            "longreq",
            b"INVITE",
            b"sip:dario@acme.example",
            body=offer(),
            change={
                "Via": (
                    b"Via: SIP/2.0/UDP 192.0.2.20;received=192.0.2.20;branch=z9hG4bK" + _LONG,
                    *(b"%s: SIP/2.0/TCP hop%d.acme.example" % (n, at) for at, n in enumerate(_ALL_SPELLINGS * 4)),
                ),
                "To": b'To: "%s"<sip:dario@acme.example:6000;odd=%s;other=%s>' % (_LONG, _LONG, _LONG),
                "From": b"F: sip:%s@acme.example;tag=%s;odd;more=%s" % (_LONG, _LONG, _LONG),
                "Call-ID": b"Call-ID: " + _LONG,
                "X": b"X-%s: %s; %s=%s" % (_LONG, _LONG, _LONG, _LONG),
                "Contact": b"Contact: <sip:%s@192.0.2.20>" % _LONG,
            },
        ),
        OK,
        INTACT,
        (
            lambda m: len(m.values(b"via")) == 37 and m.via.branch == b"z9hG4bK" + _LONG,
            lambda m: m.to.display == _LONG and m.from_.tag == _LONG and m.call_id == _LONG,
            lambda m: parse_uri(m.to.uri).port == 6000 and parse_uri(m.to.uri).params[b"other"] == _LONG,
        ),
    ),
    Row(
        "dblreq",
        "3.1.1.8",
        "What follows the body in a datagram is padding, even where it looks like a second request.",
        request(
            "dblreq",
            b"REGISTER",
            b"sip:acme.example",
            change={"Call-ID": b"I: dblreq"},
            padding=b"\r\n" + request("dblreq-2", b"INVITE", body=offer()),
        ),
        OK,
        REGISTERED,
        (lambda m: m.method == b"REGISTER" and m.body == b"" and m.call_id == b"dblreq",),
    ),
    Row(
        "semiuri",
        "3.1.1.9",
        "A semicolon before the @ belongs to the user, parameters of its own and all.",
        request(
            "semiuri",
            uri=b"sip:dario;par=u%40acme.example@acme.example",
            change={"Accept": b"Accept: application/sdp, application/pkcs7-mime,\r\n\tmultipart/mixed"},
        ),
        OK,
        Answered((404,)),  # this user isn't "dario"
        (
            lambda m: parse_uri(m.uri).user == b"dario;par=u%40acme.example",
            lambda m: parse_uri(m.uri).params == {} and parse_uri(m.uri).host == b"acme.example",
            lambda m: m.values(b"accept") == [b"application/sdp", b"application/pkcs7-mime", b"multipart/mixed"],
        ),
    ),
    Row(
        "transports",
        "3.1.1.10",
        "Vias of known and unknown transports.",
        request(
            "transports",
            change={
                "Via": (
                    b"Via: SIP/2.0/UDP 192.0.2.20;branch=z9hG4bK1",
                    *(
                        b"Via: SIP/2.0/%s hop.acme.example;branch=z9hG4bK2" % t
                        for t in (b"SCTP", b"TLS", b"ODD", b"TCP")
                    ),
                )
            },
        ),
        OK,
        INTACT,
        (lambda m: len(m.values(b"via")) == 5,),
    ),
    Row(
        "mpart01",
        "3.1.1.11",
        "A body of several parts, one of them any bytes: blank lines, zero bytes, the boundary's own letters.",
        request(
            "mpart01", b"MESSAGE", body=_PARTS, change={"Content-Type": b"Content-Type: multipart/mixed;boundary=cut"}
        ),
        OK,
        INTACT,
        (lambda m: m.body == _PARTS,),
    ),
    Row(
        "unreason",
        "3.1.1.12",
        "A reason phrase in UTF-8 with signs in it.",
        response("unreason", b"SIP/2.0 200 " + _PHRASE, body=offer(b"192.0.2.30")),
        OK,
        INTACT,
        (lambda m: m.status == 200 and m.reason == _PHRASE,),
    ),
    Row(
        "noreason",
        "3.1.1.13",
        "No reason phrase; the blank before it stays.",
        response("noreason", b"SIP/2.0 180 "),
        OK,
        INTACT,
        (lambda m: m.status == 180 and m.reason == b"",),
    ),
]
