"""Header field names: canonical keys, compact forms, and which fields hold one value or a list (RFC 3261 §7.3, §20)."""

from __future__ import annotations

import re

TOKEN = re.compile(rb"[A-Za-z0-9\-.!%*_+`'~]+")
_MARKS = re.compile(rb'[",<>\\]').finditer

COMPACT = {
    b"a": b"accept-contact",
    b"b": b"referred-by",
    b"c": b"content-type",
    b"d": b"request-disposition",
    b"e": b"content-encoding",
    b"f": b"from",
    b"i": b"call-id",
    b"j": b"reject-contact",
    b"k": b"supported",
    b"l": b"content-length",
    b"m": b"contact",
    b"n": b"identity-info",
    b"o": b"event",
    b"r": b"refer-to",
    b"s": b"subject",
    b"t": b"to",
    b"u": b"allow-events",
    b"v": b"via",
    b"x": b"session-expires",
    b"y": b"identity",
}
"""The registered one-letter forms (IANA, SIP parameters)."""

SINGLE = frozenset(
    (b"from", b"to", b"call-id", b"cseq", b"max-forwards", b"content-length", b"content-type", b"expires")
)
"""Fields that a message must not have twice: two values would let two readers see two messages."""

LISTS = frozenset(
    (
        b"via",
        b"route",
        b"record-route",
        b"path",
        b"service-route",
        b"contact",
        b"require",
        b"proxy-require",
        b"supported",
        b"unsupported",
        b"allow",
        b"allow-events",
        b"accept",
        b"accept-encoding",
        b"accept-language",
        b"diversion",
        b"history-info",
        b"p-asserted-identity",
        b"reason",
        b"in-reply-to",
    )
)
"""Fields whose values may share a line, separated by commas. Digest credentials may not (RFC 3261 §20)."""

_SPELLED = (
    "Via From To Call-ID CSeq Contact Max-Forwards Route Record-Route Content-Length Content-Type Expires "
    "Authorization Proxy-Authorization WWW-Authenticate Proxy-Authenticate Authentication-Info User-Agent Server "
    "Allow Supported Require Proxy-Require Unsupported Accept Accept-Encoding Accept-Language Allow-Events Event "
    "Session-Expires Min-SE Min-Expires Subject Date Path Service-Route Refer-To Referred-By Replaces RSeq RAck "
    "Reason Retry-After Warning Priority Organization Privacy P-Asserted-Identity P-Preferred-Identity "
    "Remote-Party-ID Diversion History-Info Content-Disposition Content-Encoding Content-Language MIME-Version "
    "Subscription-State SIP-ETag SIP-If-Match Max-Breadth Alert-Info Call-Info In-Reply-To Timestamp Join "
    "Request-Disposition Accept-Contact Reject-Contact "
).split()

NAMES: dict[bytes, bytes] = {}
"""Spellings seen so far and their keys: lower case, compact forms written out. Grows to a bound, see `key_of`."""

for _name in _SPELLED:
    for _form in (_name, _name.lower(), _name.upper(), _name.title()):
        NAMES[_form.encode()] = _name.lower().encode()
for _short, _long in COMPACT.items():
    NAMES[_short] = NAMES[_short.upper()] = _long

_LIMIT = len(NAMES) + 2000


def key_of(name: bytes) -> bytes | None:
    """The key of a header name as written (white space before the colon allowed), or None if it is not a token."""
    key = NAMES.get(name)
    if key is None:
        stripped = name.rstrip(b" \t")
        if not TOKEN.fullmatch(stripped):
            return None
        key = stripped.lower()
        key = COMPACT.get(key, key)
        if len(NAMES) < _LIMIT and len(name) < 64:
            NAMES[name] = key
    return key


def split_list(value: bytes) -> list[bytes]:
    """The values of a comma-separated field; commas in quotes and in <…> do not separate. Empty values are dropped."""
    if b"," not in value:
        value = value.strip()
        return [value] if value else []
    parts = []
    start = 0
    skip = -1
    quoted = bracketed = False
    for mark in _MARKS(value):
        at = mark.start()
        if at == skip:
            continue
        char = value[at]
        if quoted:
            if char == 0x5C:
                skip = at + 1
            elif char == 0x22:
                quoted = False
        elif char == 0x22:
            quoted = not bracketed
        elif char == 0x3C:
            bracketed = True
        elif char == 0x3E:
            bracketed = False
        elif char == 0x2C and not bracketed:
            parts.append(value[start:at].strip())
            start = at + 1
    parts.append(value[start:].strip())
    return [part for part in parts if part]
