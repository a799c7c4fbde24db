"""Credentials in the spellings of many phones; the examples of the RFCs."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrar.phone import refused
from softswitch.errors import PeerError
from softswitch.sip.digest import ALGORITHMS, parse_credentials

EXAMPLE = (
    b'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=%s, '
    b'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, '
    b'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="%s", '
    b'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", b"8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", b"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm: str, response: bytes) -> None:
    credentials = parse_credentials(EXAMPLE % (algorithm.encode(), response))
    assert credentials is not None
    chosen = ALGORITHMS[algorithm]
    ha1 = chosen.ha1(b"Mufasa", b"http-auth@example.org", b"Circle of Life")
    assert chosen.response(ha1, credentials, b"GET") == response == credentials.response


def test_sha_512_256_is_not_sha_512_cut_short() -> None:
    # FIPS 180-4: its own initial values. The digest of "abc".
    expected = b"53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"
    assert ALGORITHMS["SHA-512-256"].hash(b"abc") == expected


USUAL = (
    b'Digest username="anna", realm="r", nonce="n", uri="sip:r", response="x", algorithm=MD5, '
    b'cnonce="c", qop=auth, nc=00000001'
)


@pytest.mark.parametrize(
    "value",
    [
        USUAL,
        USUAL.replace(b", ", b","),
        USUAL.replace(b", ", b" ,\t"),
        USUAL.replace(b"=", b" = "),
        USUAL.replace(b"username", b"Username").replace(b"qop", b"QOP"),
        USUAL.replace(b"qop=auth", b'qop="auth"').replace(b"=MD5", b'="MD5"').replace(b"=00000001", b'="00000001"'),
        USUAL.replace(b'cnonce="c"', b"cnonce=c"),
        b'DIGEST nc=00000001,qop=auth,cnonce="c",algorithm=MD5,response="x",uri="sip:r",nonce="n",realm="r",'
        b'username="anna"',
        USUAL + b', opaque="a, username=\\"eve\\", b"',
        USUAL + b', username="eve"',
    ],
)
def test_spellings(value: bytes) -> None:
    for _ in range(2):  # the second time from memory
        assert parse_credentials(value) == (b"anna", b"r", b"n", b"sip:r", b"x", b"MD5", b"c", b"00000001", b"auth")


def test_a_comma_and_an_equals_sign_within_quotes() -> None:
    found = parse_credentials(USUAL.replace(b'cnonce="c"', b'cnonce="a,nc=2=="'))
    assert found is not None
    assert found.cnonce == b"a,nc=2=="
    assert found.nc == b"00000001"


def test_the_remembered_form_of_one_phone_does_not_leak_values_into_another() -> None:
    parse_credentials(USUAL)
    other = parse_credentials(USUAL.replace(b'"anna"', b'"carla"').replace(b'"n"', b'"m"'))
    assert other is not None
    assert (other.username, other.nonce) == (b"carla", b"m")


def test_escaped_quote_in_a_name() -> None:
    found = parse_credentials(USUAL.replace(b"anna", rb"an\"na"))
    assert found is not None
    assert (found.username, found.user_text) == (rb"an\"na", b'an"na')


def test_another_scheme_is_not_ours() -> None:
    assert parse_credentials(b"Basic YTpi") is None


@pytest.mark.parametrize(
    "value",
    [
        b"Digest ",
        b'Digest username="anna"',
        USUAL.replace(b"nc=00000001", b"nc=zzzzzzzz"),
        USUAL.replace(b"nc=00000001", b"nc=123456789"),
        USUAL.replace(b', cnonce="c"', b""),
        USUAL.replace(b'"anna"', b'"anna'),
    ],
)
def test_malformed(value: bytes) -> None:
    with refused(400):
        parse_credentials(value)


def test_a_qop_that_is_only_repeated_is_none() -> None:
    found = parse_credentials(USUAL.replace(b'cnonce="c", qop=auth, nc=00000001', b"qop=auth"))
    assert found is not None
    assert found.qop == b""


@given(st.binary(max_size=80).map(lambda tail: b"Digest " + tail))
def test_only_peer_errors_escape(value: bytes) -> None:
    with contextlib.suppress(PeerError):
        parse_credentials(value)
