"""Session descriptions: nothing is lost, streams are found and placed, and only PeerError escapes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.errors import PeerError
from softswitch.sip.sdp import MAX_MEDIA, Sdp

PHONE = (
    b"v=0\r\no=anna 7 8 IN IP4 192.168.1.20\r\ns=talk\r\nx=what is this\r\nc=IN IP4 192.168.1.20\r\nt=0 0\r\n"
    b"a=group:BUNDLE 0 1\r\na=ice-lite\r\n"
    b"m=audio 4000/2 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\na=rtcp-mux\r\n"
    b"a=candidate:1 1 UDP 2130706431 192.168.1.20 4000 typ host\r\na=ice-ufrag:abcd\r\na=end-of-candidates\r\n"
    b"a=rtcp:4007 IN IP4 192.168.1.21\r\na=icecream:yes\r\na=sendonly\r\n"
    b"m=video 0 RTP/AVP 96\r\nc=IN IP6 2001:db8::5\r\n"
)


def test_what_a_phone_says_is_found():
    sdp = Sdp.parse(PHONE)
    audio, video = sdp.media
    assert (audio.kind, audio.port, audio.protocol, audio.formats) == (b"audio", 4000, b"RTP/AVP", [b"8", b"0", b"101"])
    assert sdp.host(audio) == "192.168.1.20"
    assert audio.rtcp == ("192.168.1.21", 4007)
    assert sdp.direction(audio) == b"sendonly"
    assert sdp.is_held(audio)
    assert (video.port, sdp.host(video), video.rtcp) == (0, "2001:db8::5", (None, 1))
    assert not sdp.is_held(video)


def test_placing_changes_addresses_and_ports_and_nothing_else():
    sdp = Sdp.parse(PHONE)
    sdp.remove_ice()
    sdp.remove_shared_ports()
    sdp.place("2001:db8::1", [(20000, 20001), None])
    assert bytes(sdp) == (
        b"v=0\r\no=anna 7 8 IN IP6 2001:db8::1\r\ns=talk\r\nx=what is this\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\n"
        b"m=audio 20000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n"
        b"a=rtcp:20001\r\na=icecream:yes\r\na=sendonly\r\n"
        b"m=video 0 RTP/AVP 96\r\nc=IN IP6 2001:db8::1\r\n"
    )


def test_an_address_of_zeros_stays_because_it_means_hold():
    sdp = Sdp.parse(b"v=0\nc=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 0\n")
    assert sdp.is_held(sdp.media[0])
    sdp.place("192.0.2.1", [(20000, 20001)])
    assert bytes(sdp) == b"v=0\nc=IN IP4 0.0.0.0\nm=audio 20000 RTP/AVP 0\n"


def test_the_liberties_of_phones_pass():
    for body in (
        b"v=0\nm=audio 4000 RTP/AVP 0\nc=IN IP4 192.0.2.1",  # bare LF, no o=, s=, t=, no end
        b"v=0\r\n\r\nc=IN IP4 192.0.2.1/127\r\nm=audio 4000 RTP/AVP 0\r\n\r\n",
        b"v=0 \r\nc=IN IP4  192.0.2.1 \r\nm=audio  4000  RTP/AVP 0 \r\n",
        b"v=0\r\no=- 1 1 IN IP4 \xfc\xff\r\ns=Gespr\xe4ch\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n",
        b"v=0\r\ns=no media at all\r\n",
        b"v=0\r\nm=audio 0 RTP/AVP 0\r\n",
    ):
        assert bytes(Sdp.parse(body)) == body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n",
        b"hello",
        b"v=0\rm=audio 0 RTP/AVP 0\r",
        b"o=- 1 1 IN IP4 192.0.2.1\r\nv=0\r\n",
        b"v=0\r\nm=audio 4000 RTP/AVP 0\r\n",
        b"v=0\r\nc=IN IP4\r\nm=audio 4000 RTP/AVP 0\r\n",
        b"v=0\r\nc=ATM NSAP 47\r\nm=audio 4000 RTP/AVP 0\r\n",
        b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio\r\n",
        b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 65536 RTP/AVP 0\r\n",
        b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio -1 RTP/AVP 0\r\n",
        b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4\xc2\xb2 RTP/AVP 0\r\n",
        b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\na=rtcp:x\r\n",
        b"v=0\r\nc=IN IP4 192.0.2.1\r\n" + b"m=audio 4000 RTP/AVP 0\r\n" * (MAX_MEDIA + 1),
        b"v=0\r\nc=IN IP4 192.0.2.1\r\n folded\r\nm=audio 4000 RTP/AVP 0\r\n",
    ],
)
def test_what_cannot_be_placed_is_refused(body):
    with pytest.raises(PeerError) as caught:
        Sdp.parse(body)
    assert caught.value.status == 488


_WORDS = st.sampled_from(
    [*PHONE.replace(b"\r\n", b" \r\n ").split(b" "), b"\n", b"", b"m=", b"c=", b"a=rtcp:", b"0.0.0.0", b"::"]
)
_BODIES = st.one_of(
    st.binary(max_size=200),
    st.lists(_WORDS, max_size=60).map(b" ".join),
    st.lists(st.sampled_from(PHONE.splitlines(keepends=True)), max_size=20).map(
        lambda lines: b"v=0\r\n" + b"".join(lines)
    ),
)


@given(_BODIES)
def test_only_peererror_escapes_and_printing_is_a_fixed_point(body):
    try:
        sdp = Sdp.parse(body)
    except PeerError:
        return
    assert bytes(sdp) == body
    sdp.remove_ice()
    sdp.remove_shared_ports()
    placed = [(20000 + 2 * n, 20001 + 2 * n) if media.port else None for n, media in enumerate(sdp.media)]
    sdp.place("192.0.2.1", placed)
    again = Sdp.parse(bytes(sdp))
    assert bytes(again) == bytes(sdp)
    assert [media.port for media in again.media] == [pair[0] if pair else 0 for pair in placed]
