"""An end of a call in the relay itself: says what its player has, hears keys, and records.

`Talkers` has them all speak in time: a heap by the moment of each one's next packet, of which a few are served between
any two rounds of the packet path, so that nobody else's packets wait for ours.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from heapq import heappop, heappush
from struct import Struct

from .dtmf import Keys
from .player import Player
from .port import Port
from .recorder import Recorder
from .talk import Codec

_HEADER = Struct("!BBHII")
_AT_ONCE = 16
"""Packets that we send between two rounds of the packet path."""
_LATE_SECONDS = 0.2
"""Who is later than this (the process was stopped) goes on from now instead of catching up."""

Tell = Callable[[str, str], None]
"""(what happened, more about it)."""


class Talker:
    """One end."""

    __slots__ = ("_keys", "_number", "_ssrc", "_timestamp", "closed", "codec", "player", "port", "recorder", "tell")

    def __init__(self, tell: Tell) -> None:
        """`tell` hears of "dtmf" with the key, and of "played" when there is nothing left to say."""
        self.tell = tell
        self.codec: Codec | None = None
        self.port: Port | None = None
        self.player = Player()
        self.recorder: Recorder | None = None
        self.closed = False
        self._keys = Keys()
        self._number = random.getrandbits(16)
        self._timestamp = random.getrandbits(32)
        self._ssrc = random.getrandbits(32)

    def use(self, port: Port, codec: Codec) -> None:
        """Speak and hear through this port from now on."""
        self.codec = codec
        if self.port is not port:
            self.port = port
            port.forward = self.hear

    def speak_to(self, port: Port, codec: Codec) -> None:
        """Speak through this port; who has us hear sees to that."""
        self.codec, self.port = codec, port

    def speak(self) -> float:
        """Send the next packet; in how many seconds the one after it is due."""
        codec, port = self.codec, self.port
        assert codec is not None
        assert port is not None
        size = codec.samples
        said = not self.player.is_done
        payload = self.player.next(size, codec.is_alaw)
        if codec.heard:
            packet = _HEADER.pack(0x80, codec.number, self._number, self._timestamp, self._ssrc) + payload
            try:
                port.send(packet)
            except OSError:
                port.errors += 1
            self._number = self._number + 1 & 0xFFFF
        self._timestamp = self._timestamp + size & 0xFFFFFFFF
        if said and self.player.is_done:
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
            self.recorder.hear(packet, codec.is_alaw)
        return 0

    def record(self, path: str, seconds: float) -> None:
        """Write down what is heard from now on. Raises OSError."""
        self.stop_recording()
        self.recorder = Recorder(path, seconds)

    def stop_recording(self) -> Recorder | None:
        """Finish the file; the recording, or None where there was none."""
        recorder, self.recorder = self.recorder, None
        if recorder is not None:
            recorder.finish()
        return recorder

    def close(self) -> None:
        """The call is over."""
        self.closed = True
        self.stop_recording()
        self.port = None


class Talkers:
    """All of them, by when they speak next; moments are monotonic seconds."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Talker]] = []
        self._count = 0

    def add(self, talker: Talker, now: float) -> None:
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
