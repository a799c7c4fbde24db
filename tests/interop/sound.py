"""Sound that can be recognised: chirps to send, and a comparison of what was heard with what was sent."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 8000
"""Samples a second of everything here."""
_WINDOW = RATE // 4
"""A quarter second: a jitter buffer that skips spoils only the one with the skip in it."""
_SILENCE = 0.01

Samples = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Match:
    """How well a recording holds what was sent."""

    coefficient: float
    """Median over quarter seconds of the normalised cross-correlation; 1 is the same sound, another stays below 0.5."""
    seconds: float
    """How much of the recording was recognised (0.9 and better)."""


def chirps(seed: int, seconds: float = 60.0) -> Samples:
    """A sound unlike that of any other seed and unlike itself at any other moment: tones that slide, 300 to 3300 Hz."""
    random = np.random.default_rng(seed)
    pieces: list[Samples] = []
    total = 0
    while total < seconds * RATE:
        count = int(random.integers(800, 2000))
        low, high = random.uniform(300, 3300, 2)
        frequency = np.linspace(low, high, count)
        fade = np.minimum(1, np.minimum(np.arange(count), np.arange(count)[::-1]) / 80)
        pieces.append(0.5 * fade * np.sin(2 * np.pi * np.cumsum(frequency) / RATE))
        total += count
    return np.concatenate(pieces)[: int(seconds * RATE)]


def write_wav(path: Path, samples: Samples, rate: int = RATE) -> Path:
    """A mono 16-bit WAV."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def read_wav(path: Path) -> Samples:
    """The first channel of a 16-bit WAV, brought to 8 kHz; a file cut short is read as far as it goes."""
    with wave.open(str(path), "rb") as file:
        if file.getsampwidth() != 2:
            raise ValueError(f"{path}: not 16-bit samples")
        channels, rate = file.getnchannels(), file.getframerate()
        # A program that is still recording has not filled in the length: the bytes that are there count.
        raw = path.read_bytes()[44:] if file.getnframes() == 0 else file.readframes(file.getnframes())
    whole = len(raw) // (2 * channels) * 2 * channels
    samples = np.frombuffer(raw[:whole], "<i2").reshape(-1, channels)[:, 0] / 32768
    return samples if rate == RATE else _resample(samples, rate)


def _resample(samples: Samples, rate: int) -> Samples:
    """By the spectrum: what lies above 4 kHz is dropped."""
    count = len(samples) * RATE // rate
    spectrum = np.fft.rfft(samples)[: count // 2 + 1]
    return np.asarray(np.fft.irfft(spectrum, count) * (count / max(1, len(samples))))


def compare(sent: Samples, heard: Samples) -> Match:
    """Look for each quarter second of `heard` in `sent`; silence in the recording is passed over.

    Jitter buffers drop and stretch, so each may have a delay of its own.
    """
    energy = np.concatenate(([0.0], np.cumsum(sent**2)))
    norms = np.sqrt(np.maximum(energy[_WINDOW:] - energy[:-_WINDOW], 1e-9))
    size = 1 << (len(sent) + _WINDOW - 1).bit_length()
    spectrum = np.fft.rfft(sent, size)
    found: list[float] = []
    for start in range(0, len(heard) - _WINDOW + 1, _WINDOW):
        piece = heard[start : start + _WINDOW]
        norm = float(np.sqrt(np.sum(piece**2)))
        if norm < _SILENCE * np.sqrt(_WINDOW):
            continue
        correlation = np.fft.irfft(spectrum * np.conj(np.fft.rfft(piece, size)), size)[: len(norms)]
        found.append(float(np.max(correlation / norms)) / norm)
    if not found:
        return Match(0.0, 0.0)
    return Match(float(np.median(found)), sum(one >= 0.9 for one in found) * _WINDOW / RATE)
