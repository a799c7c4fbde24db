"""The control socket: ng datagrams in, answers and events out, between the packets."""

from __future__ import annotations

import logging
import os
import socket
import stat
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from ..ng import EVENT, MAX_DATAGRAM, NgError, Value, cookie_of, pack, unpack
from .settings import parse_control

_MAX_WAITING = 1000
_log = logging.getLogger(__name__)


def open_control(address: str) -> socket.socket:
    """A bound, non-blocking datagram socket; raises OSError.

    A path that is a socket already is taken over: its owner is dead, or it is told to use another path. Only our own
    user may write to it.
    """
    where = parse_control(address)
    if isinstance(where, str):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        if os.path.exists(where) and stat.S_ISSOCK(os.stat(where).st_mode):
            os.unlink(where)
        mask = os.umask(0o177)
        try:
            sock.bind(where)
        finally:
            os.umask(mask)
        return sock
    family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.bind(where)
    return sock


class Control:
    """Answers one command each time the socket is ready, so that packets come in between.

    Events go to whoever asked something last: a switch that was started again takes over with its first word.
    """

    def __init__(self, sock: socket.socket, run: Callable[[dict[str, Value], float], dict[str, Value]]) -> None:
        self._sock = sock
        self._run = run
        self._waiting: deque[tuple[bytes, Any]] = deque()
        self._asker: Any = None
        self.heard_at = time.monotonic()
        """When somebody asked last, in monotonic seconds."""

    @property
    def has_waiting(self) -> bool:
        """Whether answers wait for room in the asker's queue."""
        return bool(self._waiting)

    def ready(self) -> None:
        """Read and answer one datagram."""
        try:
            datagram, asker = self._sock.recvfrom(MAX_DATAGRAM)
        except OSError:
            return
        if not asker:
            return  # a unix socket without a name can't be answered
        try:
            cookie = cookie_of(datagram)
        except NgError:
            return
        self._asker = asker
        self.heard_at = time.monotonic()
        self._reply(pack(cookie, self._answer(datagram)), asker)

    def tell(self, event: dict[str, Value]) -> None:
        """Send an event; nobody acknowledges it, so it may be about nothing that can't be asked for as well."""
        if self._asker is not None:
            self._reply(pack(EVENT, event), self._asker)

    def _answer(self, datagram: bytes) -> dict[str, Value]:
        try:
            return self._run(unpack(datagram)[1], time.monotonic())
        except NgError as error:
            return {"result": "error", "error-reason": str(error), "status": 400}
        except Exception:
            # A mistake of ours in one call must not end the sound of all others.
            _log.exception("a command failed")
            return {"result": "error", "error-reason": "internal error", "status": 500}

    def _reply(self, datagram: bytes, asker: Any) -> None:
        if len(self._waiting) < _MAX_WAITING:
            self._waiting.append((datagram, asker))
        self.flush()

    def flush(self) -> None:
        """Send what waits, as far as there is room. Who has gone needs no answer."""
        while self._waiting:
            datagram, asker = self._waiting[0]
            try:
                self._sock.sendto(datagram, asker)
            except BlockingIOError:
                return
            except OSError as error:
                _log.debug("an answer went nowhere: %s", error)
            self._waiting.popleft()
