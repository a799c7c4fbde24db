"""The loop that production uses, a certificate, and managers that are stopped after the test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from softswitch.flow import Flow
from softswitch.ops.limits import Limits
from softswitch.transport.certificate import ensure_certificate
from softswitch.transport.manager import TransportManager
from softswitch.transport.tls import TlsContexts, TlsFiles

from .wire import IPV4, Switch, listener_at

MakeSwitch = Callable[..., Awaitable[Switch]]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def tls_files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """A certificate of this machine's, trusted because it is its own authority."""
    folder: Path = tmp_path_factory.mktemp("tls")
    files = TlsFiles(folder / "own.pem", folder / "own.key", authorities=folder / "own.pem")
    ensure_certificate(files.certificate, files.key, ["sip.acme.example", IPV4, "::1"], time.time())
    return files


@pytest.fixture
async def make_switch(tls_files: TlsFiles) -> AsyncIterator[MakeSwitch]:
    """Started managers with one listener; at the end nothing may have reached the loop's exception handler."""
    switches: list[Switch] = []
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))

    async def make(
        transport: str,
        host: str = IPV4,
        limits: Limits = Limits(),  # noqa: B008
        exempt: Callable[[str], bool] | None = None,
        urgent: Callable[[bytes, Flow], bool] = lambda data, flow: False,
        tls: TlsContexts | None = None,
    ) -> Switch:
        switch = Switch(listener_at(transport, host))
        switch.manager = TransportManager(
            [switch.listener],
            switch.on_message,
            lambda flow, reason: switch.closed.put_nowait((flow, reason)),
            tls or TlsContexts(tls_files),
            limits,
            on_send_failed=lambda flow, reason: switch.failed.put_nowait((flow, reason)),
            on_keepalive=switch.keepalives.put_nowait,
            on_framing_error=switch.on_framing_error,
            exempt=exempt,
            urgent=urgent,
            clock=switch.clock,
        )
        await switch.manager.start()
        switches.append(switch)
        return switch

    yield make
    for switch in switches:
        await switch.manager.stop(grace_seconds=0.2)
    assert complaints == []
