"""WAV files: those of operators in whatever form, read once; and our own, which are A-law at 8 kHz."""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass

from .g711 import ALAW_OF_ULAW, RATE, alaw_of_pcm, pcm_of_alaw, samples_of
from .resample import resample

LARGEST_BYTES = 50_000_000
PCM, ALAW, ULAW, _EXTENSIBLE = 1, 6, 7, 0xFFFE
_HEADER = struct.Struct("<4sI4s4sIHHIIHHH4sII4sI")
"""Ours: RIFF, `fmt ` of 18 bytes, `fact`, `data`."""
HEADER_BYTES = _HEADER.size


@dataclass(frozen=True, slots=True)
class Form:
    """What is in a WAV file, and where."""

    kind: int
    """PCM, ALAW or ULAW."""
    channels: int
    rate: int
    bits: int
    start: int
    """Where the samples begin."""
    size: int
    """Their bytes."""

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.size * 8 / (self.bits * self.channels * self.rate)

    @property
    def is_ours(self) -> bool:
        """Whether it can be played as it is."""
        return self.kind == ALAW and self.channels == 1 and self.rate == RATE


def form_of(data: bytes) -> Form:
    """Read the header of a whole file. Raises ValueError in an operator's words."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("no WAV file")
    at, form = 12, None
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8
        if name == b"fmt " and size >= 16 and at + 16 <= len(data):
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, at)
            if kind == _EXTENSIBLE and size >= 26:
                kind = int.from_bytes(data[at + 24 : at + 26], "little")
            form = (kind, channels, rate, bits)
        elif name == b"data" and form is not None:
            return _checked(*form, at, min(size, len(data) - at))
        at += size + size % 2
    raise ValueError("a WAV file without sound in it")


def _checked(kind: int, channels: int, rate: int, bits: int, start: int, size: int) -> Form:
    if kind not in (PCM, ALAW, ULAW) or bits not in ((8, 16) if kind == PCM else (8,)):
        raise ValueError("a WAV file in another form than 8 or 16 bits, A-law or µ-law; save it as 16-bit PCM")
    if not 1 <= channels <= 8 or not 4000 <= rate <= 192_000:
        raise ValueError(f"a WAV file with {channels} channels at {rate} Hz; save it as mono at 8000 to 48000 Hz")
    frame = channels * bits // 8
    if size < frame:
        raise ValueError("a WAV file without sound in it")
    return Form(kind, channels, rate, bits, start, size // frame * frame)


def alaw_of(data: bytes) -> bytes:
    """The sound of a whole file in any form, as mono A-law at 8 kHz. Raises ValueError as `form_of` does."""
    form = form_of(data)
    raw = data[form.start : form.start + form.size]
    if form.kind == ULAW:
        raw = raw.translate(ALAW_OF_ULAW)
    if form.kind != PCM:
        if form.channels == 1 and form.rate == RATE:
            return raw
        samples = samples_of(pcm_of_alaw(raw))
    elif form.bits == 8:
        samples = array("h", [(byte - 128) << 8 for byte in raw])
    else:
        samples = samples_of(raw)
    if form.channels > 1:
        parts = [samples[channel :: form.channels] for channel in range(form.channels)]
        samples = array("h", [sum(each) // form.channels for each in zip(*parts, strict=True)])
    return alaw_of_pcm(resample(samples, form.rate, RATE))


def alaw_file(alaw: bytes) -> bytes:
    """A whole file in our own form, which most programs play."""
    return alaw_header(len(alaw)) + alaw


def alaw_header(size: int) -> bytes:
    """What stands before `size` bytes of A-law."""
    fields = (b"fmt ", 18, ALAW, 1, RATE, RATE, 1, 8, 0, b"fact", 4, size, b"data", size)
    return _HEADER.pack(b"RIFF", _HEADER.size - 8 + size, b"WAVE", *fields)


def pcm_file(alaw: bytes) -> bytes:
    """The same sound as 16-bit PCM, which all programs play."""
    pcm = pcm_of_alaw(alaw)
    fields = (b"fmt ", 16, PCM, 1, RATE, 2 * RATE, 2, 16, b"data", len(pcm))
    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(pcm), b"WAVE", *fields) + pcm
