"""All mailboxes: what is in them, and each change made durable before it counts.

What takes time comes back by call-back, within the pump (see `Boxes.pump`); nothing here waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from softswitch.events import Bus, VoicemailChanged
from softswitch.sound.library import Sound
from softswitch.voicemail.files import Files
from softswitch.voicemail.message import Change, Greeting, Message, VoicemailStore

T = TypeVar("T")
MOST_MESSAGES = 100
"""In one box; then it is full."""
WRONG_PINS = 10
"""In a row; then a box is closed to everybody for LOCKED_SECONDS."""
LOCKED_SECONDS = 900.0

Work = Callable[[Callable[[], object], Callable[[object], None]], None]
"""(what, then): do it beside the pump, then give its result to `then`, or the OSError that it raised."""


class Boxes:
    """The messages of everybody, by site and person, the oldest first."""

    def __init__(
        self,
        files: Files,
        store: VoicemailStore,
        bus: Bus,
        work: Work,
        failed: Callable[[str, BaseException], None] = lambda what, error: None,
    ) -> None:
        """`failed` is told what could not be done and why."""
        self.files = files
        self._store = store
        self._bus = bus
        self._work = work
        self._failed = failed
        self._boxes: dict[tuple[str, str], list[Message]] = {}
        self._wrong: dict[tuple[str, str], tuple[int, float]] = {}
        """Wrong PINs in a row, and when the latest was."""
        self._greetings: dict[Greeting, Sound] = {}
        self.pump: Callable[[Callable[[], None]], None] = lambda call: call()
        """Runs what comes back later; the switch puts in its own."""
        self.pin: Callable[[str], str | None] = lambda name: None
        """The secret of this name."""
        self.arrived: Callable[[Message], None] = lambda message: None
        """Called for each message that is to be mailed."""
        self.busy = 0
        """Messages that are being written."""

    def take_over(self, messages: Iterable[Message], greetings: Iterable[tuple[Greeting, Sound]] = ()) -> None:
        """What the store and the folder had at the start."""
        self._greetings.update(greetings)
        for message in messages:
            self._boxes.setdefault(message.box, []).append(message)

    def recover(self) -> None:
        """Finish what an earlier run of the switch was recording."""

        def found(result: object) -> None:
            if isinstance(result, OSError):
                self._failed("what was being recorded is not finished", result)
                return
            assert isinstance(result, list)
            for message in result:
                if self._find(message) is None:
                    self.finish(message, lambda kept: None)
                else:
                    self._do(lambda message=message: self.files.clear(message), _ignored)  # type: ignore[misc]

        self._do(lambda: list(self.files.unfinished()), found)

    # -- looking

    def messages(self, site: str, person: str) -> Sequence[Message]:
        """All in this box, the oldest first."""
        return tuple(self._boxes.get((site, person), ()))

    def counts(self, site: str, person: str) -> tuple[int, int]:
        """How many new messages, and how many that were heard."""
        messages = self._boxes.get((site, person), ())
        new = sum(1 for message in messages if not message.heard_at)
        return new, len(messages) - new

    def is_full(self, site: str, person: str) -> bool:
        """Whether no more can be left here."""
        return len(self._boxes.get((site, person), ())) >= MOST_MESSAGES

    def all(self) -> list[Message]:
        """Of everybody."""
        return [message for messages in self._boxes.values() for message in messages]

    def by_id(self, number: str) -> Message | None:
        """The message with this id."""
        return next((message for message in self.all() if message.id == number), None)

    def has(self, message: Message) -> bool:
        """Whether it was not deleted meanwhile."""
        return self._find(message) is not None

    def _find(self, message: Message) -> Message | None:
        return next((one for one in self._boxes.get(message.box, ()) if one.id == message.id), None)

    # -- PINs

    def is_locked(self, site: str, person: str, wall: float) -> bool:
        """Whether somebody has guessed too often."""
        count, at = self._wrong.get((site, person), (0, 0.0))
        return count >= WRONG_PINS and wall - at < LOCKED_SECONDS

    def tried(self, site: str, person: str, right: bool, wall: float) -> None:
        """Somebody has entered a PIN."""
        if right:
            self._wrong.pop((site, person), None)
        else:
            count, at = self._wrong.get((site, person), (0, 0.0))
            self._wrong[site, person] = (count + 1 if wall - at < LOCKED_SECONDS else 1, wall)

    # -- changing

    def begin(self, message: Message, done: Callable[[str | None], None]) -> None:
        """A message is about to be recorded: `done` gets the file to record into, None when there can be none."""

        def begun(result: object) -> None:
            if isinstance(result, OSError):
                self._failed("a message can't be recorded", result)
                done(None)
            else:
                done(str(result))

        self._do(lambda: self.files.begin(message), begun)

    def finish(self, message: Message, done: Callable[[Message | None], None]) -> None:
        """It was recorded: `done` gets it once it is durable, None when there was nothing to keep, or it failed."""

        def written(result: object) -> None:
            if isinstance(result, OSError):
                # What was recorded stays where it is, for the next start.
                self._failed("a message is not stored", result)
                done(None)
            elif result is None:
                self._do(lambda: self.files.clear(message), _ignored)
                done(None)
            else:
                assert isinstance(result, Message)
                self._write(Change((result,)), lambda ok: stored(result, ok))

        def stored(whole: Message, ok: bool) -> None:
            if ok:
                self._boxes.setdefault(whole.box, []).append(whole)
                self._do(lambda: self.files.clear(message), _ignored)
                self._changed(whole)
                if whole.mail_to:
                    self.arrived(whole)
            done(whole if ok else None)

        self._do(lambda: self.files.finish(message), written)

    def drop(self, message: Message) -> None:
        """Nothing was recorded after all."""
        self._do(lambda: self.files.clear(message), _ignored)

    def change(self, message: Message, done: Callable[[bool], None] = lambda ok: None) -> None:
        """Keep a message in this new state; not one that somebody else of the team has deleted meanwhile."""
        if self._find(message) is None:
            done(False)
            return

        def written(ok: bool) -> None:
            box = self._boxes.get(message.box, [])
            for at, one in enumerate(box):
                if ok and one.id == message.id:
                    box[at] = message
                    if bool(one.heard_at) != bool(message.heard_at):
                        self._changed(message)
            done(ok)

        self._write(Change((message,)), written)

    def delete(self, messages: Sequence[Message], done: Callable[[bool], None] = lambda ok: None) -> None:
        """Delete messages with their sound."""

        def written(ok: bool) -> None:
            gone = {(message.box, message.id) for message in messages} if ok else set()
            for box in {message.box for message in messages}:
                self._boxes[box] = [one for one in self._boxes.get(box, ()) if (box, one.id) not in gone]
                if ok:
                    self._changed_box(*box)
            if ok:
                self._do(lambda: self.files.remove(messages), removed)
            else:
                done(False)

        def removed(result: object) -> None:
            if isinstance(result, OSError):
                self._failed("the sound of a message is not deleted", result)
            done(not isinstance(result, OSError))

        self._write(Change((), tuple(messages)), written)

    def _changed(self, message: Message) -> None:
        self._changed_box(message.site, message.person)

    def _changed_box(self, site: str, person: str) -> None:
        if self._bus.wanted(VoicemailChanged):
            self._bus.publish(VoicemailChanged(site, person, *self.counts(site, person)))

    # -- greetings

    def greeting(self, greeting: Greeting) -> Sound | None:
        """What somebody recorded by phone; None for the usual one."""
        return self._greetings.get(greeting)

    def begin_greeting(self, name: str, done: Callable[[str | None], None]) -> None:
        """A greeting is about to be recorded: `done` gets the file to record into, None when there can be none."""
        self._do(lambda: self.files.begin_greeting(name), lambda file: done(file if isinstance(file, str) else None))

    def trim_greeting(self, name: str, done: Callable[[Sound | None], None]) -> None:
        """It was recorded: `done` gets how it sounds, None when nothing was said."""
        self._do(lambda: self.files.trim_greeting(name), lambda made: done(made if isinstance(made, Sound) else None))

    def keep_greeting(self, name: str, greeting: Greeting, done: Callable[[bool], None]) -> None:
        """It is said from now on, once it is durable."""

        def kept(result: object) -> None:
            if isinstance(result, OSError):
                self._failed("a greeting is not kept", result)
            else:
                assert isinstance(result, Sound)
                self._greetings[greeting] = result
            done(not isinstance(result, OSError))

        self._do(lambda: self.files.keep_greeting(name, greeting), kept)

    def drop_greeting(self, name: str) -> None:
        """Nobody wants it."""
        self._do(lambda: self.files.drop_greeting(name), _ignored)

    def remove_greeting(self, greeting: Greeting) -> None:
        """The usual one is said again."""
        sound = self._greetings.pop(greeting, None)
        if sound is not None:
            self._do(lambda: self.files.remove_greeting(sound), _ignored)

    def remove_greetings(self, site: str, box: str) -> None:
        """All that were recorded for this box."""
        for greeting in [one for one in self._greetings if (one.site, one.box) == (site, box)]:
            self.remove_greeting(greeting)

    # -- what takes time

    def _do(self, what: Callable[[], object], then: Callable[[object], None]) -> None:
        self.busy += 1

        def done(result: object) -> None:
            self.busy -= 1
            self.pump(lambda: then(result))

        self._work(what, done)

    def _write(self, change: Change, then: Callable[[bool], None]) -> None:
        future = self._store.write(change)
        if future is None:
            then(True)
            return
        self.busy += 1

        def done(written: asyncio.Future[None]) -> None:
            self.busy -= 1
            error = asyncio.CancelledError() if written.cancelled() else written.exception()
            if error is not None:
                self._failed("a message is not stored", error)
            self.pump(lambda: then(error is None))

        future.add_done_callback(done)


def _ignored(result: object) -> None:
    """What is left over goes with the next start."""
