"""Port pairs: an even port for RTP and the next one for RTCP, opened on one of the networks."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import PeerError
from .kernel.offload import Offload
from .measure import Measure
from .plane import Plane
from .pool import PortPool
from .port import RECEIVE_BUFFER_BYTES, RTCP_BYTES, RTP_BYTES, Port
from .settings import Network

_TRIES = 64
"""How many numbers are tried when other programs sit on some of ours."""
_DSCP_EF = 46 << 2
"""Expedited forwarding (RFC 3246), as the traffic class byte."""


@dataclass(slots=True, eq=False)
class Pair:
    """The two ports that one side of one stream has."""

    number: int
    network: Network
    rtp: Port
    rtcp: Port
    measure: Measure

    def join(self, other: Pair) -> None:
        """From now on what comes in on one pair leaves by the other."""
        self.rtp.join(other.rtp)
        self.rtcp.join(other.rtcp)
        self.measure.join(other.measure)

    @property
    def ports(self) -> tuple[Port, Port]:
        return self.rtp, self.rtcp


class Pairs:
    """Opens and closes pairs, and knows which numbers are free."""

    def __init__(self, plane: Plane, pool: PortPool, networks: Sequence[Network]) -> None:
        self.pool = pool
        self.refused = 0
        """How often there was no number left."""
        self._plane = plane
        self._networks = {network.name: network for network in networks}
        self._first = networks[0]

    @property
    def offload(self) -> Offload | None:
        """Who has the kernel forward in our stead, where that is wanted."""
        return self._plane.offload

    def network(self, name: str) -> Network:
        """The network of this name, the first one for ""; PeerError(503) for one that the relay isn't on."""
        if not name:
            return self._first
        try:
            return self._networks[name]
        except KeyError:
            raise PeerError(503, f"the media relay is not on the network {name!r}") from None

    def reserve(self) -> int:
        """A number to open a pair with later; PeerError(503) when the ports are used up."""
        number = self.pool.take()
        if number is None:
            self.refused += 1
            raise PeerError(503, "no media ports left")
        return number

    def release(self, number: int) -> None:
        """Give a number back that no pair was opened with."""
        self.pool.give_back(number)

    def reserve_again(self, number: int) -> int:
        """This very number, as before a restart; PeerError(503) when it isn't free."""
        if not self.pool.take_again(number):
            raise PeerError(503, f"the media port {number} is taken")
        return number

    def open_again(self, network: Network, number: int) -> Pair:
        """The pair with this very number, as before a restart; PeerError(503) when it isn't free."""
        self.reserve_again(number)
        try:
            return self._bind(network, number)
        except OSError as error:
            self.pool.give_back(number)
            raise PeerError(503, f"no media port {number} on {network.bind}: {error.strerror or error}") from None

    def open(self, network: Network, number: int) -> Pair:
        """Open the pair with this reserved number, or with another one where some program has these ports.

        Raises PeerError(503), with the number given back, when no number does.
        """
        failed: list[int] = []
        try:
            for _ in range(_TRIES):
                try:
                    return self._bind(network, number)
                except OSError as error:
                    reason = error.strerror or str(error)
                failed.append(number)
                number = self.reserve()
            failed.append(number)
            raise PeerError(503, f"no media ports on {network.bind}: {reason}")
        finally:
            for number in failed:
                self.pool.give_back(number)

    def _bind(self, network: Network, number: int) -> Pair:
        sockets: list[socket.socket] = []
        try:
            for port in (number, number + 1):
                sockets.append(open_socket(network.bind, port))
        except OSError:
            for sock in sockets:
                sock.close()
            raise
        measure = Measure()
        rtp, rtcp = (
            Port(self._plane, sock, least, measure)
            for sock, least in zip(sockets, (RTP_BYTES, RTCP_BYTES), strict=True)
        )
        self._plane.add(rtp)
        self._plane.add(rtcp)
        return Pair(number, network, rtp, rtcp, measure)

    def count(self, pair: Pair) -> None:
        """Bring its figures up to date: the kernel may have forwarded what came in."""
        if self._plane.offload is not None:
            self._plane.offload.count(pair.rtp)

    def close(self, pair: Pair) -> None:
        """Close both sockets; the number is free again."""
        pair.rtp.close()
        pair.rtcp.close()
        pair.measure.leave()
        self.pool.give_back(pair.number)


def open_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _DSCP_EF)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _DSCP_EF)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock
