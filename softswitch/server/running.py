"""A running switch: what it holds, and what it does when something around it calls back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from softswitch.clock import Clock, ShiftedClock
from softswitch.configuration import Configuration
from softswitch.errors import PeerError
from softswitch.events import EmergencyCalled
from softswitch.flow import Flow
from softswitch.media.engine import MediaEngine, MediaEvent
from softswitch.media.pool import EnginePool, Member
from softswitch.media.quality import StreamQuality
from softswitch.media.supervise import RelayStatus
from softswitch.ops.log import log
from softswitch.ops.noise import Quieter
from softswitch.ops.systemd import WATCHDOG, notify, watchdog_seconds
from softswitch.overrides.change import OverrideStore
from softswitch.overrides.service import OverrideService
from softswitch.presence.history import History, HistoryStore
from softswitch.presence.stored import PresenceStore
from softswitch.records.record import RecordStore
from softswitch.records.recorder import Recorder
from softswitch.records.retention import SWEEP_SECONDS, delete_old
from softswitch.registrar.service import Registrar
from softswitch.reload.apart import CheckFailed
from softswitch.reload.reloader import Reloader
from softswitch.server.families import by_family
from softswitch.server.relays import RelayPart
from softswitch.server.sounds import OwnSounds
from softswitch.store.errors import StoreError
from softswitch.store.outside import KeptOutside
from softswitch.switch import Letters, Switch
from softswitch.transport.manager import TransportManager
from softswitch.trunks.line import DOWN, Line
from softswitch.trunks.meter import DAY_SECONDS, USUAL_DAYS
from softswitch.trunks.usage import Stop
from softswitch.voicemail.boxes import Boxes

_CALLED = re.compile(rb"[A-Z]{3,10} (?:sips?:|tel:)(\d{2,4})[@; ]")
"""Of a request the number, as long as those for emergencies are. Within the call we are still called so."""
MOST_QUALITIES = 200
"""So many calls are asked about for one status."""
EMERGENCY_ALARM_SECONDS = 86_400.0
DRAIN_SECONDS = 3.0
SHUT_SECONDS = 0.5
DRAIN_LOOK_SECONDS = 0.05
"""All in all under the 5 s in which a sysadmin expects a service to stop."""


class Server:
    """A running switch and all that it stands on; `server/opening` fills it."""

    switch: Switch
    manager: TransportManager
    registrar: Registrar
    presence: PresenceStore
    history_store: HistoryStore
    history: History | None
    records: RecordStore
    recorder: Recorder
    letters: Letters
    kept: KeptOutside
    """What was called outside."""
    overrides: OverrideService
    override_store: OverrideStore
    relays: list[RelayPart]
    """Our own relay processes; one that is off with `use: never`."""
    engine: MediaEngine
    """What calls go through: the relay, several, or rtpengines."""
    sounds: OwnSounds
    boxes: Boxes

    def __init__(self, found: Configuration, clock: Clock) -> None:
        self.settings = by_family(found.settings)
        self.plans = found.plans
        self.secrets = found.secrets
        self.clock = clock
        self.loop = asyncio.get_running_loop()
        self.started_at = clock.wall()
        self._quieter = Quieter()
        self.alarms: dict[str, str] = {}
        self.reloader = Reloader(found, self.use, self.alarms, clock)
        self._full: set[str] = set()
        """Relays without a free port."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    # -- from the pump and the sockets

    def wake(self, due: float) -> None:
        """Have the pump look at its timers at this monotonic time."""
        if self._timer is not None:
            self._timer.cancel()
        delay = max(0.0, due - self.clock.monotonic())
        self._timer = self.loop.call_later(delay, self.switch.advance)

    def stop_timers(self) -> None:
        """Nothing happens by itself any more."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()

    def flow_closed(self, flow: Flow, reason: str) -> None:
        """A connection is gone, and `reason` says how."""
        if log.debug_on:
            log.debug("flow closed", flow=str(flow), reason=reason)
        self.switch.flow_closed(flow, reason)

    def framing_error(self, error: PeerError, flow: Flow) -> None:
        """A stream is out of step: it is answered where it can be, before it closes."""
        with self.switch.moment():
            self.switch.malformed(error, flow)

    # -- from what it stands on

    def store_failed(self, error: BaseException) -> None:
        """A registration is not on disk."""
        log.error("registration not stored, and refused", reason=str(error))

    def override_failed(self, error: BaseException) -> None:
        """What somebody set is not on disk, and does not hold."""
        log.error("setting of a person not stored, and refused", reason=str(error))

    def record_failed(self, error: BaseException) -> None:
        """A call is not on disk; said once in a while."""
        unsaid = self._quieter.ask("call records", self.clock.monotonic())
        if unsaid is not None:
            log.error("calls not recorded", reason=str(error), more_before=unsaid)

    def message_failed(self, error: BaseException) -> None:
        """What became of a message is not on disk."""
        log.error("message not stored", reason=str(error))

    def outside_failed(self, error: BaseException) -> None:
        """What was called outside is not on disk; said once in a while."""
        unsaid = self._quieter.ask("calls outside", self.clock.monotonic())
        if unsaid is not None:
            log.error("call outside not stored, limits may begin anew", reason=str(error), more_before=unsaid)

    def presence_failed(self, error: BaseException) -> None:
        """A subscription or publication is not on disk; said once in a while."""
        unsaid = self._quieter.ask("presence", self.clock.monotonic())
        if unsaid is not None:
            log.error("presence not stored", reason=str(error), more_before=unsaid)

    def relay_changed(self, part: RelayPart, status: RelayStatus) -> None:
        """A relay process came or went."""
        if status.state == "waiting":
            log.error("media relay ended", relay=part.name, exit=status.last_exit, calls=len(part.client.memory))
            part.client.away()
            self.alarms[part.name] = f"the {part.name} ended by itself and is being started again; see the log"
        elif status.state == "running":
            self.alarms.pop(part.name, None)
            if part.differs:
                self.alarms[part.name] = f"the {part.name} runs with other settings than ours: restart its service"
            if part.client.waits:
                part.client.back()

    def emergency_called(self, event: EmergencyCalled) -> None:
        """Everybody who looks at the switch shall know of it for a day."""
        log.warning("emergency call", site=event.site, account=event.account, number=event.number)
        self._emergency_alarm(event.site, event.account, event.number, event.location, self.clock.wall())

    def _emergency_alarm(self, site: str, account: str, number: str, location: str, wall: float) -> None:
        at = datetime.fromtimestamp(wall, UTC).isoformat(timespec="seconds")
        name = f"emergency {site} {account}"
        where = f", {location}" if location else ""
        self.alarms[name] = f"{number} was called from {account or 'outside'} of {site} at {at}{where}"
        left = wall + EMERGENCY_ALARM_SECONDS - self.clock.wall()
        self.loop.call_later(max(left, 0.0), self.alarms.pop, name, None)

    def abroad_changed(self, stop: Stop) -> None:
        """Calls abroad were stopped, or released."""
        name = f"abroad {stop.site}"
        if not stop.why:
            log.info("calls abroad released", site=stop.site)
            self.alarms.pop(name, None)
            return
        log.error("calls abroad stopped", site=stop.site, why=stop.why)
        self.alarms[name] = (
            f"calls abroad of {stop.site} are stopped: {stop.why}; "
            "softswitch outside says who called, softswitch outside release lets them pass again"
        )

    def recall_alarms(self) -> None:
        """What an earlier run was alarmed about."""
        for call in self.switch.bridges.emergencies:
            self._emergency_alarm(call.site, call.account, call.number, call.location, call.at)
        for stop in self.switch.trunks.meter.stops.values():
            if stop.why:
                self.abroad_changed(stop)

    def trunk_changed(self, line: Line) -> None:
        """A trunk came up or went down."""
        name = f"trunk {line.name}"
        if line.state == DOWN:
            log.warning("trunk does not work", trunk=line.name, why=line.detail)
            self.alarms[name] = f"the trunk {line.name} does not work: {line.detail}"
        else:
            log.info("trunk works", trunk=line.name, how=line.detail)
            self.alarms.pop(name, None)

    def is_urgent(self, data: bytes, flow: Flow) -> bool:
        """Whether a message is of an emergency call from a registered phone: it passes over all limits."""
        match = _CALLED.match(data)
        if match is None or not self.registrar.knows(flow):
            return False
        return any(match[1].decode() in plan.emergency for plan in self.plans.values())

    def secret_of(self, name: str) -> str | None:
        """A secret itself, for logging in at a provider; None where only hashes are known, or nothing."""
        return self.secrets.plain(name)

    def engine_changed(self, member: Member) -> None:
        """An rtpengine stopped working, or works again."""
        name = member.client.name
        if member.works:
            log.info("media engine works again", engine=name)
            self.alarms.pop(name, None)
        else:
            log.error("media engine does not answer", engine=name, calls=len(member.calls))
            self.alarms[name] = f"{name} does not answer: new calls go to the others, its own may have lost their sound"

    def ports_changed(self, part: RelayPart, event: MediaEvent) -> None:
        """The media ports of a relay are used up, or some are free again."""
        self._full.discard(part.name)
        if not event.details.get("free"):
            log.error("no media ports left", relay=part.name, pairs=event.details.get("all"))
            self._full.add(part.name)
        if len(self._full) == len(self.relays):
            self.alarms["media ports"] = (
                "the media ports are used up, and calls are refused: widen relay: ports:, in the firewall too"
            )
        else:
            self.alarms.pop("media ports", None)

    def kernel_changed(self, part: RelayPart, event: MediaEvent) -> None:
        """The kernel forwards sound in a relay's stead from now on, or no longer."""
        reason, name = event.details.get("reason"), f"{part.name}, kernel forwarding"
        if isinstance(reason, bytes) and reason:
            text = reason.decode("utf-8", "replace")
            log.warning("kernel forwarding is off", relay=part.name, reason=text)
            self.alarms[name] = f"kernel forwarding is off, the {part.name} does the work itself: {text}"
        else:
            log.info("kernel forwarding is on", relay=part.name)
            self.alarms.pop(name, None)

    async def quality(self) -> dict[bytes, Sequence[StreamQuality]]:
        """How well the running calls are heard, by Call-ID; of very many only the newest."""
        asked: dict[bytes, asyncio.Future[Sequence[StreamQuality]]] = {}
        for call in list(self.switch.core.calls)[-MOST_QUALITIES:]:
            if call.answered_at and self.relays[0].keeper is not None:
                answer: asyncio.Future[Sequence[StreamQuality]] = self.loop.create_future()
                asked[call.call_id] = answer
                self.engine.query(
                    call.call_id.decode("utf-8", "surrogateescape"),
                    lambda found, answer=answer: None if answer.done() else answer.set_result(found),  # type: ignore[misc]
                )
        return {call_id: await answer for call_id, answer in asked.items()}

    @property
    def engines(self) -> Sequence[Member]:
        """Those that calls are shared out to, where there are some."""
        return self.engine.members if isinstance(self.engine, EnginePool) else ()

    def credentials(self, site: str, account: str, user: str, algorithm: str) -> bytes | None:
        """HA1 of an account (RFC 7616 §3.4.2), None where there is none."""
        plan = self.plans.get(site)
        phone = plan.phones.get(account) if plan is not None else None
        return None if phone is None else self.secrets.ha1(phone.secret, site, user, algorithm)

    def auth_failed(self, site: str, user: str, host: str) -> None:
        """Somebody could not prove who it is; said once in a while for each address."""
        unsaid = self._quieter.ask(host, self.clock.monotonic())
        if unsaid is not None:
            log.warning("wrong password or unknown account", site=site, user=user, source=host, more_before=unsaid)

    # -- a reload

    async def reload_unasked(self) -> None:
        """For a signal: what came of it is in the log."""
        try:
            await self.reloader.reload()
        except CheckFailed as error:
            log.error("reload failed, nothing was changed", reason=str(error))

    def use(self, found: Configuration) -> None:
        """From the reloader: go by these plans and secrets from the next message on."""
        self.plans = found.plans
        self.secrets = found.secrets
        self.settings = replace(self.settings, dialplans=found.settings.dialplans, secrets=found.settings.secrets)
        with self.switch.moment():
            self.switch.use_plans(found.plans)
        kept = {f"trunk {line.name}" for line in self.switch.trunks}
        for name in [name for name in self.alarms if name.startswith("trunk ") and name not in kept]:
            del self.alarms[name]
        self.start_task(self.sounds.prepare(found.plans.values()))

    # -- what goes on beside the pump

    async def keep_records(self) -> None:
        """Once an hour: delete what is too old, end what nobody will end."""
        keep = self.settings.records.keep_seconds
        if isinstance(self.clock, ShiftedClock):
            keep = 0.0  # who tries out next year does not mean to lose this one
        while True:
            wall = self.clock.wall()
            self.recorder.close_silent(wall)
            self._delete_old_messages(wall)
            try:
                deleted = await delete_old(self.records, wall, keep)
                if keep:
                    await self.override_store.delete_before(wall - keep)
                    await self.kept.emergencies.delete_before(wall - max(keep, EMERGENCY_ALARM_SECONDS))
                if not isinstance(self.clock, ShiftedClock):
                    await self.kept.usage.delete_before(wall - (USUAL_DAYS + 1) * DAY_SECONDS)
            except StoreError as error:
                log.error("old call records not deleted", reason=str(error))
            else:
                if deleted:
                    log.info("old call records deleted", count=deleted)
            await self._keep_history(wall)
            await asyncio.sleep(SWEEP_SECONDS)

    def _delete_old_messages(self, wall: float) -> None:
        keep = self.settings.voicemail.keep_seconds
        if keep and not isinstance(self.clock, ShiftedClock):
            old = [message for message in self.boxes.all() if message.received_at < wall - keep]
            if old:
                self.boxes.delete(old)
                log.info("old messages deleted", count=len(old))

    async def _keep_history(self, wall: float) -> None:
        settings = self.settings.presence
        keep = settings.keep_seconds
        if settings.history == "off":
            keep, wall = 1.0, wall + 1.0  # what was kept before it was turned off goes too
        if isinstance(self.clock, ShiftedClock):
            keep = 0.0
        try:
            deleted = await delete_old(self.history_store, wall, keep)
        except StoreError as error:
            log.error("old presence not deleted", reason=str(error))
        else:
            if deleted:
                log.info("old presence deleted", count=deleted)

    def feed_watchdog(self) -> None:
        """systemd restarts a switch whose loop stands still for longer than WatchdogSec."""
        seconds = watchdog_seconds()
        if seconds:

            def feed() -> None:
                notify(WATCHDOG)
                self.loop.call_later(seconds, feed)

            feed()

    def start_task(self, work: Any) -> None:
        """Run a coroutine beside the pump; it is kept until it ends."""
        task: asyncio.Task[None] = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self) -> None:
        """Finish answering: at most DRAIN_SECONDS for what is under way, then what still rings is ended."""
        self.switch.drain()
        await _until(
            lambda: self.switch.unanswered <= len(self.switch.core.ringing) and not self.boxes.busy, DRAIN_SECONDS
        )
        self.switch.shut()
        await _until(lambda: not self.switch.unanswered, SHUT_SECONDS)


async def _until(done: Callable[[], bool], seconds: float) -> None:
    """Wait for something that gives no notice, at most so long."""
    for _ in range(int(seconds / DRAIN_LOOK_SECONDS)):
        if done():
            return
        await asyncio.sleep(DRAIN_LOOK_SECONDS)
