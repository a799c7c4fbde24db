"""A relay that runs as a service of its own: found by its socket, watched, found again when it was started anew."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import replace

from .client import RelayClient
from .relay.settings import RelaySettings
from .supervise import RelayStatus

_LOOK_SECONDS = 0.05
"""So often somebody is looked for who is not there."""
_PATIENCE_SECONDS = 5.0
"""So long a start waits for it."""
_ASK_SECONDS = 0.5
"""So often it is asked where its end can't be waited for."""
_log = logging.getLogger(__name__)


class RelayLink:
    """As `RelaySupervisor`, for a process that is not ours: it is neither started nor ended here.

    Without us it keeps its streams for the time of its lease. When it dies, who looks after it starts another, which
    we give the streams back.
    """

    def __init__(self, settings: RelaySettings, on_change: Callable[[RelayStatus], None] | None = None) -> None:
        """`settings` are those that it should have been started with."""
        self._settings = settings
        self._on_change = on_change
        self._client = RelayClient(settings.control, (0.05, 0.2, 0.3))
        self._status = RelayStatus("stopped")
        self._task: asyncio.Task[None] | None = None
        self.took_over = False
        """Whether it was there when we came: it may have streams."""
        self.differs = False
        """Whether it runs with other settings than ours."""

    @property
    def status(self) -> RelayStatus:
        return self._status

    @property
    def address(self) -> str:
        """Where it takes commands."""
        return self._settings.control

    async def start(self) -> None:
        """Find it; go on looking where it does not come in time. Raises RuntimeError when it is another switch's."""
        self._client.open()
        self._set(state="starting")
        pid = None
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                pid = await self._find(newcomer=True)
        except TimeoutError:
            _log.error("no media relay answers at %s", self.address)
            self._set(state="waiting")
        except RuntimeError:
            self._client.close()
            self._set(state="stopped")
            raise
        self.took_over = pid is not None
        if pid is not None:
            self._set(state="running", pid=pid)
        self._task = asyncio.create_task(self._watch(pid), name="media relay")

    async def stop(self) -> None:
        """Leave it alone."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        self._client.close()
        self._set(state="stopped", pid=None)

    def replace(self) -> None:
        """It does not answer any more: who looks after it has a watchdog."""
        _log.error("the media relay at %s does not answer", self.address)

    async def _find(self, newcomer: bool = False) -> int:
        """The process that answers, as soon as one does."""
        while True:
            try:
                told = await self._client.ask({"command": "ping"})
            except TimeoutError:
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            if newcomer and told.get("owned"):
                raise RuntimeError(f"the media relay at {self.address} belongs to another switch that is running")
            self.differs = told.get("arguments") != " ".join(self._settings.arguments()).encode()
            pid = told.get("pid")
            return pid if isinstance(pid, int) else 0

    async def _watch(self, pid: int | None) -> None:
        while True:
            if pid is not None:
                await self._gone(pid)
                _log.error("the media relay at %s ended: its calls wait for the next one", self.address)
                self._set(state="waiting", pid=None, restarts=self._status.restarts + 1)
            pid = await self._find()
            self._set(state="running", pid=pid)

    async def _gone(self, pid: int) -> None:
        """Wait for the end of this process."""
        try:
            found = os.pidfd_open(pid)
        except OSError:
            found = -1  # ended by now, or in a world of its own (a container) in which this number is another's
        if found < 0:
            await self._silent(pid)
            return
        loop = asyncio.get_running_loop()
        gone = loop.create_future()
        loop.add_reader(found, lambda: None if gone.done() else gone.set_result(None))
        try:
            await gone
        finally:
            loop.remove_reader(found)
            os.close(found)

    async def _silent(self, pid: int) -> None:
        """Ask until nobody answers, or somebody else does."""
        while True:
            try:
                if (await self._client.ask({"command": "ping"})).get("pid") != pid:
                    return
            except TimeoutError:
                return
            await asyncio.sleep(_ASK_SECONDS)

    def _set(self, **changes: object) -> None:
        self._status = replace(self._status, **changes)  # type: ignore[arg-type]
        if self._on_change is not None:
            self._on_change(self._status)
