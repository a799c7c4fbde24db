"""RTP and RTCP on one port (RFC 5761): what an SDP says of it, and how the packets are told apart."""

from __future__ import annotations

from ...sip.sdp import Media
from .port import RTCP_BYTES

_ATTRIBUTE = (b"a=rtcp-mux",)
"""With that of RFC 8858, which wants nothing else."""


class Mux:
    """What was agreed on for one stream. Each side is asked by itself: where one can't, the relay is in between."""

    __slots__ = ("agreed", "asked", "offered")

    def __init__(self) -> None:
        self.agreed = [False, False]
        """By side: RTCP comes and goes on the port of RTP."""
        self.offered = False
        """The last offer had it."""
        self.asked = False
        """It had it as it was passed on."""

    def offer(self, side: int, media: Media) -> bool:
        """An offer of `side`: whether the other side is asked."""
        self.offered = said_in(media)
        # Who has it now shall keep it when the other party, who can't, puts it on hold.
        self.asked = self.offered or self.agreed[1 - side]
        return self.asked

    def propose(self) -> bool:
        """An offer of our own to side 0: whether it is asked."""
        self.asked = self.agreed[0]
        return self.asked

    def answer(self, side: int, media: Media) -> bool:
        """The answer of `side`: whether ours to the offerer has it. What was not offered can't be chosen (§5.1.1)."""
        self.agreed[side] = self.asked and said_in(media)
        self.agreed[1 - side] = self.offered
        return self.offered

    def take(self, offer: Media) -> bool:
        """We answer the offer of side 0 ourselves."""
        self.agreed[0] = said_in(offer)
        return self.agreed[0]

    def settle(self, answer: Media) -> None:
        """Side 0 answers an offer of ours."""
        self.agreed[0] = self.asked and said_in(answer)


def said_in(media: Media) -> bool:
    """Whether this media line can do it."""
    return media.is_rtp and any(line.startswith(_ATTRIBUTE) for line in media.lines)


def write(media: Media, wanted: bool) -> None:
    """Have the line, or have it not."""
    media.lines = [line for line in media.lines if not line.startswith(_ATTRIBUTE)]
    if wanted and media.port:
        media.lines.append(b"a=rtcp-mux\r\n")


def is_rtcp(packet: bytes | bytearray | memoryview, size: int) -> bool:
    """Of a packet of either kind (§4): these types are not used for RTP on such a port."""
    return size >= RTCP_BYTES and 192 <= packet[1] <= 223
