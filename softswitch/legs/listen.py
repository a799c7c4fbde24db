"""Hearing one's messages by phone: a PIN where there is one, then each message and a key for what to do with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from softswitch.dialplan.plan import Person
from softswitch.legs.script import Script
from softswitch.sound.library import Sound, said
from softswitch.transaction.timers import Timer
from softswitch.voicemail.boxes import Boxes
from softswitch.voicemail.message import Message

if TYPE_CHECKING:
    from softswitch.legs.leg import Leg

PATIENCE_SECONDS = 15.0
"""How long we wait for a key after we have said what can be pressed."""
TRIES = 3
"""At the PIN, in one call."""
MOST_DIGITS = 20
MOST_SPOKEN = 15
"""Digits of a caller's number."""


class Listen(Script):
    """The messages of the person whose phone calls."""

    def __init__(self, leg: Leg, about: str) -> None:
        super().__init__(leg, about)
        self._digits = ""
        self._wrong = 0
        self._waiting: list[Message] = []
        self._at: Message | None = None
        self._said_kept = False
        self._on_key: Callable[[str], None] = lambda key: None
        self._patience = Timer(lambda now: leg.hang_up())
        self._boxes: Boxes
        self._person: Person

    def begin(self) -> None:
        leg = self.leg
        person = leg.plan.person_of(leg.facts.caller_account)
        boxes = leg.legs.boxes
        if person is None or boxes is None or boxes.is_locked(leg.plan.site, person.name, leg.legs.wall()):
            self._say(("not possible",), leg.hang_up)
            return
        self._boxes, self._person = boxes, person
        if person.voicemail.pin:
            self._ask()
        else:
            self._open()

    # -- the PIN

    def _ask(self) -> None:
        self._digits = ""
        self._on_key = self._digit
        self._say(("enter pin",), self._wait)

    def _digit(self, key: str) -> None:
        self._wait()
        if key != "#":
            self._digits = (self._digits + key)[:MOST_DIGITS]
            return
        leg, person = self.leg, self._person
        right = self._digits == self._boxes.pin(person.voicemail.pin)
        self._boxes.tried(leg.plan.site, person.name, right, leg.legs.wall())
        if right:
            self._open()
            return
        self._wrong += 1
        self._on_key = lambda key: None
        self._say(("wrong pin",), self._ask if self._wrong < TRIES else leg.hang_up)

    # -- the messages

    def _open(self) -> None:
        messages = self._boxes.messages(self.leg.plan.site, self._person.name)
        self._waiting = sorted(messages, key=lambda message: (bool(message.heard_at), message.received_at))
        if not self._waiting:
            self._say(("no messages",), self.leg.hang_up)
            return
        self._next("new messages" if not self._waiting[0].heard_at else "")

    def _next(self, *before: str) -> None:
        """Say the next message, after these words."""
        words = [word for word in before if word]
        if not self._waiting:
            self._on_key = lambda key: None
            self._say((*words, "end of messages"), self.leg.hang_up)
            return
        self._at = self._waiting.pop(0)
        if self._at.heard_at and not self._said_kept:
            self._said_kept = True
            words.append("kept messages")
        self._tell(words)

    def _tell(self, words: Sequence[str]) -> None:
        message = self._at
        assert message is not None
        self._on_key = self._chosen
        sound = Sound(str(self._boxes.files.path(message)), message.seconds)
        self._say((*words, "message from", *self._caller(message)), self._heard, [sound], ("message keys",))

    def _caller(self, message: Message) -> Sequence[str]:
        """Who called, digit by digit."""
        found = self.leg.plan.lookup(message.caller)
        number = found.number if isinstance(found, Person) and found.number else message.caller
        if number.removeprefix("+").isdigit() and len(number) <= MOST_SPOKEN:
            return tuple(number)
        return ("hidden caller",)

    def _heard(self) -> None:
        """It was said to its end, with the keys."""
        self._mark()
        self._wait()

    def _mark(self) -> None:
        message = self._at
        if message is not None and not message.heard_at:
            self._at = message._replace(heard_at=self.leg.legs.wall())
            self._boxes.change(self._at)

    def _chosen(self, key: str) -> None:
        action = _ACTIONS.get(key)
        if action is not None:
            self._patience.due = None
            action(self)

    def _again(self) -> None:
        self._tell(())

    def _keep(self) -> None:
        self._mark()
        self._next("kept")

    def _skip(self) -> None:
        self._next()

    def _delete(self) -> None:
        message = self._at
        assert message is not None
        self._on_key = lambda key: None
        self._boxes.delete([message], lambda ok: self._next("deleted" if ok else "not possible"))

    # -- saying and waiting

    def _say(
        self,
        words: Sequence[str],
        then: Callable[[], None],
        sounds: Sequence[Sound] = (),
        words_after: Sequence[str] = (),
    ) -> None:
        """Sentences, then sounds, then sentences."""
        self._patience.due = None
        before, after = (
            [sound for word in some if (sound := said(word, self.leg.plan.language)) is not None]
            for some in (words, words_after)
        )
        self.leg.play([*before, *sounds, *after], then)

    def _wait(self) -> None:
        layer = self.leg.legs.layer
        if not self.leg.ended:
            layer.wheel.arm(self._patience, layer.now + PATIENCE_SECONDS)

    def key(self, key: str) -> None:
        self._on_key(key)

    def over(self) -> None:
        self._patience.due = None
        self._on_key = lambda key: None


_ACTIONS: Mapping[str, Callable[[Listen], None]] = {
    "1": Listen._again,
    "2": Listen._keep,
    "3": Listen._delete,
    "#": Listen._skip,
}
"""By the key pressed while a message is said, or after it."""
