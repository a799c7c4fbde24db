"""A tunnel that gives TLS to a program without it: Debian's sipp speaks TCP only."""

from __future__ import annotations

import asyncio
import ssl
import threading
from pathlib import Path


class TlsTunnel:
    """Accepts TCP connections on a loopback port and carries each one over TLS to the server."""

    def __init__(self, port: int, server: str, authority: Path) -> None:
        """`server` is host:port, whose certificate must be signed by `authority` (PEM) and name the host."""
        self._port = port
        self._host, _, server_port = server.rpartition(":")
        self._server_port = int(server_port)
        self._context = ssl.create_default_context(cafile=str(authority))
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), name="tls tunnel", daemon=True)
        self._thread.start()
        started.wait(5)

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", self._port))
        started.set()
        self._loop.run_forever()
        server.close()
        for task in self._tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._host, self._server_port, ssl=self._context)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = self._loop.create_task(_pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    except (ConnectionError, ssl.SSLError):
        pass  # one side closed hard: the other is closed below, as a single connection would be
    finally:
        sink.close()
