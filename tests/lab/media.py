"""A media engine that relays nothing: it keeps the books, so that a port that is never freed shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from softswitch.media.engine import Did, Done, Heard, MediaEvent, MediaFailed, MediaKey
from softswitch.media.quality import StreamQuality, Told
from softswitch.sound.library import ready

from .events import Events
from .sdp import sdp

ADDRESS = b"203.0.113.9"


@dataclass
class Session:
    """One offer and what became of it."""

    key: MediaKey
    ports: dict[str, int] = field(default_factory=dict)
    """The port shown on each side, by "offer" and "answer"."""
    to_tags: set[str] = field(default_factory=set)


class FakeMedia:
    """Replaces the media address by its own. Set `fails` to have it refuse, `delay` to have it take its time."""

    def __init__(self, events: Events) -> None:
        self.events = events
        self.delay: float | None = None
        """None answers within the call, as an engine in memory would."""
        self.fails: MediaFailed | None = None
        self.fails_at: Callable[[], bool] = lambda: False
        """Asked each time; True fails this one with 503."""
        self.asked: list[tuple[str, MediaKey, str, str]] = []
        """(what, key, network, source)."""
        self.sessions: list[Session] = []
        self.transports: list[str] = []
        """Of each offer."""
        self.music: list[str] = []
        """For who is held, with each offer."""
        self.quality: list[StreamQuality] = []
        """What is told of each call."""
        self.heard: dict[str, list[Heard]] = {}
        self.said: list[list[str]] = []
        self.tells_end = True
        """Whether it says when something is played to its end."""
        self._plays: dict[str, int] = {}
        self.recordings: list[str] = []
        self.connected: list[tuple[str, str]] = []
        """Call-IDs of calls whose parties hear each other."""
        self.whispered: list[MediaKey] = []
        """Whose call goes on only after a key."""
        self.pressed: list[tuple[str, str]] = []
        """By whose tag as it were, and the key."""
        self.taken: set[str] = set()
        """The tags of parties whose telephone events are told."""
        self.spoken = b""
        self._port = 30000

    @property
    def ports(self) -> int:
        """How many are in use."""
        return sum(2 for _ in self.sessions)

    def offer(
        self,
        key: MediaKey,
        sdp: bytes,
        to_network: str,
        source: str,
        done: Done,
        transport: str = "",
        music: str = "",
    ) -> None:
        self.transports.append(transport)
        self.music.append(Path(music).stem)
        self._do("offer", key, sdp, to_network, source, done)

    def answer(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done) -> None:
        self._do("answer", key, sdp, to_network, source, done)

    def echo(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done) -> None:
        self._do("echo", key, sdp, to_network, source, done)

    def subscribe(self, name: str, heard: Heard) -> None:
        self.heard.setdefault(name, []).append(heard)

    def notices(self, name: str, call_id: bytes, tag: bytes = b"", **details: object) -> None:
        """Have the switch told of an event, as the relay would."""
        from_tag = next((one.key.from_tag for one in self.sessions if one.key.call_id == call_id.decode()), "")
        event = MediaEvent(name, call_id.decode(), from_tag, tag.decode(), details)
        for heard in self.heard.get(name, ()):
            heard(event)

    def talk(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done, music: str = "") -> None:
        self.music.append(Path(music).stem)
        self._do("talk", key, sdp, to_network, source, done)

    def propose(self, key: MediaKey, to_network: str, echoes: bool, done: Done, transport: str = "") -> None:
        self.transports.append(transport)
        self._do("propose", key, sdp("0.0.0.0", 9), to_network, "", done)

    def settle(self, key: MediaKey, sdp: bytes, source: str, done: Did) -> None:
        def placed(result: bytes | MediaFailed) -> None:
            done(result if isinstance(result, MediaFailed) else None)

        self._do("settle", key, sdp, "", source, placed)

    def play(self, key: MediaKey, files: Sequence[str], repeat: bool, done: Did) -> None:
        """Noted in `said`, as the names of the files."""
        self.said.append([Path(file).stem for file in files])
        number = self._plays[key.call_id] = len(self.said)
        if files and not repeat and self.tells_end:
            seconds = sum(ready(Path(file)).seconds for file in files)
            self.events.after(seconds, lambda: self._played(key, number))
        self._did(key, done)

    def _played(self, key: MediaKey, number: int) -> None:
        if self._plays.get(key.call_id) == number and self._find(key) is not None:
            self.notices("played", key.call_id.encode())

    def connect(self, key: MediaKey, other: MediaKey, done: Did) -> None:
        self.connected.append((key.call_id, other.call_id))
        self._did(key, done)

    def whisper(self, key: MediaKey, sdp: bytes, files: Sequence[str], done: Did) -> None:
        """Noted in `said` too, and in `whispered`."""
        self.said.append([Path(file).stem for file in files])
        self.whispered.append(key)
        self._did(key, done)

    def stop_whisper(self, key: MediaKey) -> None:
        self.whispered.remove(key)

    def press(self, key: MediaKey, digit: str, seconds: float, done: Did) -> None:
        """Noted in `pressed`."""
        self.pressed.append((key.from_tag, digit))
        self._did(key, done)

    def take_keys(self, key: MediaKey, takes: bool) -> None:
        """Noted in `taken`."""
        assert self._find(key) is not None
        (self.taken.add if takes else self.taken.discard)(key.from_tag)

    def record(self, key: MediaKey, file: str, seconds: float, done: Did) -> None:
        """What is recorded is the WAV file `spoken`."""
        self.recordings.append(file)
        Path(file).write_bytes(self.spoken)
        self._did(key, done)

    def stop_recording(self, key: MediaKey, done: Did) -> None:
        self._did(key, done)

    def _did(self, key: MediaKey, done: Did) -> None:
        failed = None if self._find(key) is not None else MediaFailed(404, "no such end")
        if self.delay is None:
            done(self.fails or failed)
        else:
            self.events.after(self.delay, lambda: done(self.fails or failed))

    def query(self, call_id: str, told: Told) -> None:
        told(self.quality)

    def delete(self, call_id: str, from_tag: str = "", via_branch: str = "", told: Told | None = None) -> None:
        self.asked.append(("delete", MediaKey(call_id, from_tag, "", via_branch), "", ""))

        def gone(session: Session) -> bool:
            key = session.key
            return (
                key.call_id == call_id
                and (not from_tag or from_tag == key.from_tag or from_tag in session.to_tags)
                and (not via_branch or via_branch == key.via_branch)
            )

        def delete() -> None:
            kept = [session for session in self.sessions if not gone(session)]
            found = self.quality if len(kept) < len(self.sessions) else []
            self.sessions = kept
            if told is not None:
                told(found)

        if self.delay is None:
            delete()
        else:
            self.events.after(self.delay, delete)

    def _do(self, what: str, key: MediaKey, sdp: bytes, network: str, source: str, done: Done) -> None:
        self.asked.append((what, key, network, source))

        def work() -> None:
            failed = self.fails or (MediaFailed(503, "No Ports") if self.fails_at() else None)
            done(failed or self._placed(what, key, sdp))

        if self.delay is None:
            work()
        else:
            self.events.after(self.delay, work)

    def _placed(self, what: str, key: MediaKey, sdp: bytes) -> bytes | MediaFailed:
        if b"m=audio" not in sdp:
            return MediaFailed(488, "no audio")
        session = self._find(key)
        if session is None:
            if what == "answer":
                return MediaFailed(503, "no such offer")
            session = Session(key)
            if key.to_tag:
                session.to_tags.add(key.to_tag)
            self.sessions.append(session)
        elif what == "answer" and key.to_tag:
            session.to_tags.add(key.to_tag)
        side = "answer" if what == "answer" else f"offer of {key.from_tag}"
        if side not in session.ports:
            self._port += 2
            session.ports[side] = self._port
        sdp = re.sub(rb"c=IN IP[46] \S+", b"c=IN IP4 " + ADDRESS, sdp)
        return re.sub(rb"m=audio [0-9]+", b"m=audio %d" % session.ports[side], sdp)

    def _find(self, key: MediaKey) -> Session | None:
        for session in self.sessions:
            own = session.key
            if own.call_id != key.call_id:
                continue
            if key.via_branch or not key.to_tag:
                if (own.from_tag, own.via_branch) == (key.from_tag, key.via_branch):
                    return session
            elif {key.from_tag, key.to_tag} <= {own.from_tag, *session.to_tags}:
                return session
        return None
