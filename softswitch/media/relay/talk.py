"""The answer that we give as an end of a call ourselves: one audio stream in G.711 or G.722 (RFC 3264 §6)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from ...errors import PeerError
from ...sip.sdp import Media, Sdp, Section
from .coders import CODERS
from .echo import MIRRORED, PROTOCOLS

_STATIC = {b"0": b"PCMU/8000", b"8": b"PCMA/8000", b"9": b"G722/8000"}
"""Payload types that need no `a=rtpmap` (RFC 3551 §6)."""
_OURS = frozenset(b"%b/8000" % name.encode() for name in CODERS)
_COSTLY = "G722"
"""Taken where nothing else is offered: what we say and hear is the sound of a telephone anyway."""
_PACKET_MILLISECONDS = (10, 20, 30, 40, 60)


class Codec(NamedTuple):
    """What is spoken on the stream."""

    number: int
    """The payload type."""
    name: str
    """One of `coders.CODERS`."""
    events: int
    """The payload type of telephone events; -1 where there are none."""
    samples: int
    """In each packet that we send."""
    heard: bool
    """The other side wants to hear us: it doesn't hold."""


def talk_answer(offer: Sdp, session_id: int, version: int) -> tuple[Sdp, Codec]:
    """Accept the first audio stream that has G.711 or G.722, refuse the rest; as `echo_answer` otherwise.

    Raises PeerError(488) when there is none.
    """
    found = next(((media, codec) for media in offer.media if (codec := _codec(offer, media)) is not None), None)
    if found is None:
        raise PeerError(488, "the switch itself wants an audio stream with PCMA, PCMU or G722")
    chosen, codec = found
    timing = offer.session.find(b"t=") or b"t=0 0"
    session = Section([b"v=0\r\n", b"o=- %d %d IN IP4 0.0.0.0\r\n" % (session_id, version), b"s=softswitch\r\n"])
    session.lines += [b"c=IN IP4 127.0.0.1\r\n", timing + b"\r\n"]
    media = [
        _accepted(offer, offered, codec)
        if offered is chosen
        else Media([b"m=%s 0 %s %s\r\n" % (offered.kind, offered.protocol, b" ".join(offered.formats))])
        for offered in offer.media
    ]
    return Sdp(session, media), codec


def own_offer(session_id: int, version: int, kinds: Sequence[tuple[bytes, bool]], chosen: int, events: int) -> Sdp:
    """What we offer by ourselves (RFC 3264 §5): each codec, PCMA first, and telephone events by this number.

    `kinds` are the media lines that the session has so far, each with whether it is RTP: all of them are there again
    (§8), and refused but for the `chosen` one. The addresses are still to be placed.
    """
    session = Section([b"v=0\r\n", b"o=- %d %d IN IP4 0.0.0.0\r\n" % (session_id, version), b"s=softswitch\r\n"])
    session.lines += [b"c=IN IP4 127.0.0.1\r\n", b"t=0 0\r\n"]
    media = [Media([b"m=%s 0 %s\r\n" % (kind, b"RTP/AVP 0" if is_rtp else b"udptl t38")]) for kind, is_rtp in kinds]
    ours = [(number, name) for number, name in ((8, "PCMA"), (0, "PCMU"), (9, "G722")) if name in CODERS]
    lines = (
        b"m=audio 9 RTP/AVP %b %d" % (b" ".join(b"%d" % number for number, _ in ours), events),
        *(b"a=rtpmap:%d %b/8000" % (number, name.encode()) for number, name in ours),
        b"a=rtpmap:%d telephone-event/8000" % events,
        b"a=fmtp:%d 0-15" % events,
        b"a=ptime:20",
        b"a=sendrecv",
    )
    media[chosen : chosen + 1] = [Media([line + b"\r\n" for line in lines])]
    return Sdp(session, media)


def codec_of(sdp: Sdp) -> Codec:
    """What is spoken with somebody who answered so; raises PeerError(488) when we don't know it."""
    found = line_of(sdp)
    if found is None:
        raise PeerError(488, "the switch itself speaks only PCMA, PCMU and G722")
    return found[1]


def line_of(sdp: Sdp) -> tuple[int, Codec] | None:
    """The first media line on which who says this hears a codec of ours, by its place."""
    return next(((at, codec) for at, media in enumerate(sdp.media) if (codec := _codec(sdp, media)) is not None), None)


def _codec(offer: Sdp, media: Media) -> Codec | None:
    if not media.port or media.kind != b"audio" or media.protocol.upper() not in PROTOCOLS:
        return None
    maps = tuple(line for line in media.lines if line.startswith(b"a=rtpmap:"))
    spoken = _spoken(tuple(media.formats), maps)
    if spoken is None:
        return None
    heard = offer.direction(media) in (b"sendrecv", b"recvonly") and not offer.is_held(media)
    return Codec(*spoken, 8 * _milliseconds(media), heard)


@lru_cache(maxsize=256)
def _spoken(formats: tuple[bytes, ...], maps: tuple[bytes, ...]) -> tuple[int, str, int] | None:
    """As the beginning of a `Codec`: phones of one make all say the same."""
    names = dict(_STATIC)
    for line in maps:
        number, _, name = line[9:].strip().partition(b" ")
        names[number] = name.strip()
    offered = [(number, names.get(number, b"").upper().removesuffix(b"/1")) for number in formats]
    offered = [(number, name) for number, name in offered if number.isdigit() and int(number) < 128]
    known = [(int(number), name[:-5].decode()) for number, name in offered if name in _OURS]
    if not known:
        return None
    events = next((int(number) for number, name in offered if name == b"TELEPHONE-EVENT/8000"), -1)
    return *next((one for one in known if one[1] != _COSTLY), known[0]), events


def _milliseconds(media: Media) -> int:
    """Of sound in a packet, as the other side would like it; 20 where it doesn't say or wants something odd."""
    line = media.find(b"a=ptime:")
    wanted = line[8:].strip() if line is not None else b""
    return int(wanted) if wanted.isdigit() and len(wanted) < 4 and int(wanted) in _PACKET_MILLISECONDS else 20


def _accepted(offer: Sdp, offered: Media, codec: Codec) -> Media:
    name = codec.name.encode()
    formats = b"%d" % codec.number + (b" %d" % codec.events if codec.events >= 0 else b"")
    lines = [b"m=audio %d %s %s" % (offered.port, offered.protocol, formats)]
    lines.append(b"a=rtpmap:%d %s/8000" % (codec.number, name))
    if codec.events >= 0:
        lines += [b"a=rtpmap:%d telephone-event/8000" % codec.events, b"a=fmtp:%d 0-15" % codec.events]
    lines.append(b"a=ptime:%d" % (codec.samples // 8))
    lines += [line.strip() for line in offered.lines if line.startswith(b"a=rtcp:")]
    direction = offer.direction(offered)
    lines.append(b"a=%s" % MIRRORED.get(direction, direction))
    return Media([line + b"\r\n" for line in lines])
