"""The answer we give ourselves to a caller who wants to hear himself (RFC 3264 §6)."""

from __future__ import annotations

from ...errors import PeerError
from ...sip.sdp import Media, Sdp, Section

_KEPT = (b"a=rtpmap:", b"a=fmtp:", b"a=ptime:", b"a=maxptime:", b"a=rtcp:", b"b=")
MIRRORED = {b"sendonly": b"recvonly", b"recvonly": b"sendonly"}
PROTOCOLS = (b"RTP/AVP", b"RTP/AVPF", b"RTP/SAVP", b"RTP/SAVPF")
"""On streams that we can be an end of."""


def echo_answer(offer: Sdp, session_id: int, version: int) -> Sdp:
    """Accept the first audio stream with all its codecs, refuse the rest.

    Whatever comes goes back as it is, so every codec will do. The addresses are still to be placed; `version` goes up
    from answer to answer of one session (RFC 3264 §8). Raises PeerError(488) when there is nothing to send back.
    """
    chosen = next((m for m in offer.media if m.port and m.kind == b"audio" and m.protocol.upper() in PROTOCOLS), None)
    if chosen is None:
        raise PeerError(488, "the echo wants an audio stream in RTP")
    timing = offer.session.find(b"t=") or b"t=0 0"
    session = Section([b"v=0\r\n", b"o=- %d %d IN IP4 0.0.0.0\r\n" % (session_id, version), b"s=echo\r\n"])
    session.lines += [b"c=IN IP4 127.0.0.1\r\n", timing + b"\r\n"]
    media = []
    for offered in offer.media:
        formats = b" ".join(offered.formats)
        if offered is not chosen:
            media.append(Media([b"m=%s 0 %s %s\r\n" % (offered.kind, offered.protocol, formats)]))
            continue
        lines = [b"m=audio %d %s %s\r\n" % (offered.port, offered.protocol, formats)]
        lines += [line.strip() + b"\r\n" for line in offered.lines if line.startswith(_KEPT)]
        direction = offer.direction(offered)
        lines.append(b"a=%s\r\n" % MIRRORED.get(direction, direction))
        media.append(Media(lines))
    return Sdp(session, media)
