"""Asking who answered to press 1, before the call is his: so that no machine at a mobile's carrier takes it."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.media.engine import MediaEngine, MediaEvent, MediaFailed, MediaKey
from softswitch.sound.library import said
from softswitch.transaction.timers import Timer, Wheel

PATIENCE_SECONDS = 15.0
KEY = "1"
_QUESTION = "press one"


class Confirmations:
    """All such questions at this moment, by Call-ID and branch of the offer that was answered."""

    def __init__(self, media: MediaEngine, wheel: Wheel) -> None:
        self.media = media
        self.wheel = wheel
        self._asked: dict[tuple[str, str], Confirmation] = {}
        media.subscribe("dtmf", self._heard)

    def ask(self, key: MediaKey, sdp: bytes, language: str, now: float, done: Callable[[bool], None]) -> Confirmation:
        """Ask who answered the offer of `key` with `sdp`, once the answer was anchored.

        `done` gets True when he presses 1 in time, else False; then the parties hear each other. It is never called
        from within, nor after `Confirmation.cancel`.
        """
        asked = Confirmation(self, key, done)
        self._asked[key.call_id, key.via_branch] = asked
        self.wheel.arm(asked.timer, now + PATIENCE_SECONDS)
        question = said(_QUESTION, language)
        assert question is not None
        self.media.whisper(key, sdp, [question.file], asked.asked)
        return asked

    def forget(self, key: MediaKey) -> None:
        """Of a question that is over."""
        if self._asked.pop((key.call_id, key.via_branch), None) is not None:
            self.media.stop_whisper(key)

    def _heard(self, event: MediaEvent) -> None:
        branch = event.details.get("branch", b"")
        asked = self._asked.get((event.call_id, branch.decode("latin-1") if isinstance(branch, bytes) else ""))
        key = event.details.get("key", b"")
        if asked is not None and isinstance(key, bytes):
            asked.pressed(key.decode("ascii", "replace"))


class Confirmation:
    """One question."""

    def __init__(self, of: Confirmations, key: MediaKey, done: Callable[[bool], None]) -> None:
        self._of = of
        self._key = key
        self._done: Callable[[bool], None] | None = done
        self.timer = Timer(lambda now: self._over(False))

    def asked(self, failed: MediaFailed | None) -> None:
        """The engine asks, or can't."""
        if failed is not None:
            self._over(False)

    def pressed(self, key: str) -> None:
        """A key, by sound or, from who knows of an INFO within the dialog, by signalling."""
        if key == KEY:
            self._over(True)

    def cancel(self) -> None:
        """The question doesn't matter any more: somebody has hung up."""
        self._done = None
        self._end()

    def _over(self, yes: bool) -> None:
        done, self._done = self._done, None
        self._end()
        if done is not None:
            done(yes)

    def _end(self) -> None:
        self.timer.due = None
        self._of.forget(self._key)
