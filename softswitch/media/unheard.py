"""Who is not heard through an engine that does not notice it by itself: it is asked a while after each answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..errors import PeerError
from ..sip.sdp import Sdp, is_unspecified
from .engine import MediaKey
from .ng import Value

FIRST_SECONDS = 2.1
"""After the answer; with the way there and back the notice comes within three seconds."""
AGAIN_SECONDS = 0.75
"""After that, as long as somebody is silent."""

Ask = Callable[[str, Callable[[dict[str, Value] | None], None]], None]
"""Gets a Call-ID and who takes the answer to `query`."""
Tell = Callable[[str, MediaKey, str], None]
"""Gets the event, "silence" or "heard", the key of the answer, and the tag of the party."""


class Says(NamedTuple):
    """What a party's last SDP says of its sound."""

    sends: bool
    hears: bool


def says_of(sdp: bytes) -> Says:
    """Of all its audio streams together; neither where it can't be read."""
    try:
        parsed = Sdp.parse(sdp)
    except PeerError:
        return Says(False, False)
    live = [media for media in parsed.media if media.port and media.kind == b"audio"]
    directions = {parsed.direction(media) for media in live if not is_unspecified(parsed.host(media) or "")}
    return Says(
        not directions.isdisjoint((b"sendrecv", b"sendonly")), not directions.isdisjoint((b"sendrecv", b"recvonly"))
    )


class Unheard:
    """The calls of one engine in which somebody has to be heard."""

    def __init__(self, ask: Ask, tell: Tell, later: Callable[..., asyncio.TimerHandle]) -> None:
        """`later` as `loop.call_later`."""
        self._ask = ask
        self._tell = tell
        self._later = later
        self._says: dict[str, dict[str, Says]] = {}
        """By Call-ID and tag."""
        self._due: dict[str, asyncio.TimerHandle] = {}

    def said(self, call_id: str, tag: str, sdp: bytes) -> None:
        """A party's offer or answer."""
        self._says.setdefault(call_id, {})[tag] = says_of(sdp)

    def answered(self, key: MediaKey) -> None:
        """Look a while later, and no longer for the answer before this one."""
        self._put(FIRST_SECONDS, key, frozenset())

    def forget(self, call_id: str) -> None:
        """A call is over."""
        self._says.pop(call_id, None)
        timer = self._due.pop(call_id, None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        for call_id in list(self._says):
            self.forget(call_id)

    def _put(self, seconds: float, key: MediaKey, told: frozenset[str]) -> None:
        timer = self._due.pop(key.call_id, None)
        if timer is not None:
            timer.cancel()
        if self._awaited(key):
            self._due[key.call_id] = self._later(seconds, self._look, key, told)

    def _awaited(self, key: MediaKey) -> list[str]:
        """The tags of those who want to send to one who wants to hear."""
        says = self._says.get(key.call_id, {})
        pairs = ((key.from_tag, key.to_tag), (key.to_tag, key.from_tag))
        return [one for one, other in pairs if one in says and other in says and says[one].sends and says[other].hears]

    def _look(self, key: MediaKey, told: frozenset[str]) -> None:
        due = self._due.get(key.call_id)

        def counted(reply: dict[str, Value] | None) -> None:
            if self._due.get(key.call_id) is not due or due is None:
                return  # it is over, or there was another answer
            del self._due[key.call_id]
            if reply is None:
                self._put(AGAIN_SECONDS, key, told)
                return
            missing = frozenset(tag for tag in self._awaited(key) if not _packets_of(reply, tag))
            for tag in missing:
                self._tell("silence", key, tag)
            for tag in told - missing:
                self._tell("heard", key, tag)
            if missing:
                self._put(AGAIN_SECONDS, key, missing)

        self._ask(key.call_id, counted)


def _packets_of(reply: Mapping[str, Any], tag: str) -> int:
    """How many packets of sound have come from a party, by an answer to `query`."""
    party = reply.get("tags", {}).get(tag, {})
    return sum(
        stream.get("stats", {}).get("packets", 0)
        for media in party.get("medias", ())
        if media.get("type", b"audio") == b"audio"
        for stream in media.get("streams", ())[:1]
    )
