"""The sound of messages as files: recorded under `incoming`, kept under the site and the person; and greetings.

Everything here waits for the disk, and is called from a thread.

A recording has a note beside it, written before it begins. Both go when the finished message is on the disk and in the
store; what is still there at the next start is finished then, so a message outlives a crash of the switch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, unquote

from softswitch.sound.g711 import LEVEL_OF_ALAW, RATE
from softswitch.sound.library import Sound, ready
from softswitch.sound.wav import HEADER_BYTES, alaw_file
from softswitch.voicemail.message import Greeting, Message

SHORTEST_SECONDS = 1.0
"""What is shorter without the silence around it is no message: the caller hung up."""
_FRAME = RATE // 50
_LOUD = 6
"""As `LEVEL_OF_ALAW`; telephone lines hiss below that."""
_SPARE_FRAMES = 15
"""Kept of the silence on either side."""


class Files:
    """One folder of messages."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"

    def begin(self, message: Message) -> str:
        """Note that this is about to be recorded; where to. Raises OSError."""
        self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(self._note(message), json.dumps(message._asdict()).encode())
        return str(self._recording(message))

    def finish(self, message: Message) -> Message | None:
        """Keep what was recorded, without the silence around it; None when there is nothing to keep. Raises OSError."""
        recording = self._recording(message)
        sound = trimmed(recording.read_bytes()[HEADER_BYTES:]) if recording.exists() else b""
        if len(sound) < SHORTEST_SECONDS * RATE:
            return None
        file = self.path(message)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(file, alaw_file(sound))
        return message._replace(seconds=len(sound) / RATE)

    def clear(self, message: Message) -> None:
        """Forget note and recording: the message is kept, or was none. Raises OSError."""
        self._recording(message).unlink(missing_ok=True)
        self._note(message).unlink(missing_ok=True)

    def remove(self, messages: Iterable[Message]) -> None:
        """Delete the sound of messages. Raises OSError."""
        for message in messages:
            self.path(message).unlink(missing_ok=True)

    def unfinished(self) -> Iterator[Message]:
        """What was being recorded when an earlier run of the switch ended. Raises OSError."""
        for note in sorted(self._incoming.glob("*.json")) if self._incoming.is_dir() else ():
            try:
                yield Message(**json.loads(note.read_bytes()))
            except (ValueError, TypeError):
                note.unlink()  # it was not written to its end, so nothing was recorded yet

    # -- greetings that are recorded by phone

    def begin_greeting(self, name: str) -> str:
        """Where a greeting is to be recorded; `name` has letters and digits. Raises OSError."""
        self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._draft(name)
        draft.unlink(missing_ok=True)
        return str(draft)

    def trim_greeting(self, name: str) -> Sound | None:
        """What was recorded, without the silence around it; None when there is nothing. Raises OSError."""
        draft = self._draft(name)
        sound = trimmed(draft.read_bytes()[HEADER_BYTES:]) if draft.exists() else b""
        if len(sound) < SHORTEST_SECONDS * RATE:
            draft.unlink(missing_ok=True)
            return None
        _write(draft, alaw_file(sound))
        return Sound(str(draft), len(sound) / RATE)

    def keep_greeting(self, name: str, greeting: Greeting) -> Sound:
        """It is the greeting from now on. Raises OSError."""
        file = (
            self._folder
            / "greetings"
            / greeting.site
            / greeting.box.strip(".")
            / f"{quote(greeting.key, safe=' ')}.wav"
        )
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(file, self._draft(name).read_bytes())
        self.drop_greeting(name)
        return ready(file)

    def drop_greeting(self, name: str) -> None:
        """It is not kept after all. Raises OSError."""
        self._draft(name).unlink(missing_ok=True)

    def remove_greeting(self, sound: Sound) -> None:
        """The usual one is said again. Raises OSError."""
        Path(sound.file).unlink(missing_ok=True)

    def greetings(self) -> Iterator[tuple[Greeting, Sound]]:
        """All that are kept; drafts that an earlier run left go. Raises OSError."""
        for draft in self._incoming.glob("greeting-*"):
            draft.unlink(missing_ok=True)
        for file in sorted((self._folder / "greetings").glob("*/*/*.wav")):
            try:
                sound = ready(file)
            except ValueError:
                continue  # none of ours
            yield Greeting(file.parts[-3], file.parts[-2], unquote(file.stem)), sound

    def _draft(self, name: str) -> Path:
        return self._incoming / f"greeting-{name}.wav"

    def path(self, message: Message) -> Path:
        """Where the sound of a kept message is: A-law at 8 kHz."""
        return self._folder / "kept" / message.site / message.person.strip(".") / f"{message.id}.wav"

    def _recording(self, message: Message) -> Path:
        return self._incoming / f"{message.id}.wav"

    def _note(self, message: Message) -> Path:
        return self._incoming / f"{message.id}.json"


def trimmed(alaw: bytes) -> bytes:
    """Without the silence before and after what is said."""
    levels = alaw.translate(LEVEL_OF_ALAW)
    loud = [at for at in range(0, len(levels), _FRAME) if max(levels[at : at + _FRAME]) > _LOUD]
    if not loud:
        return b""
    return alaw[max(0, loud[0] - _SPARE_FRAMES * _FRAME) : loud[-1] + (1 + _SPARE_FRAMES) * _FRAME]


def _write(path: Path, data: bytes) -> None:
    """As a whole or not at all, and on the disk when this returns."""
    part = path.with_suffix(".part")
    with open(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
