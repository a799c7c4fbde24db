"""The WAV files of dialplans, brought once into the form that is played, and kept beside the database."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path

from softswitch.dialplan.plan import Plan
from softswitch.ops.log import log
from softswitch.sound.library import Sound, ready


class OwnSounds:
    """Those that are ready, by the path that dialplans have."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made when something has to be kept in it."""
        self._folder = folder
        self._ready: dict[str, Sound] = {}

    def find(self, path: str) -> Sound | None:
        """In the form that is played; None when it could not be read."""
        return self._ready.get(path)

    async def prepare(self, plans: Iterable[Plan]) -> None:
        """Make ready what these plans name. What can't be is told in the log; the rest can be played."""
        paths = sorted({path for plan in plans for path in sounds_of(plan)})
        kept = await asyncio.to_thread(self._kept, paths)
        missing = [(path, file) for path, file in kept.items() if not file.exists()]
        if missing:
            words = [word for path, file in missing for word in (path, str(file))]
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "softswitch.sound.convert", *words, stderr=asyncio.subprocess.PIPE
            )
            _, complaints = await process.communicate()
            for line in complaints.decode("utf-8", "replace").splitlines():
                log.error("a sound can't be played", reason=line)
        self._ready = await asyncio.to_thread(_sounds, kept)

    def _kept(self, paths: Iterable[str]) -> dict[str, Path]:
        """Where each is in our form, or is to be: by its content, so that a file that was changed is another one."""
        kept: dict[str, Path] = {}
        for path in paths:
            try:
                content = Path(path).read_bytes()
                try:
                    kept[path] = Path(ready(Path(path)).file)
                except ValueError:
                    self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                    kept[path] = self._folder / f"{hashlib.sha256(content).hexdigest()[:32]}.wav"
            except OSError as error:
                log.error("a sound can't be played", file=path, reason=error.strerror)
        return kept


def sounds_of(plan: Plan) -> Iterable[str]:
    """The paths of all sound files that a plan names."""
    yield from plan.announcements.values()
    if plan.music_on_hold not in ("", "yes"):
        yield plan.music_on_hold
    voicemails = [one.voicemail for one in plan.people.values()] + [one.voicemail for one in plan.teams.values()]
    for voicemail in voicemails:
        yield from (greeting.file for greeting in voicemail.greetings if greeting.file)


def _sounds(kept: dict[str, Path]) -> dict[str, Sound]:
    found = {}
    for path, file in kept.items():
        try:
            found[path] = ready(file)
        except (OSError, ValueError):
            continue  # the conversion has told why
    return found
