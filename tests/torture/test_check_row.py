"""`check_row` itself: it passes an honest proxy and catches those that tamper, answer wrongly or talk too much."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from softswitch.errors import PeerError
from softswitch.sip.build import respond
from softswitch.sip.message import Request

from .row import FLOW, Row, check_row, first_look, parse
from .test_tables import ROWS

VIA = b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-toy"


class Toy:
    """The least thing that looks like a proxy: answers what it must refuse, sends everything else on."""

    def __init__(self, tamper: Callable[[bytes], bytes] = lambda data: data) -> None:
        self.tamper = tamper

    def send(self, data: bytes) -> list[bytes]:
        try:
            message = first_look(data)
        except PeerError as error:
            return [self.tamper(respond(error.message, error.status))] if isinstance(error.message, Request) else []
        if not isinstance(message, Request):
            return []
        if message.max_forwards == 0:
            return [respond(message, 483)]
        copy = parse(message.to_bytes(), FLOW)
        copy.lines.insert(0, VIA)
        return [self.tamper(copy.to_bytes())]

    def answer(self, data: bytes) -> list[bytes]:
        copy = parse(data, FLOW)
        copy.lines.remove(VIA)
        return [self.tamper(copy.to_bytes())]


def row(name: str) -> Row:
    return next(row for row in ROWS if row.name == name)


@pytest.mark.parametrize(
    "name", ["wsinv", "esc02", "mpart01", "unreason", "insuf", "badvers", "zeromf", "bcast", "lf-only"]
)
def test_an_honest_proxy_passes(name: str) -> None:
    check_row(row(name), Toy())


@pytest.mark.parametrize(
    ("name", "what", "by"),
    [
        ("wsinv", b"X-Commas: ,;;,,;;,", b"X-Commas: ,"),
        ("wsinv", b"fROm    : ", b"From: "),
        ("esc02", b"C%6Fntact", b"Contact"),
        ("esc02", b"RE%47IST%45R", b"REGISTER"),
        ("mpart01", b"\0", b""),
        ("unreason", "это".encode(), b""),
        ("badvers", b"SIP/2.0 505", b"SIP/2.0 400"),
        ("bext01", b"OPTIONS", b"OPTIONS"),
    ],
)
def test_tampering_is_caught(name: str, what: bytes, by: bytes) -> None:
    with pytest.raises((AssertionError, PeerError)):
        check_row(row(name), Toy(lambda data: data.replace(what, by)))


def test_an_answer_to_what_must_be_dropped_is_caught() -> None:
    class Chatty(Toy):
        def send(self, data: bytes) -> list[bytes]:
            return [b"SIP/2.0 400 Bad Request\r\n\r\n"]

    with pytest.raises(AssertionError):
        check_row(row("lf-only"), Chatty())
