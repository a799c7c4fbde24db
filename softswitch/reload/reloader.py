"""The reload of a running switch: one at a time, all of it or nothing.

New calls go by the new plans from one message to the next; calls that ring keep the plan they started with. Phones
that are gone from the dialplan stay registered until they expire: nothing calls them and they can't call, and when
they come back with the next reload, no registration was lost to a mistake.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from softswitch.clock import Clock
from softswitch.configuration import Configuration
from softswitch.dialplan import holiday
from softswitch.errors import ConfigError, Problem
from softswitch.ops.log import log
from softswitch.ops.systemd import READY, notify, reloading
from softswitch.reload.accepted import Accepted, accepted_file, accepted_now, read_accepted, write_accepted
from softswitch.reload.apart import check_apart, one_by_one, unpack_slowly
from softswitch.reload.changes import restart_needed
from softswitch.reload.checker import Question
from softswitch.reload.packing import pack
from softswitch.secrets import Secrets, load_secrets

Use = Callable[[Configuration], None]
"""Go by these plans and secrets from now on; called between two messages."""

REFUSED = "dialplan"
NOT_KEPT = "accepted plan"
"""Keys of alarms."""
LOGGED = 50
"""So many lines of one reload go into the log."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What came of a reload, for `softswitch reload`."""

    problems: list[str]
    """Why nothing was changed; empty: everything was."""
    warnings: list[str]
    changes: list[str] = field(default_factory=list)
    """What is different for callers."""
    restart: list[str] = field(default_factory=list)
    """Settings that differ and are not taken over."""
    seconds: float = 0.0
    """How long it took, all in all."""

    def as_json(self) -> dict[str, Any]:
        """What goes over the control socket."""
        return asdict(self)


class Reloader:
    """Reloads on request, and keeps what was accepted last."""

    def __init__(self, found: Configuration, use: Use, alarms: dict[str, str], clock: Clock) -> None:
        """`found`: what the switch was started with. `alarms`, by key, are shown by `softswitch status`."""
        self._started_with = found.settings
        self._use = use
        self._alarms = alarms
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._pieces = pack(found.plans)
        """The plans in use, for the next check to compare with."""
        self._found = found
        if found.refused:
            alarms[REFUSED] = (
                f"the dialplan is refused ({_mistakes(len(found.refused))}; `softswitch check` lists them), and calls "
                "go by the one that was accepted last"
            )
            _log_lines("dialplan refused", [str(one) for one in found.refused])

    async def keep(self) -> None:
        """Keep what the switch was started with, unless that is what was kept already."""
        wall = self._clock.wall()
        if not self._found.refused:
            await self._keep(accepted_now(self._found.texts, self._found.plans.values(), wall))

    async def reload(self, shown_from: str = "") -> Reloaded:
        """Read everything anew; take it over if all of it is good, else change nothing.

        `shown_from`: the folder of who asked; where it is ours, paths in the answer are relative to it.
        Raises CheckFailed.
        """
        async with self._one_at_a_time:
            begun = self._clock.monotonic()
            notify(*reloading())
            try:
                answer = await self._reload(shown_from)
            finally:
                notify(READY)
            return replace(answer, seconds=self._clock.monotonic() - begun)

    async def reload_secrets(self) -> int:
        """Read the secrets alone; how many there are. Raises ConfigError, and then nothing was changed."""
        async with self._one_at_a_time:
            found = self._found
            if found.settings.secrets is None:
                raise ConfigError([Problem(str(found.settings.file), 0, 0, "no secrets file is configured")])
            secrets = await asyncio.to_thread(load_secrets, found.settings.secrets)
            self._take(replace(found, secrets=secrets))
            log.info("secrets read again", entries=len(secrets))
            return len(secrets)

    async def _reload(self, shown_from: str) -> Reloaded:
        file = str(self._started_with.file)
        verdict = await check_apart(Question(file, self._clock.wall(), shown_from), self._pieces)
        if verdict.settings is None or verdict.accepted is None:
            self._alarms[REFUSED] = (
                f"what was to be reloaded is refused ({_mistakes(len(verdict.problems))}; `softswitch check` lists "
                "them), and calls go as before"
            )
            _log_lines("reload refused", verdict.problems)
            return Reloaded(verdict.problems, verdict.warnings)
        plans = await unpack_slowly(one_by_one(verdict.plan_pieces))
        await self._keep(verdict.accepted)
        holiday.give(verdict.accepted.holidays)
        self._take(Configuration(verdict.settings, plans, Secrets(verdict.secrets), []))
        self._pieces = verdict.plan_pieces
        self._alarms.pop(REFUSED, None)
        restart = restart_needed(self._started_with, verdict.settings)
        log.info("reloaded", people=sum(len(plan.people) for plan in plans.values()), restart_for=", ".join(restart))
        _log_lines("changed", verdict.changes, log.info)
        return Reloaded([], verdict.warnings, verdict.changes, restart)

    def _take(self, found: Configuration) -> None:
        self._found = found
        self._use(found)

    async def _keep(self, accepted: Accepted) -> None:
        path = accepted_file(self._started_with)
        if path is None or not accepted.texts:
            return

        def write() -> None:
            if not accepted.same(read_accepted(path)):
                write_accepted(path, accepted)

        try:
            await asyncio.to_thread(write)
        except OSError as error:
            log.error("the accepted dialplan is not kept", file=str(path), reason=error.strerror)
            self._alarms[NOT_KEPT] = (
                f"the dialplan in use could not be kept in {path} ({error.strerror}): if the one that is configured "
                "were refused at the next start, there would be no telephones"
            )
        else:
            self._alarms.pop(NOT_KEPT, None)


def _mistakes(count: int) -> str:
    return "one mistake" if count == 1 else f"{count} mistakes"


def _log_lines(event: str, lines: list[str], say: Callable[..., None] = log.error) -> None:
    for line in lines[:LOGGED]:
        say(event, what=line)
    if len(lines) > LOGGED:
        say(event, what=f"and {len(lines) - LOGGED} more")
