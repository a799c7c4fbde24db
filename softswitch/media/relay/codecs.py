"""Which payload types an SDP gives a meaning: their names and clock rates (RFC 8866 §6.6, RFC 3551 §6)."""

from __future__ import annotations

from functools import lru_cache

from ...sip.sdp import Media
from .measure import Codecs

FIXED: Codecs = {
    0: ("PCMU", 8000),
    3: ("GSM", 8000),
    4: ("G723", 8000),
    8: ("PCMA", 8000),
    9: ("G722", 8000),  # sampled at 16000 Hz, but its RTP clock is that of an old mistake (RFC 3551 §4.5.2)
    18: ("G729", 8000),
}
"""The payload types that mean something without being explained."""
_MAP = b"a=rtpmap:"


def codecs_of(media: Media) -> Codecs:
    """By payload type. Not to be changed: streams of phones of one make share it."""
    return _read(tuple(line for line in media.lines if line.startswith(_MAP)))


@lru_cache(maxsize=256)
def _read(lines: tuple[bytes, ...]) -> Codecs:
    found = dict(FIXED)
    for line in lines:
        number, _, coding = line[len(_MAP) :].strip().partition(b" ")
        name, _, rate = coding.strip().partition(b"/")
        rate = rate.partition(b"/")[0]
        if number.isdigit() and rate.isdigit() and 0 < len(rate) < 8 and int(number) < 128 and int(rate):
            found[int(number)] = name.decode("ascii", "replace")[:32], int(rate)
    return found


def events_of(codecs: Codecs) -> int:
    """The payload type of telephone events at the clock of G.711 (RFC 4733 §2.5.1.1); -1 where there is none."""
    for number, (name, rate) in codecs.items():
        if rate == 8000 and name.lower() == "telephone-event":
            return number
    return -1
