"""Addresses: names, brackets, and whose the parameters are (RFC 3261 §20.10)."""

from __future__ import annotations

import pytest

from softswitch.errors import PeerError
from softswitch.sip.address import Address, parse_address


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"<sip:anna@acme.example>", Address(b"", b"sip:anna@acme.example", b"")),
        (b'"Anna Berger" <sip:a@b>;tag=1', Address(b"Anna Berger", b"sip:a@b", b";tag=1")),
        (b'"Anna"<sip:a@b>', Address(b"Anna", b"sip:a@b", b"")),
        (b'"" <sip:a@b>', Address(b"", b"sip:a@b", b"")),
        (b"Anna Berger  <sip:a@b> ; tag=1", Address(b"Anna Berger", b"sip:a@b", b"; tag=1")),
        (b'"A \\"B\\" \\\\ C" <sip:a@b>', Address(b'A "B" \\ C', b"sip:a@b", b"")),
        (b'"<sip:x@y>" <sip:a@b>', Address(b"<sip:x@y>", b"sip:a@b", b"")),
        (b"sip:a@b;tag=1", Address(b"", b"sip:a@b", b";tag=1")),
        (b" sip:a@b ; tag=1", Address(b"", b"sip:a@b", b"; tag=1")),
        (b"<sip:a@b;lr?x=y>;q=1", Address(b"", b"sip:a@b;lr?x=y", b";q=1")),
        (b"<tel:+4930555>", Address(b"", b"tel:+4930555", b"")),
        (b"Zo\xc3\xab <sip:a@b>", Address(b"Zo\xc3\xab", b"sip:a@b", b"")),
        (b'<sip:a@b>;x="<,>"', Address(b"", b"sip:a@b", b';x="<,>"')),
    ],
)
def test_read(value: bytes, expected: Address) -> None:
    assert parse_address(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"<>",
        b"< sip:a@b>",
        b"<sip:a@b >",
        b"<sip:a b>",
        b"<sip:a@b",
        b"sip:a@b>",
        b"<<sip:a@b>>",
        b'"Anna <sip:a@b>',
        b'"Anna" sip:a@b',
        b'"Anna" "Berger" <sip:a@b>',
        b"Berger, Anna <sip:a@b>",
        b'Anna "B" <sip:a@b>',
        b"<sip:a@b> tag=1",
        b"<sip:a@b>;tag=1,<sip:c@d>",
        b"sip:a@b?x=y",
        b"sip:a@b,sip:c@d",
        b'<sip:"a"@b>',
        b'<sip:a@b>;x="open',
        b";tag=1",
    ],
)
def test_refused(value: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        parse_address(value)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("params", "tag"),
    [
        (b"", b""),
        (b";tag=1", b"1"),
        (b"; TAG = 1 ; x", b"1"),
        (b";x=tag;tag=2", b"2"),
        (b';x=";tag=1";tag=2', b"2"),
        (b';x=";tag=1"', b""),
        (b";xtag=1", b""),
    ],
)
def test_tag(params: bytes, tag: bytes) -> None:
    assert parse_address(b"<sip:a@b>" + params).tag == tag


def test_params() -> None:
    address = parse_address(b'<sip:a@b>;Q=0.5;expires=60;+sip.instance="<urn:uuid:1>";ob')
    assert address.params == {b"q": b"0.5", b"expires": b"60", b"+sip.instance": b"<urn:uuid:1>", b"ob": None}
