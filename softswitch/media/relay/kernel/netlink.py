"""Netlink, as far as nftables wants it: attributes, messages, and a socket whose every request is answered at once.

Messages as in linux/netlink.h and linux/netfilter/nfnetlink.h; numbers in attributes are in network order there.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

NETLINK_ROUTE = 0
NETLINK_NETFILTER = 12

REQUEST = 0x1
ECHO = 0x8
DUMP = 0x300
CREATE = 0x400

_ERROR = 2
_DONE = 3
_NESTED = 0x8000
_KIND_MASK = 0x3FFF
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_NUMBER = struct.Struct("=i")
_SUBSYSTEM = 10
"""NFNL_SUBSYS_NFTABLES."""
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_READ_BYTES = 1 << 16
_SEND_BUFFER_BYTES = 1 << 20
"""Room for the whole of a batch."""
_DUMP_SECONDS = 5.0


class NetlinkError(OSError):
    """The kernel refused; `errno` says why."""

    def __init__(self, number: int) -> None:
        super().__init__(number, os.strerror(number))


class Answer(NamedTuple):
    """One message of the kernel, without its header."""

    kind: int
    """The message type, within the subsystem."""
    body: memoryview
    """The attributes."""


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded."""
    size = 4 + len(value)
    return _ATTRIBUTE.pack(size, kind) + value + bytes(-size % 4)


def nest(kind: int, *inner: bytes) -> bytes:
    """An attribute of attributes."""
    return attribute(kind | _NESTED, b"".join(inner))


def text(kind: int, value: str) -> bytes:
    """A string, ended by a zero."""
    return attribute(kind, value.encode() + b"\0")


def number(kind: int, value: int) -> bytes:
    """Four bytes."""
    return attribute(kind, struct.pack("!I", value & 0xFFFFFFFF))


def attributes(body: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Each attribute's kind and value."""
    at, end = 0, len(body)
    while at + 4 <= end:
        size, kind = _ATTRIBUTE.unpack_from(body, at)
        if size < 4 or at + size > end:
            return
        yield kind & _KIND_MASK, body[at + 4 : at + size]
        at += (size + 3) & ~3


def message(kind: int, flags: int, body: bytes, family: int) -> bytes:
    """One request about nftables."""
    return raw(_SUBSYSTEM << 8 | kind, flags, struct.pack("!BBH", family, 0, 0) + body)


def batch(messages: Sequence[bytes]) -> bytes:
    """All of these, or none."""
    about = struct.pack("!BBH", 0, 0, _SUBSYSTEM)
    return b"".join((raw(_BATCH_BEGIN, 0, about), *messages, raw(_BATCH_END, 0, about)))


def raw(kind: int, flags: int, body: bytes) -> bytes:
    """A request of any subsystem."""
    return _HEADER.pack(_HEADER.size + len(body), kind, flags | REQUEST, 0, 0) + body


class Netlink:
    """A socket to the kernel."""

    def __init__(self, protocol: int = NETLINK_NETFILTER) -> None:
        """Raises OSError."""
        self._sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SEND_BUFFER_BYTES)
        self._sock.bind((0, 0))

    def ask(self, request: bytes, header_bytes: int = 4) -> list[Answer]:
        """What the kernel says to this; raises NetlinkError.

        It carries the request out while we send it, and has said all that there is to say when that returns.
        """
        self._sock.send(request)
        answers: list[Answer] = []
        failed = 0
        while True:
            try:
                data = self._sock.recv(_READ_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            for kind, body in _messages(data):
                if kind == _ERROR:
                    failed = failed or -_NUMBER.unpack_from(body)[0]
                else:
                    answers.append(Answer(kind & 0xFF, body[header_bytes:]))
        if failed:
            raise NetlinkError(failed)
        return answers

    def dump(self, request: bytes) -> Iterator[Answer]:
        """Everything there is of something; raises NetlinkError. To be read to its end."""
        self._sock.send(request)
        self._sock.settimeout(_DUMP_SECONDS)
        try:
            while True:
                for kind, body in _messages(self._sock.recv(_READ_BYTES)):
                    if kind == _DONE:
                        if len(body) >= 4 and _NUMBER.unpack_from(body)[0] < 0:
                            raise NetlinkError(-_NUMBER.unpack_from(body)[0])
                        return
                    if kind == _ERROR:
                        raise NetlinkError(-_NUMBER.unpack_from(body)[0] or errno.EINVAL)
                    yield Answer(kind & 0xFF, body[4:])
        finally:
            self._sock.settimeout(None)

    def close(self) -> None:
        """What this socket owns ends with it."""
        self._sock.close()


def _messages(data: bytes) -> Iterator[tuple[int, memoryview]]:
    view, at = memoryview(data), 0
    while at + _HEADER.size <= len(data):
        size, kind, _, _, _ = _HEADER.unpack_from(data, at)
        if size < _HEADER.size:
            return
        yield kind, view[at + _HEADER.size : at + size]
        at += (size + 3) & ~3
