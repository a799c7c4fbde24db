"""Tones and a little music, made by arithmetic."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from math import exp, pi, sin

from .g711 import RATE

_LOUD = 7000
"""Amplitude; of 32767."""
_FADE = 80
"""Samples at the beginning and end of a tone, so that it doesn't click."""


def tone(hertz: float, seconds: float) -> array[int]:
    """One tone; 0 Hz is silence."""
    count = int(seconds * RATE)
    turn = 2 * pi * hertz / RATE
    return array("h", [int(_LOUD * min(1, n / _FADE, (count - n) / _FADE) * sin(turn * n)) for n in range(count)])


def row(parts: Iterable[tuple[float, float]]) -> array[int]:
    """Tones one after the other, each as Hz and seconds."""
    result = array("h")
    for hertz, seconds in parts:
        result += tone(hertz, seconds)
    return result


TONES: Mapping[str, Sequence[tuple[float, float]]] = {
    "confirm": ((700, 0.12), (0, 0.05), (1050, 0.2), (0, 0.3)),
    "error": ((425, 0.24), (0, 0.16), (425, 0.24), (0, 0.16), (425, 0.24), (0, 0.3)),
    "beep": ((1000, 0.3),),
}
"""By name: it was done; it was not; speak now."""

_CHORDS = ((57, 60, 64, 69), (53, 57, 60, 65), (48, 55, 60, 64), (55, 59, 62, 67))
"""A minor, F, C and G, as MIDI notes."""
_NOTE_SECONDS = 0.5


def music() -> array[int]:
    """Half a minute of broken chords, for who is on hold; its end joins its beginning."""
    per_note = int(_NOTE_SECONDS * RATE)
    pattern = (0, 1, 2, 3, 2, 1, 2, 1)
    notes = [chord[at] for _ in range(2) for chord in _CHORDS for at in pattern]
    result = [0.0] * (len(notes) * per_note)
    for number, note in enumerate(notes):
        turn = 2 * pi * 440 * 2 ** ((note - 69) / 12) / RATE
        for n in range(2 * per_note):  # each rings on into the next
            decay = exp(-3.0 * n / RATE) * min(1, n / 40)
            at = (number * per_note + n) % len(result)
            result[at] += decay * (sin(turn * n) + 0.3 * sin(2 * turn * n))
    return array("h", [int(0.35 * _LOUD * value) for value in result])
