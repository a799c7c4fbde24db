"""Every transport of the registry over both families; a new entry comes into these tests by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from softswitch.flow import Listener
from softswitch.transport.registry import TRANSPORTS
from softswitch.transport.tls import TlsContexts, TlsFiles

from ..conftest import MakeSwitch
from ..wire import IPV4, IPV6, Server, Switch


def _reliable(transport: str) -> bool:
    return Listener(0, transport, IPV4, 1, IPV4, 1, "lan").reliable


@pytest.fixture(params=[IPV4, IPV6], ids=["ipv4", "ipv6"])
def host(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=list(TRANSPORTS))
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[name for name in TRANSPORTS if _reliable(name)])
def stream(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def switch_on(make_switch: MakeSwitch, host: str) -> Callable[..., Awaitable[Switch]]:
    async def make(transport: str, **more: Any) -> Switch:
        return await make_switch(transport, host, **more)

    return make


@pytest.fixture
async def server(stream: str, host: str, tls_files: TlsFiles) -> AsyncIterator[Server]:
    made = Server()
    await made.start(host, TlsContexts(tls_files).server if stream == "TLS" else None)
    yield made
    made.close()
