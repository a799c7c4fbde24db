"""Keys that are sent in the signalling instead of the sound: INFO with application/dtmf-relay or application/dtmf."""

from __future__ import annotations

import re

KEYS = frozenset("0123456789*#ABCD")
_SIGNAL = re.compile(rb"^\s*Signal\s*=\s*(\w+|[*#])\s*$", re.IGNORECASE | re.MULTILINE)
_NUMBERED = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}
"""COMPAT: some gateways send the event's number (RFC 4733 §3.2) in place of the key."""


def key_of(content_type: bytes, body: bytes) -> str:
    """The key that this INFO tells of; "" for none."""
    kind = content_type.partition(b";")[0].strip().lower()
    if kind == b"application/dtmf-relay":
        match = _SIGNAL.search(body)
        text = match[1] if match is not None else b""
    elif kind == b"application/dtmf":
        text = body.strip()
    else:
        return ""
    key = text.decode("ascii", "replace").upper()
    key = _NUMBERED.get(key, key)
    return key if key in KEYS else ""
