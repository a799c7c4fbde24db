"""The relay as a process beside ours: started or taken over, watched, replaced at once when it dies.

A spare process waits with everything loaded, so that no interpreter has to start while calls are silent.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from .client import RelayClient
from .relay.settings import GO, RelaySettings, parse_control

_READY_SECONDS = 10.0
_END_SECONDS = 2.0
_BACKOFF_SECONDS = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)
_SETTLED_SECONDS = 30.0
"""A relay that ran this long starts over in the list of delays."""
_SPARE_SECONDS = 0.5
"""So long after a relay runs its spare is started: not while calls are set up anew."""
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

    The relay reads our end of a pipe as its standard input, so it knows when we are gone, however that happened. Then
    its streams go on for the time of its lease, and the next switch takes it over.
    """

    def __init__(
        self,
        settings: RelaySettings,
        on_change: Callable[[RelayStatus], None] | None = None,
        leaves: Callable[[], bool] = lambda: False,
    ) -> None:
        """`leaves` says at our end whether the relay has streams that are to go on."""
        self._settings = replace(settings, until_stdin_closes=True)
        self._on_change = on_change
        self._leaves = leaves
        self._found: int | None = None
        """The process that was taken over, as a descriptor (pidfd_open(2))."""
        self.took_over = False
        """Whether the relay had been another switch's."""
        self._status = RelayStatus("stopped")
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._spare: asyncio.subprocess.Process | None = None
        self._sparing: asyncio.Task[None] | None = None

    @property
    def status(self) -> RelayStatus:
        return self._status

    @property
    def address(self) -> str:
        """Where the relay takes commands; the same over all restarts."""
        return self._settings.control

    async def start(self) -> None:
        """Take over a relay that an earlier switch has left, or start one; raises RuntimeError when that won't do."""
        self._set(state="starting")
        try:
            self.took_over = await self._take_over()
            if not self.took_over:
                await self._spawn()
        except RuntimeError:
            self._set(state="stopped", pid=None)
            raise
        self._task = asyncio.create_task(self._watch(), name="media relay")
        self._sparing = asyncio.create_task(self._keep_spare(), name="spare media relay")

    async def stop(self) -> None:
        """End the relay, in at most some two seconds; or leave it with its streams, for them to go on."""
        for task in (self._task, self._sparing):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        self._task = self._sparing = None
        await self._end_spare()
        if self._leaves():
            self._leave()
        else:
            await self._end()
        self._set(state="stopped", pid=None)

    def replace(self) -> None:
        """It does not answer any more: kill it, and what follows follows."""
        _log.error("the media relay does not answer: it is killed")
        with suppress(ProcessLookupError):
            if self._found is not None:
                signal.pidfd_send_signal(self._found, signal.SIGKILL)
            elif self._process is not None:
                self._process.kill()

    async def _take_over(self) -> bool:
        where = parse_control(self._settings.control)
        if not isinstance(where, str) or not os.path.exists(where):  # noqa: ASYNC240  before anything runs
            return False
        client = RelayClient(self._settings.control, (0.2, 0.3))
        client.open()
        try:
            told = await client.ask({"command": "ping"})
        except TimeoutError:
            return False  # nobody there: the socket was left behind
        finally:
            client.close()
        pid = told.get("pid")
        if told.get("owned"):
            raise RuntimeError(f"the media relay at {where} belongs to another switch that is running")
        if told.get("arguments") != " ".join(self._settings.arguments()).encode() or not isinstance(pid, int):
            return False  # of other settings: what it still has ends with its lease
        try:
            self._found = os.pidfd_open(pid)
        except OSError:
            return False  # gone at this moment
        self._set(state="running", pid=pid)
        return True

    def _leave(self) -> None:
        """Have it go on without us."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
        if self._found is not None:
            os.close(self._found)
            self._found = None

    def _set(self, **changes: object) -> None:
        self._status = replace(self._status, **changes)  # type: ignore[arg-type]
        if self._on_change is not None:
            self._on_change(self._status)

    async def _begin(self, *more: str) -> asyncio.subprocess.Process:
        starting = asyncio.create_task(
            asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "softswitch.media.relay",
                *self._settings.arguments(),
                *more,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        )
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # Cancelled half-way it would hang (asyncio of Python 3.11): it is waited for, then ended.
            await _end_process(await starting)
            raise

    async def _spawn(self) -> None:
        """One attempt; raises RuntimeError with what the relay complained about."""
        process, self._spare = self._spare, None
        if process is not None and process.returncode is None:
            assert process.stdin is not None
            process.stdin.write(GO)
        else:
            process = await self._begin()
        self._process = process
        if await _line(process) != b"ready":
            complaint = await self._end()
            raise RuntimeError(f"the media relay did not start: {complaint or 'no word from it'}")
        self._set(state="running", pid=process.pid)

    async def _keep_spare(self) -> None:
        """Have one wait all the time while a relay runs."""
        while True:
            await asyncio.sleep(_SPARE_SECONDS)
            if self._status.state != "running" or (self._spare is not None and self._spare.returncode is None):
                continue
            spare = await self._begin("--standby")
            try:
                if await _line(spare) == b"waiting":
                    self._spare = spare
            finally:
                if self._spare is not spare:
                    await _end_process(spare)

    async def _end_spare(self) -> None:
        spare, self._spare = self._spare, None
        if spare is not None:
            await _end_process(spare)

    async def _end(self) -> str:
        """End the process if there is one; what it wrote to standard error last."""
        if self._found is not None:
            found, self._found = self._found, None
            signal.pidfd_send_signal(found, signal.SIGTERM)
            os.close(found)
        process, self._process = self._process, None
        if process is None:
            return ""
        return await _end_process(process)

    async def _watch(self) -> None:
        """Pass on what the relay says; when it dies, start another."""
        attempt = 0
        while True:
            process = self._process
            if process is not None or self._found is not None:
                since = asyncio.get_running_loop().time()
                if process is not None:
                    await self._listen(process)
                    code = await process.wait()
                else:
                    await self._found_gone()
                    code = -1  # whose child it was, knows
                self._process = None
                if asyncio.get_running_loop().time() - since > _SETTLED_SECONDS:
                    attempt = 0
                _log.error(
                    "the media relay ended with status %d: its calls wait for the next one",
                    code,
                )
                self._set(state="waiting", pid=None, last_exit=code, restarts=self._status.restarts + 1)
            await asyncio.sleep(_BACKOFF_SECONDS[min(attempt, len(_BACKOFF_SECONDS) - 1)])
            attempt += 1
            self._set(state="starting")
            try:
                await self._spawn()
            except RuntimeError as error:
                _log.error("%s", error)
                self._set(state="waiting", restarts=self._status.restarts + 1)

    async def _found_gone(self) -> None:
        """Wait for the end of the process that was taken over."""
        found, loop = self._found, asyncio.get_running_loop()
        assert found is not None
        gone = loop.create_future()
        loop.add_reader(found, lambda: None if gone.done() else gone.set_result(None))
        try:
            await gone
        finally:
            loop.remove_reader(found)
        os.close(found)
        self._found = None

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


async def _line(process: asyncio.subprocess.Process) -> bytes:
    """The next word of the process, b"" where none comes."""
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_READY_SECONDS):
            return (await process.stdout.readline()).strip()
    except TimeoutError:
        return b""


async def _end_process(process: asyncio.subprocess.Process) -> str:
    """End it; what it wrote to standard error last."""
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
