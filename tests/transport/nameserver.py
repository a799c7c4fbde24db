"""A small DNS server of the tests' own on loopback, whose zone is a dict and which counts what it is asked."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from .wire import IPV4, free_port


class NameServer(asyncio.DatagramProtocol):
    def __init__(self, zone: dict[tuple[str, str], list[str]]) -> None:
        """`zone`: (name, type) to records; a name that is not in it at all does not exist."""
        self.zone = zone
        self.asked: Counter[tuple[str, str]] = Counter()
        self.silent = False
        self.broken = False
        self.held: list[tuple[bytes, Any]] | None = None
        """A list: answers wait in it until `let_go`."""
        self.seconds = 60
        self.port = free_port(IPV4, socket.SOCK_DGRAM)

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(IPV4, self.port))

    def close(self) -> None:
        self._transport.close()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text(True), dns.rdatatype.to_text(question.rdtype)
        self.asked[name, kind] += 1
        if self.silent:
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA | dns.flags.AA
        if self.broken:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif records := self.zone.get((name, kind)):
            answer.answer.append(dns.rrset.from_text(question.name, self.seconds, "IN", kind, *records))
        elif not any(known == name for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        if self.held is not None:
            self.held.append((answer.to_wire(), addr))
        else:
            self._transport.sendto(answer.to_wire(), addr)

    def let_go(self) -> None:
        held, self.held = self.held or [], None
        for wire, addr in held:
            self._transport.sendto(wire, addr)
