"""A phone's subscription: the SUBSCRIBEs it sends, the NOTIFYs it gets, and what it makes of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from softswitch.sip.message import Request, Response

from .exchange import Exchange, Incoming
from .lines import lines_of

if TYPE_CHECKING:
    from .phone import Phone


class Watch:
    """One subscription of one phone."""

    def __init__(self, phone: Phone, to: str, event: str, seconds: int | None, extra: tuple[str | bytes, ...]) -> None:
        self.phone = phone
        self.event = event
        self.entity = phone.uri_of(to)
        self.target = self.entity.encode()
        self.call_id = phone.lab.word() + b"@" + phone.host.encode()
        self.tag = phone.new_tag()
        self.remote = f"<{phone.uri_of(to)}>".encode()
        self.routes: list[bytes] = []
        self.notified: list[Request] = []
        """In order, late ones left out."""
        self.heard_at: list[float] = []
        self.cseq = 0
        """Of the newest NOTIFY."""
        self.answers = (200, ())
        """What NOTIFYs are answered; status 0 is nothing."""
        self._local_cseq = 0
        self.exchange = self.subscribe(seconds, *extra)

    def subscribe(self, seconds: int | None = 3600, *extra: str | bytes) -> Exchange:
        """Subscribe, refresh, or with 0 leave."""
        lines = [
            b"Max-Forwards: 70",
            *([b"Route: " + b", ".join(self.routes)] if self.routes else []),
            f"From: <{self.phone.aor}>;tag=".encode() + self.tag,
            b"To: " + self.remote,
            b"Call-ID: " + self.call_id,
            b"Contact: " + self.phone.contact,
            b"Event: " + self.event.encode(),
            *([] if seconds is None else [b"Expires: %d" % seconds]),
            *lines_of(*extra),
        ]
        self._local_cseq += 1
        self.exchange = Exchange(self.phone, "SUBSCRIBE", self.target, lines, b"", self._on_response)
        self.exchange.watch = self  # type: ignore[attr-defined]
        return self.exchange.send(self._local_cseq)

    def next_cseq(self) -> int:
        """For a SUBSCRIBE sent again with credentials."""
        self._local_cseq += 1
        return self._local_cseq

    def _on_response(self, exchange: Exchange, response: Response) -> None:
        if 200 <= response.status < 300:
            self.remote = response.get(b"to") or b""
            self.routes = response.values(b"record-route")[::-1]
            self.target = response.contacts()[0].uri

    def matches(self, request: Request) -> bool:
        return request.call_id == self.call_id and request.to.tag == self.tag

    def on_request(self, incoming: Incoming) -> None:
        """A NOTIFY came."""
        request = incoming.request
        status, lines = self.answers
        if not status:
            return
        if request.cseq[0] <= self.cseq:
            incoming.reply(500)
            return
        self.cseq = request.cseq[0]
        incoming.reply(status, lines)
        self.notified.append(request)
        self.heard_at.append(self.phone.lab.now)

    # -- what it knows

    @property
    def state(self) -> str:
        """The latest Subscription-State."""
        return (self.notified[-1].get(b"subscription-state") or b"").decode() if self.notified else ""

    @property
    def body(self) -> str:
        """Of the latest NOTIFY."""
        return self.notified[-1].body.decode() if self.notified else ""

    @property
    def note(self) -> str:
        """Of a presence document, the line for the screen."""
        found = re.search(r"<dm:note>(.*?)</dm:note>", self.body)
        return found[1] if found else ""

    @property
    def lamp(self) -> str:
        """Of a dialog document: "on", "blinking" or "off"."""
        states = re.findall(r"<state>(\w+)</state>", self.body)
        return "on" if "confirmed" in states else "blinking" if {"early", "trying"} & set(states) else "off"
