"""What an end of our own says: sounds one after the other, and silence where there is none.

It sends all the time, so that the phone's router keeps its door open and no phone hangs up for want of sound.
"""

from __future__ import annotations

from ...sound.g711 import ALAW_SILENCE
from ...sound.wav import LARGEST_BYTES, form_of


class CannotPlay(Exception):
    """A file is not there, or not in the form that is played; the text says why."""


def load(path: str) -> bytes:
    """The A-law of a WAV file in our own form. Raises CannotPlay."""
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST_BYTES)
        form = form_of(data)
    except OSError as error:
        raise CannotPlay(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise CannotPlay(f"{path}: {error}") from None
    if not form.is_ours:
        raise CannotPlay(f"{path}: not in A-law at 8 kHz")
    return data[form.start : form.start + form.size]


class Player:
    """Cuts sounds into packets' payloads."""

    __slots__ = ("_at", "_repeat", "_sound")

    def __init__(self) -> None:
        self._sound = b""
        self._at = 0
        self._repeat = False

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to say."""
        return not self._repeat and self._at >= len(self._sound)

    def play(self, sound: bytes, repeat: bool, at: int = 0) -> None:
        """Say this A-law instead of what is being said, from sample `at` on; again and again with `repeat`."""
        self._sound, self._repeat = sound, repeat and bool(sound)
        self._at = at % len(sound) if self._repeat else at

    def next(self, size: int) -> bytes:
        """The next so many samples, as A-law."""
        piece = self._sound[self._at : self._at + size]
        self._at += size
        while len(piece) < size and self._repeat:
            self._at = size - len(piece)
            piece += self._sound[: self._at]
        if len(piece) < size:
            self._sound, self._at = b"", 0
            piece = piece.ljust(size, bytes((ALAW_SILENCE,)))
        return piece
