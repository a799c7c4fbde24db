"""URIs: their parts, their escapes, and which of them are equal (RFC 3261 §19.1.4)."""

from __future__ import annotations

import pytest

from softswitch.errors import PeerError
from softswitch.sip.uri import Uri, ipv6_of, parse_uri, same_uri, scheme_of, unescape


def test_all_parts() -> None:
    uri = parse_uri(b"SIPS:d%61rio;x=1:secret@ACME.Example:5061;Transport=TCP;lr?Subject=a%20b&Priority=urgent")
    assert uri == Uri(
        b"sips", b"d%61rio;x=1:secret", b"acme.example", 5061, b";Transport=TCP;lr", b"Subject=a%20b&Priority=urgent"
    )
    assert uri.user_text == "dario;x=1"
    assert uri.params == {b"transport": b"TCP", b"lr": None}
    assert uri.param(b"lr") == b""
    assert uri.param(b"maddr") is None


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        (b"sip:acme.example", b"acme.example", None),
        (b"sip:192.0.2.1:5080", b"192.0.2.1", 5080),
        (b"sip:dario@[2001:DB8::1]:5080", b"[2001:db8::1]", 5080),
        (b"sip:dario@[::ffff:192.0.2.1]", b"[::ffff:192.0.2.1]", None),
        (b"sip:a_b@under_score.example", b"under_score.example", None),
    ],
)
def test_hosts(text: bytes, host: bytes, port: int | None) -> None:
    uri = parse_uri(text)
    assert (uri.host, uri.port) == (host, port)


