"""The ng control protocol: one cookie, a space and one bencoded dictionary in a datagram, as rtpengine speaks it.

Our relay also sends datagrams of its own accord, with the cookie `event` and the event's name under "event".

Keys are text, strings bytes. Dictionaries are read in any order (rtpengine sends them unsorted) and written sorted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

Value: TypeAlias = "int | bytes | str | Sequence[Value] | Mapping[str, Value]"
"""What can be written; strings are read back as bytes."""

MAX_DATAGRAM = 65_507
EVENT = b"event"
"""The cookie of what nobody has asked for."""
_MAX_DEPTH = 8
_MAX_DIGITS = 18


class NgError(ValueError):
    """These bytes are no ng message."""


def bencode(value: Value) -> bytes:
    """The bencoding; text as UTF-8, bytes that were no UTF-8 (surrogateescape) as they were."""
    parts: list[bytes] = []
    _put(value, parts.append)
    return b"".join(parts)


def _put(value: Value, put: Callable[[bytes], None]) -> None:
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
    if isinstance(value, bytes):
        put(b"%d:%b" % (len(value), value))
    elif isinstance(value, int):
        put(b"i%de" % value)
    elif isinstance(value, (dict, Mapping)):
        put(b"d")
        for key in sorted(value):
            put(b"%d:%b" % (len(key), key.encode()))  # keys are ASCII
            _put(value[key], put)
        put(b"e")
    else:
        put(b"l")
        for item in value:
            _put(item, put)
        put(b"e")


def bdecode(data: bytes) -> Value:
    """The value in these bytes, all of them; raises NgError."""
    value, end = _decode(data, 0, 0)
    if end != len(data):
        raise NgError("something after the end")
    return value


def _decode(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    kind = data[at : at + 1]
    if kind.isdigit():
        return _string(data, at)
    if kind == b"i":
        end = data.find(b"e", at, at + _MAX_DIGITS + 3)
        return _number(data[at + 1 : end] if end > 0 else b"", signed=True), end + 1
    if kind not in (b"l", b"d") or depth >= _MAX_DEPTH:
        raise NgError("not bencoded" if depth < _MAX_DEPTH else "nested too deep")
    at += 1
    items: list[Value] = []
    while (first := data[at : at + 1]) != b"e":
        # Nearly all are strings.
        item, at = _string(data, at) if first.isdigit() else _decode(data, at, depth + 1)
        items.append(item)
    return (items if kind == b"l" else _pairs(items)), at + 1


def _string(data: bytes, at: int) -> tuple[bytes, int]:
    colon = data.find(b":", at, at + _MAX_DIGITS)
    digits = data[at:colon] if colon > 0 else b""
    if not digits.isdigit():
        raise NgError("bad number")
    start = colon + 1
    end = start + int(digits)
    if end > len(data):
        raise NgError("a string is cut off")
    return data[start:end], end


def _number(text: bytes, signed: bool = False) -> int:
    digits = text[1:] if signed and text[:1] == b"-" else text
    if not digits.isdigit() or len(digits) > _MAX_DIGITS:
        raise NgError("bad number")
    return int(text)


def _pairs(items: list[Value]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    if len(items) % 2:
        raise NgError("a key without a value")
    for key, value in zip(items[::2], items[1::2], strict=True):
        if not isinstance(key, bytes) or not key.isascii():
            raise NgError("a key that is no text")
        found[key.decode()] = value
    return found


def pack(cookie: bytes, message: Mapping[str, Value]) -> bytes:
    """A datagram; the cookie has no space in it."""
    return cookie + b" " + bencode(message)


def cookie_of(datagram: bytes) -> bytes:
    """The cookie, to answer even what can't be read; raises NgError when there is none."""
    cookie, space, _ = datagram.partition(b" ")
    if not space or not cookie or len(cookie) > 255:
        raise NgError("no cookie")
    return cookie


def unpack(datagram: bytes) -> tuple[bytes, dict[str, Value]]:
    """Cookie and dictionary; raises NgError."""
    cookie = cookie_of(datagram)
    message = bdecode(datagram[len(cookie) + 1 :])
    if not isinstance(message, dict):
        raise NgError("not a dictionary")
    return cookie, message
