"""Whom a call out shows as its caller, in each kind of provider's words."""

from __future__ import annotations

import pytest

from softswitch.bridge.identity import Identity, lines_for
from softswitch.dialplan.network import STYLES
from softswitch.dialplan.trunk import Style, Trunk

MAIN = "+498912340"
CALLER = "+4930123456"


def trunk(style: Style) -> Trunk:
    return Trunk("city", "sip.provider.example:5070", True, "acme", "acme", "city", number=MAIN, style=style)


@pytest.mark.parametrize(
    ("like", "identity", "sender", "lines"),
    [
        ("number in From", Identity(CALLER), b"<sip:+4930123456@sip.provider.example>", ()),
        ("number in From", Identity(""), b"<sip:+498912340@sip.provider.example>", ()),
        (
            "number in From",
            Identity(CALLER, MAIN, forwarded=True),
            b"<sip:+4930123456@sip.provider.example>",
            (b"Diversion: <sip:+498912340@sip.provider.example>;reason=unconditional;counter=1",),
        ),
        (
            "account in From",
            Identity(CALLER),
            b"<sip:acme@sip.provider.example>",
            (b"P-Preferred-Identity: <sip:+4930123456@sip.provider.example>",),
        ),
        (
            "account in From",
            Identity(CALLER, hidden=True),
            b'"Anonymous" <sip:anonymous@anonymous.invalid>',
            (b"P-Preferred-Identity: <sip:+4930123456@sip.provider.example>", b"Privacy: id"),
        ),
        (
            "asserted",
            Identity(CALLER, MAIN, forwarded=True),
            b"<sip:acme@sip.provider.example>",
            (
                b"P-Asserted-Identity: <sip:+4930123456@sip.provider.example>",
                b"History-Info: <sip:+498912340@sip.provider.example>;index=1",
            ),
        ),
        (
            "gateway",
            Identity(CALLER, MAIN, forwarded=True),
            b"<sip:08912340@sip.provider.example>",
            (b"Remote-Party-ID: <sip:08912340@sip.provider.example>;party=calling;screen=yes;privacy=off",),
        ),
    ],
)
def test_each_kind_of_provider(like: str, identity: Identity, sender: bytes, lines: tuple[bytes, ...]) -> None:
    assert lines_for(identity, trunk(STYLES[like]), "DE") == (sender, lines)


@pytest.mark.parametrize(
    ("numbers", "written"),
    [("+49", "+4930123456"), ("49", "4930123456"), ("0049", "004930123456"), ("089", "030123456")],
)
def test_numbers_are_written_as_the_provider_wants(numbers: str, written: str) -> None:
    one = trunk(Style(numbers=numbers))
    assert one.written(CALLER, "DE") == written
    assert one.written("112", "DE") == "112"


def test_abroad_in_national_writing_has_the_countrys_own_prefix() -> None:
    one = trunk(Style(numbers="089"))
    assert one.written("+442079460958", "DE") == "00442079460958"
    assert one.written("+442079460958", "US") == "011442079460958"
