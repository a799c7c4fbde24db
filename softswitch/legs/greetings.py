"""Greetings that are recorded by phone: which one, hear it, record it, go back to the usual one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from softswitch.legs.menu import Keys, Menu
from softswitch.media.engine import MediaFailed
from softswitch.sound.library import Sound, tone
from softswitch.transaction.timers import Timer
from softswitch.voicemail.boxes import Boxes
from softswitch.voicemail.message import Greeting

LONGEST_SECONDS = 90.0
MOST = 9
"""One key chooses."""


class Greetings:
    """The part of a menu that is about them."""

    def __init__(self, menu: Menu, boxes: Boxes, choice: Sequence[Greeting], back: Callable[[], None]) -> None:
        """`choice` are those that can be recorded, `back` what follows."""
        self._menu = menu
        self._boxes = boxes
        self._choice = choice[:MOST]
        self._back = back
        self._name = menu.leg.legs.layer.ids.tag().decode()
        """Of the draft."""
        self._draft = False
        self._recording = False
        self._limit = Timer(lambda now: self._recorded())

    def begin(self) -> None:
        """Ask which one, where there are several."""
        if len(self._choice) == 1:
            self._choose(self._choice[0])
            return
        numbers = [str(number) for number in range(1, len(self._choice) + 1)]
        keys: dict[str, Callable[[], None]] = {
            number: lambda one=one: self._choose(one)  # type: ignore[misc]
            for number, one in zip(numbers, self._choice, strict=True)
        }
        self._menu.say(("which greeting", *numbers), self._menu.wait, {**keys, "#": self._back})

    def _choose(self, greeting: Greeting, *before: str) -> None:
        keys: Keys = {
            "1": lambda: self._hear(greeting),
            "2": lambda: self._record(greeting),
            "3": lambda: self._remove(greeting),
            "#": self._back,
        }
        self._menu.say((*before, "greeting menu"), self._menu.wait, keys)

    def _hear(self, greeting: Greeting) -> None:
        own = self._boxes.greeting(greeting)
        sounds = () if own is None else (own,)
        words = ("leave a message",) if own is None else ()
        self._menu.say(words, lambda: self._choose(greeting), {"#": lambda: self._choose(greeting)}, sounds)

    def _remove(self, greeting: Greeting) -> None:
        self._boxes.remove_greeting(greeting)
        self._choose(greeting, "deleted")

    # -- recording

    def _record(self, greeting: Greeting) -> None:
        def begun(file: str | None) -> None:
            if file is None:
                self._choose(greeting, "not possible")
            elif not self._menu.leg.ended:
                self._draft = True
                self._menu.say(("speak now",), lambda: self._speak(greeting, file), {}, (tone("beep"),))

        self._greeting = greeting
        self._boxes.begin_greeting(self._name, begun)

    def _speak(self, greeting: Greeting, file: str) -> None:
        leg = self._menu.leg

        def records(failed: MediaFailed | None) -> None:
            if failed is not None:
                self._recording = False
                self._choose(greeting, "not possible")

        self._recording = True
        self._menu.say((), lambda: None, {"#": self._recorded})
        leg.legs.media.record(leg.media_key, file, LONGEST_SECONDS, records)
        leg.legs.layer.wheel.arm(self._limit, leg.legs.layer.now + LONGEST_SECONDS)

    def _recorded(self) -> None:
        if not self._recording:
            return
        self._recording, self._limit.due = False, None
        leg = self._menu.leg
        leg.legs.media.stop_recording(
            leg.media_key, lambda failed: self._boxes.trim_greeting(self._name, self._is_it_good)
        )

    def _is_it_good(self, sound: Sound | None) -> None:
        greeting = self._greeting
        if self._menu.leg.ended:
            self._boxes.drop_greeting(self._name)
        elif sound is None:
            self._choose(greeting, "not possible")
        else:
            keys: Keys = {"1": lambda: self._keep(greeting), "2": lambda: self._record(greeting), "#": self._drop}
            self._menu.say((), self._menu.wait, keys, (sound,), ("keep greeting",))

    def _keep(self, greeting: Greeting) -> None:
        def kept(ok: bool) -> None:
            self._draft = False
            self._choose(greeting, "kept" if ok else "not possible")

        self._menu.say((), lambda: None)
        self._boxes.keep_greeting(self._name, greeting, kept)

    def _drop(self) -> None:
        self.over()
        self._choose(self._greeting, "deleted")

    def over(self) -> None:
        """Whoever records hangs up: what is not kept is dropped."""
        self._limit.due = None
        if self._recording:
            self._recorded()  # which finds that the leg has ended
        elif self._draft:
            self._draft = False
            self._boxes.drop_greeting(self._name)
