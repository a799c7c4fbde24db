"""Finding the session description in a body, and putting another in its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.media.anchor import needs_anchor, sdp_of, with_sdp

SDP = b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n"
MIXED = b'multipart/mixed; charset=x; boundary="un ique+1"'
BODY = (
    b"preamble\r\n--un ique+1\r\nContent-Type: application/pidf+xml\r\n\r\n<x>--un ique</x>\r\n"
    b"--un ique+1 \r\nContent-Disposition: session\r\nContent-type:\r\n application/sdp\r\n\r\n" + SDP + b"\r\n"
    b"--un ique+1--\r\nepilogue \x00\xff"
)


@pytest.mark.parametrize("kind", [b"application/sdp", b"Application/SDP ; charset=utf-8", b" application/sdp"])
def test_a_plain_body_is_the_sdp(kind):
    assert needs_anchor(kind, SDP)
    assert sdp_of(kind, SDP) == SDP
    assert with_sdp(kind, SDP, b"new") == b"new"


def test_a_part_of_a_multipart_body_is_replaced_and_the_rest_is_kept():
    assert needs_anchor(MIXED, BODY)
    assert sdp_of(MIXED, BODY) == SDP
    assert with_sdp(MIXED, BODY, b"v=0\r\nnew") == BODY.replace(SDP, b"v=0\r\nnew")


def test_a_multipart_within_a_multipart():
    outer = b"--o\nContent-Type: " + MIXED + b"\n\n" + BODY + b"\n--o--"
    assert sdp_of(b"multipart/alternative;boundary=o", outer) == SDP
    assert with_sdp(b"multipart/alternative;boundary=o", outer, b"new") == outer.replace(SDP, b"new")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b"", b""),
        (b"application/sdp", b""),
        (b"application/sdpx", SDP),
        (b"text/plain", SDP),
        (b"multipart/mixed", BODY),
        (b'multipart/mixed; boundary="other"', BODY),
        (b"multipart/mixed; boundary=b", b"--b\r\nContent-Type: application/sdp\r\n\r\nv=0"),  # never closed
        (b"multipart/mixed; boundary=b", b"--b\r\n\r\n" + SDP + b"\r\n--b--"),  # text/plain by default
    ],
)
def test_bodies_without_an_sdp_are_left_alone(kind, body):
    assert not needs_anchor(kind, body)
    assert sdp_of(kind, body) is None
    assert with_sdp(kind, body, b"new") == body


@given(
    st.binary(max_size=80),
    st.lists(st.sampled_from([b"--b", b"--", b"\r\n", b"\n", SDP, b"Content-Type: application/sdp", b"c:"])),
)
def test_any_body_is_searched_without_an_exception(kind, parts):
    body = b"".join(parts)
    for content_type in (kind, b"multipart/mixed;boundary=b"):
        found = sdp_of(content_type, body)
        assert needs_anchor(content_type, body) == (found is not None)
        if found is not None:
            assert with_sdp(content_type, body, found) == body
