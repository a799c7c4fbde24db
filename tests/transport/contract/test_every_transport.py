"""What holds for every transport: messages both ways, keep-alives, limits, failures told, a clean stop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from softswitch.flow import Listener
from softswitch.ops.limits import Limits
from softswitch.transport.manager import TransportManager
from softswitch.transport.tls import TlsContexts, TlsFiles

from ..wire import Switch, listener_at, message, phone, soon, until

SwitchOn = Callable[..., Awaitable[Switch]]


async def test_a_message_comes_in_and_the_answer_goes_back(switch_on: SwitchOn, transport: str, host: str) -> None:
    switch = await switch_on(transport)
    anna = await phone(switch)
    await anna.send(message("hello"))
    data, flow = await soon(switch.heard.get())
    assert data == message("hello")
    assert (flow.listener, flow.host, flow.port) == (switch.listener, host, anna.port)
    assert bool(flow.connection) == switch.listener.reliable
    assert switch.manager.is_open(flow)
    switch.manager.send(message("back"), flow)
    assert await anna.receive(len(message("back"))) == message("back")


async def test_two_peers_have_two_flows_and_one_peer_has_one(switch_on: SwitchOn, transport: str) -> None:
    switch = await switch_on(transport)
    anna, carla = await phone(switch), await phone(switch)
    flows = []
    for peer in (anna, carla, anna):
        await peer.send(message())
        flows.append((await soon(switch.heard.get()))[1])
    assert flows[0] != flows[1]
    assert flows[0] == flows[2]


async def test_large_and_binary_bodies_arrive_whole(switch_on: SwitchOn, transport: str) -> None:
    switch = await switch_on(transport)
    anna = await phone(switch)
    large = message(body=bytes(range(256)) * 240)
    await anna.send(large)
    data, flow = await soon(switch.heard.get())
    assert data == large
    switch.manager.send(large, flow)
    assert await anna.receive(len(large)) == large


async def test_messages_stay_in_order(switch_on: SwitchOn, transport: str) -> None:
    switch = await switch_on(transport)
    anna = await phone(switch)
    for number in range(50):
        await anna.send(message(str(number)))
    assert [(await soon(switch.heard.get()))[0] for _ in range(50)] == [message(str(n)) for n in range(50)]


async def test_keepalives_are_answered_on_streams_and_are_no_messages(switch_on: SwitchOn, transport: str) -> None:
    switch = await switch_on(transport)
    anna = await phone(switch)
    await anna.send(b"\r\n\r\n")
    flow = await soon(switch.keepalives.get())
    if switch.listener.reliable:
        assert await anna.receive(2) == b"\r\n"
    await anna.send(message())
    assert (await soon(switch.heard.get())) == (message(), flow)
    assert switch.heard.empty()


async def test_a_source_may_send_its_burst_and_then_its_rate(switch_on: SwitchOn, transport: str) -> None:
    switch = await switch_on(transport, limits=Limits(messages_per_second=20, messages_burst=3))
    anna = await phone(switch)
    for number in range(5):
        await anna.send(message(str(number)))
    first = [(await soon(switch.heard.get()))[0] for _ in range(3)]
    assert first == [message(str(number)) for number in range(3)]
    if switch.listener.reliable:  # made to wait: nothing is lost
        assert switch.heard.empty()
        switch.advance(0.101)
        late = [(await soon(switch.heard.get()))[0] for _ in range(2)]
        assert late == [message("3"), message("4")]
        switch.advance(1)
        await anna.send(message("5"))
        assert (await soon(switch.heard.get()))[0] == message("5")
        assert switch.manager.limiter.dropped_messages == 0
    else:  # dropped: the sender's transaction repeats it
        await until(lambda: switch.manager.limiter.dropped_messages == 2)
        switch.advance(0.101)
        await anna.send(message("later"))
        assert (await soon(switch.heard.get()))[0] == message("later")


async def test_a_listed_peer_has_no_rate(switch_on: SwitchOn, transport: str, host: str) -> None:
    limits = Limits(messages_per_second=0.01, messages_burst=1, connections_per_source=1)
    switch = await switch_on(transport, limits=limits, exempt=lambda peer: peer == host)
    anna, carla = await phone(switch), await phone(switch)
    for peer in (anna, carla):
        for _ in range(10):
            await peer.send(message())
    for _ in range(20):
        await soon(switch.heard.get())


async def test_a_name_instead_of_an_address_is_told_and_not_looked_up(switch_on: SwitchOn, transport: str) -> None:
    switch = await switch_on(transport)
    flow = switch.flow_to("localhost", 5060)
    switch.manager.send(message(), flow)
    told, _ = await soon(switch.closed.get() if switch.listener.reliable else switch.failed.get())
    assert told == flow


@pytest.mark.parametrize("port", [0, -1, 65_536])
async def test_a_port_that_is_none_is_told(switch_on: SwitchOn, transport: str, host: str, port: int) -> None:
    switch = await switch_on(transport)
    flow = switch.flow_to(host, port)
    switch.manager.send(message(), flow)
    told, reason = await soon(switch.closed.get() if switch.listener.reliable else switch.failed.get())
    assert told == flow
    assert "out of range" in reason


async def test_the_other_family_is_told(switch_on: SwitchOn, transport: str, host: str) -> None:
    switch = await switch_on(transport)
    flow = switch.flow_to("127.0.0.1" if ":" in host else "::1", 5060)
    switch.manager.send(message(), flow)
    told, reason = await soon(switch.closed.get() if switch.listener.reliable else switch.failed.get())
    assert told == flow
    assert "does not reach" in reason


async def test_a_listener_of_someone_else_is_told(switch_on: SwitchOn, transport: str, host: str) -> None:
    switch = await switch_on(transport)
    flow = switch.flow_to(host, 5060)._replace(listener=listener_at(transport, host))
    switch.manager.send(message(), flow)
    assert (await soon(switch.failed.get())) == (flow, "no such listener")


async def test_an_address_that_is_taken_is_named(switch_on: SwitchOn, transport: str, tls_files: TlsFiles) -> None:
    switch = await switch_on(transport)
    taken: Listener = switch.listener
    again = TransportManager([taken], switch.on_message, lambda flow, reason: None, tls=TlsContexts(tls_files))
    with pytest.raises(OSError, match=rf"listen on {transport.lower()}:.*:{taken.port}: Address already in use"):
        await again.start()


async def test_after_stop_nothing_is_open_and_sending_is_told(switch_on: SwitchOn, transport: str) -> None:
    switch = await switch_on(transport)
    anna = await phone(switch)
    await anna.send(message())
    _, flow = await soon(switch.heard.get())
    await switch.manager.stop()
    assert switch.manager.connections() == []
    assert switch.closed.empty()
    switch.manager.send(message(), flow)
    assert (await soon(switch.failed.get()))[0] == flow
    if switch.listener.reliable:
        assert await anna.rest() == b""
