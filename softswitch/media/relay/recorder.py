"""What is heard, written down: A-law in a WAV file, each packet at its own moment.

Packets come out of order and twice; what is missing is silence. The newest part stays in memory until it is too old to
be changed; the rest is in the file already, should this process die.
"""

from __future__ import annotations

import os

from ...sound.g711 import ALAW_SILENCE, RATE
from ...sound.wav import HEADER_BYTES, alaw_header
from .coders import Coder
from .rtp import payload_of

_OPEN_BYTES = RATE
"""So much is kept open for late packets when a part is written."""
_WRITTEN_AT_ONCE = RATE
_LONGEST_GAP = 60 * RATE
"""A longer jump of the timestamps is none of time but of the sender, who begins anew."""


class Recorder:
    """One recording, into one file."""

    __slots__ = ("_begun_at", "_file", "_latest", "_limit", "_open", "_origin", "_ssrc", "_written", "failed")

    def __init__(self, path: str, seconds: float, begun_for: float | None = None) -> None:
        """Of at most so many seconds. Raises OSError.

        With `begun_for` a recording that another process began so many seconds ago goes on: what it has not
        written down is silence.
        """
        self._limit = int(seconds * RATE)
        self._open = bytearray()
        self._written = 0
        if begun_for is None:
            self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            os.write(self._file, alaw_header(0))
        else:
            self._file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            self._written = max(0, os.lseek(self._file, 0, os.SEEK_END) - HEADER_BYTES)
            missing = min(int(begun_for * RATE), self._limit) - self._written
            self._open.extend(bytes((ALAW_SILENCE,)) * missing)
        self._origin = -1
        """The timestamp of the first sample; -1 before the first packet."""
        self._ssrc = b""
        self._latest = 0
        self.failed = ""
        """Why the file could not be written."""

    @property
    def samples(self) -> int:
        """How long it is so far."""
        return self._written + len(self._open)

    @property
    def is_full(self) -> bool:
        """Whether it is as long as it may be."""
        return self.samples >= self._limit

    def hear(self, packet: memoryview | bytes, coder: Coder) -> None:
        """An RTP packet of this codec."""
        payload = bytes(payload_of(packet))
        if payload:
            self._put(int.from_bytes(packet[4:8], "big"), bytes(packet[8:12]), coder.decode(payload))

    def _put(self, timestamp: int, ssrc: bytes, payload: bytes) -> None:
        if ssrc != self._ssrc:
            self._ssrc, self._origin = ssrc, (timestamp - self.samples) & 0xFFFFFFFF
        at = (timestamp - self._origin) & 0xFFFFFFFF
        if at > 0x7FFFFFFF or at - self.samples > _LONGEST_GAP:
            if at > 0x7FFFFFFF and 0x100000000 - at <= _LONGEST_GAP:
                return  # from before the beginning, or before a change of sender
            self._origin = (timestamp - self.samples) & 0xFFFFFFFF
            at = self.samples
        at -= self._written
        if at < 0:
            return  # too late
        end = min(at + len(payload), self._limit - self._written)
        if end <= at:
            return
        if end > len(self._open):
            self._open.extend(bytes((ALAW_SILENCE,)) * (end - len(self._open)))
        self._open[at:end] = payload[: end - at]
        if len(self._open) >= _OPEN_BYTES + _WRITTEN_AT_ONCE:
            self._write(len(self._open) - _OPEN_BYTES)

    def _write(self, size: int) -> None:
        if not self.failed:
            try:
                os.write(self._file, self._open[:size])
            except OSError as error:
                self.failed = error.strerror or str(error)
        del self._open[:size]
        self._written += size

    def finish(self) -> None:
        """Write the rest, and the length into the header."""
        self._write(len(self._open))
        try:
            if not self.failed:
                os.pwrite(self._file, alaw_header(self._written), 0)
        except OSError as error:
            self.failed = error.strerror or str(error)
        os.close(self._file)
