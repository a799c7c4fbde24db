"""Music for who is held, unless the other party has music of its own (RFC 3264 §8.4, RFC 7088).

Who holds with `inactive`, or the old way, sends nothing: music begins at once. With `sendonly` a phone may have music
of its own, or send silence, or nothing: what it sends passes while we listen, and if there is no sound in it, music
begins. Sound that comes later ends ours. A party that has sent sound of its own is let alone until it holds anew.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from functools import lru_cache

from ...sip.sdp import DIRECTIONS, Media, Sdp, is_unspecified
from .coders import CODERS, Coder, Pcma, is_loud
from .measure import Codecs
from .player import CannotPlay, load
from .port import Port
from .rtp import payload_of
from .talk import Codec
from .talker import DEAF_SECONDS, Talker

LISTEN_SECONDS = 1.0
"""How long we listen then."""
_NOISE_BYTES = 20
"""A payload of another codec that is no longer than this is comfort noise, or a key."""
_log = logging.getLogger(__name__)


class Hold:
    """One party that hears music instead of the one who holds."""

    __slots__ = (
        "_before",
        "_codecs",
        "_coder",
        "_held",
        "_holder",
        "_judge_at",
        "_music",
        "_spoken",
        "codec",
        "is_over",
        "talker",
    )

    def __init__(self, holder: Port, held: Port, codec: Codec, codecs: Codecs, spoken: bool, now: float) -> None:
        """`codec` is what who is held hears, `codecs` are the holder's; `spoken`: it may send sound of its own."""
        self._holder = holder
        self._held = held
        self.codec = codec
        self._codecs = codecs
        self._spoken = spoken
        self._judge_at = now + DEAF_SECONDS
        self._music = False
        self._coder: tuple[str, Coder] = "PCMA", Pcma()
        self._before: Callable[[memoryview | bytes], int] | None = None
        """Who stood there before us."""
        self.talker: Talker | None = None
        """Who plays, while music is to be heard."""
        self.is_over = False
        """The holder has sound of its own, or the hold has ended."""

    @property
    def waits(self) -> bool:
        """Whether it is yet to be seen what is heard."""
        return not self.is_over and not self._music

    def faces(self, holder: Port, held: Port, codec: Codec) -> bool:
        """Whether it is between these."""
        return (self._holder, self._held, self.codec) == (holder, held, codec)

    def begin(self) -> None:
        """Stand in the way of what the holder sends."""
        self._before, self._holder.tap = self._holder.tap, self._hear
        self._held.aim()

    def look(self, now: float, music: str) -> Talker | None:
        """A few times a second: who begins to play this file now, if it is time."""
        if self.talker is not None or self.is_over or (self._spoken and now < self._judge_at + LISTEN_SECONDS):
            return None
        self._music = True
        sound = loaded(music)
        if not sound:
            return None
        self.talker = Talker(lambda event, key: None)
        self.talker.speak_to(self._held, self.codec)
        self.talker.player.play(sound, True)
        return self.talker

    def _hear(self, packet: memoryview | bytes) -> int:
        if time.monotonic() >= self._judge_at and self._is_sound(packet):
            self.end()
        return 0 if self._music else (self._before or self._held.outward())(packet)

    def _is_sound(self, packet: memoryview | bytes) -> bool:
        payload = payload_of(packet)
        name = self._codecs.get(packet[1] & 0x7F, ("", 0))[0].upper()
        if name not in CODERS:
            return len(payload) > _NOISE_BYTES
        if name != self._coder[0]:
            self._coder = name, CODERS[name]()
        return is_loud(self._coder[1].decode(bytes(payload)))

    def end(self) -> None:
        """They hear each other again."""
        self._music, self.is_over = False, True
        if self.talker is not None:
            self.talker.close()
            self.talker = None
        if self._holder.tap == self._hear:
            self._holder.tap, self._before = self._before, None
            self._held.aim()


def loaded(path: str) -> bytes:
    """The sound of this file; b"" where it can't be played."""
    try:
        return _kept(path, os.stat(path).st_mtime_ns)
    except (OSError, CannotPlay) as error:
        _log.warning("no music on hold: %s", error)
        return b""


@lru_cache(8)
def _kept(path: str, changed: int) -> bytes:
    """The sound of a file as of this moment."""
    return load(path)


def offer_to_hear(sdp: Sdp, media: Media) -> bool:
    """Have a stream on which nothing is to be sent either way be one on which only we send; whether it was such."""
    host = sdp.host(media)
    old_way = host is not None and is_unspecified(host)
    if sdp.direction(media) != b"inactive" and not old_way:
        return False
    if old_way:
        media.lines = [line for line in media.lines if not line.startswith(b"c=")]
        family = b"IP6" if ":" in (host or "") else b"IP4"
        end = _line_end(media)
        media.lines.insert(1, b"c=IN %s %s%s" % (family, b"::1" if family == b"IP6" else b"127.0.0.1", end))
    _direct(media, b"sendonly")
    return True


def answer_inactive(sdp: Sdp, media: Media) -> None:
    """The answer to who wanted nothing sent, where the other side was made to hear us."""
    if sdp.direction(media) == b"recvonly":
        _direct(media, b"inactive")


def _direct(media: Media, direction: bytes) -> None:
    media.remove(DIRECTIONS)
    end = _line_end(media)
    media.lines.append(b"a=" + direction + end)


def _line_end(media: Media) -> bytes:
    """How its lines end; the last one does, too, from now on."""
    first = media.lines[0]
    end = first[len(first.rstrip(b"\r\n")) :] or b"\r\n"
    if not media.lines[-1].endswith(b"\n"):
        media.lines[-1] += end
    return end
