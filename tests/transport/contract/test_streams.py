"""What holds for every stream transport: segmentation, reuse, ends noticed at once, patience and memory bounded."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import resource
import socket
import tracemalloc
from collections.abc import Awaitable, Callable

import pytest

from softswitch.ops.limits import Limits
from softswitch.transport import tcp

from ..wire import Server, StreamPeer, Switch, free_port, message, phone, soon, until

SwitchOn = Callable[..., Awaitable[Switch]]


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
async def test_any_segmentation_gives_the_same_messages(switch_on: SwitchOn, stream: str, seed: int | None) -> None:
    switch = await switch_on(stream)
    anna = await phone(switch)
    sent = [message("a"), message("b", b"\r\n\r\nbody\r\n\r\n"), message("c", bytes(3000))]
    whole = b"".join(sent)
    chance = random.Random(seed)
    while whole:
        cut = 1 if seed is None and len(whole) > 3000 else chance.randint(1, 700)
        await anna.send(whole[:cut])
        await asyncio.sleep(0)
        whole = whole[cut:]
    assert [(await soon(switch.heard.get()))[0] for _ in sent] == sent


async def test_a_connection_is_opened_once_and_answers_come_back_on_it(
    switch_on: SwitchOn, stream: str, server: Server, host: str
) -> None:
    switch = await switch_on(stream)
    flow = switch.flow_to(host, server.port)
    for text in ("1", "2"):  # both before it is open
        switch.manager.send(message(text), flow)
    carrier = await soon(server.accepted.get())
    assert await carrier.receive(2 * len(message("1"))) == message("1") + message("2")
    switch.manager.send(message("3"), flow)
    assert await carrier.receive(len(message("3"))) == message("3")
    assert server.accepted.empty()
    assert len(switch.manager.connections()) == 1
    await carrier.send(message("back"))
    data, came = await soon(switch.heard.get())
    assert (data, came[:3]) == (message("back"), flow[:3])
    assert came.connection


async def test_it_is_opened_from_the_listeners_address(
    switch_on: SwitchOn, stream: str, server: Server, host: str
) -> None:
    switch = await switch_on(stream)
    switch.manager.send(message(), switch.flow_to(host, server.port))
    carrier = await soon(server.accepted.get())
    assert carrier.writer.get_extra_info("peername")[0] == host


async def test_an_accepted_connection_is_reused_by_its_address(switch_on: SwitchOn, stream: str, host: str) -> None:
    switch = await switch_on(stream)
    anna = await phone(switch)
    await anna.send(message())
    await soon(switch.heard.get())
    switch.manager.send(message("to you"), switch.flow_to(host, anna.port))
    assert await anna.receive(len(message("to you"))) == message("to you")
    assert len(switch.manager.connections()) == 1


async def test_closed_while_it_is_opened_it_sends_nothing(
    switch_on: SwitchOn, stream: str, server: Server, host: str
) -> None:
    switch = await switch_on(stream)
    flow = switch.flow_to(host, server.port)
    switch.manager.send(message(), flow)
    switch.manager.close(flow, "changed our mind")
    assert await soon(switch.closed.get()) == (flow, "changed our mind")
    await until(lambda: not switch.manager._context.tasks)
    if stream != "TLS":  # there the other side never hears of a connection whose handshake was cut
        assert await (await soon(server.accepted.get())).rest() == b""
    assert server.accepted.empty()
    assert switch.closed.empty()
    assert switch.manager.limiter.connections == 0


async def test_a_connection_that_cannot_be_opened_is_told(switch_on: SwitchOn, stream: str, host: str) -> None:
    switch = await switch_on(stream)
    flow = switch.flow_to(host, free_port(host, socket.SOCK_STREAM))
    switch.manager.send(message(), flow)
    assert (await soon(switch.closed.get())) == (flow, "Connection refused")
    assert switch.manager.connections() == []
    assert switch.manager.limiter.connections == 0


async def test_the_peers_close_is_noticed_at_once(switch_on: SwitchOn, stream: str) -> None:
    switch = await switch_on(stream)
    anna = await phone(switch)
    await anna.send(message())
    _, flow = await soon(switch.heard.get())
    assert switch.manager.keep(flow)
    anna.close()
    assert (await soon(switch.closed.get()))[0] == flow
    assert not switch.manager.is_open(flow)
    assert not switch.manager.keep(flow)
    switch.manager.send(message(), flow)
    assert (await soon(switch.failed.get())) == (flow, "connection is closed")
    assert switch.manager.limiter.connections == 0


async def test_its_end_is_told_under_both_names_when_both_were_used(
    switch_on: SwitchOn, stream: str, server: Server, host: str
) -> None:
    switch = await switch_on(stream)
    flow = switch.flow_to(host, server.port)
    switch.manager.send(message(), flow)
    carrier = await soon(server.accepted.get())
    await carrier.receive(len(message()))
    carrier.close()
    told = [(await soon(switch.closed.get()))[0] for _ in range(2)]
    assert told[0][:3] == flow[:3]
    assert told[0].connection
    assert told[1] == flow


async def test_a_number_never_means_another_connection(switch_on: SwitchOn, stream: str) -> None:
    switch = await switch_on(stream)
    anna = await phone(switch)
    await anna.send(message())
    _, flow = await soon(switch.heard.get())
    # As a stored registration of an earlier run might have it: right number, other place.
    stale = flow._replace(port=flow.port - 1)
    switch.manager.send(message(), stale)
    assert (await soon(switch.failed.get()))[0] == stale


async def test_connections_of_one_source_are_limited(switch_on: SwitchOn, stream: str) -> None:
    switch = await switch_on(stream, limits=Limits(connections_per_source=2))
    anna, carla = await phone(switch), await phone(switch)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await (await phone(switch)).receive(1)
    assert switch.manager.limiter.refused_connections == 1
    anna.close()
    await soon(switch.closed.get())
    await phone(switch)
    await carla.send(message())
    await soon(switch.heard.get())


async def test_connections_in_all_are_limited_ours_included(
    switch_on: SwitchOn, stream: str, server: Server, host: str
) -> None:
    switch = await switch_on(stream, limits=Limits(connections_total=1))
    anna = await phone(switch)
    await anna.send(message())
    await soon(switch.heard.get())
    flow = switch.flow_to(host, server.port)
    switch.manager.send(message(), flow)
    assert (await soon(switch.failed.get())) == (flow, "too many connections")


async def test_a_started_message_has_to_come_to_its_end(switch_on: SwitchOn, stream: str) -> None:
    switch = await switch_on(stream, limits=Limits(message_seconds=20))
    anna, slow = await phone(switch), await phone(switch)
    for peer in (anna, slow):
        await peer.send(message())
        await soon(switch.heard.get())
    await slow.send(message()[:-5])
    await until(lambda: any(one.overdue(switch.clock.monotonic() + 20) for one in switch.manager.connections()))
    switch.advance(19.9)
    assert len(switch.manager.connections()) == 2
    switch.advance(0.2)
    assert await slow.rest() == b""
    assert (await soon(switch.closed.get()))[1] == "message not completed in time"
    await anna.send(message("still here"))
    assert (await soon(switch.heard.get()))[0] == message("still here")


@pytest.mark.parametrize("first", [b"", message()], ids=["first message", "later message"])
async def test_trickling_bytes_does_not_buy_time(switch_on: SwitchOn, stream: str, first: bytes) -> None:
    switch = await switch_on(stream, limits=Limits(message_seconds=20))
    slow = await phone(switch)
    await slow.send(first)
    for _ in range(28):  # seconds, those included that the first byte takes to come in
        await _flood(slow, b"x")
        await asyncio.sleep(0)
        switch.advance(1)
        if not switch.closed.empty():
            break
    assert switch.closed.get_nowait()[1] == "message not completed in time"


async def test_a_connection_has_to_say_something(switch_on: SwitchOn, stream: str) -> None:
    switch = await switch_on(stream, limits=Limits(first_message_seconds=30, idle_seconds=600))
    anna, silent = await phone(switch), await phone(switch)
    await anna.send(message())
    await soon(switch.heard.get())
    switch.advance(29.9)
    assert len(switch.manager.connections()) == 2
    switch.advance(0.2)
    assert await silent.rest() == b""
    await soon(switch.closed.get())
    assert len(switch.manager.connections()) == 1


async def test_an_idle_connection_goes_and_a_kept_one_stays(switch_on: SwitchOn, stream: str) -> None:
    switch = await switch_on(stream, limits=Limits(idle_seconds=600, kept_idle_seconds=7200))
    kept, idle = await phone(switch), await phone(switch)
    await kept.send(message())
    _, flow = await soon(switch.heard.get())
    assert switch.manager.keep(flow)
    await idle.send(message())
    await soon(switch.heard.get())
    switch.advance(599)
    assert len(switch.manager.connections()) == 2
    switch.advance(2)
    assert await idle.rest() == b""
    assert (await soon(switch.closed.get()))[1] == "idle"
    switch.advance(6000)
    assert switch.manager.is_open(flow)
    switch.manager.release(flow)
    switch.advance(1)
    assert (await soon(switch.closed.get())) == (flow, "idle")


async def test_a_kept_connection_is_not_kept_for_ever(switch_on: SwitchOn, stream: str) -> None:
    switch = await switch_on(stream, limits=Limits(kept_idle_seconds=7200))
    anna = await phone(switch)
    await anna.send(message())
    _, flow = await soon(switch.heard.get())
    switch.manager.keep(flow)
    switch.advance(7201)
    assert (await soon(switch.closed.get())) == (flow, "idle")


@pytest.mark.parametrize("ours", [True, False], ids=["we send", "they ping"])
async def test_traffic_either_way_is_life(switch_on: SwitchOn, stream: str, ours: bool) -> None:
    switch = await switch_on(stream, limits=Limits(idle_seconds=600))
    anna = await phone(switch)
    await anna.send(message())
    _, flow = await soon(switch.heard.get())
    for _ in range(3):
        switch.advance(400)
        if ours:
            switch.manager.send(message(), flow)
        else:
            await anna.send(b"\r\n\r\n")
            await soon(switch.keepalives.get())
    await anna.send(message("still here"))
    assert await soon(switch.heard.get()) == (message("still here"), flow)


async def test_a_peer_that_does_not_read_is_cut_off(switch_on: SwitchOn, stream: str) -> None:
    switch = await switch_on(stream, limits=Limits(write_buffer_bytes=100_000))
    deaf = await phone(switch)
    deaf.writer.transport.pause_reading()
    await deaf.send(message())
    _, flow = await soon(switch.heard.get())
    sent = 0
    while switch.closed.empty():
        switch.manager.send(message(body=bytes(20_000)), flow)
        await asyncio.sleep(0)
        sent += 20_000
        assert sent < 50_000_000
    assert switch.closed.get_nowait() == (flow, "peer does not read")


async def test_what_waits_for_a_connection_is_limited(
    switch_on: SwitchOn, stream: str, server: Server, host: str
) -> None:
    switch = await switch_on(stream, limits=Limits(write_buffer_bytes=50_000))
    flow = switch.flow_to(host, server.port)
    for _ in range(10):
        switch.manager.send(message(body=bytes(10_000)), flow)
    assert (await soon(switch.failed.get()))[0] == flow


async def test_no_connection_in_time_is_told(switch_on: SwitchOn, stream: str, host: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as full:
        full.bind((host, 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = []
        for _ in range(3):  # nobody accepts: the queue is full and the next SYN goes unanswered
            one = socket.socket(full.family)
            one.setblocking(False)
            one.connect_ex((host, port))
            waiting.append(one)
        switch = await switch_on(stream, limits=Limits(connect_seconds=0.1))
        flow = switch.flow_to(host, port)
        switch.manager.send(message(), flow)
        assert (await soon(switch.closed.get())) == (flow, "no connection in time")
        for one in waiting:
            one.close()
    assert switch.manager.limiter.connections == 0


@pytest.mark.parametrize(
    ("bytes_", "status"),
    [
        (b"OPTIONS sip:x SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n", 400),
        (b"OPTIONS sip:x SIP/2.0\r\nl: 99999999999999999999\r\n\r\n", 413),
        (b"A" * 4_000_000, 513),
        (b"\x16\x03\x01" + bytes(range(256)) * 4000, 513),
    ],
    ids=["no length", "huge body", "endless line", "binary"],
)
async def test_a_broken_stream_is_answered_and_closed(
    switch_on: SwitchOn, stream: str, bytes_: bytes, status: int
) -> None:
    switch = await switch_on(stream)
    switch.answer_errors = True
    anna = await phone(switch)
    await anna.send(message())
    await soon(switch.heard.get())
    flood = asyncio.create_task(_flood(anna, bytes_))
    error, flow = await soon(switch.errors.get())
    assert error.status == status
    assert isinstance(error.message, bytes)
    assert len(error.message) <= 65_536
    assert await anna.receive(7) == b"SIP/2.0"
    await flood
    assert (await anna.rest()).startswith(b" %d Bad" % status)
    anna.close()
    assert (await soon(switch.closed.get()))[0] == flow
    assert switch.heard.empty()


async def _flood(peer: StreamPeer, *pieces: bytes) -> None:
    try:
        for piece in pieces:
            await peer.send(piece)
    except ConnectionError:
        pass


async def test_nothing_is_held_of_garbage_beyond_the_limits(switch_on: SwitchOn, stream: str) -> None:
    switch = await switch_on(stream)
    anna = await phone(switch)
    block = b"B" * 65_536
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for _ in range(400):  # 25 MiB
            await _flood(anna, block)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert (await soon(switch.errors.get()))[0].status == 513
    assert peak < 2_000_000


async def test_a_flood_of_small_messages_is_slowed_and_held_in_bounds(switch_on: SwitchOn, stream: str) -> None:
    switch = await switch_on(stream, limits=Limits(messages_per_second=100, messages_burst=10))
    anna = await phone(switch)
    flood = asyncio.create_task(_flood(anna, *[message() * 1000] * 100))
    for _ in range(10):
        await soon(switch.heard.get())
    switch.advance(0.0501)
    for _ in range(5):
        await soon(switch.heard.get())
    # The sender is stuck: what it has left is in its own buffers and the kernel's.
    assert not flood.done()
    assert switch.heard.empty()
    flood.cancel()
    anna.writer.transport.abort()


async def test_a_stop_ends_what_is_being_opened(switch_on: SwitchOn, stream: str, host: str) -> None:
    switch = await switch_on(stream)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as mute:
        mute.bind((host, 0))
        mute.listen(5)  # connects, and never says a word of TLS
        switch.manager.send(message(), switch.flow_to(host, mute.getsockname()[1]))
        await asyncio.sleep(0)
        assert len(switch.manager.connections()) == 1
        await switch.manager.stop()
    assert switch.manager.connections() == []
    assert switch.manager.limiter.connections == 0
    assert switch.closed.empty()


async def test_a_stop_before_the_first_step_leaves_nothing(switch_on: SwitchOn, stream: str, host: str) -> None:
    switch = await switch_on(stream)
    switch.manager.send(message(), switch.flow_to(host, 5060))
    await switch.manager.stop()
    assert switch.manager.connections() == []
    assert switch.manager.limiter.connections == 0


async def test_a_stop_lets_out_what_was_sent(switch_on: SwitchOn, stream: str) -> None:
    switch = await switch_on(stream)
    anna = await phone(switch)
    await anna.send(message())
    _, flow = await soon(switch.heard.get())
    last = message(body=bytes(300_000))
    switch.manager.send(last, flow)
    received, _ = await asyncio.gather(anna.receive(len(last)), switch.manager.stop(grace_seconds=5))
    assert received == last


async def test_out_of_files_it_rests_and_then_accepts_again(
    switch_on: SwitchOn, stream: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "REST_SECONDS", 0.1)
    switch = await switch_on(stream)
    endpoint = switch.manager._endpoints[switch.listener]
    assert isinstance(endpoint, tcp.TcpEndpoint)
    rests: asyncio.Queue[OSError] = asyncio.Queue()
    rest = endpoint._rest
    monkeypatch.setattr(endpoint, "_rest", lambda error: (rests.put_nowait(error), rest(error)))
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as anna:
        anna.setblocking(False)
        resource.setrlimit(resource.RLIMIT_NOFILE, (anna.fileno() + 1, files[1]))
        try:
            fillers = _all_free_files()
            anna.connect_ex((host, switch.listener.port))
            assert (await soon(rests.get())).errno == errno.EMFILE
            for _ in range(10):
                await asyncio.sleep(0)
            assert rests.empty()  # it does not spin
            assert (await soon(rests.get())).errno == errno.EMFILE
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, files)
            for filler in fillers:
                os.close(filler)
        await until(lambda: len(switch.manager.connections()) == 1, patience=5.0)


def _all_free_files() -> list[int]:
    taken = []
    try:
        while True:
            taken.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        return taken
