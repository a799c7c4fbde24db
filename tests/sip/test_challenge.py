"""A challenge answered as our own server, and RFC 7616's example, would have it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.flow import Flow, Listener
from softswitch.sip.challenge import challenge_of
from softswitch.sip.digest import ALGORITHMS, parse_credentials
from softswitch.sip.message import Response
from softswitch.sip.parse import parse

FLOW = Flow(Listener(0, "UDP", "192.0.2.1", 5060, "192.0.2.1", 5060, "internet"), "192.0.2.2", 5060)


def refused(*challenges: bytes, status: int = 401) -> Response:
    field = b"WWW-Authenticate" if status == 401 else b"Proxy-Authenticate"
    lines = [b"SIP/2.0 %d Unauthorized" % status, b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx",
             b"From: <sip:a@b>;tag=1", b"To: <sip:a@b>;tag=2", b"Call-ID: c", b"CSeq: 1 REGISTER"]  # fmt: skip
    lines += [field + b": " + one for one in challenges]
    message = parse(b"\r\n".join((*lines, b"Content-Length: 0\r\n\r\n")), FLOW)
    assert isinstance(message, Response)
    return message


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
@pytest.mark.parametrize("qop", [b'qop="auth,auth-int", ', b""])
def test_the_answer_is_what_a_server_expects(algorithm: str, qop: bytes) -> None:
    value = b'Digest realm="p.example", %bnonce="n1", opaque="o", algorithm=%b' % (qop, algorithm.encode())
    challenge = challenge_of(refused(value))
    assert challenge is not None
    line = challenge.answer("acme", "secret", b"REGISTER", b"sip:p.example", b"cn")
    name, _, sent = line.partition(b": ")
    assert name == b"Authorization"
    assert b'opaque="o"' in sent
    credentials = parse_credentials(sent)
    assert credentials is not None
    one = ALGORITHMS[algorithm]
    assert credentials.response == one.response(one.ha1(b"acme", b"p.example", b"secret"), credentials, b"REGISTER")


def test_the_first_that_is_known_is_answered() -> None:
    """RFC 8760 §2.4."""
    challenge = challenge_of(
        refused(
            b'Digest realm="r", nonce="1", algorithm=SHA-1024',
            b'Digest realm="r", nonce="2", algorithm=SHA-256, qop="auth-int"',
            b'Digest realm="r", nonce="3", algorithm=sha-256, qop="auth"',
            b'Digest realm="r", nonce="4"',
            status=407,
        )
    )
    assert challenge is not None
    assert (challenge.nonce, challenge.proxy) == (b"3", True)


@pytest.mark.parametrize("value", [b"Basic realm=x", b"Digest", b'Digest realm="r"', b'Digest nonce="n"'])
def test_what_cannot_be_answered(value: bytes) -> None:
    assert challenge_of(refused(value)) is None


@given(st.binary(max_size=200).filter(lambda text: b"\r" not in text and b"\n" not in text and b"\0" not in text))
def test_nonsense_never_escapes(text: bytes) -> None:
    challenge_of(refused(b"Digest " + text))
