"""The session description inside a SIP body, alone or as a part of a multipart body (RFC 5621, RFC 2046 §5.1)."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

_BOUNDARY = re.compile(rb';\s*boundary\s*=\s*(?:"((?:[^"\\]|\\.){1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)
_TYPE = re.compile(rb"^(?:content-type|c)[ \t]*:[ \t]*(.*(?:\r?\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)
_BLANK = re.compile(rb"\r?\n\r?\n")
_MAX_DEPTH = 3


class _Span(NamedTuple):
    start: int
    end: int


def _kind(content_type: bytes) -> bytes:
    return content_type.partition(b";")[0].strip().lower()


def _find(content_type: bytes, body: bytes, span: _Span, depth: int = 0) -> _Span | None:
    """Where in `body` the first session description lies."""
    kind = _kind(content_type)
    if kind == b"application/sdp":
        return span if span.end > span.start else None
    if not kind.startswith(b"multipart/") or depth >= _MAX_DEPTH:
        return None
    match = _BOUNDARY.search(content_type)
    if match is None:
        return None
    quoted, plain = match.groups()
    boundary = re.sub(rb"\\(.)", rb"\1", quoted) if quoted is not None else plain
    line = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    marks = [
        (m.start() + span.start, m.end() + span.start, m.group(1)) for m in line.finditer(body[span.start : span.end])
    ]
    for (_, start, closing), (end, _, _) in pairwise(marks):
        if closing:
            break
        part = body[start:end]
        blank = _BLANK.search(part)  # the part begins with the line end of its boundary line
        begin = blank.end() if blank else len(part)
        named = _TYPE.search(part[:begin])
        if named is None:
            continue
        inner = re.sub(rb"\r?\n[ \t]+", b" ", named.group(1)).strip()
        found = _find(inner, body, _Span(start + begin, end), depth + 1)
        if found is not None:
            return found
    return None


def sdp_of(content_type: bytes, body: bytes) -> bytes | None:
    """The first session description in this body, or None."""
    span = _find(content_type, body, _Span(0, len(body)))
    return body[span.start : span.end] if span is not None else None


def needs_anchor(content_type: bytes, body: bytes) -> bool:
    """Whether there is a session description to anchor."""
    return bool(body) and _find(content_type, body, _Span(0, len(body))) is not None


def with_sdp(content_type: bytes, body: bytes, new_sdp: bytes) -> bytes:
    """The body with its session description replaced, everything else byte for byte; unchanged when there is none."""
    span = _find(content_type, body, _Span(0, len(body)))
    return body if span is None else body[: span.start] + new_sdp + body[span.end :]
