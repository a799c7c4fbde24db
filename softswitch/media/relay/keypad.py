"""Keys of one party that reach the other in another way than they came: pressed into its sound, or taken out of it.

A key that came by the signalling is sent in place of what its party says just then (RFC 4733 §2.5.1): the packets of
sound that come meanwhile lend it their numbers, so that the stream has no gap and no second source. Where a party is
silent, a stream is made.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from struct import Struct

from .dtmf import KEYS, Keys
from .port import Port
from .talker import Talkers

_HEADER = Struct("!BBHII")
_STEP = 160
"""Samples in 20 ms, at the 8 kHz of telephone events."""
_STEP_SECONDS = 0.02
_QUIET_STEPS = 6
"""After so many without a packet its party is silent."""
_ENDS = 3
"""The last packet of a key is sent so often (§2.5.1.4)."""
_PAUSE = 4
"""Packets between two keys."""
_VOLUME = 10
"""-10 dBm0."""
MOST_WAITING = 32
"""A party whose keys come faster than they can be told loses some."""


class Keypad:
    """The keys of the party that `source` faces, for the one that `to` faces."""

    __slots__ = (
        "_began",
        "_clock",
        "_duration",
        "_ends",
        "_heard",
        "_keys",
        "_number",
        "_own",
        "_pause",
        "_quiet",
        "_running",
        "_serials",
        "_ssrc",
        "_talkers",
        "_waiting",
        "_was_heard",
        "events",
        "source",
        "takes",
        "tell",
        "theirs",
        "to",
    )

    def __init__(self, talkers: Talkers, tell: Callable[[str], None]) -> None:
        """`tell` gets the keys that are taken out."""
        self.tell = tell
        self.source: Port | None = None
        self.to: Port | None = None
        self.events = -1
        """The payload type by which the party that is told knows telephone events; -1 for none."""
        self.theirs = -1
        """That of the party whose keys these are."""
        self.takes = False
        """Whether its telephone events are told instead of passed on."""
        self._talkers = talkers
        self._keys = Keys()
        self._waiting: deque[tuple[int, int]] = deque()
        """Events and how many samples they last; the first one is being sent."""
        self._running = False
        self._own = random.getrandbits(32)
        """The source of keys for which there is no stream."""
        self._ssrc = 0
        self._number = random.getrandbits(16)
        self._began = 0
        self._duration = self._ends = self._pause = 0
        self._heard = self._was_heard = self._quiet = 0
        self._serials: deque[int] = deque(maxlen=MOST_WAITING)
        self._clock: _Clock | None = None

    def use(self, source: Port, to: Port, theirs: int, events: int) -> None:
        """These are the ports from now on, and these the payload types."""
        self.source, self.to, self.theirs, self.events = source, to, theirs, events
        self._aim()

    def take(self, takes: bool) -> None:
        """Tell of this party's telephone events instead of passing them on, or no longer."""
        self.takes = takes
        self._aim()

    def press(self, key: str, seconds: float, now: float, serial: int = 0) -> None:
        """Have the other party hear of this key; `serial` tells it from others, and 0 from nothing."""
        if serial and serial in self._serials:
            return  # the same command once more, for want of our answer
        self._serials.append(serial)
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append((KEYS.index(key), max(_STEP, int(seconds * 8000))))
        if self._clock is None:
            self._quiet, self._was_heard = 0, self._heard
            self._clock = _Clock(self)
            self._talkers.add(self._clock, now)
        self._aim()

    def close(self) -> None:
        """The call is over."""
        if self._clock is not None:
            self._clock.closed, self._clock.keypad, self._clock = True, None, None
        self._waiting.clear()
        self.source = self.to = None

    def _aim(self) -> None:
        """Stand in the way of the packets only as long as there is something to do."""
        source, to = self.source, self.to
        if source is None or to is None:
            return
        wanted = self.hear if self.takes or self._clock is not None else None
        if (source.tap is None) != (wanted is None):
            source.tap = wanted
            to.aim()

    # -- packets

    def hear(self, packet: memoryview | bytes) -> int:
        """From the packet path: a packet of the party whose keys these are."""
        to = self.to
        if to is None:
            return 0
        self._heard += 1
        if packet[1] & 0x7F == self.theirs:
            if self.takes:
                key = self._keys.heard(packet)
                if key:
                    self.tell(key)
                return 0
        elif self._pause:
            self._pause -= 1
        elif self._waiting:
            timestamp = int.from_bytes(packet[4:8], "big")
            if not self._running:
                self._begin(timestamp, int.from_bytes(packet[8:12], "big"))
            if self._ssrc != self._own:
                self._number = int.from_bytes(packet[2:4], "big")
                self._send(timestamp - self._began & 0xFFFFFFFF)
                return 0
        to.send(packet)
        return 0

    def tick(self) -> bool:
        """20 ms are over; whether there is more to do."""
        self._quiet = 0 if self._heard != self._was_heard else self._quiet + 1
        self._was_heard = self._heard
        if self._waiting and (self._quiet >= _QUIET_STEPS or (self._running and self._ssrc == self._own)):
            if self._pause:
                self._pause -= 1
            else:
                if not self._running:
                    self._begin(self._began + 8000 & 0xFFFFFFFF, self._own)
                self._number = self._number + 1 & 0xFFFF
                self._send(self._duration)
        if self._waiting:
            return True
        self._clock = None
        self._aim()
        return False

    def _begin(self, timestamp: int, ssrc: int) -> None:
        self._running = True
        self._began, self._ssrc, self._duration, self._ends = timestamp, ssrc, 0, 0

    def _send(self, elapsed: int) -> None:
        """The next packet of the key that is being told, so many samples after its beginning."""
        event, samples = self._waiting[0]
        first = not self._duration
        self._duration = min(max(elapsed, self._duration) + _STEP, samples)
        ended = self._duration >= samples
        head = _HEADER.pack(0x80, self.events | (0x80 if first else 0), self._number, self._began, self._ssrc)
        body = bytes((event, _VOLUME | (0x80 if ended else 0))) + self._duration.to_bytes(2, "big")
        assert self.to is not None
        try:
            self.to.send(head + body)
        except OSError:
            self.to.errors += 1
        if ended:
            self._ends += 1
            if self._ends == _ENDS:
                self._waiting.popleft()
                self._running, self._pause = False, _PAUSE


class _Clock:
    """What the talkers call every 20 ms while a keypad has something to tell."""

    __slots__ = ("closed", "keypad")

    def __init__(self, keypad: Keypad) -> None:
        self.keypad: Keypad | None = keypad
        self.closed = False

    def speak(self) -> float:
        if self.keypad is not None and not self.keypad.tick():
            self.closed, self.keypad = True, None
        return _STEP_SECONDS
