"""Parameters of the form ;name=value, as in Via, Contact and URIs (RFC 3261 §7.3.1, §25)."""

from __future__ import annotations

import re

from softswitch.errors import PeerError

# Possessive (*+) wherever blanks repeat: a long run of them is then looked at once. Only on single characters:
# before Python 3.11.5 possessive groups are not reliable.
_PARAM = re.compile(
    rb"""[ \t]*+;[ \t]*+([A-Za-z0-9\-.!%*_+`'~\[\]:&$/]*+)[ \t]*+
         (?:=[ \t]*+("[^"\\]*(?:\\.[^"\\]*)*"|[^;"<>\s]*+))?[ \t]*+""",
    re.DOTALL | re.VERBOSE,
)
_PAIR = re.compile(rb"\\(.)", re.DOTALL)


def unquote(text: bytes) -> bytes:
    """What stands between the quotes of a quoted string, escapes undone (RFC 3261 §25.1)."""
    return _PAIR.sub(rb"\1", text)


def parse_params(text: bytes) -> dict[bytes, bytes | None]:
    """The parameters of b";a=1;b" as {b"a": b"1", b"b": None}; names in lower case, quotes taken off values.

    Raises PeerError(400) when the text is not a list of parameters. The first of two equal names counts.
    """
    found: dict[bytes, bytes | None] = {}
    at = 0
    end = len(text)
    while at < end:
        match = _PARAM.match(text, at)
        if match is None:
            if not text[at:].strip():
                break
            raise PeerError(400, "Malformed Parameter")
        name, value = match.groups()
        if value is not None and value[:1] == b'"':
            value = value[1:-1]
            if b"\\" in value:
                value = unquote(value)
        if name:
            found.setdefault(name.lower(), value)
        at = match.end()
    return found
