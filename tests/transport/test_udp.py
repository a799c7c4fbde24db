"""What is UDP's own: sizes, empty datagrams, bounded memory of peers, IPv6 scopes."""

from __future__ import annotations

import socket

import pytest

from softswitch.ops.limits import Limits
from softswitch.transport import udp
from softswitch.transport.address import literal_host, socket_address

from .conftest import MakeSwitch
from .wire import IPV4, message, phone, soon


async def test_too_large_a_datagram_is_told_and_the_flow_lives(make_switch: MakeSwitch) -> None:
    switch = await make_switch("UDP")
    anna = await phone(switch)
    await anna.send(message())
    _, flow = await soon(switch.heard.get())
    switch.manager.send(bytes(65_508), flow)
    assert switch.failed.empty()  # never from within `send`
    told, reason = await soon(switch.failed.get())
    assert told == flow
    assert "too long" in reason
    switch.manager.send(bytes(65_507), flow)
    assert await anna.receive(65_507) == bytes(65_507)
    assert switch.closed.empty()


async def test_the_largest_datagram_comes_in(make_switch: MakeSwitch) -> None:
    switch = await make_switch("UDP")
    anna = await phone(switch)
    await anna.send(b"x" * 65_507)
    assert (await soon(switch.heard.get()))[0] == b"x" * 65_507


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\r\n\r\n", b"\0", b"\0\0\0\0", b"   \r\n"])
async def test_what_says_nothing_is_a_keepalive(make_switch: MakeSwitch, data: bytes) -> None:
    switch = await make_switch("UDP")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anna:
        anna.sendto(data, (IPV4, switch.listener.port))
        await soon(switch.keepalives.get())
    assert switch.heard.empty()


async def test_invented_addresses_cost_no_more_than_the_bound(
    make_switch: MakeSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp, "PEERS_REMEMBERED", 10)
    switch = await make_switch("UDP")
    endpoint = switch.manager._endpoints[switch.listener]
    assert isinstance(endpoint, udp.UdpEndpoint)
    for port in range(1, 100):
        endpoint._received(message(), ("192.0.2.1", port))
        switch.manager.send(message(), switch.flow_to(IPV4, port))
    assert len(endpoint._peers) <= 10
    assert len(endpoint._addresses) <= 10
    assert switch.heard.qsize() == 99


async def test_a_peer_that_is_listed_later_is_exempt_after_forget(make_switch: MakeSwitch) -> None:
    listed: set[str] = set()
    limits = Limits(messages_per_second=0.01, messages_burst=1)
    switch = await make_switch("UDP", limits=limits, exempt=lambda host: host in listed)
    anna = await phone(switch)
    await anna.send(message("1"))
    await soon(switch.heard.get())
    listed.add(IPV4)
    switch.manager.forget()
    await anna.send(message("2"))
    assert (await soon(switch.heard.get()))[0] == message("2")


async def test_what_is_urgent_passes_over_the_limit(make_switch: MakeSwitch) -> None:
    limits = Limits(messages_per_second=0.01, messages_burst=1)
    switch = await make_switch("UDP", limits=limits, urgent=lambda data, flow: data == message("help"))
    anna = await phone(switch)
    for word in ("1", "2", "help"):
        await anna.send(message(word))
    assert (await soon(switch.heard.get()))[0] == message("1")
    assert (await soon(switch.heard.get()))[0] == message("help")


def test_addresses_with_a_scope_go_both_ways() -> None:
    index = socket.if_nametoindex("lo")
    assert socket_address(f"fe80::1%{index}", 5060) == ("fe80::1", 5060, 0, index)
    assert socket_address("fe80::1%lo", 5060) == ("fe80::1", 5060, 0, index)
    assert socket_address("2001:db8::1", 5060) == ("2001:db8::1", 5060, 0, 0)
    assert socket_address("192.0.2.1", 5060) == ("192.0.2.1", 5060)
    assert literal_host(("fe80::1", 5060, 0, index)) == f"fe80::1%{index}"
    assert literal_host(("2001:db8::1", 5060, 0, 0)) == "2001:db8::1"
    assert literal_host(("192.0.2.1", 5060)) == "192.0.2.1"


@pytest.mark.parametrize("host", ["", "localhost", "192.0.2", "192.0.2.1%1", "[::1]", "fe80::1%no-such-if", "::g"])
def test_what_is_no_literal_is_refused(host: str) -> None:
    with pytest.raises(ValueError):
        socket_address(host, 5060)


class FullSocket:
    """A socket whose kernel buffer is full until told otherwise."""

    def __init__(self, real: socket.socket) -> None:
        self._real = real
        self.full = True

    def sendto(self, data: bytes, address: object) -> int:
        if self.full:
            raise BlockingIOError
        return self._real.sendto(data, address)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


async def test_what_a_full_socket_could_not_take_goes_out_later_in_order(make_switch: MakeSwitch) -> None:
    switch = await make_switch("UDP", limits=Limits(write_buffer_bytes=2_000))
    anna = await phone(switch)
    await anna.send(message("hello"))
    _, flow = await soon(switch.heard.get())
    endpoint = switch.manager._endpoints[switch.listener]
    assert isinstance(endpoint, udp.UdpEndpoint)
    assert endpoint._socket is not None
    endpoint._socket = full = FullSocket(endpoint._socket)  # type: ignore[assignment]
    for number in range(3):
        switch.manager.send(message(f"late{number}"), flow)
    switch.manager.send(b"x" * 2_000, flow)
    assert endpoint._waiting_bytes == sum(len(message(f"late{number}")) for number in range(3)), "over the bound"
    full.full = False
    for number in range(3):
        late = message(f"late{number}")
        assert await anna.receive(len(late)) == late
    assert not endpoint._waiting


async def test_answers_of_a_batch_go_out_in_order(make_switch: MakeSwitch) -> None:
    switch = await make_switch("UDP")
    endpoint = switch.manager._endpoints[switch.listener]
    assert isinstance(endpoint, udp.UdpEndpoint)
    anna = await phone(switch)
    endpoint._on_message = switch.manager.send
    for number in range(100):
        await anna.send(message(str(number)))
    for number in range(100):
        answer = message(str(number))
        assert await anna.receive(len(answer)) == answer
