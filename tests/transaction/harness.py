"""A transaction layer with nothing below it and a user above that writes down what it is told."""

from __future__ import annotations

from softswitch.flow import Flow, Listener
from softswitch.ids import Ids
from softswitch.sip.build import respond
from softswitch.sip.message import Request, Response
from softswitch.sip.parse import parse
from softswitch.transaction.layer import Layer, Server

UDP = Listener(0, "UDP", "192.0.2.1", 5060, "192.0.2.1", 5060, "office")
TCP = Listener(1, "TCP", "192.0.2.1", 5060, "192.0.2.1", 5060, "office")
BRANCH = b"z9hG4bKone"


class Bench:
    """Drives a layer: messages in, time on; `sent` and `told` are what came of it."""

    def __init__(self, listener: Listener = UDP) -> None:
        self.listener = listener
        self.flow = Flow(listener, "192.0.2.9", 5060, 7 if listener.reliable else 0)
        self.sent: list[tuple[float, bytes]] = []
        self.told: list[object] = []
        self.layer = Layer(self, self._send, Ids(1))
        self.server: Server | None = None

    def _send(self, data: bytes, flow: Flow) -> None:
        self.sent.append((self.layer.now, data.split(b"\r\n")[0]))

    # -- the user above

    def on_request(self, request: Request) -> None:
        self.told.append(request.method.decode())
        if request.method != b"ACK":
            self.server = self.layer.accept(request)

    def on_stray_response(self, response: Response) -> None:
        self.told.append(f"stray {response.status}")

    def on_response(self, response: Response) -> None:
        self.told.append(response.status)

    def on_no_answer(self, timed_out: bool) -> None:
        self.told.append("timeout" if timed_out else "broken")

    def on_cancel(self, cancel: Request) -> None:
        self.told.append("cancelled")

    # -- the wire below

    def request(
        self,
        method: str,
        branch: bytes = BRANCH,
        *,
        host: str = "192.0.2.9",
        to_tag: bytes = b"",
        call_id: bytes = b"call",
        uri: bytes = b"sip:101@acme.example",
        cseq: int = 1,
        sent_by: bytes = b"192.0.2.9",
    ) -> Request:
        name = b"INVITE" if method == "INVITE" else method.encode()
        via = b"Via: SIP/2.0/%b %b" % (self.listener.transport.encode(), sent_by)
        lines = [
            b"%b %b SIP/2.0" % (name, uri),
            via + (b";branch=" + branch if branch else b""),
            b"From: <sip:102@acme.example>;tag=f",
            b"To: <sip:101@acme.example>" + (b";tag=" + to_tag if to_tag else b""),
            b"Call-ID: " + call_id,
            b"CSeq: %d %b" % (cseq, name),
            b"Content-Length: 0",
        ]
        message = parse(b"\r\n".join([*lines, b"", b""]), self.flow._replace(host=host))
        assert isinstance(message, Request)
        return message

    def comes(self, method: str, branch: bytes = BRANCH, **options: object) -> None:
        """A request arrives."""
        self.layer.receive(self.request(method, branch, **options))  # type: ignore[arg-type]

    def sends(self, method: str) -> None:
        """A request goes out."""
        data = self.request(method).to_bytes()
        self.layer.send_request(method.encode(), BRANCH, data, self.flow, self)

    def response(self, method: str, status: int) -> Response:
        message = parse(respond(self.request(method), status, to_tag=b"t"), self.flow)
        assert isinstance(message, Response)
        return message

    def answered(self, method: str, status: int) -> None:
        """A response to it arrives."""
        self.layer.receive(self.response(method, status))

    def replies(self, status: int) -> None:
        """The user answers what came in."""
        assert self.server is not None
        request = self.request(self.method)
        self.server.respond(status, respond(request, status, to_tag=b"t"))

    method = "INVITE"

    def advance(self, seconds: float) -> None:
        """Time passes, step by step as the timers want it."""
        end = self.layer.now + seconds
        for _ in range(10_000):
            due = self.layer.wheel.next_due()
            if due is None or due > end:
                break
            self.layer.advance(max(due, self.layer.now))
        self.layer.advance(end)

    def take(self) -> list[bytes]:
        """The start lines sent since the last time."""
        lines = [line for _, line in self.sent]
        self.sent.clear()
        return lines

    def times(self) -> list[float]:
        """When something was sent, to the half second: each timer may be 1/64 s late."""
        return [round(at * 2) / 2 for at, _ in self.sent]