@pytest.mark.parametrize("user", [b"+49(30)555", b"*43", b"&=+$,;?/", b"a%40b", b"a;par=1", b"-_.!~*'()"])
def test_users_with_every_allowed_mark(user: bytes) -> None:
    assert parse_uri(b"sip:" + user + b"@acme.example").user == user


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"sip:",
        b"sip:@acme.example",
        b"sip:dario@",
        b"sip:dario@a b",
        b"sip:da rio@acme.example",
        b"sip:dario@acme.example:",
        b"sip:dario@acme.example:0",
        b"sip:dario@acme.example:65536",
        b"sip:dario@acme.example:123456",
        b"sip:dario@2001:db8::1",
        b"sip:dario@[2001:db8::1",
        b"sip:dario@[2001:db8::g]",
        b"sip:dario@[1::2::3]",
        b"sip:dario@[192.0.2.1]",
        b"sip:d%4rio@acme.example",
        b"sip:dario%@acme.example",
        b"sip:a@b@acme.example",
        b"sip:<dario@acme.example>",
        b'sip:"dario"@acme.example',
        b"sip:dario\0@acme.example",
        b"sip:dario@acme.example;a\x7f",
        b"acme.example",
        b"101",
    ],
)
def test_what_is_none(text: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        parse_uri(text)
    assert caught.value.status == 400


@pytest.mark.parametrize("text", [b"tel:+4930555", b"http://acme.example", b"urn:service:sos", b"soap.beep://a:1"])
def test_other_schemes_are_416(text: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        parse_uri(text)
    assert caught.value.status == 416


def test_scheme_of() -> None:
    assert scheme_of(b"TEL:+4930555") == b"tel"
    assert scheme_of(b"101") == b""
    assert scheme_of(b"") == b""


def test_escapes_are_undone_once() -> None:
    assert unescape(b"a%2541%41") == b"a%41A"
    assert parse_uri(b"sip:x@y;n%61me=%2541").params == {b"name": b"%41"}
    assert parse_uri(b"sip:x@y;%6C%72").param(b"lr") == b""
    assert parse_uri(b"sip:%ff@y").user_text == "\ufffd"


EQUAL = [
    (b"sip:%61nna@acme.example;transport=TCP", b"sip:anna@AcMe.ExAmPlE;Transport=tcp"),
    (b"sip:carla@acme.example", b"sip:carla@acme.example;newparam=5"),
    (b"sip:carla@acme.example", b"sip:carla@acme.example;security=on"),
    (b"sip:carla@acme.example;newparam=5", b"sip:carla@acme.example;security=on"),
    (
        b"sip:acme.example;transport=tcp;method=REGISTER?to=sip:dario%40acme.example",
        b"sip:acme.example;method=REGISTER;transport=tcp?to=sip:dario%40acme.example",
    ),
    (
        b"sip:anna@acme.example?subject=project%20x&priority=urgent",
        b"sip:anna@acme.example?priority=urgent&subject=project%20x",
    ),
    (b"SIP:anna@acme.example", b"sip:anna@acme.example"),
    (b"sip:anna@acme.example;n%61me=1", b"sip:anna@acme.example;NAME=1"),
    (b"sip:a@[2001:db8::1]", b"sip:a@[2001:0DB8:0:0:0:0:0:1]"),
    (b"sip:a@[2001:db8:::192.0.2.1]", b"sip:a@[2001:db8::c000:201]"),
    (b"tel:+4930555", b"tel:+4930555"),
]

DIFFERENT = [
    (b"SIP:ANNA@AcMe.ExAmPlE;Transport=udp", b"sip:anna@AcMe.ExAmPlE;Transport=UDP"),
    (b"sip:dario@acme.example", b"sip:dario@acme.example:5060"),
    (b"sip:dario@acme.example", b"sip:dario@acme.example;transport=udp"),
    (b"sip:dario@acme.example", b"sip:dario@acme.example:6000;transport=tcp"),
    (b"sip:carla@acme.example", b"sip:carla@acme.example?Subject=next%20meeting"),
    (b"sip:dario@phone21.acme.example", b"sip:dario@192.0.2.4"),
    (b"sip:carla@acme.example;security=on", b"sip:carla@acme.example;security=off"),
    (b"sip:carla@acme.example", b"sips:carla@acme.example"),
    (b"sip:carla@acme.example", b"sip:acme.example"),
    (b"sip:carla@acme.example", b"sip:carla:pw@acme.example"),
    (b"sip:carla@acme.example;maddr=192.0.2.1", b"sip:carla@acme.example"),
    (b"sip:carla@acme.example;user=phone", b"sip:carla@acme.example"),
    (b"sip:carla@acme.example;ttl=1", b"sip:carla@acme.example"),
    (b"sip:a%2Bb@acme.example", b"sip:a+b@acme.example"),
    (b"sip:a%3Ab@acme.example", b"sip:a:b@acme.example"),
    (b"sip:%00@acme.example", b"sip:%00%00@acme.example"),
    (b"sip:a@[2001:db8::1]", b"sip:a@[2001:db8::2]"),
    (b"sip:a@[::ffff:192.0.2.1]", b"sip:a@192.0.2.1"),
    (b"sip:a@b?x=1&x=2", b"sip:a@b?x=2"),
    (b"sip:a@b;x=1", b"sip:a@b;x=\"1"),
    (b"tel:+4930555", b"tel:+49-30-555"),
    (b"garbage", b"sip:a@b"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal(one: bytes, other: bytes) -> None:
    assert same_uri(one, other)
    assert same_uri(other, one)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different(one: bytes, other: bytes) -> None:
    assert not same_uri(one, other)
    assert not same_uri(other, one)


def test_equality_is_not_transitive() -> None:
    """RFC 3261 says so itself: an unknown parameter is ignored unless both have it."""
    plain, on, off = b"sip:c@d", b"sip:c@d;security=on", b"sip:c@d;security=off"
    assert same_uri(plain, on)
    assert same_uri(plain, off)
    assert not same_uri(on, off)


def test_ipv6_of() -> None:
    assert str(ipv6_of(b"[2001:db8:0::1]")) == "2001:db8::1"
    assert ipv6_of(b"[::1::2]") is None
    assert ipv6_of(b"[1]") is None
