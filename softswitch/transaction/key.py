"""Which transaction a message belongs to (RFC 3261 §17.1.3, §17.2.3)."""

from __future__ import annotations

from softswitch.sip.message import Request
from softswitch.sip.via import MAGIC


def server_key(request: Request, method: bytes) -> bytes:
    """The key of the server transaction of `request`, as if its method were `method`.

    ACK and CANCEL look for the INVITE's: method is then b"INVITE". Branches without the magic cookie come from
    clients of RFC 2543, for which the whole identity of the request stands in.
    """
    via = request.via
    branch = via.branch
    if branch[:7] == MAGIC and len(branch) > 7:
        port = via.port
        return b"%b|%b|%b" % (branch, via.host if port is None else b"%b:%d" % (via.host, port), method)
    tag = request.from_.tag
    return b"|".join((request.uri, tag, request.call_id, b"%d" % request.cseq[0], via.raw, method))
