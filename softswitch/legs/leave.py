"""Voicemail of a person or team: a greeting, a tone, and what the caller says then is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from softswitch.dialplan.plan import GENERAL
from softswitch.legs.script import Script
from softswitch.media.engine import MediaFailed
from softswitch.sound.library import Sound, said, tone
from softswitch.transaction.timers import Timer
from softswitch.voicemail.message import Greeting, Message

if TYPE_CHECKING:
    from softswitch.legs.leg import Leg

GREETING, RECORDING, OVER = "greeting", "recording", "over"
_END_KEY = "#"


class Leave(Script):
    """A message for the person or team that the step names: "voicemail of anna"."""

    def __init__(self, leg: Leg, about: str) -> None:
        super().__init__(leg, about)
        self._box = leg.plan.mailbox(about.removeprefix("of "))
        self._state = GREETING
        self._message: Message | None = None
        self._file: str | None = None
        self._greeted = False
        self._limit = Timer(lambda now: self._end())

    def begin(self) -> None:
        leg = self.leg
        boxes, site, box = leg.legs.boxes, leg.plan.site, self._box
        if boxes is None or boxes.is_full(site, box.name):
            self._refuse("mailbox full" if boxes is not None else "not possible")
            return
        wall = leg.legs.wall()
        name = f"{int(wall)}-{leg.legs.layer.ids.tag().decode()}"
        caller, call_id = leg.facts.caller, leg.media_key.call_id
        self._message = Message(site, box.name, name, wall, caller, call_id, mail_to=box.voicemail.mail)
        leg.play([self._greeting(), tone("beep")], self._has_greeted)
        boxes.begin(self._message, self._may_record)

    def _greeting(self) -> Sound:
        """The first of the box's own whose time it is, else ours. What was recorded goes before a file for always."""
        leg = self.leg
        for greeting in self._box.voicemail.greetings:
            if greeting.conditions and all(condition.fits(leg.facts) for condition in greeting.conditions):
                own = self._recorded(greeting.recorded) if greeting.recorded else leg.legs.own_sound(greeting.file)
                if own is not None:
                    return own
        general = self._recorded(GENERAL)
        if general is not None:
            return general
        for greeting in self._box.voicemail.greetings:
            if not greeting.conditions and greeting.file:
                own = leg.legs.own_sound(greeting.file)
                if own is not None:
                    return own
        return _said("leave a message", leg.plan.language)

    def _recorded(self, key: str) -> Sound | None:
        boxes = self.leg.legs.boxes
        return boxes.greeting(Greeting(self.leg.plan.site, self._box.name, key)) if boxes is not None else None

    def _refuse(self, name: str) -> None:
        self._state = OVER
        self.leg.play([_said(name, self.leg.plan.language)], self.leg.hang_up)

    def _may_record(self, file: str | None) -> None:
        if self._state != GREETING:
            return
        if file is None:
            self._refuse("not possible")
            return
        self._file = file
        self._record_when_ready()

    def _has_greeted(self) -> None:
        self._greeted = True
        self._record_when_ready()

    def _record_when_ready(self) -> None:
        if self._state == GREETING and self._greeted and self._file is not None:
            self._state = RECORDING
            leg, seconds = self.leg, self._box.voicemail.longest_seconds
            leg.legs.media.record(leg.media_key, self._file, seconds, self._records)
            leg.legs.layer.wheel.arm(self._limit, leg.legs.layer.now + seconds)

    def _records(self, failed: MediaFailed | None) -> None:
        if failed is not None:
            self.leg.legs.note(self.leg.call_id, "nothing is recorded", reason=failed.reason)
            self.leg.hang_up()

    def key(self, key: str) -> None:
        if key == _END_KEY and self._state == RECORDING:
            self._end()
        elif key == _END_KEY and self._state == GREETING and not self._greeted:
            self.leg.play([tone("beep")], self._has_greeted)

    def _end(self) -> None:
        """As long as it may be, or the caller says that it is all: it is kept, then we hang up."""
        self._keep(self.leg.hang_up)

    def hung_up(self, done: Callable[[], None]) -> None:
        self._keep(done)

    def over(self) -> None:
        self._limit.due = None
        self._keep(lambda: None)

    def _keep(self, done: Callable[[], None]) -> None:
        """Finish what is recorded; `done` once it is durable."""
        state, self._state = self._state, OVER
        self._limit.due = None
        boxes, message, leg = self.leg.legs.boxes, self._message, self.leg
        if boxes is None or message is None or state == OVER:
            done()
        elif state == GREETING:
            boxes.drop(message)
            done()
        else:
            leg.legs.media.stop_recording(
                leg.media_key, lambda failed: boxes.finish(message, lambda kept: self._kept(kept, done))
            )

    def _kept(self, kept: Message | None, done: Callable[[], None]) -> None:
        seconds = kept.seconds if kept is not None else 0.0
        self.leg.legs.note(self.leg.call_id, "message left", person=self._box.name, seconds=seconds)
        done()


def _said(name: str, language: str) -> Sound:
    """A sentence that comes with the switch."""
    sound = said(name, language)
    assert sound is not None, name
    return sound
