"""A dialog of our own: what it takes from the first messages, what it sends, what it refuses."""

from __future__ import annotations

import pytest
from torture.row import FLOW

from softswitch.dialog.dialog import Dialog
from softswitch.errors import PeerError
from softswitch.sip.build import respond
from softswitch.sip.message import Request, Response
from softswitch.sip.parse import parse

CONTACT = b"<sip:101@192.0.2.1:5060>"


def request(method: bytes = b"INVITE", cseq: int = 7, to: bytes = b"<sip:101@acme.example>", *extra: bytes) -> Request:
    lines = (
        b"%b sip:101@acme.example SIP/2.0" % method,
        b"Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKx",
        b'From: "Carla" <sip:carla@acme.example>;tag=theirs',
        b"To: " + to,
        b"Call-ID: one@example",
        b"CSeq: %d %b" % (cseq, method),
        *extra,
        b"Content-Length: 0\r\n\r\n",
    )
    message = parse(b"\r\n".join(lines), FLOW)
    assert isinstance(message, Request)
    return message


def called(*extra: bytes) -> Dialog:
    invite = request(b"INVITE", 7, b"<sip:101@acme.example>", b"Contact: <sip:carla@192.0.2.9:5062>", *extra)
    return Dialog.as_server(invite, b"ours", CONTACT, FLOW)


def sent(dialog: Dialog, method: bytes = b"BYE", cseq: int | None = None) -> Request:
    message = parse(dialog.request(method, b"z9hG4bKours", cseq=cseq), FLOW)
    assert isinstance(message, Request)
    return message


def test_who_is_called_swaps_the_two_sides() -> None:
    bye = sent(called(b"Record-Route: <sip:a;lr>, <sip:b;lr>"))
    assert bye.uri == b"sip:carla@192.0.2.9:5062"
    assert (bye.from_.tag, bye.to.tag, bye.cseq) == (b"ours", b"theirs", (1, b"BYE"))
    assert bye.get(b"to") == b'"Carla" <sip:carla@acme.example>;tag=theirs'
    assert bye.values(b"route") == [b"<sip:a;lr>", b"<sip:b;lr>"]


def test_who_calls_takes_the_routes_the_other_way_round() -> None:
    invite = request(b"INVITE", 7, b"<sip:101@acme.example>", b"Contact: <sip:us@192.0.2.1>")
    headers = (b"Record-Route: <sip:a;lr>", b"Record-Route: <sip:b;lr>", b"Contact: <sip:desk@192.0.2.7>")
    response = parse(respond(invite, 200, "", headers, to_tag=b"desk"), FLOW)
    assert isinstance(response, Response)
    dialog = Dialog.as_client(invite, response, b"<sip:us@192.0.2.1>", FLOW)
    assert dialog.key == (b"one@example", b"theirs")
    bye = sent(dialog)
    assert bye.uri == b"sip:desk@192.0.2.7"
    assert bye.values(b"route") == [b"<sip:b;lr>", b"<sip:a;lr>"]
    assert (bye.to.tag, bye.cseq) == (b"desk", (8, b"BYE"))
    assert sent(dialog, b"ACK", 7).cseq == (7, b"ACK")
    assert sent(dialog, b"INVITE").cseq == (9, b"INVITE"), "an ACK takes no number"


def test_a_strict_router_gets_the_request_uri() -> None:
    bye = sent(called(b"Record-Route: <sip:old.example;x=1>, <sip:b;lr>"))
    assert bye.uri == b"sip:old.example;x=1"
    assert bye.values(b"route") == [b"<sip:b;lr>", b"<sip:carla@192.0.2.9:5062>"]


def test_requests_out_of_order_are_refused() -> None:
    dialog = called()
    dialog.accept(request(b"INFO", 9))
    with pytest.raises(PeerError) as refused:
        dialog.accept(request(b"INFO", 9))
    assert refused.value.status == 500
    dialog.accept(request(b"INFO", 30))


def test_a_reinvite_moves_the_target_and_an_info_does_not() -> None:
    dialog = called()
    dialog.accept(request(b"INFO", 8, b"<sip:101@acme.example>;tag=ours", b"Contact: <sip:carla@192.0.2.66>"))
    assert dialog.target == b"sip:carla@192.0.2.9:5062"
    dialog.accept(request(b"INVITE", 9, b"<sip:101@acme.example>;tag=ours", b"Contact: <sip:carla@192.0.2.66>"))
    assert dialog.target == b"sip:carla@192.0.2.66"
    assert sent(dialog).uri == b"sip:carla@192.0.2.66"


def test_without_contact_the_sender_is_the_target_and_a_star_is_none() -> None:
    assert Dialog.as_server(request(), b"ours", CONTACT, FLOW).target == b"sip:carla@acme.example"
    with pytest.raises(PeerError):
        Dialog.as_server(request(b"INVITE", 1, b"<sip:101@acme.example>", b"Contact: *"), b"ours", CONTACT, FLOW)
