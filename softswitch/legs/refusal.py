"""Why a call is refused, said to the caller before it is: sound in a 183, and the refusal after it (RFC 3960 §4).

Early sound and not an answer: the phone shows no call that was taken, and its record says what is so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from softswitch.media.anchor import sdp_of
from softswitch.media.engine import MediaEvent, MediaFailed, MediaKey
from softswitch.sip.build import respond
from softswitch.sip.message import Request
from softswitch.sip.uri import escape
from softswitch.sound.library import Sound
from softswitch.transaction.layer import reply_flow
from softswitch.transaction.server_invite import ServerInvite
from softswitch.transaction.timers import Timer

if TYPE_CHECKING:
    from softswitch.legs.legs import Legs

AGAIN_SECONDS = 1.0
"""When the 183 is sent once more: it may be lost, and nobody acknowledges it."""
_SPARE_SECONDS = 2.0


class Refusal:
    """One caller who hears why; the owner of the INVITE meanwhile."""

    def __init__(
        self,
        legs: Legs,
        request: Request,
        server: ServerInvite,
        status: int,
        phrase: str,
        sound: Sound,
        done: Callable[[], None],
    ) -> None:
        """`done` is called when the caller has the refusal, or is gone."""
        self._legs = legs
        self._request = request
        self._server = server
        self._status, self._phrase = status, phrase
        self._sound = sound
        self._done = done
        self._over = False
        self._said = b""
        self._timer = Timer(self._enough)
        self._again = Timer(self._repeat)
        call_id = request.call_id.decode("utf-8", "surrogateescape")
        self.key = MediaKey(call_id, request.from_.tag.decode("latin-1"), server.to_tag.decode("latin-1"))
        server.owner = self

    def begin(self) -> None:
        """Ask for sound; without it the refusal follows at once."""
        request = self._request
        sdp = sdp_of(request.get(b"content-type") or b"", request.body) or b""
        self._legs.media.talk(self.key, sdp, request.flow.listener.network, request.flow.host, self._ready)

    def _ready(self, answer: bytes | MediaFailed) -> None:
        if self._over:
            return
        if isinstance(answer, MediaFailed):
            self._enough(0.0)
            return
        request, layer = self._request, self._legs.layer
        routes = [line for line, key in zip(request.lines, request.keys, strict=True) if key == b"record-route"]
        contact = b"<sip:%b@%b>" % (escape(b"switch"), reply_flow(request).listener.uri)
        lines = (*routes, b"Contact: " + contact, b"Content-Type: application/sdp")
        self._said = respond(request, 183, "", lines, answer, self._server.to_tag)
        self._server.respond(183, self._said)
        layer.wheel.arm(self._again, layer.now + AGAIN_SECONDS)
        layer.wheel.arm(self._timer, layer.now + self._sound.seconds + _SPARE_SECONDS)
        self._legs.media.play(self.key, [self._sound.file], False, self._plays)

    def _plays(self, failed: MediaFailed | None) -> None:
        if failed is not None:
            self._enough(0.0)

    def _repeat(self, now: float) -> None:
        if not self._over:
            self._server.respond(183, self._said)

    def heard(self, event: MediaEvent) -> None:
        """It is said."""
        if event.name == "played":
            self._enough(0.0)

    def _enough(self, now: float) -> None:
        self._end(self._status, self._phrase)

    def on_cancel(self, cancel: Request) -> None:
        """The caller has heard enough."""
        self._end(487, "")

    def on_caller_gone(self) -> None:
        """The connection closed."""
        self._end(487, "")

    def stop(self) -> None:
        """The switch stops."""
        self._enough(0.0)

    def _end(self, status: int, phrase: str) -> None:
        if self._over:
            return
        self._over = True
        self._timer.due = self._again.due = None
        self._legs.refused(self)
        self._server.reply(status, phrase)
        self._done()
