"""The transaction layer: which message belongs to which transaction, and what is new (RFC 3261 §17)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from softswitch.flow import Flow, Listener
from softswitch.ids import Ids
from softswitch.sip.build import respond
from softswitch.sip.message import Request, Response
from softswitch.transaction.client_invite import ClientInvite, ClientOwner
from softswitch.transaction.client_other import ClientOther
from softswitch.transaction.key import server_key
from softswitch.transaction.server_invite import ACCEPTED, ServerInvite
from softswitch.transaction.server_other import ServerOther
from softswitch.transaction.timers import TimerValues, Wheel

_PLAIN_200 = re.compile(
    rb"SIP/2\.0 200 [^\r\n]*\r\nVia: SIP/2\.0/[A-Z]+ [^\r\n,;]+(?:;rport[=0-9]*)?;branch=([A-Za-z0-9]+)[;\r]"
)
_OK = Response(200, b"SIP/2.0 200 OK", [], [], {}, b"", Flow(Listener(0, "UDP", "", 0, "", 0, ""), "", 0))
Server = ServerInvite | ServerOther
Client = ClientInvite | ClientOther


class TransactionUser(Protocol):
    """Who decides about requests that are new."""

    def on_request(self, request: Request) -> None:
        """A request that is no retransmission; ACKs to 2xx responses come here too.

        It has no transaction yet: `accept` makes one, so that refusing a stranger costs no memory.
        """
        ...

    def on_stray_response(self, response: Response) -> None:
        """A response that matches no transaction."""
        ...


class Layer:
    """All transactions. `now` is the moment of the input at hand, in monotonic seconds."""

    def __init__(
        self, user: TransactionUser, send: Callable[[bytes, Flow], None], ids: Ids, values: TimerValues | None = None
    ) -> None:
        self.user = user
        self.send = send
        """Takes a message and where it goes; never fails at once, see `flow_failed`."""
        self.ids = ids
        self.values = values or TimerValues()
        self.wheel = Wheel()
        self.now = 0.0
        self.servers: dict[bytes, Server] = {}
        self.clients: dict[bytes, Client] = {}
        self.plain: dict[bytes, ClientOther] = {}
        """By branch: requests of whose answer their owners want to know no more than that it was a 200."""
        self._merge: dict[bytes, bytes] = {}

    # -- what comes in

    def receive(self, message: Request | Response) -> None:
        """Handle one parsed message."""
        if isinstance(message, Request):
            self._receive_request(message)
        else:
            self._receive_response(message)

    def _receive_request(self, request: Request) -> None:
        method = request.method
        if method == b"ACK":
            server = self.servers.get(server_key(request, b"INVITE"))
            if server is not None and server.flow.host == request.flow.host and server.state is not ACCEPTED:
                server.receive(request)
            else:
                self.user.on_request(request)
            return
        key = request.key = server_key(request, method)
        server = self.servers.get(key)
        if server is not None:
            server.receive(request)
        elif method == b"CANCEL":
            self._receive_cancel(request)
        else:
            self.user.on_request(request)

    def _receive_cancel(self, cancel: Request) -> None:
        """Answer a CANCEL and tell the owner of the INVITE (RFC 3261 §9.2); from another address it is a stranger's."""
        invite = self.servers.get(server_key(cancel, b"INVITE"))
        if not isinstance(invite, ServerInvite) or invite.flow.host != cancel.flow.host:
            self.send(respond(cancel, 481, to_tag=self.ids.tag()), reply_flow(cancel))
            return
        server = self.accept(cancel)
        server.to_tag = invite.to_tag
        server.reply(200)
        if not invite.answered and invite.owner is not None:
            invite.owner.on_cancel(cancel)

    def _receive_response(self, response: Response) -> None:
        client = self.clients.get(b"%b|%b" % (response.via.branch, response.cseq[1]))
        if client is not None:
            client.receive(response)
        else:
            self.user.on_stray_response(response)

    def confirmed(self, data: bytes) -> bool:
        """Whether this datagram is a plain 200 to a request that was sent with `plain`; then it is dealt with.

        Found by the branch in its first line of headers, which is ours and unguessable. Whatever else it says goes
        nowhere, so nothing else of it is read. What is spelled otherwise is parsed as everything is.
        """
        match = _PLAIN_200.match(data)
        client = self.plain.get(match[1]) if match is not None and data[-4:] == b"\r\n\r\n" else None
        if client is None:
            return False
        client.receive(_OK)
        client.end(None)  # the same 200 once more is a stray one then, and dropped as such
        return True

    def advance(self, now: float) -> None:
        """Let time pass until `now`."""
        self.now = now
        self.wheel.advance(now)

    def flow_failed(self, flow: Flow) -> None:
        """What was sent over this flow and not yet answered will not be, nor can what came by it be answered."""
        for client in [client for client in self.clients.values() if client.flow == flow]:
            client.broken()
        for server in [server for server in self.servers.values() if server.flow == flow]:
            if isinstance(server, ServerInvite) and not server.answered and server.owner is not None:
                server.owner.on_caller_gone()

    # -- what the user begins

    def accept(self, request: Request) -> Server:
        """A server transaction for a new request."""
        method = request.method
        key = request.key
        flow = reply_flow(request)
        server: Server
        if method == b"INVITE":
            server = ServerInvite(self, key, request, flow)
        else:
            server = ServerOther(self, key, request, flow)
        self.servers[key] = server
        return server

    def remember(self, server: Server) -> None:
        """This request ends here: if it comes again by another way, `merged` says so as long as we remember it."""
        if server.request is not None:
            server.merge_key = _merge_key(server.request)
            self._merge[server.merge_key] = server.key

    def merged(self, request: Request) -> bool:
        """Whether the same request came before by another way and ends here too (RFC 3261 §8.2.2.2): answer 482."""
        return bool(self._merge) and _merge_key(request) in self._merge

    def send_request(self, method: bytes, branch: bytes, data: bytes, flow: Flow, owner: ClientOwner) -> Client:
        """Send a request, whose topmost Via has `branch`, in a client transaction."""
        key = b"%b|%b" % (branch, method)
        client: Client
        if method == b"INVITE":
            client = ClientInvite(self, key, data, flow, owner)
        else:
            client = ClientOther(self, key, data, flow, owner)
        self.clients[key] = client
        return client

    def send_plain(self, method: bytes, branch: bytes, data: bytes, flow: Flow, owner: ClientOwner) -> None:
        """The same, for a request in whose 200 the owner reads nothing; no INVITE."""
        key = b"%b|%b" % (branch, method)
        self.clients[key] = self.plain[branch] = ClientOther(self, key, data, flow, owner)

    # -- what transactions tell

    def forget_client(self, key: bytes) -> None:
        self.clients.pop(key, None)
        if self.plain:
            self.plain.pop(key[: key.find(b"|")], None)

    def forget_server(self, key: bytes, merge_key: bytes) -> None:
        self.servers.pop(key, None)
        if merge_key:
            self._merge.pop(merge_key, None)


def reply_flow(request: Request) -> Flow:
    """Where responses to `request` go (RFC 3261 §18.2.2, RFC 3581 §4).

    On a stream: the connection it came by. On UDP: the source address; its port too when `rport` asks for it, or when
    the sent-by address is not the source, which is a NAT whose mapping is the only way back.
    """
    flow = request.flow
    if flow.listener.reliable:
        return flow
    via = request.via
    port = via.port or 5060
    if port == flow.port or via.wants_rport or via.host.strip(b"[]").decode("latin-1") != flow.host:
        return flow
    return flow._replace(port=port)


def _merge_key(request: Request) -> bytes:
    """From with its tag, Call-ID and CSeq, as they stand in the request."""
    lines, first = request.lines, request.first
    return lines[first[b"from"]] + lines[first[b"call-id"]] + lines[first[b"cseq"]]
