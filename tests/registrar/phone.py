"""A phone that writes REGISTERs, and computes its digests by itself from RFC 7616."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import pytest

from softswitch.errors import PeerError
from softswitch.flow import Flow, Listener
from softswitch.sip.message import Request
from softswitch.sip.parse import parse

SITE = "acme.example"
UDP = Listener(0, "UDP", "192.0.2.1", 5060, "192.0.2.1", 5060, "office")
TCP = Listener(1, "TCP", "192.0.2.1", 5060, "192.0.2.1", 5060, "office")
DESK = Flow(UDP, "192.0.2.7", 5060)
CONTACT = "<sip:anna@192.0.2.7>"


def register(
    *contacts: str,
    cseq: int = 1,
    call_id: str = "call-1",
    headers: Sequence[str] = (),
    flow: Flow = DESK,
    method: str = "REGISTER",
    uri: str = "sip:acme.example",
) -> Request:
    """A request as it arrives; each of `contacts` is a line of its own."""
    lines = [
        f"{method} {uri} SIP/2.0",
        "Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK1",
        "From: <sip:anna@acme.example>;tag=1",
        "To: <sip:anna@acme.example>",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        *[f"Contact: {contact}" for contact in contacts],
        *headers,
    ]
    request = parse("\r\n".join([*lines, "", ""]).encode(), flow)
    assert isinstance(request, Request)
    return request


def digest(algorithm: str, text: str) -> str:
    name = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}[algorithm]
    return hashlib.new(name, text.encode()).hexdigest()


def nonce_of(error: PeerError) -> str:
    found = re.search(rb'nonce="([^"]+)"', error.headers[0])
    assert found
    return found[1].decode()


def answer(
    nonce: str,
    user: str = "anna",
    password: str = "secret",
    algorithm: str = "MD5",
    nc: str | None = "00000001",
    uri: str = "sip:acme.example",
    method: str = "REGISTER",
    realm: str = SITE,
    shown_user: str | None = None,
) -> str:
    """An Authorization value; with nc None as a client from before qop writes it."""
    ha1 = digest(algorithm, f"{user}:{realm}:{password}")
    ha2 = digest(algorithm, f"{method}:{uri}")
    middle = f"{nc}:c0ffee:auth:" if nc is not None else ""
    response = digest(algorithm, f"{ha1}:{nonce}:{middle}{ha2}")
    qop = f', cnonce="c0ffee", qop=auth, nc={nc}' if nc is not None else ""
    return (
        f'Digest username="{shown_user or user}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
        f'response="{response}", algorithm={algorithm}{qop}'
    )


def refused(status: int) -> pytest.RaisesExc[PeerError]:
    """Expect a PeerError with this status."""
    return pytest.raises(PeerError, check=lambda error: error.status == status)
