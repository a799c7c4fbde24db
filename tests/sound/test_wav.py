"""WAV files of all sorts, G.711 and other sample rates, held against numpy's arithmetic and the standard library's."""

from __future__ import annotations

import io
import struct
import wave
from array import array
from math import pi, sin
from pathlib import Path

import pytest

from softswitch.sound.convert import main
from softswitch.sound.g711 import ALAW_OF_ULAW, ULAW_OF_ALAW, alaw_of_pcm, pcm_of_alaw, samples_of
from softswitch.sound.library import LANGUAGES, language_of, names, ready, said, tone
from softswitch.sound.resample import resample
from softswitch.sound.tones import TONES
from softswitch.sound.wav import HEADER_BYTES, alaw_file, alaw_of, form_of, pcm_file


def wav(samples: array[int], rate: int = 8000, channels: int = 1, bits: int = 16) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(bits // 8)
        out.setframerate(rate)
        out.writeframes(samples.tobytes() if bits == 16 else bytes((one >> 8) + 128 for one in samples))
    return file.getvalue()


def sine(hertz: float, rate: int, seconds: float = 0.5, loud: int = 12_000) -> array[int]:
    return array("h", [round(loud * sin(2 * pi * hertz * n / rate)) for n in range(int(seconds * rate))])


def strength(samples: array[int], hertz: float, rate: int = 8000) -> float:
    """Amplitude at one frequency, by its Fourier coefficient; the ends are left out."""
    middle = samples[rate // 10 : -rate // 10]
    re = sum(one * sin(2 * pi * hertz * n / rate) for n, one in enumerate(middle))
    im = sum(one * sin(2 * pi * hertz * n / rate + pi / 2) for n, one in enumerate(middle))
    return float(2 * (re * re + im * im) ** 0.5 / len(middle))


def test_alaw_is_what_the_recommendation_says():
    """G.711, table 1a: silence, the loudest, and nothing is more than a step from what it was."""
    for sample, code in ((0, 0xD5), (-1, 0x55), (8 * 4095, 0xAA), (-8 * 4095, 0x2A)):
        assert alaw_of_pcm(array("h", [sample]))[0] == code, sample
    for sample in range(-32_768, 32_768, 77):
        encoded = alaw_of_pcm(array("h", [sample]))[0]
        assert abs(samples_of(pcm_of_alaw(bytes((encoded,))))[0] - sample) <= max(16, abs(sample) / 16)
    every = bytes(range(256))
    assert alaw_of_pcm(samples_of(pcm_of_alaw(every))) == every
    assert every.translate(ULAW_OF_ALAW).translate(ALAW_OF_ULAW).translate(ULAW_OF_ALAW) == every.translate(
        ULAW_OF_ALAW
    )


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 48_000])
def test_a_tone_keeps_its_height_and_loudness_at_any_rate(rate):
    told = samples_of(pcm_of_alaw(alaw_of(wav(sine(1000, rate), rate))))
    assert abs(len(told) - 4000) <= 1
    assert strength(told, 1000) == pytest.approx(12_000, rel=0.03)
    assert strength(told, 1200) < 300


def test_what_would_be_heard_as_another_tone_is_dropped():
    """5 kHz at 44.1 kHz would become 3 kHz at 8 kHz."""
    assert strength(resample(sine(5000, 44_100), 44_100, 8000), 3000) < 30


def test_stereo_is_mixed_and_eight_bits_are_read():
    left, right = sine(700, 8000), sine(1900, 8000)
    both = array("h", [one for pair in zip(left, right, strict=True) for one in pair])
    told = samples_of(pcm_of_alaw(alaw_of(wav(both, 8000, 2))))
    assert strength(told, 700) == pytest.approx(6000, rel=0.05)
    assert strength(told, 1900) == pytest.approx(6000, rel=0.05)
    assert strength(samples_of(pcm_of_alaw(alaw_of(wav(left, bits=8)))), 700) == pytest.approx(12_000, rel=0.05)


def test_our_own_form_comes_back_byte_for_byte():
    sound = bytes(range(256)) * 10
    file = alaw_file(sound)
    assert form_of(file).is_ours
    assert form_of(file).start == HEADER_BYTES
    assert alaw_of(file) == sound
    with wave.open(io.BytesIO(pcm_file(sound))) as read:
        assert (read.getnchannels(), read.getframerate(), read.getsampwidth()) == (1, 8000, 2)
        assert read.readframes(10_000) == pcm_of_alaw(sound)


def test_ulaw_and_extensible_files_are_read():
    sound = b"\xff\x80\x00\x7f" * 20
    fmt = struct.pack("<HHIIHH", 7, 1, 8000, 8000, 1, 8)
    file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + fmt + b"LIST\x03\0\0\0abc\0data" + struct.pack("<I", 80) + sound
    assert alaw_of(file) == sound.translate(ALAW_OF_ULAW)
    whole = wav(sine(500, 8000))
    extended = struct.pack("<HHIIHHHHIH", 0xFFFE, 1, 8000, 16_000, 2, 16, 22, 16, 4, 1) + bytes(14)
    assert alaw_of(whole[:16] + b"\x28\0\0\0" + extended + whole[36:]) == alaw_of(whole)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no WAV file"),
        (b"ID3\x04" + bytes(100), "no WAV file"),
        (b"RIFF\0\0\0\0WAVE", "without sound"),
        (wav(array("h")), "without sound"),
        (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 3, 1, 8000, 32_000, 4, 32) + b"data", "16-bit PCM"),
    ],
)
def test_what_is_no_sound_is_refused_in_words(data, why):
    with pytest.raises(ValueError, match=why):
        alaw_of(data + (struct.pack("<I", 4) + bytes(4) if data.endswith(b"data") else b""))


def test_the_converter_writes_whole_files_and_says_what_it_could_not_read(tmp_path, capsys):
    good, bad = tmp_path / "good.wav", tmp_path / "bad.wav"
    good.write_bytes(wav(sine(440, 16_000), 16_000))
    bad.write_bytes(b"junk")
    assert main([str(good), str(tmp_path / "a.wav"), str(bad), str(tmp_path / "b.wav")]) == 1
    assert ready(tmp_path / "a.wav").seconds == 0.5
    assert capsys.readouterr().err == f"{bad}: no WAV file\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "bad.wav", "good.wav"]


def test_everything_is_said_in_every_language_and_all_tones_are_there():
    texts = (Path(__file__).parents[2] / "softswitch/sound/texts.yaml").read_text(encoding="utf-8")
    assert len(names()) > 30
    for name in names():
        assert any(f"\n{written}:{end}" in texts for written in (name, f'"{name}"') for end in ("\n", " {"))
        for language in LANGUAGES:
            sound = said(name, language)
            assert sound is not None
            assert 0.2 < sound.seconds < 8, sound
    for name in (*TONES, "music"):
        assert tone(name).seconds > 0.2
    assert said("no such sentence", "de") is None
    assert [language_of(country) for country in ("DE", "MX", "US", "")] == ["de", "es", "en", "en"]
