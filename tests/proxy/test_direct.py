"""The table that decides whether sound needs the relay: a row at a time, and the same as in docs/media.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from softswitch.proxy.direct import ROWS, Party, contact_named, offer_named, row_of

MEDIA = Path(__file__).parent.parent.parent / "docs" / "media.md"


def party(source: str, *named: str, word: str = "direct", network: str = "office-lan", encrypts: bool = False) -> Party:
    return Party(word, encrypts, network, source, frozenset(named or (source,)))


DESK, LAPTOP = party("10.0.0.20"), party("10.0.0.30")
HOME = "direct behind one router"
HERE, THERE = party("192.0.2.7", "192.168.1.2", word=HOME), party("192.0.2.7", "192.168.1.3", word=HOME)
CASES = [
    ("a phone has a word on encryption", DESK._replace(encrypts=True), LAPTOP),
    ("a phone has a word on encryption", DESK, LAPTOP._replace(encrypts=True, word="relay")),
    ("a phone may not where it is", DESK._replace(word="relay"), LAPTOP),
    ("a phone may not where it is", DESK, LAPTOP._replace(word="direct in other-lan")),
    ("the addresses are not known yet", DESK._replace(named=frozenset()), LAPTOP),
    ("they are in different networks", DESK, LAPTOP._replace(network="internet")),
    ("they are in different networks", DESK, party("2001:db8::2", network="office-lan IPv6")),
    ("no router stands before either of them", DESK, LAPTOP),
    ("no router stands before either of them", DESK._replace(word="direct in office-lan"), LAPTOP),
    ("no router stands before either of them", DESK._replace(word=HOME), LAPTOP),
    ("no router stands before either of them", party("192.0.2.20"), party("198.51.100.3")),
    (
        "no router stands before either of them",
        party("2001:db8::2", network="office-lan IPv6", word="direct in office-lan"),
        party("2001:db8::3", network="office-lan IPv6"),
    ),
    ("both are in one home", HERE, THERE),
    ("a router stands between", HERE, THERE._replace(word="direct")),
    ("a router stands between", HERE, THERE._replace(named=frozenset(("192.168.2.3",)))),
    ("a router stands between", HERE, THERE._replace(source="192.0.2.8")),
    ("a router stands between", party("192.0.2.7", "192.0.2.7", "10.0.0.1"), party("192.0.2.8")),
    ("a router stands between", party("10.0.0.20"), party("192.0.2.8")),
    ("a router stands between", party("10.0.0.20", "phone.example"), LAPTOP),
    ("a router stands between", party("10.0.0.20", ""), party("10.0.0.20", "", word=HOME)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "one", "other"), CASES)
def test_a_row(text: str, one: Party, other: Party) -> None:
    assert row_of(one, other).text == text
    assert row_of(other, one).text == text, "whoever calls"


def test_each_row_has_a_case() -> None:
    assert {text for text, *_ in CASES} == {row.text for row in ROWS}


def test_the_page_has_the_same_table() -> None:
    section = MEDIA.read_text(encoding="utf-8").partition("## When sound needs the relay")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+?) \|[^|]*\| (relay|straight) \|$", section, re.MULTILINE)
    assert rows == [(row.text, "straight" if row.straight else "relay") for row in ROWS]


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ("c=IN IP4 10.0.0.20\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n", {"10.0.0.20"}),
        ("t=0 0\r\nm=audio 4000 RTP/AVP 8\r\nc=IN IP4 10.0.0.20\r\nm=video 0 RTP/AVP 99\r\n", {"10.0.0.20"}),
        ("c=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n", set()),
        ("c=IN IP6 2001:DB8:0::2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n", {"2001:db8::2"}),
        ("c=IN IP4 10.0.0.20\r\nt=0 0\r\n", set()),
        ("t=0 0\r\nm=audio 4000 RTP/AVP 8\r\n", {""}),
    ],
)
def test_what_an_offer_names(lines: str, named: set[str]) -> None:
    assert offer_named(f"v=0\r\no=- 1 1 IN IP4 10.0.0.20\r\ns=-\r\n{lines}".encode()) == named


def test_what_can_not_be_read_is_nobody_s_address() -> None:
    assert offer_named(b"nonsense") == {""}
    assert contact_named(b"sip:") == {""}
    assert contact_named(b"sip:anna@[2001:DB8::2]:5060") == {"2001:db8::2"}
