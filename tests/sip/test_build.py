"""Messages of our own making: responses, ACK, CANCEL."""

from __future__ import annotations

import pytest
from torture.builder import Change, offer, request, response
from torture.row import FLOW

from softswitch.errors import PeerError
from softswitch.sip.build import ack_for, cancel_for, has_tag, respond, status_line
from softswitch.sip.message import Request, Response
from softswitch.sip.parse import parse

VIAS = (b"v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1,\r\n SIP/2.0/TCP a", b"Via: SIP/2.0/UDP b")


def invite(**change: Change) -> Request:
    message = parse(request("build", b"INVITE", body=offer(), change=change), FLOW)
    assert isinstance(message, Request)
    return message


def answer(data: bytes) -> Response:
    message = parse(data, FLOW)
    assert isinstance(message, Response)
    return message


def test_status_line() -> None:
    assert status_line(404) == b"SIP/2.0 404 Not Found"
    assert status_line(404, "Nobody") == b"SIP/2.0 404 Nobody"
    assert status_line(499) == b"SIP/2.0 499 "
    assert answer(respond(invite(), 499)).reason == b""


def test_a_response_repeats_the_request_lines() -> None:
    sent = invite(Via=VIAS, Subject=b"Subject: not repeated")
    got = answer(respond(sent, 486, headers=(b"Retry-After: 5",), body=b"busy", to_tag=b"ours"))
    assert got.start == b"SIP/2.0 486 Busy Here"
    assert got.lines == [
        *VIAS,
        sent.lines[sent.first[b"from"]],
        b"To: <sip:dario@acme.example>;tag=ours",
        sent.lines[sent.first[b"call-id"]],
        b"CSeq: 7 INVITE",
        b"Retry-After: 5",
        b"Content-Length: 4",
    ]
    assert got.body == b"busy"


def test_a_tag_that_is_there_stays() -> None:
    for line in (b"To: <sip:dario@acme.example>;tag=theirs", b"t: sip:dario@acme.example ; TAG = theirs"):
        sent = invite(To=line)
        assert has_tag(sent)
        assert answer(respond(sent, 200, to_tag=b"ours")).to.tag == b"theirs"


def test_a_user_called_tag_is_no_tag() -> None:
    sent = invite(To=b"To: <sip:tag@acme.example>")
    assert not has_tag(sent)
    assert answer(respond(sent, 200, to_tag=b"ours")).to.tag == b"ours"


def test_trying_has_no_tag_and_the_timestamp() -> None:
    sent = invite(Timestamp=b"Timestamp: 54")
    trying = answer(respond(sent, 100, to_tag=b"ours"))
    assert trying.to.tag == b""
    assert trying.get(b"timestamp") == b"54"
    assert not answer(respond(sent, 180, to_tag=b"ours")).has(b"timestamp")


def test_a_request_without_from_is_answered_with_what_it_has() -> None:
    with pytest.raises(PeerError) as caught:
        invite(From=None, To=None)
    assert isinstance(caught.value.message, Request)
    data = respond(caught.value.message, 400, to_tag=b"ours")
    assert data.startswith(b"SIP/2.0 400 Bad Request\r\nVia: ")
    assert b"Call-ID: build@" in data
    assert b"To:" not in data


def test_ack_goes_the_way_of_its_invite() -> None:
    sent = invite(Via=VIAS, Route=(b"Route: <sip:a;lr>", b"Route: <sip:b;lr>"))
    final = answer(respond(sent, 486, to_tag=b"theirs"))
    ack = parse(ack_for(sent, final), FLOW)
    assert isinstance(ack, Request)
    assert (ack.method, ack.uri) == (b"ACK", sent.uri)
    assert ack.all(b"via") == [b"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"]
    assert ack.values(b"route") == [b"<sip:a;lr>", b"<sip:b;lr>"]
    assert ack.to.tag == b"theirs"
    assert ack.cseq == (7, b"ACK")
    assert (ack.call_id, ack.from_) == (sent.call_id, sent.from_)


def test_cancel_is_of_the_same_transaction() -> None:
    sent = invite(Via=VIAS, Route=b"Route: <sip:a;lr>")
    cancel = parse(cancel_for(sent, (b'Reason: SIP;cause=200;text="Call completed elsewhere"',)), FLOW)
    assert isinstance(cancel, Request)
    assert cancel.uri == sent.uri
    assert cancel.all(b"via") == [b"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"]
    assert cancel.values(b"route") == [b"<sip:a;lr>"]
    assert cancel.cseq == (7, b"CANCEL")
    assert cancel.to.tag == b""
    assert cancel.values(b"reason") == [b'SIP;cause=200;text="Call completed elsewhere"']
    assert not cancel.has(b"require")


def test_a_response_knows_its_parts() -> None:
    got = answer(response("parts", b"SIP/2.0 404 Not Here"))
    assert (got.status, got.reason) == (404, b"Not Here")
    assert answer(response("parts", b"sip/2.0 180")).reason == b""


def test_a_version_in_small_letters_is_read_and_goes_on_in_capitals() -> None:
    head = b"SiP/2.0 486 Busy Here\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
    got = parse(head + b"To: <sip:c@b>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n", FLOW)
    assert got.to_bytes().startswith(b"SIP/2.0 486 Busy Here\r\n")
