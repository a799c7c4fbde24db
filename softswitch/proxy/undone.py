"""A phone's answer that may not be used: taken for the caller and hung up again (RFC 3261 §13.2.2.4).

It is for an offer that comes late, in the 200 to an INVITE without one, and is not of the form that the dialplan wants
of this phone. The ACK refuses each of its streams, so that it has an answer (RFC 3264 §6); the BYE says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.dialog.dialog import Dialog
from softswitch.errors import PeerError
from softswitch.flow import Flow
from softswitch.sip.message import Request, Response
from softswitch.sip.sdp import Sdp

if TYPE_CHECKING:
    from softswitch.proxy.core import Core

_SDP_LINE = b"Content-Type: application/sdp"


class Undone:
    """One such answer; it is acknowledged each time it comes."""

    __slots__ = ("_ack", "_core", "_dialog", "_flow")

    def __init__(self, core: Core, request: Request, flow: Flow, response: Response, own_routes: int) -> None:
        """`flow` is the way that `request` went; `own_routes`: so many Record-Route values were added to it."""
        self._core = core
        self._flow = flow
        self._dialog = dialog = Dialog.as_client(request, response, b"", flow)
        # Ours, and those of who was before us on the way, stand in front.
        dialog.routes = dialog.routes[own_routes + len(request.values(b"record-route")) :]
        self._ack = b""

    def begin(self, number: int, sdp: bytes, reason: str) -> None:
        """The offer of this INVITE's answer is refused, for this reason."""
        core, dialog = self._core, self._dialog
        refusal = _refusal(sdp)
        headers = (_SDP_LINE,) if refusal else ()
        self._ack = dialog.request(b"ACK", core.ids.branch(), headers, refusal, number)
        self.again()
        key = core.ids.branch()
        because = b'Reason: SIP;cause=488;text="%b"' % reason.encode()
        core.layer.send_request(b"BYE", key, dialog.request(b"BYE", key, (because,)), self._flow, self)

    def again(self) -> None:
        """Acknowledge it."""
        self._core.layer.send(self._ack, self._flow)

    def on_response(self, response: Response) -> None:
        """To the BYE: whatever it says."""

    def on_no_answer(self, timed_out: bool) -> None:
        """To the BYE."""


def _refusal(offer: bytes) -> bytes:
    """An answer that refuses each stream; b"" to what can't be read."""
    try:
        media = Sdp.parse(offer).media
    except PeerError:
        return b""
    lines = [b"v=0", b"o=- 0 0 IN IP4 0.0.0.0", b"s=-", b"c=IN IP4 0.0.0.0", b"t=0 0"]
    lines += [b"m=%b 0 %b %b" % (one.kind, one.protocol, b" ".join(one.formats)) for one in media]
    return b"".join(line + b"\r\n" for line in lines)
