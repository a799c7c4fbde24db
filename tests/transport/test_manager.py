"""Several listeners at once, wildcards among them."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv6Address
from pathlib import Path

import pytest

from softswitch.flow import Flow, Listener
from softswitch.transport.manager import TransportManager

from .wire import IPV4, Switch, free_port, listener_at, message, phone, soon

HOSTS = ["0.0.0.0", "::"]


def manager_of(listeners: list[Listener], heard: asyncio.Queue[tuple[bytes, Flow]]) -> TransportManager:
    return TransportManager(listeners, lambda data, flow: heard.put_nowait((data, flow)), lambda flow, reason: None)


async def test_both_wildcards_share_a_port_and_keep_their_families_apart() -> None:
    port = free_port("::", socket.SOCK_DGRAM)
    listeners = [
        Listener(index, transport, host, port, "sip.acme.example", port, "any")
        for index, (transport, host) in enumerate((name, host) for name in ("UDP", "TCP") for host in HOSTS)
    ]
    heard: asyncio.Queue[tuple[bytes, Flow]] = asyncio.Queue()
    manager = manager_of(listeners, heard)
    await manager.start()
    try:
        for listener, address in zip(listeners, ("127.0.0.1", "::1") * 2, strict=True):
            kind = socket.SOCK_DGRAM if listener.transport == "UDP" else socket.SOCK_STREAM
            with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as peer:
                peer.connect((address, port))
                peer.send(message())
                _, flow = await soon(heard.get())
                assert (flow.listener, flow.host) == (listener, address)
                manager.send(message("back"), flow)
                peer.settimeout(5)
                assert await asyncio.to_thread(peer.recv, 1000) == message("back")
    finally:
        await manager.stop()


async def test_a_wildcard_listener_opens_connections() -> None:
    with socket.socket() as server:
        server.bind((IPV4, 0))
        server.listen()
        server.settimeout(5)
        port = free_port("0.0.0.0", socket.SOCK_STREAM)
        listener = Listener(0, "TCP", "0.0.0.0", port, "sip.acme.example", port, "any")
        manager = manager_of([listener], asyncio.Queue())
        await manager.start()
        manager.send(message(), Flow(listener, *server.getsockname()))
        accepted, _ = await asyncio.to_thread(server.accept)
        with accepted:
            accepted.settimeout(5)
            assert await asyncio.to_thread(accepted.recv, 1000) == message()
        await manager.stop()


async def test_when_one_cannot_listen_none_does() -> None:
    free, taken = listener_at("TCP"), listener_at("UDP", index=1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((IPV4, taken.port))
        with pytest.raises(OSError, match=f"cannot listen on udp:{IPV4}:{taken.port}"):
            await manager_of([free, taken], asyncio.Queue()).start()
    with socket.socket() as again:
        again.bind((IPV4, free.port))


async def test_an_address_of_another_machine_is_refused() -> None:
    elsewhere = Listener(0, "UDP", "192.0.2.200", 5060, "192.0.2.200", 5060, "lan")
    with pytest.raises(OSError, match=r"udp:192\.0\.2\.200:5060: Cannot assign"):
        await manager_of([elsewhere], asyncio.Queue()).start()


async def test_numbers_grow_over_restarts() -> None:
    """A registration stored by an earlier run must not come to mean another connection."""
    numbers = []
    for second in (0, 1):
        switch = Switch(listener_at("TCP"))
        switch.clock.advance(second)
        switch.manager = TransportManager(
            [switch.listener], switch.on_message, lambda flow, reason: None, clock=switch.clock
        )
        await switch.manager.start()
        for _ in range(3):
            anna = await phone(switch)
            await anna.send(message())
            numbers.append((await soon(switch.heard.get()))[1].connection)
        await switch.manager.stop()
    assert numbers == sorted(set(numbers))


async def test_without_a_hook_of_their_own_failures_are_told_as_closed() -> None:
    listener = listener_at("UDP")
    told: asyncio.Queue[Flow] = asyncio.Queue()
    manager = TransportManager([listener], lambda data, flow: None, lambda flow, reason: told.put_nowait(flow))
    await manager.start()
    flow = Flow(listener, IPV4, 5060)
    manager.send(bytes(70_000), flow)
    assert await soon(told.get()) == flow
    await manager.stop()


async def test_a_broken_stream_closes_without_anyone_listening_for_it() -> None:
    switch = Switch(listener_at("TCP"))
    switch.manager = manager_of([switch.listener], switch.heard)
    await switch.manager.start()
    anna = await phone(switch)
    await anna.send(b"OPTIONS sip:x SIP/2.0\r\n\r\n")
    assert await anna.rest() == b""
    await switch.manager.stop()


async def test_a_restart_gets_its_port_back_at_once() -> None:
    listener = listener_at("TCP")
    for _ in range(2):
        switch = Switch(listener)
        switch.manager = manager_of([listener], switch.heard)
        await switch.manager.start()
        anna = await phone(switch)
        await anna.send(message())
        await soon(switch.heard.get())
        await switch.manager.stop()  # closed from our side: the address stays in TIME_WAIT
        assert await anna.rest() == b""
        anna.close()


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_link_local_addresses_with_their_scope(transport: str) -> None:
    host = _link_local()
    if not host:
        pytest.skip("no link-local address on this machine")
    kind = socket.SOCK_DGRAM if transport == "UDP" else socket.SOCK_STREAM
    bare, _, interface = host.partition("%")
    index = socket.if_nametoindex(interface)
    with socket.socket(socket.AF_INET6, kind) as peer:
        peer.settimeout(5)
        peer.bind((bare, 0, 0, index))
        port = free_port("::", kind)
        switch = Switch(Listener(0, transport, host, port, "sip.acme.example", port, "lan"))
        switch.manager = manager_of([switch.listener], switch.heard)
        await switch.manager.start()
        if transport == "UDP":
            peer.connect((bare, port, 0, index))
            peer.send(message())
            _, flow = await soon(switch.heard.get())
            assert flow.host == f"{bare}%{index}"
            switch.manager.send(message("back"), flow)
            assert await asyncio.to_thread(peer.recv, 1000) == message("back")
        else:
            peer.listen()
            switch.manager.send(message(), switch.flow_to(host, peer.getsockname()[1]))
            accepted, _ = await asyncio.to_thread(peer.accept)
            with accepted:
                accepted.settimeout(5)
                assert await asyncio.to_thread(accepted.recv, 1000) == message()
        await switch.manager.stop()


def _link_local() -> str:
    """One of this machine's, as "fe80::1%eth0"; "" when it has none."""
    try:
        lines = Path("/proc/net/if_inet6").read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        address, _, _, _, _, name = line.split()
        if address.startswith("fe80"):
            return f"{IPv6Address(int(address, 16))}%{name}"
    return ""
