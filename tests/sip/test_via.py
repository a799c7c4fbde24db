"""Via: reading it, and noting where a request really came from (RFC 3261 §18.2.1, RFC 3581)."""

from __future__ import annotations

import pytest
from torture.builder import request
from torture.row import FLOW

from softswitch.errors import PeerError
from softswitch.sip.message import Request
from softswitch.sip.parse import parse
from softswitch.sip.via import parse_via, stamped


def test_read() -> None:
    via = parse_via(b"SIP / 2.0 / udp  PC33.acme.example : 5070 ; branch = z9hG4bK1 ; rport")
    assert (via.transport, via.host, via.port, via.branch) == (b"UDP", b"pc33.acme.example", 5070, b"z9hG4bK1")
    assert via.sent_by == b"pc33.acme.example:5070"
    assert via.wants_rport
    assert via.params == {b"branch": b"z9hG4bK1", b"rport": None}


def test_ipv6() -> None:
    via = parse_via(b"SIP/2.0/TCP [2001:DB8::9]:5070;received=[2001:db8::A];branch=z9hG4bK1")
    assert via.sent_by == b"[2001:db8::9]:5070"
    assert via.received == "2001:db8::A"
    assert parse_via(b"SIP/2.0/TCP [::1]").sent_by == b"[::1]"


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"SIP/2.0/UDP",
        b"SIP/2.0/UDP ",
        b"SIP/2.0 a",
        b"HTTP/1.1/TCP a",
        b"SIP/2.0/UDP a b",
        b"SIP/2.0/UDP a:0",
        b"SIP/2.0/UDP a:65536",
        b"SIP/2.0/UDP a:port",
        b"SIP/2.0/UDP [2001:db8::1",
        b"SIP/2.0/UDP 2001:db8::1",
        b"SIP/2.0/UDP a, SIP/2.0/UDP b",
    ],
)
def test_refused(value: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        parse_via(value)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("params", "wants"),
    [
        (b";rport", True),
        (b";rport;branch=z9hG4bK1", True),
        (b"; RPort ;branch=z9hG4bK1", True),
        (b";rport=", True),
        (b";rport=5060", True),
        (b";branch=z9hG4bKrport", False),
        (b";xrport", False),
        (b";rportx", False),
        (b';x=";rport"', False),
        (b'; x="y" ; rport', True),
        (b"", False),
    ],
)
def test_wants_rport(params: bytes, wants: bool) -> None:
    assert parse_via(b"SIP/2.0/UDP a" + params).wants_rport is wants


@pytest.mark.parametrize(
    ("value", "stamp"),
    [
        (b"192.0.2.9;branch=z9hG4bK1", None),
        (b"192.0.2.9:5060;branch=z9hG4bK1", None),
        (b"a;branch=z9hG4bK1", b"a;branch=z9hG4bK1;received=192.0.2.9"),
        (b"10.0.0.1:5070;branch=z9hG4bK1", b"10.0.0.1:5070;branch=z9hG4bK1;received=192.0.2.9"),
        (b"10.0.0.1;rport;branch=z9hG4bK1", b"10.0.0.1;rport=4060;branch=z9hG4bK1;received=192.0.2.9"),
        (b"192.0.2.9;rport;branch=z9hG4bK1", b"192.0.2.9;rport=4060;branch=z9hG4bK1;received=192.0.2.9"),
        (b"a;branch=z9hG4bK1;rport", b"a;branch=z9hG4bK1;rport=4060;received=192.0.2.9"),
        (b"a;branch=z9hG4bK1;rport=1", b"a;branch=z9hG4bK1;rport=4060;received=192.0.2.9"),
        (b"192.0.2.9;received=10.9.9.9;branch=z9hG4bK1", b"192.0.2.9;branch=z9hG4bK1;received=192.0.2.9"),
        (b"a;Received=10.9.9.9 ;rport;branch=z9hG4bK1", b"a;rport=4060;branch=z9hG4bK1;received=192.0.2.9"),
        (b'a;x=";rport;received=1";rport', b'a;x=";rport;received=1";rport=4060;received=192.0.2.9'),
        (b"a", b"a;received=192.0.2.9"),
    ],
)
def test_stamped(value: bytes, stamp: bytes | None) -> None:
    prefix = b"SIP/2.0/UDP "
    expected = None if stamp is None else prefix + stamp
    assert stamped(parse_via(prefix + value), "192.0.2.9", 4060) == expected


def test_stamped_with_ipv6() -> None:
    via = parse_via(b"SIP/2.0/UDP [2001:db8::9];branch=z9hG4bK1")
    assert stamped(via, "2001:db8::9", 5060) is None
    assert stamped(via, "2001:db8::a", 5060) == b"SIP/2.0/UDP [2001:db8::9];branch=z9hG4bK1;received=2001:db8::a"


def test_only_the_topmost_is_replaced() -> None:
    lines = (b"v: SIP/2.0/UDP a;rport;branch=z9hG4bK1 ,\r\n SIP/2.0/TCP b;branch=z9hG4bK2", b"v: SIP/2.0/TCP c")
    message = parse(request("top", change={"Via": lines}), FLOW)
    assert isinstance(message, Request)
    value = stamped(message.via, "192.0.2.9", 4060)
    assert value is not None
    message.restamp_via(value)
    assert message.values(b"via") == [
        b"SIP/2.0/UDP a;rport=4060;branch=z9hG4bK1;received=192.0.2.9",
        b"SIP/2.0/TCP b;branch=z9hG4bK2",
        b"SIP/2.0/TCP c",
    ]
    assert message.lines[1] == lines[1]
    assert message.via.params == {b"rport": None, b"branch": b"z9hG4bK1"}  # the sender's own words


@pytest.mark.parametrize(
    "line",
    [
        b"Via: SIP/2.0/UDP a:5070;rport;branch=z9hG4bK1",
        b"v: SIP/2.0/UDP a:5070;branch=z9hG4bK1;x=y;z",
        b"Via: SIP/2.0/TLS [2001:db8::1]:5070;branch=z9hG4bK1=x",
        b"Via: SIP/2.0/UDP a;branch=z9hG4bK1",
    ],
)
def test_the_quick_reading_is_the_slow_one(line: bytes) -> None:
    message = parse(request("quick", change={"Via": line}), FLOW)
    assert message.via == parse_via(line.partition(b": ")[2])


@pytest.mark.parametrize(
    "params", [b";;branch=z9hG4bK1", b";branch=z9hG4bK1;", b";branch=z9hG4bK1;;x", b";a b", b";<a>"]
)
def test_malformed_parameters_of_the_topmost_are_400(params: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        parse(request("rotten", change={"Via": b"Via: SIP/2.0/UDP a" + params}), FLOW)
    assert caught.value.status == 400
    assert caught.value.message is not None
