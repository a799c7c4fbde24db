"""G.711, the two codecs that every phone speaks, as tables (ITU-T G.711).

Between the two, and from either to a loudness, `bytes.translate` does a second of sound in some microseconds.
"""

from __future__ import annotations

import sys
from array import array
from functools import cache

RATE = 8000
"""Samples a second, and bytes."""
ALAW_SILENCE = 0xD5
ULAW_SILENCE = 0xFF
_BIAS = 132
_CLIP = 32_635


def _decode_alaw(code: int) -> int:
    code ^= 0x55
    exponent, mantissa = code >> 4 & 7, code & 15
    magnitude = 2 * mantissa + 1 if exponent == 0 else 2 * mantissa + 33 << exponent - 1
    return magnitude << 3 if code & 0x80 else -(magnitude << 3)


def _decode_ulaw(code: int) -> int:
    code = ~code & 0xFF
    magnitude = ((code & 15) << 3) + _BIAS << (code >> 4 & 7)
    return _BIAS - magnitude if code & 0x80 else magnitude - _BIAS


def _encode_alaw(sample: int) -> int:
    sign = 0x80 if sample >= 0 else 0
    magnitude = (sample if sample >= 0 else ~sample) >> 3
    exponent = max(0, magnitude.bit_length() - 5)
    mantissa = magnitude >> max(1, exponent) & 15
    return (sign | exponent << 4 | mantissa) ^ 0x55


def _encode_ulaw(sample: int) -> int:
    sign = 0 if sample >= 0 else 0x80
    magnitude = min(abs(sample), _CLIP) + _BIAS
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> exponent + 3 & 15) & 0xFF


_PCM_OF_ALAW = [_decode_alaw(code) for code in range(256)]
ULAW_OF_ALAW = bytes(_encode_ulaw(sample) for sample in _PCM_OF_ALAW)
ALAW_OF_ULAW = bytes(_encode_alaw(_decode_ulaw(code)) for code in range(256))
LEVEL_OF_ALAW = bytes(min(255, abs(sample) >> 7) for sample in _PCM_OF_ALAW)
"""Loudness of a sample, 0 to 251."""
_LOW = bytes(sample & 0xFF for sample in _PCM_OF_ALAW)
_HIGH = bytes(sample >> 8 & 0xFF for sample in _PCM_OF_ALAW)


def pcm_of_alaw(alaw: bytes) -> bytes:
    """16-bit samples, little endian."""
    pcm = bytearray(2 * len(alaw))
    pcm[0::2] = alaw.translate(_LOW)
    pcm[1::2] = alaw.translate(_HIGH)
    return bytes(pcm)


def alaw_of_pcm(samples: array[int]) -> bytes:
    """From 16-bit samples, type code "h"."""
    table = _alaw_of_pcm()
    return bytes(map(table.__getitem__, memoryview(samples).cast("B").cast("H")))


@cache
def _alaw_of_pcm() -> bytes:
    """By the sample as an unsigned number."""
    return bytes(_encode_alaw(code - 65_536 if code > 32_767 else code) for code in range(65_536))


def samples_of(pcm: bytes) -> array[int]:
    """16-bit little endian samples as numbers; half a sample at the end is dropped."""
    samples = array("h", pcm[: len(pcm) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples
