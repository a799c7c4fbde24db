"""The relay as a child process: started, watched, started again when it dies, and ended with the switch."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

from .relay.settings import RelaySettings

_READY_SECONDS = 10.0
_END_SECONDS = 2.0
_BACKOFF_SECONDS = (0.05, 0.2, 0.5, 1.0, 2.0, 5.0)
_SETTLED_SECONDS = 30.0
"""A relay that ran this long starts over in the list of delays."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RelayStatus:
    """How the relay process is."""

    state: str
    """"stopped", "starting", "running" or "waiting" (until it is tried again)."""
    pid: int | None = None
    restarts: int = 0
    last_exit: int | None = None
    """The exit status of the last one that ended by itself; negative: the signal."""


class RelaySupervisor:
    """Keeps one relay process alive.

    The relay reads our end of a pipe as its standard input, and ends when we are gone, however that happened.
    """

    def __init__(self, settings: RelaySettings, on_change: Callable[[RelayStatus], None] | None = None) -> None:
        self._settings = replace(settings, until_stdin_closes=True)
        self._on_change = on_change
        self._status = RelayStatus("stopped")
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def status(self) -> RelayStatus:
        return self._status

    @property
    def address(self) -> str:
        """Where the relay takes commands; the same over all restarts."""
        return self._settings.control

    async def start(self) -> None:
        """Start the relay and return when it takes commands; raises RuntimeError when it won't."""
        self._set(state="starting")
        try:
            await self._spawn()
        except RuntimeError:
            self._set(state="stopped", pid=None)
            raise
        self._task = asyncio.create_task(self._watch(), name="media relay")

    async def stop(self) -> None:
        """End the relay and all its streams; at most some two seconds."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        await self._end()
        self._set(state="stopped", pid=None)

    def _set(self, **changes: object) -> None:
        self._status = replace(self._status, **changes)  # type: ignore[arg-type]
        if self._on_change is not None:
            self._on_change(self._status)

    async def _spawn(self) -> None:
        """One attempt; raises RuntimeError with what the relay complained about."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "softswitch.media.relay",
            *self._settings.arguments(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self._process = process
        assert process.stdout is not None
        try:
            async with asyncio.timeout(_READY_SECONDS):
                line = await process.stdout.readline()
        except TimeoutError:
            line = b""
        if line.strip() != b"ready":
            complaint = await self._end()
            raise RuntimeError(f"the media relay did not start: {complaint or 'no word from it'}")
        self._set(state="running", pid=process.pid)

    async def _end(self) -> str:
        """End the process if there is one; what it wrote to standard error last."""
        process, self._process = self._process, None
        if process is None:
            return ""
        assert process.stdin is not None
        process.stdin.close()
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(_END_SECONDS):
                _, errors = await process.communicate()
        except TimeoutError:
            process.kill()
            _, errors = await process.communicate()
        return errors.decode("utf-8", "replace").strip().rpartition("\n")[2]

    async def _watch(self) -> None:
        """Pass on what the relay says; when it dies, start another."""
        attempt = 0
        while True:
            process = self._process
            if process is not None:
                since = asyncio.get_running_loop().time()
                await self._listen(process)
                code = await process.wait()
                self._process = None
                if asyncio.get_running_loop().time() - since > _SETTLED_SECONDS:
                    attempt = 0
                _log.error("the media relay ended with status %d: its calls have lost their sound", code)
                self._set(state="waiting", pid=None, last_exit=code, restarts=self._status.restarts + 1)
            await asyncio.sleep(_BACKOFF_SECONDS[min(attempt, len(_BACKOFF_SECONDS) - 1)])
            attempt += 1
            self._set(state="starting")
            try:
                await self._spawn()
            except RuntimeError as error:
                _log.error("%s", error)
                self._set(state="waiting", restarts=self._status.restarts + 1)

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Log the relay's lines until it closes its standard error."""
        assert process.stderr is not None
        while True:
            try:
                line = await process.stderr.readline()
            except ValueError:
                continue  # a line longer than the reader's limit
            if not line:
                return
            _log.warning("media relay: %s", line.decode("utf-8", "replace").rstrip())
