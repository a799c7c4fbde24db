"""What can be played: the sounds that come with the switch, and those of operators once they are ready."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from .wav import form_of

_FOLDER = Path(__file__).parent
LANGUAGES: Mapping[str, str] = {"de": "German", "en": "English", "es": "Spanish"}
_LANGUAGE_OF = {
    **dict.fromkeys(("AT", "CH", "DE", "LI", "LU"), "de"),
    **dict.fromkeys(("AR", "BO", "CL", "CO", "CR", "CU", "DO", "EC", "ES", "GT", "HN", "MX", "NI", "PA"), "es"),
    **dict.fromkeys(("PE", "PR", "PY", "SV", "UY", "VE"), "es"),
}


class Sound(NamedTuple):
    """A WAV file in our own form (A-law, mono, 8 kHz)."""

    file: str
    """Its absolute path."""
    seconds: float


def language_of(country: str) -> str:
    """What is spoken in a country (ISO 3166), as far as the switch speaks it; else English."""
    return _LANGUAGE_OF.get(country, "en")


@cache
def said(name: str, language: str) -> Sound | None:
    """A sentence or word that comes with the switch, e.g. "closed"; None where there is none of that name."""
    return _sound(_FOLDER / "said" / language / f"{name}.wav")


@cache
def tone(name: str) -> Sound:
    """One of `tones.TONES`, or "music"."""
    found = _sound(_FOLDER / "tones" / f"{name}.wav")
    assert found is not None, name
    return found


@cache
def names() -> frozenset[str]:
    """Of everything that can be said."""
    return frozenset(path.stem for path in (_FOLDER / "said" / "en").glob("*.wav"))


def ready(path: Path) -> Sound:
    """A file that is in our own form. Raises OSError, and ValueError when it isn't."""
    data = path.read_bytes()
    form = form_of(data)
    if not form.is_ours:
        raise ValueError(f"{path} is not in the form that is played")
    return Sound(str(path), form.seconds)


def _sound(path: Path) -> Sound | None:
    return ready(path) if path.is_file() else None
