"""Whoever answers a mobile is asked to press 1, so that a carrier's mailbox never has the call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from softswitch.bridge.end import End
from softswitch.media.anchor import sdp_of
from softswitch.media.engine import MediaFailed, MediaKey
from softswitch.sip.message import Response
from softswitch.sound.library import said

if TYPE_CHECKING:
    from softswitch.bridge.bridges import Bridges

PATIENCE_SECONDS = 20.0
"""How long we ask."""
YES = "1"
QUESTION = "press one"


class Confirmation:
    """One question. Its timer ends it; `done` is told whether 1 was pressed."""

    __slots__ = ("_bridges", "_done", "_key", "_language", "due", "far", "slot")

    def __init__(self, bridges: Bridges, far: End, language: str, done: Callable[[bool], None]) -> None:
        """`far` is our end of the dialog with who answered."""
        self.far = far
        self.due: float | None = None
        self.slot = 0
        self._bridges = bridges
        self._language = language
        self._done: Callable[[bool], None] | None = done
        dialog = far.dialog
        text = dialog.call_id.decode("utf-8", "surrogateescape")
        self._key = MediaKey(text, dialog.remote_tag.decode("latin-1"), dialog.local_tag.decode("latin-1"))

    @property
    def call_id(self) -> str:
        """What the engine calls it."""
        return self._key.call_id

    def begin(self, response: Response, acknowledge: Callable[[bytes], None]) -> None:
        """`response` has the offer of who answered; `acknowledge` takes our answer to it."""
        sdp = sdp_of(response.get(b"content-type") or b"", response.body)
        self._bridges.asking(self, True)
        layer = self._bridges.layer
        layer.wheel.arm(self, layer.now + PATIENCE_SECONDS)
        if sdp is None:
            acknowledge(b"")
            self._over(False)
            return

        def placed(answer: bytes | MediaFailed) -> None:
            if isinstance(answer, MediaFailed):
                acknowledge(b"")
                self._over(False)
                return
            acknowledge(answer)
            sound = said(QUESTION, self._language)
            if self._done is not None and sound is not None:
                self._bridges.media.play(self._key, [sound.file], True, self._plays)

        self._bridges.media.talk(self._key, sdp, self.far.network, response.flow.host, placed)

    def _plays(self, failed: MediaFailed | None) -> None:
        if failed is not None:
            self._bridges.note(self.far.dialog.call_id, "nothing is played", reason=failed.reason)

    def key(self, key: str) -> None:
        """A key was pressed there."""
        if key == YES:
            self._over(True)

    def fire(self, now: float) -> None:
        """Nobody pressed anything: a mailbox, perhaps."""
        self._over(False)

    def stop(self) -> None:
        """Nobody wants to know any more."""
        self._done = None
        self._over(False)

    def _over(self, yes: bool) -> None:
        done, self._done = self._done, None
        self.due = None
        self._bridges.asking(self, False)
        if done is not None:
            done(yes)

    def release(self) -> None:
        """The question's own sound is not needed any more."""
        self._bridges.media.delete(self._key.call_id)
