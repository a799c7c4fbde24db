"""An end of a call in the relay itself: says what its player has, hears keys, and records.

`Talkers` has them all speak in time: a heap by the moment of each one's next packet, of which a few are served between
any two rounds of the packet path, so that nobody else's packets wait for ours.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from heapq import heappop, heappush
from struct import Struct
from typing import NamedTuple, Protocol

from .coders import CODERS, Coder, Pcma, is_loud
from .dtmf import Keys
from .player import Player
from .port import Port
from .recorder import Recorder
from .rtp import payload_of
from .talk import Codec

_HEADER = Struct("!BBHII")
DEAF_SECONDS = 0.4
"""After the answer to who holds: what was said before it is still on its way."""
_AT_ONCE = 16
"""Packets that we send between two rounds of the packet path."""
_LATE_SECONDS = 0.2
"""Who is later than this (the process was stopped) goes on from now instead of catching up."""

Tell = Callable[[str, str], None]
"""(what happened, more about it)."""


class Saying(NamedTuple):
    """What is being said."""

    files: list[str]
    repeat: bool
    since: float
    """Monotonic seconds."""


class Recording(NamedTuple):
    """What is being recorded."""

    path: str
    seconds: float
    """At most."""
    since: float


class Talker:
    """One end."""

    __slots__ = (
        "_coder",
        "_keys",
        "_music_since",
        "_number",
        "_passed",
        "_ssrc",
        "_timestamp",
        "closed",
        "codec",
        "key",
        "partner",
        "player",
        "port",
        "recorder",
        "recording",
        "saying",
        "tell",
        "wanted",
    )

    def __init__(self, tell: Tell, key: tuple[bytes, bytes] = (b"", b"")) -> None:
        """`tell` hears of "dtmf" with the key, and of "played" when there is nothing left to say.

        `key` is the Call-ID and the tag of the party.
        """
        self.tell = tell
        self.key = key
        self.saying: Saying | None = None
        self.recording: Recording | None = None
        self.wanted: tuple[bytes, ...] = ()
        """The key of a partner that we had, and that is not back yet."""
        self.codec: Codec | None = None
        self._coder: tuple[str, Coder] = "PCMA", Pcma()
        self.port: Port | None = None
        self.player = Player()
        self.recorder: Recorder | None = None
        self.closed = False
        self.partner: Talker | None = None
        """The end whose party ours is connected with."""
        self._passed = (b"", 0, 0)
        """Of what the partner's party sends: its source, and how far its numbers and timestamps are from ours."""
        self._keys = Keys()
        self._music_since = 0.0
        self._number = random.getrandbits(16)
        self._timestamp = random.getrandbits(32)
        self._ssrc = random.getrandbits(32)

    def use(self, port: Port, codec: Codec | None) -> None:
        """Speak and hear through this port from now on; None until it is known what is spoken."""
        self.codec = codec
        if self.port is not port:
            self.port = port
            port.forward = self.hear

    def speak_to(self, port: Port, codec: Codec) -> None:
        """Speak through this port; who has us hear sees to that."""
        self.codec, self.port = codec, port

    @property
    def coder(self) -> Coder:
        """Of the codec at hand."""
        name = self.codec.name if self.codec is not None else "PCMA"
        if name != self._coder[0]:
            self._coder = name, CODERS[name]()
        return self._coder[1]

    @property
    def source(self) -> tuple[int, int, int, float]:
        """SSRC, number and timestamp of the next packet, and now in monotonic seconds: for `go_on`."""
        return self._ssrc, self._number, self._timestamp, round(time.monotonic(), 3)

    def go_on(self, ssrc: int, number: int, timestamp: int, at: float, samples: int, now: float) -> None:
        """Be the source that another process was, of which this was told at that moment."""
        packets = int(max(0.0, now - at) * 8000 / samples) + 1
        self._ssrc = ssrc & 0xFFFFFFFF
        self._number = number + packets & 0xFFFF
        self._timestamp = timestamp + packets * samples & 0xFFFFFFFF

    def say(self, saying: Saying, sound: bytes, at: int = 0) -> None:
        """Say this A-law instead of what is being said, from sample `at` on."""
        self.saying = saying if saying.files else None
        if at and not saying.repeat:
            at = max(0, min(at, len(sound) - 1))  # its end is still to be told
        self.player.play(sound, saying.repeat, at)

    def speak(self) -> float:
        """Send the next packet; in how many seconds the one after it is due."""
        codec, port = self.codec, self.port
        assert codec is not None
        assert port is not None
        size = codec.samples
        if self.partner is not None and self.player.is_done:
            return size / 8000
        said = not self.player.is_done
        alaw = self.player.next(size)
        if codec.heard:
            packet = _HEADER.pack(0x80, codec.number, self._number, self._timestamp, self._ssrc)
            packet += self.coder.encode(alaw)
            try:
                port.send(packet)
            except OSError:
                port.errors += 1
            self._number = self._number + 1 & 0xFFFF
        self._timestamp = self._timestamp + size & 0xFFFFFFFF
        if said and self.player.is_done:
            self.saying = None
            self.tell("played", "")
        return size / 8000

    def hear(self, packet: memoryview | bytes) -> int:
        """From the packet path: a packet of the party that this port faces."""
        codec = self.codec
        if codec is None:
            return 0
        kind = packet[1] & 0x7F
        if kind == codec.events:
            key = self._keys.heard(packet)
            if key:
                self.tell("dtmf", key)
        elif self.recorder is not None and kind == codec.number:
            self.recorder.hear(packet, self.coder)
        if self.partner is not None:
            self.partner.pass_on(packet, codec)
        return 0

    def connect(self, other: Talker) -> None:
        """Have both parties hear each other instead of us."""
        for one in (self, other):
            one.disconnect()
            one.saying = None
            one.player.play(b"", False)
        self.partner, other.partner = other, self

    def disconnect(self) -> None:
        """Each party is alone with us again."""
        if self.partner is not None:
            self.partner.partner = None
            self.partner = None

    def hold(self, music: bytes) -> None:
        """Our party holds: meanwhile the partner's hears this, unless ours sends sound of its own; b"": it is back."""
        if self.partner is not None:
            self.partner.hear_music(music)

    def hear_music(self, music: bytes) -> None:
        """In place of the partner's party, again and again; b"" for none."""
        if music or not self.player.is_done:
            self.player.play(music, bool(music))
            self._music_since = time.monotonic()
            self._passed = (b"", 0, 0)

    def pass_on(self, packet: memoryview | bytes, theirs: Codec) -> None:
        """To our party what the partner's has sent: in our codec, and as if it were ours, so that no stream breaks."""
        own, port = self.codec, self.port
        if own is None or port is None or not own.heard:
            return
        kind, payload = packet[1] & 0x7F, bytes(payload_of(packet))
        if not self.player.is_done:
            if not self._is_music_of_its_own(kind, payload, theirs):
                return
            self.hear_music(b"")
        if kind == theirs.number:
            number = own.number
            if theirs.name != own.name and self.partner is not None:
                payload = self.coder.encode(self.partner.coder.decode(payload))
        elif kind == theirs.events and own.events >= 0:
            number = own.events
        else:
            return
        count, timestamp = int.from_bytes(packet[2:4], "big"), int.from_bytes(packet[4:8], "big")
        if self._passed[0] != packet[8:12]:
            self._passed = (bytes(packet[8:12]), self._number - count, self._timestamp - timestamp)
        _, counts, samples = self._passed
        count, timestamp = count + counts & 0xFFFF, timestamp + samples & 0xFFFFFFFF
        self._number, self._timestamp = count + 1 & 0xFFFF, timestamp + own.samples & 0xFFFFFFFF
        head = _HEADER.pack(0x80, number | (packet[1] & 0x80), count, timestamp, self._ssrc)
        try:
            port.send(head + payload)
        except OSError:
            port.errors += 1

    def _is_music_of_its_own(self, kind: int, payload: bytes, theirs: Codec) -> bool:
        """Whether the partner's party sends sound although it holds; what comes at first was said before."""
        if kind != theirs.number or time.monotonic() < self._music_since + DEAF_SECONDS or self.partner is None:
            return False
        return is_loud(self.partner.coder.decode(payload))

    def record(self, path: str, seconds: float) -> None:
        """Write down what is heard from now on. Raises OSError."""
        self.stop_recording()
        self.recorder = Recorder(path, seconds)
        self.recording = Recording(path, seconds, round(time.monotonic(), 3))

    def stop_recording(self) -> Recorder | None:
        """Finish the file; the recording, or None where there was none."""
        recorder, self.recorder, self.recording = self.recorder, None, None
        if recorder is not None:
            recorder.finish()
        return recorder

    def close(self) -> None:
        """The call is over."""
        self.closed = True
        self.disconnect()
        self.stop_recording()
        self.port = None


class Speaker(Protocol):
    """Whoever has something to send every few milliseconds."""

    closed: bool
    """Nothing more is sent."""

    def speak(self) -> float:
        """Send the next packet; in how many seconds the one after it is due."""
        ...


class Talkers:
    """All of them, by when they speak next; moments are monotonic seconds."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Speaker]] = []
        self._count = 0

    def add(self, talker: Speaker, now: float) -> None:
        """Have it speak from now on, until it is closed."""
        self._count += 1
        heappush(self._due, (now, self._count, talker))

    def wait(self, now: float) -> float:
        """In how many seconds somebody has to speak; an hour where there is nobody."""
        return max(0.0, self._due[0][0] - now) if self._due else 3600.0

    def run(self, now: float) -> None:
        """Have those speak that are due, but not too many at once."""
        due = self._due
        for _ in range(_AT_ONCE):
            if not due or due[0][0] > now:
                return
            at, number, talker = heappop(due)
            if talker.closed:
                continue
            following = at + talker.speak()
            heappush(due, (following if now - following < _LATE_SECONDS else now, number, talker))
