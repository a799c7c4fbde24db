"""An ACK to a 2xx on its way: without a transaction, its answer anchored where it bears one (RFC 6026 §8.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from softswitch.flow import Flow
from softswitch.media.anchor import sdp_of, with_sdp
from softswitch.media.engine import MediaFailed, MediaKey
from softswitch.proxy.forward import forward_request
from softswitch.proxy.route import Way
from softswitch.sip.message import Request

if TYPE_CHECKING:
    from softswitch.proxy.core import Core


class AckForward:
    """One ACK to a 2xx on its way, perhaps with an answer to anchor (a late offer, RFC 3264 §5)."""

    __slots__ = ("anchored", "core", "flow", "hops", "request", "way")

    def __init__(self, core: Core, request: Request, way: Way, hops: int, anchored: bool) -> None:
        self.core = core
        self.request = request
        self.way = way
        self.hops = hops
        self.anchored = anchored

    def resolved(self, flows: Sequence[Flow]) -> None:
        if flows:
            self.send(flows[0])

    def send(self, flow: Flow) -> None:
        request, core = self.request, self.core

        def forward(body: bytes | None) -> None:
            data = forward_request(
                request,
                self.way.uri,
                flow.listener.via + core.ids.branch(),
                self.hops,
                routes=self.way.routes,
                body=body,
            )
            core.layer.send(data, flow)

        sdp = None
        content_type = request.get(b"content-type") or b""
        if self.anchored and request.body:
            sdp = sdp_of(content_type, request.body)
        if sdp is None:
            forward(None)
            return

        def anchored(result: bytes | MediaFailed) -> None:
            forward(None if isinstance(result, MediaFailed) else with_sdp(content_type, request.body, result))

        # The offer was in the 2xx, so who made it is the one this ACK goes to.
        key = MediaKey(
            request.call_id.decode("utf-8", "surrogateescape"),
            request.to.tag.decode("latin-1"),
            request.from_.tag.decode("latin-1"),
        )
        core.media.answer(key, sdp, flow.listener.network, request.flow.host, anchored)
