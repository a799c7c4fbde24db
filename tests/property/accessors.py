"""Everything that can be asked of a parsed message, asked at once."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.errors import PeerError
from softswitch.flow import Flow, Listener
from softswitch.sip.address import Address, parse_address
from softswitch.sip.build import ack_for, cancel_for, respond
from softswitch.sip.headers import LISTS
from softswitch.sip.message import Request, Response
from softswitch.sip.parse import parse
from softswitch.sip.uri import parse_uri, same_uri
from softswitch.sip.via import parse_via, stamped

FLOW = Flow(Listener(0, "UDP", "192.0.2.1", 5060, "192.0.2.1", 5060, "office-lan"), "192.0.2.9", 4060)


def refusal(ask: Callable[[], object]) -> PeerError | None:
    """The PeerError that asking gives, which is an answer; anything else is a bug and comes through."""
    try:
        ask()
    except PeerError as error:
        return error
    return None


def tolerate(ask: Callable[[], object]) -> None:
    error = refusal(ask)
    assert error is None or 400 <= error.status <= 699


def ask_everything(message: Request | Response) -> None:
    """Every typed view of a message, and the messages we make from it. Only PeerError may come out, and none does."""
    assert message.call_id is not None
    tolerate(lambda: message.cseq)
    tolerate(lambda: _ask_address(message.from_))
    tolerate(lambda: _ask_address(message.to))
    tolerate(lambda: [_ask_address(one) for one in message.contacts()])
    for key in LISTS:
        for value in message.values(key):
            tolerate(lambda value=value: parse_via(value).params)  # type: ignore[misc]
            tolerate(lambda value=value: _ask_address(parse_address(value)))  # type: ignore[misc]
    tolerate(lambda: (message.via.sent_by, message.via.wants_rport))
    tolerate(lambda: message.via.received)
    tolerate(lambda: stamped(message.via, "2001:db8::1", 5060))
    assert repr(message)
    if isinstance(message, Request):
        tolerate(lambda: message.max_forwards)
        tolerate(lambda: _ask_uri(message.uri))
        respond(message, 100)
        respond(message, 400, to_tag=b"ours")
    else:
        assert message.reason is not None


def check_promise(data: bytes) -> Request | Response | None:
    """The whole promise on these bytes; the message, when they are one."""
    error = refusal(lambda: parse(data, FLOW))
    if error is not None:
        assert 400 <= error.status <= 699
        if error.message is not None:
            assert isinstance(error.message, Request)
            assert error.message.method != b"ACK"
            ask_everything(error.message)
        return None
    message = parse(data, FLOW)
    printed = message.to_bytes()
    assert parse(printed, FLOW).to_bytes() == printed
    ask_everything(message)
    if isinstance(message, Request):
        _check_answer(message)
        _check_stamp(message)
    return message


def _check_answer(request: Request) -> None:
    """What we answer to an accepted request is itself well-formed, and has no field that isn't ours to have there."""
    answer = parse(respond(request, 486, to_tag=b"ours"), FLOW)
    assert isinstance(answer, Response)
    assert answer.status == 486
    assert answer.cseq == request.cseq
    assert answer.to.tag == (request.to.tag or b"ours")
    assert set(answer.keys) == {b"via", b"from", b"to", b"call-id", b"cseq", b"content-length"}
    if request.method == b"INVITE":
        ack = parse(ack_for(request, answer), FLOW)
        assert ack.via.branch == request.via.branch
        assert ack.cseq == (request.cseq[0], b"ACK")
        cancel = parse(cancel_for(request), FLOW)
        assert cancel.via.branch == request.via.branch
        assert cancel.cseq == (request.cseq[0], b"CANCEL")


def _check_stamp(request: Request) -> None:
    """A stamped request is still one, and says where it came from, whatever its sender claimed."""
    branch = request.via.branch
    value = stamped(request.via, "192.0.2.9", 4060)
    if value is not None:
        request.restamp_via(value)
        again = parse(request.to_bytes(), FLOW)
        assert again.via.received == "192.0.2.9"
        assert again.via.branch == branch


def _ask_address(address: Address) -> None:
    tolerate(lambda: address.params)
    tolerate(lambda: address.tag)
    tolerate(lambda: _ask_uri(address.uri))


def _ask_uri(text: bytes) -> None:
    same_uri(text, b"sip:dario@acme.example;lr")
    uri = parse_uri(text)
    tolerate(lambda: uri.params)
    tolerate(lambda: uri.param(b"transport"))
    assert uri.user_text is not None
    assert same_uri(text, text + b"")
