"""A phone's transactions: requests that are sent until they are answered, answers that are sent until acknowledged."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from softswitch.sip.build import ack_for, respond
from softswitch.sip.message import Request, Response
from softswitch.sip.parse import parse

from .events import Handle
from .lines import T1, T2, build

if TYPE_CHECKING:
    from .phone import Phone

LIFETIME = 64 * T1


class Exchange:
    """A request of the phone's and what it was answered. Challenges are answered by themselves, once."""

    def __init__(
        self,
        phone: Phone,
        method: str,
        uri: bytes,
        lines: list[bytes],
        body: bytes = b"",
        on_response: Callable[[Exchange, Response], None] | None = None,
    ) -> None:
        self.phone = phone
        self.method = method
        self.uri = uri
        self.lines = lines
        """Without Via, CSeq and Content-Length."""
        self.body = body
        self.responses: list[Response] = []
        self.timed_out = False
        self.cseq = 0
        self.branch = b""
        self.sent = b""
        self.on_response = on_response
        self.credentials = b""
        self._tries = 0
        self._timer: Handle | None = None

    @property
    def final(self) -> Response | None:
        """The first final response, or None."""
        return next((one for one in self.responses if one.status >= 200), None)

    @property
    def status(self) -> int:
        """Of the final response; 0 while there is none."""
        return self.final.status if self.final is not None else 0

    @property
    def statuses(self) -> list[int]:
        return [response.status for response in self.responses]

    def send(self, cseq: int) -> Exchange:
        """Send it in a transaction of its own."""
        phone = self.phone
        self.cseq = cseq
        self.branch = phone.new_branch()
        self.responses = []
        self._tries += 1
        lines = [*self.lines, b"CSeq: %d %b" % (cseq, self.method.encode())]
        if self.credentials:
            lines.append(self.credentials)
        phone.exchanges[self.branch] = self
        self.repeat(build(self.method, self.uri, phone.via(self.branch), lines, self.body))
        return self

    def repeat(self, data: bytes) -> None:
        """Send these bytes until something comes back."""
        self.sent = data
        self.phone.send(data)
        self._repeat(T1, self.phone.lab.now + LIFETIME)

    def _repeat(self, interval: float, until: float) -> None:
        if self.phone.reliable:
            self._timer = self.phone.lab.events.at(until, self._give_up)
            return

        def again() -> None:
            if self.phone.lab.now >= until:
                self._give_up()
                return
            self.phone.send(self.sent)
            longer = 2 * interval if self.method == "INVITE" else min(2 * interval, T2)
            self._repeat(longer, until)

        self._timer = self.phone.lab.events.at(min(self.phone.lab.now + interval, until), again)

    def _give_up(self) -> None:
        self.timed_out = True
        self.stop()

    def _is_stale(self, response: Response) -> bool:
        """The password was right and the nonce too old."""
        value = response.get(b"proxy-authenticate") or response.get(b"www-authenticate") or b""
        return b"stale=true" in value and self._tries < 4

    def stop(self) -> None:
        """Wait for nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def receive(self, response: Response) -> None:
        """From the wire."""
        if self.branch and response.via.branch != self.branch:
            return  # to the one before, which had no credentials
        status = response.status
        if self.method == "INVITE" and status >= 300:
            sent = parse(self.sent, response.flow)
            assert isinstance(sent, Request)
            self.phone.send(ack_for(sent, response))
        if status >= 300 and self.final is not None:
            return
        if self.method == "INVITE" or status >= 200:
            self.stop()
        self.responses.append(response)
        if status in (401, 407) and self.phone.password and (self._tries == 1 or self._is_stale(response)):
            self.credentials = self.phone.credentials(response, self.method, self.uri)
            self.send(self.phone.next_cseq(self))
        elif self.on_response is not None:
            self.on_response(self, response)


class Incoming:
    """A request that came to a phone, and the phone's answer, repeated as it must be."""

    def __init__(self, phone: Phone, request: Request) -> None:
        self.phone = phone
        self.request = request
        self.tag = request.to.tag or phone.new_tag()
        self.last = b""
        self.status = 0
        self.acknowledged = False
        self.on_never_acknowledged: Callable[[], None] = lambda: None
        self._timer: Handle | None = None

    def reply(self, status: int, lines: tuple[bytes, ...] = (), body: bytes = b"", reason: str = "") -> None:
        """Answer it. A final answer to an INVITE is repeated until its ACK comes."""
        request = self.request
        routes = [
            line
            for line, key in zip(request.lines, request.keys, strict=True)
            if key == b"record-route" and 100 < status < 300
        ]
        self.last = respond(request, status, reason, [*routes, *lines], body, self.tag)
        self.status = status
        self.send()
        if status >= 200 and request.method == b"INVITE":
            self._repeat(T1, self.phone.lab.now + LIFETIME)

    def send(self) -> None:
        self.phone.answer(self.last, self.request)

    def _repeat(self, interval: float, until: float) -> None:
        def again() -> None:
            if self.acknowledged:
                return
            if self.phone.lab.now >= until:
                self.on_never_acknowledged()
                return
            if not self.phone.reliable or self.status < 300:
                self.send()
            self._repeat(min(2 * interval, T2), until)

        self._timer = self.phone.lab.events.at(min(self.phone.lab.now + interval, until), again)

    def acknowledge(self) -> None:
        """The ACK came."""
        self.acknowledged = True
        if self._timer is not None:
            self._timer.cancel()
