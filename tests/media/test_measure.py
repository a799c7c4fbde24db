"""What packets and reports tell of a stream: loss, jitter, round trip, and the score that follows."""

from __future__ import annotations

import random
import struct

import pytest

from softswitch.media.quality import ADDED_BOUNDS_MS, StreamQuality, added_ms, as_message, from_message, mos, told
from softswitch.media.relay.codecs import codecs_of
from softswitch.media.relay.measure import Measure, quality_of
from softswitch.sip.sdp import Sdp


def rtp(seq, stamp=None, ssrc=7, kind=0):
    stamp = seq * 160 if stamp is None else stamp
    return bytearray(struct.pack("!BBHII", 0x80, kind, seq & 0xFFFF, stamp & 0xFFFFFFFF, ssrc) + bytes(160))


def heard(packets, codecs=None):
    """A measure of packets, as (moment, packet)."""
    measure = Measure()
    measure.codecs = codecs or {0: ("PCMU", 8000), 8: ("PCMA", 8000), 96: ("opus", 48000)}
    for now, packet in packets:
        measure.note(packet, len(packet), now)
    return measure


def sender_report(ssrc, seconds, *blocks):
    """An SR of an NTP time, with report blocks."""
    head = struct.pack("!BBHI", 0x80 | len(blocks), 200, 6 + 6 * len(blocks), ssrc)
    return bytearray(head + struct.pack("!IIIII", int(seconds), int(seconds % 1 * 2**32), 0, 0, 0) + b"".join(blocks))


def receiver_report(ssrc, *blocks):
    return bytearray(struct.pack("!BBHI", 0x80 | len(blocks), 201, 1 + 6 * len(blocks), ssrc) + b"".join(blocks))


def block(ssrc, lost=0, jitter=0, last=0, since=0.0):
    return struct.pack("!IIIIII", ssrc, lost & 0xFFFFFF, 0, jitter, last, int(since * 65536))


@pytest.mark.parametrize("first", [0, 65_500])
def test_loss_by_sequence_numbers_also_when_they_wrap(first):
    numbers = [number for number in range(first, first + 200) if number % 10 != 3]
    measure = heard((0.02 * number, rtp(number)) for number in numbers)
    found = quality_of(measure, len(numbers))
    assert (found.packets, found.lost, round(found.loss, 3)) == (180, 20, 0.1)


def test_reordered_and_doubled_packets_are_not_lost():
    order = [1, 2, 4, 3, 5, 5, 6, 8, 7, 9]
    assert quality_of(heard((0.02 * number, rtp(number)) for number in order), len(order)).lost == 0


def test_another_source_and_a_jump_begin_anew():
    packets = [(0.02 * n, rtp(n)) for n in range(100)]
    packets += [(2 + 0.02 * n, rtp(n + 30_000, ssrc=9)) for n in range(100)]
    packets += [(4 + 0.02 * n, rtp(n + 50_000, ssrc=9)) for n in range(100)]
    measure = heard(packets)
    assert quality_of(measure, 300).lost == 0
    assert measure.jitter_seconds < 1e-9


def test_jitter_is_that_of_the_standard():
    """RFC 3550 appendix A.8, written as it stands there."""
    rng = random.Random(3)
    packets = [(0.02 * n + rng.random() * 0.01, rtp(n, n * 160 + (1 << 32) - 8000)) for n in range(500)]
    jitter, transit = 0.0, None
    for now, packet in packets:
        arrival = now * 8000 - (int.from_bytes(packet[4:8], "big") + (0 if packet[4] == 255 else 1 << 32))
        if transit is not None:
            jitter += (abs(arrival - transit) - jitter) / 16
        transit = arrival
    measured = heard(packets).jitter_seconds * 8000
    assert measured == pytest.approx(jitter, rel=0.05)
    assert 10 < measured < 40


def test_digits_and_the_clock_of_another_codec_are_no_jitter():
    packets = [(0.02 * n, rtp(n)) for n in range(50)]
    packets += [(0.02 * n, rtp(n, 50 * 160, kind=101)) for n in range(50, 70)]
    packets += [(0.02 * n, rtp(n, n * 960, kind=96)) for n in range(70, 120)]
    measure = heard(packets)
    assert (measure.codec, measure.rate) == ("opus", 48000)
    assert measure.jitter_seconds < 0.0005


