"""Names, lists and parameters of header fields (RFC 3261 §7.3)."""

from __future__ import annotations

import pytest
from torture.builder import request
from torture.row import FLOW

from softswitch.errors import PeerError
from softswitch.sip.headers import COMPACT, NAMES, key_of, split_list
from softswitch.sip.params import parse_params
from softswitch.sip.parse import parse


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (b"Via", b"via"),
        (b"v", b"via"),
        (b"V", b"via"),
        (b"VIA \t", b"via"),
        (b"cAlL-iD", b"call-id"),
        (b"X-Unknown", b"x-unknown"),
        (b"Remote-Party-ID", b"remote-party-id"),
        (b"", None),
        (b" Via", None),
        (b"Via X", None),
        (b"V\xc3\xafa", None),
        (b"Via\0", None),
    ],
)
def test_key_of(name: bytes, key: bytes | None) -> None:
    assert key_of(name) == key


def test_every_compact_form_reads_as_its_long_one() -> None:
    for short, long in COMPACT.items():
        assert key_of(short) == key_of(short.upper()) == key_of(long.title()) == long


def test_unknown_names_do_not_fill_the_memory() -> None:
    before = len(NAMES)
    for number in range(before, before + 5000):
        assert key_of(b"X-%d" % number) == b"x-%d" % number
    assert len(NAMES) <= before + 2000


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        (b"", []),
        (b"  ", []),
        (b"a", [b"a"]),
        (b" a , b,c ", [b"a", b"b", b"c"]),
        (b",a,,b,", [b"a", b"b"]),
        (b'"a,b" <x>,c', [b'"a,b" <x>', b"c"]),
        (b'"a\\",b" <x>,c', [b'"a\\",b" <x>', b"c"]),
        (b'"a\\\\",c', [b'"a\\\\"', b"c"]),
        (b"<sip:a,b@c>,<sip:d@e>", [b"<sip:a,b@c>", b"<sip:d@e>"]),
        (b'<sip:a"b@c>,<sip:d"e@f>', [b'<sip:a"b@c>', b'<sip:d"e@f>']),
        (b'<a>;x="1,2",b', [b'<a>;x="1,2"', b"b"]),
        (b"a\\,b", [b"a\\", b"b"]),
        (b'"open, b', [b'"open, b']),
    ],
)
def test_split_list(value: bytes, parts: list[bytes]) -> None:
    assert split_list(value) == parts


@pytest.mark.parametrize(
    ("text", "params"),
    [
        (b"", {}),
        (b";a", {b"a": None}),
        (b";a=", {b"a": b""}),
        (b" ; A = b ; c=D ", {b"a": b"b", b"c": b"D"}),
        (b';a="b;c=\\"d\\""', {b"a": b'b;c="d"'}),
        (b";a=1;A=2", {b"a": b"1"}),
        (b";;a;", {b"a": None}),
        (b";maddr=[2001:db8::1]", {b"maddr": b"[2001:db8::1]"}),
        (b";opaque=abc==", {b"opaque": b"abc=="}),
    ],
)
def test_params(text: bytes, params: dict[bytes, bytes | None]) -> None:
    assert parse_params(text) == params


@pytest.mark.parametrize("text", [b"a", b";a b", b';a="b', b';a="b"c', b";a<", b";a=b c", b";\0"])
def test_params_refused(text: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        parse_params(text)
    assert caught.value.status == 400


def test_values_in_either_notation() -> None:
    lines = (b"Route: <sip:a;lr>,<sip:b;lr>", b"ROUTE :\r\n <sip:c;lr>")
    message = parse(request("either", change={"Route": lines}), FLOW)
    assert message.values(b"route") == [b"<sip:a;lr>", b"<sip:b;lr>", b"<sip:c;lr>"]
    assert message.all(b"route") == [b"<sip:a;lr>,<sip:b;lr>", b"<sip:c;lr>"]
    assert message.get(b"route") == b"<sip:a;lr>,<sip:b;lr>"
    assert message.get(b"path") is None
    assert message.values(b"path") == []


def test_lines_stay_as_they_came() -> None:
    odd = (b"x-ODD :  a \t", b"sUBJECT:b\r\n\t c", b"x-ODD: \xff\xfe", b"k:")
    data = request("odd", change={"X": odd})
    message = parse(data, FLOW)
    assert message.to_bytes() == data
    assert message.lines[6:10] == list(odd)
