"""The comparison of sounds tells right from wrong, so that the calls that use it can fail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numpy")

from .sound import RATE, chirps, compare, read_wav, write_wav


def companded(samples: np.ndarray) -> np.ndarray:
    """What 8-bit µ-law leaves of a sound (G.711, by its formula)."""
    squeezed = np.sign(samples) * np.log1p(255 * np.abs(samples)) / np.log(256)
    rough = np.round(squeezed * 127) / 127
    return np.asarray(np.sign(rough) * np.expm1(np.abs(rough) * np.log(256)) / 255)


def test_a_late_and_companded_copy_is_recognised() -> None:
    sent = chirps(1, 20)
    heard = np.concatenate((np.zeros(3333), companded(sent[8000:40000])))
    match = compare(sent, heard)
    assert match.coefficient > 0.98
    assert match.seconds >= 3


def test_somebody_elses_sound_is_not() -> None:
    match = compare(chirps(1, 20), chirps(2, 5))
    assert match.coefficient < 0.5
    assert match.seconds == 0


def test_noise_and_silence_are_not() -> None:
    noise = np.random.default_rng(5).normal(0, 0.2, 5 * RATE)
    assert compare(chirps(1, 20), noise).coefficient < 0.5
    assert compare(chirps(1, 20), np.zeros(5 * RATE)) == compare(chirps(1, 20), np.zeros(0))


def test_a_recording_may_skip_in_between() -> None:
    sent = chirps(3, 20)
    heard = np.concatenate([sent[at : at + 4000] for at in range(1000, 60_000, 4160)])
    match = compare(sent, heard)
    assert match.coefficient > 0.95
    assert match.seconds > 3


def test_a_wav_file_comes_back_as_it_was(tmp_path: Path) -> None:
    sent = chirps(4, 2)
    assert np.allclose(read_wav(write_wav(tmp_path / "a.wav", sent)), sent, atol=1e-4)
