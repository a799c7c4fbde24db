"""Hearing one's messages by phone, and those of one's teams: a PIN where there is one, then a key for each wish."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from softswitch.dialplan.plan import Person
from softswitch.legs.greetings import Greetings
from softswitch.legs.menu import Keys, Menu
from softswitch.sip.uri import escape
from softswitch.sound.library import Sound
from softswitch.sound.times import day_said, time_said
from softswitch.voicemail.boxes import Boxes
from softswitch.voicemail.message import Greeting, Message

if TYPE_CHECKING:
    from softswitch.legs.leg import Leg

LAST_SECONDS = 5.0
"""How long we wait for a key when all is said."""
TRIES = 3
"""At the PIN, in one call."""
MOST_DIGITS = 20
MOST_SPOKEN = 15
"""Digits of a caller's number."""


class Listen(Menu):
    """The messages of the person whose phone calls."""

    def __init__(self, leg: Leg, about: str) -> None:
        super().__init__(leg, about)
        self._digits = ""
        self._wrong = 0
        self._messages: list[Message] = []
        self._at = -1
        """Which of them is said; the length of the list at the end."""
        self._told: set[str] = set()
        """What was said once, so that it isn't said again."""
        self._greetings: Greetings | None = None
        self._boxes: Boxes
        self._person: Person

    def begin(self) -> None:
        leg = self.leg
        person = leg.plan.person_of(leg.facts.caller_account)
        boxes = leg.legs.boxes
        if person is None or boxes is None or boxes.is_locked(leg.plan.site, person.name, leg.legs.wall()):
            self.say(("not possible",), leg.hang_up)
            return
        self._boxes, self._person = boxes, person
        if person.voicemail.pin:
            self._ask()
        else:
            self._open()

    # -- the PIN

    def _ask(self) -> None:
        self._digits = ""
        digits: dict[str, Callable[[], None]] = {key: lambda key=key: self._digit(key) for key in "0123456789*"}  # type: ignore[misc]
        self.say(("enter pin",), self.wait, {**digits, "#": self._entered})

    def _digit(self, key: str) -> None:
        self._digits = (self._digits + key)[:MOST_DIGITS]
        self.wait()

    def _entered(self) -> None:
        leg, person = self.leg, self._person
        right = self._digits == self._boxes.pin(person.voicemail.pin)
        self._boxes.tried(leg.plan.site, person.name, right, leg.legs.wall())
        if right:
            self._open()
            return
        self._wrong += 1
        self.say(("wrong pin",), self._ask if self._wrong < TRIES else leg.hang_up)

    # -- the messages

    def _open(self) -> None:
        """Her own first, then those of her teams; in each the new ones first."""
        plan = self.leg.plan
        teams = [team.name for team in plan.teams.values() if self._person.name in team.members]
        for box in (self._person.name, *teams):
            messages = self._boxes.messages(plan.site, box)
            self._messages += sorted(messages, key=lambda message: (bool(message.heard_at), message.received_at))
        if self._messages:
            self._go(0)
        else:
            self._end("no messages")

    def _go(self, at: int, *before: str) -> None:
        """Say this message, after these words. What somebody else of a team has deleted meanwhile is passed over."""
        there = [self._boxes.has(message) for message in self._messages]
        at -= there[: max(at, 0)].count(False)
        self._messages = [message for message, is_there in zip(self._messages, there, strict=True) if is_there]
        self._at = min(max(at, 0), len(self._messages))
        if self._at == len(self._messages):
            self._end(*before, "end of messages")
            return
        message, words = self._messages[self._at], list(before)
        whose = "" if message.person == self._person.name else "team messages"
        which = "kept messages" if message.heard_at else "new messages"
        for word, once in ((whose, message.person), (which, message.person + which)):
            if word and once not in self._told:
                self._told.add(once)
                words.append(word)
        self._tell(words)

    def _end(self, *words: str) -> None:
        keys: Keys = {"9": self._change_greeting, "*": lambda: self._go(len(self._messages) - 1), "#": self.leg.hang_up}
        if not self._messages:
            keys = {"9": self._change_greeting, "#": self.leg.hang_up}
        self.say((*words, "greeting keys"), lambda: self.wait(LAST_SECONDS), keys)

    def _tell(self, words: Sequence[str]) -> None:
        message = self._messages[self._at]
        keys: Keys = {
            "1": lambda: self._tell(()),
            "2": self._keep,
            "3": self._delete,
            "5": self._call_back,
            "9": self._change_greeting,
            "#": lambda: self._go(self._at + 1),
            "*": lambda: self._go(self._at - 1),
        }
        sound = Sound(str(self._boxes.files.path(message)), message.seconds)
        who = ("message from", *self._caller(message), *self._when(message))
        self.say((*words, *who), self._heard, keys, [sound], ("message keys",))

    def _number(self, message: Message) -> str:
        """Who called, as it can be said and dialled; "" when that was hidden."""
        found = self.leg.plan.lookup(message.caller)
        number = found.number if isinstance(found, Person) and found.number else message.caller
        return number if number.removeprefix("+").isdigit() and len(number) <= MOST_SPOKEN else ""

    def _caller(self, message: Message) -> Sequence[str]:
        return tuple(self._number(message)) or ("hidden caller",)

    def _when(self, message: Message) -> Sequence[str]:
        zone = ZoneInfo(self._person.timezone or self.leg.plan.timezone)
        moment, now = (datetime.fromtimestamp(at, zone) for at in (message.received_at, self.leg.legs.wall()))
        return *day_said(moment, now), *time_said(moment, self.leg.plan.language)

    def _heard(self) -> None:
        """It was said to its end, with the keys."""
        self._mark()
        self.wait()

    def _mark(self) -> None:
        message = self._messages[self._at]
        if not message.heard_at:
            self._messages[self._at] = message._replace(heard_at=self.leg.legs.wall())
            self._boxes.change(self._messages[self._at])

    def _keep(self) -> None:
        self._mark()
        self._go(self._at + 1, "kept")

    def _delete(self) -> None:
        message = self._messages[self._at]

        def deleted(ok: bool) -> None:
            if ok:
                self._messages.remove(message)
            self._go(self._at if ok else self._at + 1, "deleted" if ok else "not possible")

        self._keys = {}
        self._boxes.delete([message], deleted)

    # -- calling back, and greetings

    def _call_back(self) -> None:
        """Her phone makes the call itself, with her rights and her number: it is told to by REFER (RFC 3515)."""
        number = self._number(self._messages[self._at])
        self._mark()
        if not number:
            self._again("not possible", self._keys)
            return
        keys = self._keys
        self.say((), lambda: None)
        target = b"sip:%b@%b" % (escape(number.encode()), self.leg.plan.site.encode())
        self.leg.refer(target, lambda: self._again("not possible", keys))

    def _again(self, word: str, keys: Keys) -> None:
        self.say((word, "message keys"), self.wait, keys)

    def _change_greeting(self) -> None:
        plan, person = self.leg.plan, self._person
        teams = [team for team in plan.teams.values() if person.name in team.members and team.voicemail.is_written]
        choice = [Greeting(plan.site, person.name, key) for key in person.voicemail.recordable]
        choice += [Greeting(plan.site, team.name, key) for team in teams for key in team.voicemail.recordable]
        self._greetings = Greetings(self, self._boxes, choice, lambda: self._go(self._at))
        self._greetings.begin()

    def over(self) -> None:
        super().over()
        if self._greetings is not None:
            self._greetings.over()
