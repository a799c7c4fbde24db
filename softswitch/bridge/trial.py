"""A trunk tried out: is its host found, does it answer OPTIONS, is the account accepted, does a number ring over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from softswitch.bridge.identity import Identity, lines_for
from softswitch.bridge.invitation import Invitation
from softswitch.bridge.pidflo import WithLocation, with_location
from softswitch.dialplan.location import Location
from softswitch.flow import Flow
from softswitch.sip.message import Response
from softswitch.sip.uri import escape
from softswitch.transaction.timers import Timer
from softswitch.trunks.line import Channel, Line

if TYPE_CHECKING:
    from softswitch.bridge.bridges import Bridges

ANSWER_SECONDS = 8.0
"""For OPTIONS."""
RINGING_SECONDS = 30.0
"""Until a number rings; then it is rung for no longer than three seconds."""


class Trial:
    """One test. `lines` tell how it goes, `finished` that nothing more comes, `good` whether all went well."""

    def __init__(
        self, bridges: Bridges, line: Line, number: str, done: Callable[[], None], location: Location | None = None
    ) -> None:
        """`number` is E.164 and is called, or "" for no call, from this place; `done` is called at the end."""
        self._location = location
        self.lines: list[str] = []
        self.finished = False
        self.good = True
        self._bridges = bridges
        self._line = line
        self._number = number
        self._flow: Flow | None = None
        self._timer = Timer(self._too_long)
        self._invitation: Invitation | None = None
        self._channel: Channel | None = None
        self._asks = False
        self._done = done

    def start(self) -> None:
        """Begin."""
        line = self._line
        if line.trunk.registers:
            self._say(line.state == "up", f"registration: {line.detail or 'nothing heard yet'}")
        self._arm(ANSWER_SECONDS)
        self._bridges.core.resolver.resolve(line.uri, 1200, self._found)

    def _found(self, flows: Sequence[Flow]) -> None:
        if self.finished:
            return
        if not flows:
            self._say(False, f"there is no way to {self._line.trunk.host}")
            self._finish()
            return
        self._say(True, f"{self._line.trunk.host} is {', '.join(map(str, flows))}")
        flow = self._flow = flows[0]
        layer, trunk = self._bridges.layer, self._line.trunk
        branch = layer.ids.branch()
        lines = (
            b"OPTIONS sip:" + trunk.host.encode() + b" SIP/2.0",
            b"Via: " + flow.listener.via + branch + b";rport",
            b"Max-Forwards: 70",
            b"From: <sip:switch@%b>;tag=%b" % (flow.listener.advertised_host.encode(), layer.ids.tag()),
            b"To: <sip:%b>" % trunk.host.encode(),
            b"Call-ID: " + layer.ids.call_id(flow.listener.advertised_host.encode()),
            b"CSeq: 1 OPTIONS",
            b"Content-Length: 0\r\n\r\n",
        )
        self._asks = True
        self._arm(ANSWER_SECONDS)
        layer.send_request(b"OPTIONS", branch, b"\r\n".join(lines), flow, self)

    # -- OPTIONS

    def on_response(self, response: Response) -> None:
        """To our OPTIONS."""
        if self._asks and response.status >= 200:
            self._asks = False
            self._say(True, f"OPTIONS is answered: {_words(response)}")
            self._call()

    def on_no_answer(self, timed_out: bool) -> None:
        """To our OPTIONS."""
        if self._asks:
            self._asks = False
            self._say(False, "OPTIONS is not answered")
            self._call()

    # -- a call

    def _call(self) -> None:
        number, line, flow = self._number, self._line, self._flow
        if not number or flow is None or self.finished:
            self._finish()
            return
        trunk = line.trunk
        sender, lines = lines_for(Identity(trunk.number), trunk, line.country)
        written = escape(trunk.written(number, line.country).encode())
        told = WithLocation((), b"")
        if self._location is not None:
            layer = self._bridges.layer
            entity = sender[sender.rindex(b"<") + 1 : -1].decode()
            host = flow.listener.advertised_host.encode()
            told = with_location(self._location, entity, self._bridges.core.wall, host, layer.ids.tag(), b"")
            self._say(True, f"the call tells the place: {self._location.words}")
        self._channel = line.take()
        self._invitation = Invitation(
            self._bridges.layer,
            self,
            uri=b"sip:%b@%b" % (written, trunk.host.encode()),
            flow=flow,
            local=sender,
            remote=b"<sip:%b@%b>" % (written, trunk.domain.encode()),
            contact=b"<sip:%b@%b>" % (escape((trunk.user or "switch").encode()), flow.listener.uri),
            lines=(*lines, *told.lines),
            body=told.body,
            offer=b"",
            max_forwards=70,
            login=line,
            way_to=self._bridges.way_to,
        )
        self._say(True, f"calling {number}, with {sender.decode()} in From")
        self._arm(RINGING_SECONDS)
        self._invitation.send()

    def on_invited(self, response: Response) -> None:
        """What comes of the call."""
        status, invitation = response.status, self._invitation
        if invitation is None or self.finished:
            return
        if status < 200:
            self._say(True, f"it goes on there: {_words(response)}")
            self._arm(3.0)
        elif status < 300:
            self._say(True, "somebody answers, and is hung up on")
            dialog = invitation.dialog(response)
            invitation.acknowledge(dialog)
            branch = self._bridges.layer.ids.branch()
            data = dialog.request(b"BYE", branch)
            self._bridges.layer.send_request(b"BYE", branch, data, dialog.flow, self._bridges)
            self._finish()
        else:
            self._say(False, f"it is refused: {_words(response)}")
            self._finish()

    def on_unanswered(self, timed_out: bool) -> None:
        """Nothing at all."""
        if not self.finished:
            self._say(False, "the call is not answered")
            self._finish()

    # -- the end

    def _too_long(self, now: float) -> None:
        if self.finished:
            return
        if self._invitation is None:
            self._asks = False
            self._say(False, "nothing is answered" if self._flow else "its host cannot be looked up")
            if self._flow is not None:
                self._call()
                return
        elif not self._invitation.heard or self._invitation.is_silent:
            self._say(False, "the call is not answered")
        else:
            self._say(True, "that is enough; it is hung up")
        self._finish()

    def _arm(self, seconds: float) -> None:
        layer = self._bridges.layer
        layer.wheel.arm(self._timer, layer.now + seconds)

    def _say(self, good: bool, words: str) -> None:
        self.good = self.good and good
        self.lines.append(words)

    def _finish(self) -> None:
        self.finished = True
        self._timer.due = None
        if self._invitation is not None:
            self._invitation.let_go()
        if self._channel is not None:
            self._channel.release()
        self._done()


def _words(response: Response) -> str:
    return f"{response.status} {response.reason.decode('utf-8', 'replace')}"
