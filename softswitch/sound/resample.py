"""Another sample rate: a windowed sinc, one row of weights for each position between two samples.

Plain Python: a second of 44.1 kHz takes some 60 ms, which is why it is done once and beside the switch.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import lru_cache
from math import ceil, cos, gcd, pi, sin
from operator import mul

_LOBES = 12
"""Zero crossings of the sinc on either side."""
_PASS = 0.95
"""Of half the lower rate; what lies above is dropped."""


def resample(samples: array[int], rate: int, wanted: int) -> array[int]:
    """16-bit samples at `wanted` a second instead of `rate`."""
    if rate == wanted or not samples:
        return samples
    divisor = gcd(rate, wanted)
    step, phases = rate // divisor, wanted // divisor
    cutoff = _PASS * min(1.0, wanted / rate)
    reach = ceil(_LOBES / cutoff)
    padded: Sequence[int] = array("h", bytes(2 * reach)) + samples + array("h", bytes(2 * reach + 2))
    result = array("h")
    for number in range(len(samples) * wanted // rate):
        whole, phase = divmod(number * step, phases)
        weights = _weights(phase, phases, cutoff, reach)
        value = round(sum(map(mul, padded[whole : whole + 2 * reach + 1], weights)))
        result.append(max(-32_768, min(32_767, value)))
    return result


@lru_cache(8192)
def _weights(phase: int, phases: int, cutoff: float, reach: int) -> tuple[float, ...]:
    """For the samples from `reach` before the position to `reach` after it."""
    weights = []
    for offset in range(-reach, reach + 1):
        distance = offset - phase / phases
        if abs(distance) > reach:
            weights.append(0.0)
            continue
        turn = pi * cutoff * distance
        window = 0.42 + 0.5 * cos(pi * distance / reach) + 0.08 * cos(2 * pi * distance / reach)
        weights.append(window * cutoff * (sin(turn) / turn if turn else 1.0))
    total = sum(weights)
    return tuple(weight / total for weight in weights)
