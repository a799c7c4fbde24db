"""The codecs that an end of our own speaks. Sounds are A-law inside; in each codec a second is 8000 bytes.

G.722 (ITU-T G.722, RFC 3551 §4.5.2) is wideband, and its RTP clock is 8000 Hz all the same. What we say in it is the
sound of a telephone, and of what we hear only that is kept.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from typing import Protocol

from ...sound.g711 import ALAW_OF_ULAW, LEVEL_OF_ALAW, RATE, ULAW_OF_ALAW, alaw_of_pcm, pcm_of_alaw, samples_of

try:
    from G722 import G722
except ImportError:  # no wheel for this machine: calls in G.722 alone are refused
    G722 = None

_BITS_A_SECOND = 64_000


_LOUD = 6
"""As `LEVEL_OF_ALAW`; telephone lines hiss below that."""


def is_loud(alaw: bytes) -> bool:
    """Whether there is more in it than a line's hiss."""
    return bool(alaw) and max(alaw.translate(LEVEL_OF_ALAW)) > _LOUD


class Coder(Protocol):
    """One stream's, both ways; what it knows of the samples before belongs to that stream."""

    def encode(self, alaw: bytes) -> bytes:
        """To be sent."""
        ...

    def decode(self, payload: bytes) -> bytes:
        """What came, as A-law."""
        ...


class Pcma:
    """G.711 as it is in Europe."""

    def encode(self, alaw: bytes) -> bytes:
        return alaw

    def decode(self, payload: bytes) -> bytes:
        return payload


class Pcmu:
    """G.711 as it is in America."""

    def encode(self, alaw: bytes) -> bytes:
        return alaw.translate(ULAW_OF_ALAW)

    def decode(self, payload: bytes) -> bytes:
        return payload.translate(ALAW_OF_ULAW)


class Wideband:
    """G.722 at 64 kbit/s, of which the lower half of the spectrum is used."""

    __slots__ = ("_decoder", "_encoder")

    def __init__(self) -> None:
        self._encoder = G722(RATE, _BITS_A_SECOND)
        self._decoder = G722(RATE, _BITS_A_SECOND)

    def encode(self, alaw: bytes) -> bytes:
        return bytes(self._encoder.encode(samples_of(pcm_of_alaw(alaw))))

    def decode(self, payload: bytes) -> bytes:
        return alaw_of_pcm(array("h", self._decoder.decode(payload)))


CODERS: Mapping[str, Callable[[], Coder]] = {
    "PCMA": Pcma,
    "PCMU": Pcmu,
    **({"G722": Wideband} if G722 is not None else {}),
}
"""By the name in SDP."""
