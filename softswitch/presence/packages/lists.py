"""Resource lists: one subscription to a team tells of all its members (RFC 4662)."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from softswitch.presence.document import DECLARATION, Document, attribute, text

RLMI = b"application/rlmi+xml"


def resource_list(entity: str, name: str, members: Sequence[tuple[str, str, Document]]) -> Document:
    """Of members (address, name, document) one multipart/related. Always the full state."""
    host = entity.rpartition("@")[2]
    ids = [f"{blake2b(uri.encode(), digest_size=8).hexdigest()}@{host}" for uri, _, _ in members]
    head = f'{DECLARATION}<list xmlns="urn:ietf:params:xml:ns:rlmi" uri={attribute(entity)} version="'
    resources = "".join(
        f"<resource uri={attribute(uri)}><name>{text(display)}</name>"
        f'<instance id="1" state="active" cid="{cid}"/></resource>'
        for (uri, display, _), cid in zip(members, ids, strict=True)
    )
    tail = f'" fullState="true"><name>{text(name)}</name>{resources}</list>\n'
    # It may not stand in any part; what is hashed into it includes them all.
    mark = blake2b(b"".join(piece for _, _, one in members for piece in one.pieces), digest_size=12).hexdigest()
    start = f"list@{host}"
    boundary = f"--{mark}\r\n"
    parts = [_part(boundary, RLMI.decode(), start) + head.encode(), tail.encode()]
    for (_, _, document), cid in zip(members, ids, strict=True):
        first, *rest = document.pieces
        parts[-1] += _part(f"\r\n{boundary}", document.content_type.decode(), cid) + first
        parts += rest
    parts[-1] += f"\r\n--{mark}--\r\n".encode()
    content_type = f'multipart/related;type="application/rlmi+xml";start="<{start}>";boundary="{mark}"'
    return Document(content_type.encode(), tuple(parts))


def _part(boundary: str, content_type: str, cid: str) -> bytes:
    return (
        f"{boundary}Content-Transfer-Encoding: binary\r\nContent-ID: <{cid}>\r\n"
        f'Content-Type: {content_type};charset="UTF-8"\r\n\r\n'
    ).encode()