def test_round_trip_and_what_the_other_party_misses():
    a, b = Measure(), Measure()
    a.join(b)
    for n in range(100):
        a.note(rtp(n), 172, 0.02 * n)
    sent = sender_report(7, 1_000_000.5)
    a.report(sent, len(sent), 10.0)
    # b got it 30 ms later, answered after 2 s, and its answer took 30 ms.
    answer = receiver_report(9, block(7, lost=5, jitter=80, last=(1_000_000 & 0xFFFF) << 16 | 0x8000, since=2.0))
    b.report(answer, len(answer), 12.06)
    assert b.round_trip == pytest.approx(0.06, abs=0.001)
    found = quality_of(a, 100)
    assert (found.reported_loss, found.lost, found.round_trip_ms) == (0.05, 0, -1.0)
    assert b.heard_jitter == 0.01
    assert quality_of(b, 0).round_trip_ms == pytest.approx(60, abs=1)
    both = sender_report(9, 5.0, block(7, lost=-3), block(12345, lost=99))
    b.report(both, len(both), 13.0)
    assert b.heard_lost == 0.0
    a.leave()
    assert (a.other, b.other) == (None, None)


def test_rtcp_on_the_port_of_rtp_is_no_packet_of_sound():
    measure = heard([(0.0, rtp(1)), (0.02, rtp(2))])
    measure.note(sender_report(7, 77.0), 28, 0.03)
    measure.note(rtp(3), 172, 0.04)
    found = quality_of(measure, 4)
    assert (found.packets, found.lost, len(measure.sent)) == (3, 0, 1)


def test_garbage_and_secret_reports_are_passed_over():
    rng = random.Random(5)
    a, b = Measure(), Measure()
    a.join(b)
    b.note(rtp(1), 172, 0.0)
    for _ in range(2000):
        junk = bytearray(rng.randbytes(rng.randrange(8, 80)))
        junk[0] = 0x80 | junk[0] & 0x3F
        junk[1] = rng.choice((200, 201, 202))
        a.report(junk, len(junk), 1.0)
    a.readable = False
    a.heard_lost = -1.0
    answer = receiver_report(9, block(7, lost=5))
    a.report(answer, len(answer), 1.0)
    assert a.heard_lost == -1.0
    assert len(a.sent) <= 4


@pytest.mark.parametrize(
    ("codec", "loss", "jitter_ms", "round_trip_ms", "score"),
    [
        ("PCMU", 0.0, 0.0, 0.0, 4.40),  # R 92.7
        ("PCMU", 0.0, 0.0, 300.0, 4.32),  # R 89.1
        ("PCMU", 0.0, 0.0, 800.0, 2.91),  # R 56.4: 420 ms of delay
        ("PCMU", 0.05, 0.0, 0.0, 3.90),  # R 76.9
        ("G729", 0.0, 0.0, 0.0, 4.09),  # R 81.7
        ("opus", 0.3, 0.0, 0.0, 2.11),  # R 41
        ("PCMU", 1.0, 500.0, 9000.0, 1.0),
    ],
)
def test_the_score(codec, loss, jitter_ms, round_trip_ms, score):
    assert mos(codec, loss, jitter_ms, round_trip_ms) == pytest.approx(score, abs=0.03)


def test_codecs_of_an_sdp():
    text = b"v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 4 RTP/AVP 0 96 97\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:97 x/0\r\n"
    (media,) = Sdp.parse(text + b"a=rtpmap:999 y/8000\r\na=rtpmap:98\r\n").media
    found = codecs_of(media)
    assert (found[0], found[96]) == (("PCMU", 8000), ("opus", 48000))
    assert set(found).isdisjoint({97, 98, 999})


def test_the_histogram_and_its_words():
    measure = Measure()
    for microseconds in (10, 60, 60, 150, 70_000):
        measure.delayed(1000 * microseconds)
    assert measure.added == [1, 2, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    assert added_ms(measure.added, 0.5) == ADDED_BOUNDS_MS[1]
    assert added_ms(measure.added, 1.0) == float("inf")
    assert added_ms((), 0.5) == 0.0
    one = StreamQuality("102", "audio", "PCMU", 95, 5, 1.25, 0.02, 31.0, 4.2, tuple(measure.added))
    assert from_message(as_message(one, b"102") | {"tag": b"102", "kind": b"audio", "codec": b"PCMU"}) == one
    assert told(one) == (
        "sound of 102: PCMU, 95 packets, 5.0 % lost, jitter 1.2 ms, 2.0 % missed by the other party, round trip 31 ms, "
        "MOS 4.2, the relay added under 0.1 ms, for 99 % over 50 ms"
    )
