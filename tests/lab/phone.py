"""A virtual phone: it registers, calls, rings, answers, holds and hangs up, with transactions of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from softswitch.flow import Flow, Listener
from softswitch.sip.message import Request, Response
from softswitch.sip.parse import parse
from softswitch.sip.via import stamped

from .call import Call
from .digest import answer
from .exchange import Exchange, Incoming
from .lines import lines_of
from .watcher import Watch
from .wire import Address, Nat, Stream

if TYPE_CHECKING:
    from .lab import Lab

Rings = Callable[["Call"], None]


class Phone:
    """One account on one device. What it does when it is called is `on_call`; by default it rings."""

    def __init__(
        self,
        lab: Lab,
        account: str,
        *,
        host: str,
        number: str = "",
        port: int = 5060,
        listener: Listener | None = None,
        nat: Nat | None = None,
        password: str | None = None,
        site: str = "acme.example",
        route: str = "",
        name: str = "",
    ) -> None:
        self.lab = lab
        self.account = account
        self.number = number or account
        self.host = host
        self.port = port
        self.listener = listener or lab.listeners[0]
        self.nat = nat
        self.password = lab.secret(account) if password is None else password
        self.site = site
        self.route = route
        self.name = name or account
        self.stream: Stream | None = None
        self.exchanges: dict[bytes, Exchange] = {}
        self.incoming: dict[bytes, Incoming] = {}
        self.calls: list[Call] = []
        self.watches: list[Watch] = []
        self.requests: list[Request] = []
        """What came in, retransmissions left out; no ACK."""
        self.acks: list[Request] = []
        self.on_call: Rings = lambda call: call.ring()
        self.replies: dict[str, tuple[int, tuple[bytes, ...], bytes]] = {}
        """By method: what other requests than INVITE are answered, where it is not a plain 200."""
        self.events = 0
        """The payload type by which it knows telephone events; 0 when it doesn't."""
        self.deaf = False
        """Switched off without a word: hears nothing, says nothing."""
        self.sender: Callable[[bytes], None] = self._send
        self._cseq = 0
        self._registration = b""
        self._cancels: dict[bytes, Exchange] = {}
        self._nonces: dict[bytes, int] = {}
        if nat is None:
            lab.wire.ends[host, port] = self._datagram
            if self.reliable:
                lab.wire.accepting[host, port] = self._accepted

    @property
    def reliable(self) -> bool:
        return self.listener.reliable

    @property
    def contact(self) -> bytes:
        kind = self.listener.transport
        suffix = b"" if kind == "UDP" else b";transport=" + kind.lower().encode()
        host = f"[{self.host}]" if ":" in self.host else self.host
        return b"<sip:%b@%b:%d%b>" % (self.account.encode(), host.encode(), self.port, suffix)

    @property
    def aor(self) -> str:
        return f"sip:{self.number}@{self.site}"

    @property
    def call(self) -> Call:
        """The latest call."""
        return self.calls[-1]

    # -- the wire

    def via(self, branch: bytes) -> bytes:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"SIP/2.0/{self.listener.transport} {host}:{self.port};rport;branch=".encode() + branch

    def send(self, data: bytes) -> None:
        """Put a message on the wire, to the switch."""
        if not self.deaf:
            self.sender(data)

    def _send(self, data: bytes) -> None:
        listener = self.listener
        to: Address = (listener.advertised_host, listener.advertised_port)
        if self.reliable:
            if self.stream is None or not self.stream.open:
                self.stream = self.lab.wire.connect(listener, self.lab.stream_address(self), self._stream_data)
            self.stream.send(data)
        elif self.nat is not None:
            self.nat.send(data, (self.host, self.port), to, self._datagram)
        else:
            self.lab.wire.send(data, (self.host, self.port), to)

    def answer(self, data: bytes, request: Request) -> None:
        """A response goes back to where its request came from, which is always the switch."""
        self.send(data)

    def _datagram(self, data: bytes, source: Address) -> None:
        if not self.deaf:
            self.receive(data, Flow(self.listener, *source))

    def _stream_data(self, data: bytes, stream: Stream) -> None:
        if not self.deaf:
            self.receive(data, Flow(self.listener, self.listener.host, self.listener.port, stream.number))

    def _accepted(self, data: bytes, stream: Stream) -> None:
        self.stream = stream
        self._stream_data(data, stream)

    def receive(self, data: bytes, flow: Flow) -> None:
        """A message from the switch."""
        message = parse(data, flow)
        if isinstance(message, Response):
            branch = message.via.branch
            exchange = self.exchanges.get(branch)
            if message.cseq[1] == b"CANCEL":
                exchange = self._cancels.get(branch, exchange)
            if exchange is not None and message.cseq[1] == exchange.method.encode():
                exchange.receive(message)
            return
        via = stamped(message.via, flow.host, flow.port)
        if via is not None:
            message.restamp_via(via)
        if message.method == b"ACK":
            self._ack(message)
            return
        key = message.via.branch + message.method
        known = self.incoming.get(key)
        if known is not None:
            if known.last:
                known.send()
            return
        self.requests.append(message)
        incoming = self.incoming[key] = Incoming(self, message)
        self._request(incoming)

    def _ack(self, ack: Request) -> None:
        self.acks.append(ack)
        known = self.incoming.get(ack.via.branch + b"INVITE")
        if known is not None:
            known.acknowledge()
        else:
            for call in self.calls:
                if call.matches(ack):
                    call.on_ack(ack)

    def _request(self, incoming: Incoming) -> None:
        request = incoming.request
        method = request.method
        if method == b"CANCEL":
            self._cancel(incoming)
            return
        watch = next((one for one in self.watches if one.matches(request)), None)
        call = next((call for call in self.calls if call.matches(request)), None)
        if watch is not None:
            watch.on_request(incoming)
        elif call is not None and (method != b"INFO" or call.state == "answered"):
            call.on_request(incoming)
        elif request.to.tag:
            incoming.reply(481)
        elif method == b"INVITE":
            call = Call(self, incoming=incoming)
            self.calls.append(call)
            self.on_call(call)
        else:
            status, lines, body = self.replies.get(method.decode(), (200, (), b""))
            if status:
                incoming.reply(status, lines, body)

    def _cancel(self, incoming: Incoming) -> None:
        invite = self.incoming.get(incoming.request.via.branch + b"INVITE")
        if invite is None:
            incoming.reply(481)
            return
        incoming.reply(200)
        for call in self.calls:
            if call.incoming is invite:
                call.on_cancel(incoming.request)

    def cancels(self, exchange: Exchange, data: bytes, branch: bytes) -> None:
        """Send a CANCEL: it has the branch of what it cancels."""
        self._cancels[branch] = exchange
        exchange.repeat(data)

    # -- numbers

    def new_branch(self) -> bytes:
        return b"z9hG4bK" + self.lab.word()

    def new_tag(self) -> bytes:
        return self.lab.word()

    def next_cseq(self, exchange: Exchange) -> int:
        """For a request sent again with credentials."""
        call = next((call for call in self.calls if exchange in call.exchanges), None)
        if call is not None:
            return call.next_cseq()
        watch = getattr(exchange, "watch", None)
        if watch is not None:
            return int(watch.next_cseq())
        self._cseq += 1
        return self._cseq

    def credentials(self, response: Response, method: str, uri: bytes) -> bytes:
        """The line that answers the first challenge of a response."""
        proxy = response.status == 407
        value = response.get(b"proxy-authenticate" if proxy else b"www-authenticate") or b""
        count = self._nonces[value] = self._nonces.get(value, 0) + 1
        text = answer(value, self.account, self.password, method, uri.decode("latin-1"), count)
        return (b"Proxy-Authorization: " if proxy else b"Authorization: ") + text.encode()

    # -- what it does

    def registers(
        self, seconds: int = 7200, *extra: str | bytes, contact: bytes | None = None, q: float | None = None
    ) -> Exchange:
        """Send a REGISTER; with 0 seconds it leaves."""
        if not self._registration:
            self._registration = self.lab.word() + b"@" + self.host.encode()
        contact = contact or self.contact
        line = b"Contact: %b;expires=%d" % (contact, seconds)
        if q is not None:
            line += b";q=%g" % q
        lines = lines_of(
            "Max-Forwards: 70",
            f"From: <{self.aor}>;tag=" + self.lab.word().decode(),
            f"To: <{self.aor}>",
            b"Call-ID: " + self._registration,
            line,
            *extra,
        )
        self._cseq += 1
        return Exchange(self, "REGISTER", f"sip:{self.site}".encode(), lines).send(self._cseq)

    def requests_of(self, method: str) -> list[Request]:
        """The requests of this method that came in."""
        return [request for request in self.requests if request.method == method.encode()]

    def sends(
        self,
        method: str,
        to: str,
        *extra: str | bytes,
        body: bytes = b"",
        uri: bytes | None = None,
        sender: str | None = None,
    ) -> Exchange:
        """A request outside of any call."""
        target = self.uri_of(to)
        lines = lines_of(
            *(
                []
                if any(line.lower().startswith(b"max-forwards") for line in lines_of(*extra))
                else ["Max-Forwards: 70"]
            ),
            f"From: {sender or f'<{self.aor}>'};tag=" + self.new_tag().decode(),
            f"To: <{target}>",
            b"Call-ID: " + self.lab.word() + b"@" + self.host.encode(),
            *extra,
        )
        self._cseq += 1
        return Exchange(self, method, uri or target.encode(), lines, body).send(self._cseq)

    def watches_over(self, to: str, event: str = "presence", seconds: int | None = 3600, *extra: str | bytes) -> Watch:
        """Subscribe to somebody."""
        watch = Watch(self, to, event, seconds, extra)
        self.watches.append(watch)
        return watch

    def uri_of(self, to: str) -> str:
        """A number as one dials it, or a whole URI."""
        return to if ":" in to else f"sip:{to}@{self.site}"

    def invites(
        self,
        to: str,
        *extra: str | bytes,
        offer: bytes | None = None,
        uri: bytes | None = None,
        sender: str | None = None,
        late_offer: bool = False,
    ) -> Call:
        """Call somebody."""
        call = Call(self)
        self.calls.append(call)
        call.invite(to, lines_of(*extra), b"" if late_offer else offer, uri, sender)
        return call

    def invitee_answers(self) -> None:
        """Take the latest call; for `lab.events`, before there is one."""
        self.call.answer()

    def switches_off(self) -> None:
        """Pull its plug."""
        self.deaf = True

    def __repr__(self) -> str:
        return f"<phone {self.name}>"
