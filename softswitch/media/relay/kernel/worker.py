"""The process that speaks to the kernel for the relay, so that no packet waits for that.

It is started by the relay with one end of a socket as its standard input, takes `flow.orders` from there and answers as
`told` says. When the relay is gone it ends, and its table with it; when it is gone itself, the table is too, and all
packets come to the relay again.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import sys
import time
from collections import deque

from .flow import Flow, orders
from .forwarding import why_not
from .netlink import NetlinkError
from .table import Count, Table
from .told import CANNOT, COUNTED, COUNTED_SECONDS, ENDED, READY, STUCK, Tally, pack

_LEFT_EVERY = 3
"""Every so many readings it is seen, too, what has left."""
_YOUNG_SECONDS = 0.2
"""After its beginning it is seen whether a flow's packets leave."""
_FEW = 5
"""Packets that may have come and not yet left."""
_OTHERS_SECONDS = 2.0
"""So long a table that another process has is waited for: of a relay that is just ending."""
_DATAGRAM_BYTES = 1 << 16
_CHANGED_AT_ONCE = 128
"""Flows; more might not fit into the sockets' buffers."""
_REASONS = {
    errno.EPERM: "no right to: it wants CAP_NET_ADMIN in the network's own user namespace (docs/sysadmin.md)",
    errno.EACCES: "no right to: it wants CAP_NET_ADMIN in the network's own user namespace (docs/sysadmin.md)",
    errno.EOPNOTSUPP: "this kernel has no nftables, or one older than Linux 5.12",
    errno.EINVAL: "this kernel has no nftables, or one older than Linux 5.12",
    errno.EPROTONOSUPPORT: "this kernel has no nftables",
    errno.EAFNOSUPPORT: "no netlink: RestrictAddressFamilies= wants AF_NETLINK",
    errno.ENOENT: "this kernel has nftables without one of payload, lookup, range, bitwise, notrack, counter",
}


def reason(error: OSError) -> str:
    """What is the matter, in words for the operator."""
    number = error.errno or 0
    return _REASONS.get(number, os.strerror(number))


class Worker:
    """Keeps the table as the relay wants it."""

    def __init__(self, sock: socket.socket, table: Table, families: tuple[int, ...]) -> None:
        self._sock = sock
        self._table = table
        self._families = families
        self._flows: dict[int, Flow] = {}
        self._by_key: dict[bytes, Flow] = {}
        self._young: deque[tuple[float, Flow]] = deque()
        self._seen: dict[int, tuple[int, int]] = {}
        """What came and what left, when both were read last."""
        self._readings = 0

    def run(self) -> None:
        """Until the relay is gone. Raises OSError."""
        self._sock.send(READY + bytes(self._families))
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        read_at = time.monotonic() + COUNTED_SECONDS
        while True:
            now = time.monotonic()
            next_at = min(read_at, self._young[0][0]) if self._young else read_at
            if not self._flows:
                next_at = now + 3600.0
            if poll.poll(max(0.0, 1e3 * (next_at - now))) and not self._obey():
                return
            now = time.monotonic()
            self._look_at_young(now)
            if now >= read_at:
                read_at = now + COUNTED_SECONDS
                self._readings += 1
                self._read(with_left=self._readings % _LEFT_EVERY == 0)

    def _obey(self) -> bool:
        """Do what the relay has asked for meanwhile, all at once; False when it is gone."""
        begun: dict[int, Flow] = {}
        ended: list[Flow] = []
        while True:
            try:
                datagram = self._sock.recv(_DATAGRAM_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            if not datagram:
                return False
            for order in orders(datagram):
                if isinstance(order, Flow):
                    begun[order.number] = order
                elif order in begun:
                    del begun[order]
                    self._tell(ENDED, [Tally(order, 0, 0)])
                elif order in self._flows:
                    ended.append(self._flows.pop(order))
        self._change(list(begun.values()), ended)
        return True

    def _change(self, begun: list[Flow], ended: list[Flow]) -> None:
        counts: dict[bytes, Count] = {}
        for at in range(0, len(ended), _CHANGED_AT_ONCE):
            counts |= self._table.change((), ended[at : at + _CHANGED_AT_ONCE])
        for at in range(0, len(begun), _CHANGED_AT_ONCE):
            self._table.change(begun[at : at + _CHANGED_AT_ONCE], ())
        gone = []
        for flow in ended:
            count = counts.get(flow.arrives)
            gone.append(Tally(flow.number, count.packets, count.bytes) if count else Tally(flow.number, 0, 0))
            self._by_key.pop(flow.arrives, None)
            self._seen.pop(flow.number, None)
        due = time.monotonic() + _YOUNG_SECONDS
        for flow in begun:
            self._flows[flow.number] = self._by_key[flow.arrives] = flow
            self._young.append((due, flow))
        self._tell(ENDED, gone)

    def _look_at_young(self, now: float) -> None:
        """Whether the packets of flows that began a moment ago leave."""
        stuck = []
        while self._young and self._young[0][0] <= now:
            _, flow = self._young.popleft()
            if flow.number in self._flows:
                packets, octets = self._table.count(flow)
                if packets >= _FEW and not self._table.count_left(flow):
                    stuck.append(Tally(flow.number, packets, octets))
        self._tell(STUCK, stuck)

    def _read(self, with_left: bool) -> None:
        """Tell the relay what all flows have counted."""
        left = {count.key: count.packets for count in self._table.left()} if with_left else {}
        tallies: list[Tally] = []
        stuck: list[Tally] = []
        for count in self._table.arrived():
            flow = self._by_key.get(count.key)
            if flow is not None:
                tally = Tally(flow.number, count.packets, count.bytes)
                is_stuck = with_left and self._is_stuck(flow, count, left.get(flow.leaves, 0))
                (stuck if is_stuck else tallies).append(tally)
        self._tell(COUNTED, tallies)
        self._tell(STUCK, stuck)

    def _is_stuck(self, flow: Flow, count: Count, left: int) -> bool:
        came_before, left_before = self._seen.get(flow.number, (0, 0))
        self._seen[flow.number] = (count.packets, left)
        return count.packets - came_before > _FEW and left == left_before

    def _tell(self, kind: bytes, tallies: list[Tally]) -> None:
        for datagram in pack(kind, tallies):
            self._sock.send(datagram)


def _make(name: str, first: int, last: int) -> Table:
    """The table; raises OSError."""
    until = time.monotonic() + _OTHERS_SECONDS
    while True:
        table = Table(name)
        try:
            table.make(first, last)
            return table
        except NetlinkError as error:
            table.close()
            # EPERM is for the table of another process too.
            if error.errno != errno.EPERM or time.monotonic() > until:
                raise
        time.sleep(0.1)


def main(words: list[str]) -> int:
    """`NAME FIRST_PORT LAST_PORT`; returns the exit status."""
    name, first, last = words[0], int(words[1]), int(words[2])
    # Ctrl-C in a terminal reaches all of us, and the relay goes on while there are calls.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sock = socket.socket(fileno=sys.stdin.fileno())
    try:
        families, why = why_not()
        if why:
            sock.send(CANNOT + why.encode())
            return 1
        Worker(sock, _make(name, first, last), families).run()
    except (BrokenPipeError, ConnectionResetError):
        return 0
    except OSError as error:
        sock.send(CANNOT + reason(error).encode())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
