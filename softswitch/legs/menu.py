"""A script that says something and waits for keys: what each key does changes from moment to moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from softswitch.legs.script import Script
from softswitch.sound.library import Sound, said
from softswitch.transaction.timers import Timer

if TYPE_CHECKING:
    from softswitch.legs.leg import Leg

PATIENCE_SECONDS = 15.0
"""How long we wait for a key after we have said what can be pressed."""

Keys = Mapping[str, Callable[[], None]]
"""What each key does; others do nothing."""


class Menu(Script):
    """The base: who presses nothing for a while is hung up on."""

    def __init__(self, leg: Leg, about: str) -> None:
        super().__init__(leg, about)
        self._keys: Keys = {}
        self._patience = Timer(lambda now: leg.hang_up())

    def say(
        self,
        words: Sequence[str],
        then: Callable[[], None],
        keys: Keys | None = None,
        sounds: Sequence[Sound] = (),
        words_after: Sequence[str] = (),
    ) -> None:
        """Sentences, then sounds, then sentences; meanwhile and afterwards these are the keys."""
        self._patience.due = None
        self._keys = keys or {}
        before, after = (
            [sound for word in some if (sound := said(word, self.leg.plan.language)) is not None]
            for some in (words, words_after)
        )
        self.leg.play([*before, *sounds, *after], then)

    def wait(self, seconds: float = PATIENCE_SECONDS) -> None:
        """For a key, from now on."""
        layer = self.leg.legs.layer
        if not self.leg.ended:
            layer.wheel.arm(self._patience, layer.now + seconds)

    def key(self, key: str) -> None:
        action = self._keys.get(key)
        if action is not None:
            self._patience.due = None
            action()

    def over(self) -> None:
        self._patience.due = None
        self._keys = {}
