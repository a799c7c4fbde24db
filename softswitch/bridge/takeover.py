"""A phone that takes the place of another one in a bridged call: an INVITE with Replaces (RFC 3891)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.bridge.bridge import Waiting
from softswitch.bridge.end import End
from softswitch.bridge.transfer import replaces_of
from softswitch.dialog.dialog import Dialog
from softswitch.errors import PeerError
from softswitch.sip.message import Request, Response
from softswitch.sip.uri import escape
from softswitch.transaction.layer import reply_flow
from softswitch.transaction.server_invite import ServerInvite

if TYPE_CHECKING:
    from softswitch.bridge.bridges import Bridges


def take_over(bridges: Bridges, request: Request, site: str, account: str) -> bool:
    """Let the caller, a phone of this site, have the place that Replaces names; False when that is no bridged call.

    Raises PeerError(481) where the dialog is not as it says, 403 for another firm's, 488 without an offer.
    """
    replaces = replaces_of(request.get(b"replaces") or b"")
    old = bridges.end_of(replaces.call_id, replaces.to_tag)
    if old is None or old.bridge is None:
        return False
    if old.dialog.remote_tag != replaces.from_tag:
        raise PeerError(481)
    if old.site != site or not old.account or not account:
        raise PeerError(403, "Not Your Call")
    if not request.body:
        raise PeerError(488, "Offer Missing")
    bridge, layer = old.bridge, bridges.layer
    moved = bridge.other(old)
    if moved.inviting or moved.unacknowledged:
        raise PeerError(491)
    server = layer.accept(request)
    assert isinstance(server, ServerInvite)
    server.reply(100)
    server.owner = Waiting()
    tag, flow = server.to_tag, reply_flow(request)
    user = escape((moved.shown or "switch").encode())
    dialog = Dialog.as_server(request, tag, b"<sip:%b@%b>" % (user, flow.listener.uri), flow)
    near = End(layer, dialog, request.from_.tag.decode("latin-1"))
    near.site, near.account = site, account
    media_tag = tag.decode("latin-1")

    def answered(response: Response | None) -> None:
        if response is None or response.status >= 300:
            server.reply(500 if response is None else max(response.status, 400))
            bridges.media.delete(request.call_id.decode("utf-8", "surrogateescape"))
            return
        moved.acknowledge(moved.invite_number)
        bridges.core.calls.handed_over(bridge.call_id, request.call_id, request.from_.tag, tag, account)
        bridge.leave(moved)
        moved.media_tag = media_tag
        joined = bridges.join(request.call_id, near, moved)
        joined.answered(moved, response, lambda body: near.answer(request, server, (), body))
        bridges.note(request.call_id, "taken over", by=account)
        old.hang_up()

    def placed(body: bytes) -> None:
        near.learn(request)
        offer = near.offers(request, body, moved)
        moved.send(b"INVITE", (b"Content-Type: application/sdp",), offer, answered)

    key = (request.call_id, near.media_tag, media_tag)
    moved.inviting = True

    def failed(status: int) -> None:
        moved.inviting = False
        server.reply(status)

    bridges.place_offer(key, moved, request, placed, failed)
    return True
