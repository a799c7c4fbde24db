"""One row of the torture tables: a message, what the parser makes of it, and what a whole switch does with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest

from softswitch.errors import PeerError
from softswitch.flow import Flow, Listener
from softswitch.sip.build import respond
from softswitch.sip.message import Request, Response
from softswitch.sip.parse import parse
from softswitch.sip.uri import parse_uri, scheme_of

from .builder import answering, request

FLOW = Flow(Listener(0, "UDP", "192.0.2.1", 5060, "192.0.2.1", 5060, "office-lan"), "192.0.2.20", 5060)


@dataclass(frozen=True)
class Accepted:
    """The parser takes it."""


@dataclass(frozen=True)
class Refused:
    """It is answered: by the parser, or by the first look that every switch takes at a Request-URI."""

    status: int


@dataclass(frozen=True)
class Dropped:
    """No answer, nothing forwarded."""


@dataclass(frozen=True)
class Forwarded:
    """A proxy sends it on with every line that isn't the proxy's business as it came, and the body."""


@dataclass(frozen=True)
class Answered:
    """A final response with one of these statuses, whose header lines include all of `lines`."""

    statuses: tuple[int, ...]
    lines: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Row:
    """A message of a table."""

    name: str
    """As the RFC calls it."""
    section: str
    why: str
    """What is right or wrong with it, and the rule."""
    data: bytes
    parsed: Accepted | Refused | Dropped
    switch: Forwarded | Answered | Dropped
    """What a proxy does, or a registrar with a REGISTER, when the sender is trusted and Dario's phone is registered."""
    facts: tuple[Callable[[Any], object], ...] = field(default=())
    """What must hold of the parsed message."""


class Harness(Protocol):
    """A switch to try rows on: acme.example, with Dario's phone registered and the caller's address a trusted peer.

    It is at 192.0.2.1 and [2001:db8::1], port 5060, serves no other domain, and takes a REGISTER for Carla's.
    """

    def send(self, data: bytes) -> list[bytes]:
        """Give it a datagram from the caller; everything it then sends, to whomever."""
        ...

    def answer(self, data: bytes) -> list[bytes]:
        """Give it a datagram from Dario's phone; everything it then sends, to whomever."""
        ...


def first_look(data: bytes) -> Request | Response:
    """Parse it, and look at the Request-URI as validation does (RFC 3261 §16.3)."""
    message = parse(data, FLOW)
    if isinstance(message, Request) and scheme_of(message.uri) != b"tel":
        try:
            parse_uri(message.uri)
        except PeerError as error:
            raise PeerError(error.status, error.reason, message=message) from None
    return message


def check_parsed(parsed: Accepted | Refused | Dropped, data: bytes) -> Request | Response | None:
    """Assert the parser's verdict; the message, when there is one."""
    if isinstance(parsed, Accepted):
        return first_look(data)
    with pytest.raises(PeerError) as caught:
        first_look(data)
    if isinstance(parsed, Dropped):
        assert caught.value.message is None, f"would be answered with {caught.value}"
    else:
        assert caught.value.status == parsed.status
        assert caught.value.message is not None, "would be dropped"
    return None


def check_answer(status: int, data: bytes) -> None:
    """Assert that the refusal finds its way back: it bears every Via line of what it answers, in order."""
    with pytest.raises(PeerError) as caught:
        first_look(data)
    refused = caught.value.message
    assert isinstance(refused, Request)
    start, *lines = respond(refused, status, to_tag=b"ours").partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert start.startswith(b"SIP/2.0 %d " % status)
    vias = [line for line, key in zip(refused.lines, refused.keys, strict=True) if key == b"via"]
    assert vias
    assert lines[: len(vias)] == vias


def check_row(row: Row, harness: Harness) -> None:
    """Assert what a whole switch does with the row."""
    if row.data.startswith(b"SIP/2.0") and isinstance(row.switch, Forwarded):
        sent = harness.send(request("call-" + row.name, b"INVITE"))
        invite = next(data for data in sent if data.startswith(b"INVITE "))
        given = answering(row.data, invite)
        sent = harness.answer(given)
    else:
        given = row.data
        sent = harness.send(given)
    if isinstance(row.switch, Dropped):
        assert sent == []
    elif isinstance(row.switch, Answered):
        # Not parsed: the answer to a request without From has none either.
        assert all(data.startswith(b"SIP/2.0 ") for data in sent), "forwarded all the same"
        final = [data for data in sent if not data.startswith(b"SIP/2.0 1")]
        assert len(final) == 1, sent
        assert int(final[0][8:11]) in row.switch.statuses
        for line in row.switch.lines:
            assert b"\r\n" + line + b"\r\n" in final[0]
    else:
        _check_forwarded(given, sent)


# What a proxy changes by its trade: RFC 3261 §16.6; credentials are its own; the address of the media may be replaced.
_OURS = (b"via", b"max-forwards", b"route", b"record-route", b"content-length", b"proxy-authorization")


def _check_forwarded(given: bytes, sent: list[bytes]) -> None:
    before = parse(given, FLOW)
    candidates = [parse(data, FLOW) for data in sent]
    kind = type(before)
    copies = [one for one in candidates if isinstance(one, kind) and not _is_trying(one)]
    assert len(copies) == 1, sent
    after = copies[0]
    if isinstance(before, Request) and isinstance(after, Request):
        assert after.method == before.method
    else:
        assert after.start == before.start
    kept = [line for line, key in zip(before.lines, before.keys, strict=True) if key not in _OURS]
    rest = iter(after.lines)
    missing = [line for line in kept if line not in rest]  # consumes `rest`: so the order counts too
    assert missing == []
    assert after.values(b"via")[-1] == before.values(b"via")[-1] or len(before.values(b"via")) == 1  # it is stamped
    if (before.get(b"content-type") or b"").lower() != b"application/sdp":
        assert after.body == before.body


def _is_trying(message: Request | Response) -> bool:
    return isinstance(message, Response) and message.status == 100
