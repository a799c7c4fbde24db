"""The switch on real sockets: everything is opened in order, and closed in the opposite one."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import secrets as randomness
import signal
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from softswitch import __version__
from softswitch.clock import Clock, ShiftedClock
from softswitch.configuration import Configuration
from softswitch.errors import ConfigError, PeerError
from softswitch.events import Bus
from softswitch.flow import Flow, Listener
from softswitch.ids import Ids
from softswitch.media.client import RelayClient
from softswitch.media.relay.settings import Network, RelaySettings
from softswitch.media.supervise import RelayStatus, RelaySupervisor
from softswitch.ops.control import ControlError, ControlServer
from softswitch.ops.interfaces import own_addresses
from softswitch.ops.limits import Limits
from softswitch.ops.log import log
from softswitch.ops.noise import Quieter
from softswitch.ops.status import CallStatus, ListenerStatus, RegistrationStatus, Status
from softswitch.ops.systemd import READY, STOPPING, WATCHDOG, notify, watchdog_seconds
from softswitch.ops.why import why
from softswitch.records.people import accounts_of, whose
from softswitch.records.record import RecordStore
from softswitch.records.recorder import Recorder
from softswitch.records.retention import SWEEP_SECONDS, delete_old
from softswitch.registrar.auth import Authenticator
from softswitch.registrar.service import Registrar
from softswitch.registrar.wishes import RegistrarLimits
from softswitch.reload.apart import CheckFailed
from softswitch.reload.reloader import Reloader
from softswitch.settings import Peer, Settings
from softswitch.sip.uri import parse_uri
from softswitch.store.errors import StoreError
from softswitch.store.open import open_store
from softswitch.switch import Log, Outside, Switch
from softswitch.transaction.timers import TimerValues
from softswitch.transport.certificate import ensure_certificate
from softswitch.transport.lookup import DnsCache
from softswitch.transport.manager import TransportManager
from softswitch.transport.resolve import Resolver
from softswitch.transport.select import choose_flow
from softswitch.transport.tls import TlsContexts, TlsFiles

LARGE_BYTES = 1300
"""A request larger than this goes over a stream where DNS leaves the choice (RFC 3261 §18.1.1)."""


UNAVAILABLE = 69
"""Exit code when an address, the store or the relay is not to be had (EX_UNAVAILABLE): another try may do."""
DRAIN_SECONDS = 3.0
SHUT_SECONDS = 0.5
DRAIN_LOOK_SECONDS = 0.05
"""All in all under the 5 s in which a sysadmin expects a service to stop."""


class CannotStart(Exception):
    """Something that the switch needs is not to be had; the text is for the sysadmin."""


async def serve(
    found: Configuration,
    clock: Clock,
    on_ready: Callable[[float], None] = lambda wall: None,
) -> int:
    """Run until SIGTERM or SIGINT; the exit code. Nothing stays open when it cannot start. SIGHUP reloads.

    `on_ready` is called once, when phones can reach the switch, with the wall clock of that moment.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with AsyncExitStack() as stack:
            server = await Server.open(stack, found, clock)
            loop.add_signal_handler(signal.SIGHUP, hung_up, server, stop, os.isatty(2))
            # What is here now stays: the collector need not walk it again and again.
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 20, 50)
            notify(READY)
            log.info("ready", listeners=", ".join(map(_shown, found.settings.listeners)), sites=", ".join(found.plans))
            server.start_task(server.reloader.keep())
            on_ready(clock.wall())
            await stop.wait()
            notify(STOPPING)
            log.info("stopping", calls=len(server.switch.core.calls))
            await server.drain()
    except (CannotStart, StoreError, ControlError, OSError) as error:
        log.error("cannot start", reason=_reason(error))
        return UNAVAILABLE
    log.info("stopped")
    return 0


def hung_up(server: Server, stop: asyncio.Event, had_terminal: bool) -> None:
    """SIGHUP: reload; but when it says that our terminal was closed, end with it."""
    if had_terminal and not os.isatty(2):
        stop.set()
    else:
        server.start_task(server.reload_unasked())


class Server:
    """A running switch and all that it stands on."""

    switch: Switch
    manager: TransportManager
    registrar: Registrar
    records: RecordStore
    recorder: Recorder
    relay: RelaySupervisor | None
    client: RelayClient

    def __init__(self, found: Configuration, clock: Clock) -> None:
        self.settings = by_family(found.settings)
        self.plans = found.plans
        self.secrets = found.secrets
        self.clock = clock
        self.loop = asyncio.get_running_loop()
        self.started_at = clock.wall()
        self._quieter = Quieter()
        self.alarms: dict[str, str] = {}
        self.reloader = Reloader(found, self._use, self.alarms, clock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake_handle: asyncio.TimerHandle | None = None

    @classmethod
    async def open(cls, stack: AsyncExitStack, found: Configuration, clock: Clock) -> Server:
        """Open everything; `stack` closes it. Raises CannotStart and OSError."""
        server = cls(found, clock)
        settings = server.settings
        stores = open_store(settings.store)
        stack.push_async_callback(stores.close)
        bus = Bus()
        server.registrar = Registrar(
            stores.bindings,
            bus,
            RegistrarLimits(
                int(settings.registrar.minimum_seconds),
                int(settings.registrar.default_seconds),
                int(settings.registrar.maximum_seconds),
                settings.registrar.contacts,
            ),
            clock.wall(),
            settings.registrar.ping_seconds,
            server._store_failed,
        )
        count = await server.registrar.load(clock.wall())
        if count:
            log.info("registrations from before", count=count)
        server.records = stores.records
        server.recorder = Recorder(
            stores.records,
            server.loop.call_later,
            lambda site, user: whose(server.plans, site, user),
            server._record_failed,
        )
        # What is handed over now, the closing store still writes.
        stack.callback(server.recorder.flush)
        await server.recorder.resume(clock.wall())
        await server._open_relay(stack)
        directory = PeerDirectory(settings.peers)
        server.manager = TransportManager(
            settings.listeners,
            lambda data, flow: server.switch.receive(data, flow),
            server._flow_closed,
            server._tls(),
            Limits(
                **{name: getattr(settings.limits, name) for name in settings.limits.__slots__},
                body_bytes=settings.max_body_bytes,
            ),
            on_framing_error=server._framing_error,
            exempt=lambda host: directory.peer(host) is not None,
        )
        dns = DnsCache()
        stack.callback(dns.close)
        resolver = FlowResolver(server, Resolver(dns))
        server.switch = Switch(
            Outside(
                clock,
                server.manager.send,
                server.client,
                resolver,
                directory,
                SwitchLog(),
                server._wake,
                server.manager.is_open,
                server.manager.keep,
            ),
            plans=server.plans,
            listeners=settings.listeners,
            registrar=server.registrar,
            verifier=Authenticator(
                server._credentials,
                settings.digest.algorithms,
                settings.digest.nonce_seconds,
                randomness.token_bytes(32),
                server._auth_failed,
            ),
            ids=Ids(),
            token_key=_token_key(settings),
            bus=bus,
            timers=TimerValues(
                settings.transactions.t1_seconds,
                settings.transactions.t2_seconds,
                settings.transactions.t4_seconds,
                settings.transactions.timer_c_seconds,
            ),
            anchors=settings.relay.use == "always",
            outside_domains=settings.outside_domains,
            own_hosts=own_addresses(),
            recorder=server.recorder,
        )
        server.switch.start()
        await server.manager.start()
        stack.push_async_callback(server.manager.stop)
        stack.callback(server._stop_timers)
        control = ControlServer(
            settings.control,
            {
                "status": server.status,
                "why": server.why,
                "reload": server.reload,
                "reload secrets": server.reload_secrets,
                "forget person": server.forget_person,
            },
        )
        await control.start()
        stack.push_async_callback(control.stop)
        server._watchdog()
        server.start_task(server._keep_records())
        return server

    # -- what is opened

    async def _open_relay(self, stack: AsyncExitStack) -> None:
        relay = self.settings.relay
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="softswitch-"))
        control = f"unix:{folder}/relay.sock"
        self.client = RelayClient(control)
        self.relay = None
        if relay.use == "never":
            return
        if not relay.addresses:
            raise CannotStart("relay: no address to relay media on; name one under relay: networks:")
        networks = tuple(Network(one.network, one.bind, one.advertised) for one in relay.addresses)
        self.relay = RelaySupervisor(
            RelaySettings(control, networks, relay.ports.first, relay.ports.last, relay.silence_seconds),
            self._relay_changed,
        )
        try:
            await self.relay.start()
        except RuntimeError as error:
            raise CannotStart(str(error)) from error
        stack.push_async_callback(self.relay.stop)
        self.client.open()
        stack.callback(self.client.close)

    def _tls(self) -> TlsContexts | None:
        if all(listener.transport != "TLS" for listener in self.settings.listeners):
            return None
        files = self.settings.tls
        names = [*self.plans, *(listener.advertised_host for listener in self.settings.listeners)]
        warning = ensure_certificate(files.certificate, files.key, names, self.clock.wall())
        if warning:
            log.warning(warning)
        return TlsContexts(TlsFiles(files.certificate, files.key))

    # -- call-backs

    def _wake(self, due: float) -> None:
        if self._wake_handle is not None:
            self._wake_handle.cancel()
        delay = max(0.0, due - self.clock.monotonic())
        self._wake_handle = self.loop.call_later(delay, self.switch.advance)

    def _stop_timers(self) -> None:
        if self._wake_handle is not None:
            self._wake_handle.cancel()
        for task in self._tasks:
            task.cancel()

    def _flow_closed(self, flow: Flow, reason: str) -> None:
        if log.debug_on:
            log.debug("flow closed", flow=str(flow), reason=reason)
        self.switch.flow_closed(flow, reason)

    def _framing_error(self, error: PeerError, flow: Flow) -> None:
        with self.switch.moment():
            self.switch.malformed(error, flow)

    def _store_failed(self, error: BaseException) -> None:
        log.error("registration not stored, and refused", reason=str(error))

    def _record_failed(self, error: BaseException) -> None:
        unsaid = self._quieter.ask("call records", self.clock.monotonic())
        if unsaid is not None:
            log.error("calls not recorded", reason=str(error), more_before=unsaid)

    async def _keep_records(self) -> None:
        """Once an hour: delete what is too old, end what nobody will end."""
        keep = self.settings.records.keep_seconds
        if isinstance(self.clock, ShiftedClock):
            keep = 0.0  # who tries out next year does not mean to lose this one
        while True:
            wall = self.clock.wall()
            self.recorder.close_silent(wall)
            try:
                deleted = await delete_old(self.records, wall, keep)
            except StoreError as error:
                log.error("old call records not deleted", reason=str(error))
            else:
                if deleted:
                    log.info("old call records deleted", count=deleted)
            await asyncio.sleep(SWEEP_SECONDS)

    def _relay_changed(self, status: RelayStatus) -> None:
        if status.state == "waiting":
            log.error("media relay ended", exit=status.last_exit, restarts=status.restarts)
            self.alarms["relay"] = "the media relay ended by itself and is being started again; see the log"
        elif status.state == "running":
            self.alarms.pop("relay", None)

    def _credentials(self, site: str, account: str, user: str, algorithm: str) -> bytes | None:
        plan = self.plans.get(site)
        phone = plan.phones.get(account) if plan is not None else None
        return None if phone is None else self.secrets.ha1(phone.secret, site, user, algorithm)

    def _auth_failed(self, site: str, user: str, host: str) -> None:
        unsaid = self._quieter.ask(host, self.clock.monotonic())
        if unsaid is not None:
            log.warning("wrong password or unknown account", site=site, user=user, source=host, more_before=unsaid)

    def _watchdog(self) -> None:
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
        await _until(lambda: self.switch.unanswered <= len(self.switch.core.ringing), DRAIN_SECONDS)
        self.switch.shut()
        await _until(lambda: not self.switch.unanswered, SHUT_SECONDS)

    # -- the control socket

    async def reload(self, request: dict[str, Any]) -> dict[str, Any]:
        """For `softswitch reload`: dialplans and secrets anew."""
        try:
            return (await self.reloader.reload(str(request.get("shown_from", "")))).as_json()
        except CheckFailed as error:
            raise ControlError(f"{error}; nothing was changed") from error

    async def reload_unasked(self) -> None:
        """The same for a signal: what came of it is in the log."""
        try:
            await self.reloader.reload()
        except CheckFailed as error:
            log.error("reload failed, nothing was changed", reason=str(error))

    def _use(self, found: Configuration) -> None:
        """From the reloader: go by these plans and secrets from the next message on."""
        self.plans = found.plans
        self.secrets = found.secrets
        self.settings = replace(self.settings, dialplans=found.settings.dialplans, secrets=found.settings.secrets)
        self.switch.core.use_plans(found.plans)

    async def reload_secrets(self, _: dict[str, Any]) -> dict[str, Any]:
        """For `softswitch phone add`: read the secrets file again."""
        try:
            count = await self.reloader.reload_secrets()
        except ConfigError as error:
            raise ControlError(str(error)) from error
        return {"entries": count}

    async def forget_person(self, request: dict[str, Any]) -> dict[str, Any]:
        """For `softswitch person forget`: registrations and call records; how many of each are gone."""
        site, person = str(request.get("site", "")), str(request.get("person", ""))
        plan, wall = self.plans.get(site), self.clock.wall()
        removed = 0
        for account in accounts_of(plan, person) if plan is not None else ():
            removed += await self._remove_registrations(site, account, wall)
        try:
            calls = await self.records.forget(site, person)
        except StoreError as error:
            raise ControlError(str(error)) from error
        log.info("forgot a person", site=site, registrations=removed, calls=calls)
        return {"registrations": removed, "calls": calls}

    async def _remove_registrations(self, site: str, account: str, wall: float) -> int:
        count = len(self.registrar.bindings(site, account, wall))
        done: asyncio.Future[int] = self.loop.create_future()

        def removed(status: int, reason: str, headers: Sequence[bytes]) -> None:
            if not done.done():  # whoever asked may be gone
                done.set_result(status)

        with self.switch.moment():
            self.registrar.remove(site, account, wall, removed)
        if await done != 200:
            raise ControlError("the registrations could not be removed; the log says why")
        return count

    async def status(self, _: dict[str, Any]) -> dict[str, Any]:
        """For `softswitch status`."""
        core, wall = self.switch.core, self.clock.wall()
        connections = [connection.flow.listener for connection in self.manager.connections()]
        relay: dict[str, Any] = {"state": "off"}
        if self.relay is not None:
            state = self.relay.status
            relay = {"state": state.state, "pid": state.pid, "restarts": state.restarts}
        counters = self.switch.counters
        return Status(
            version=__version__,
            pid=os.getpid(),
            uptime_seconds=wall - self.started_at,
            time=datetime.fromtimestamp(wall, UTC).isoformat(timespec="seconds"),
            listeners=[
                ListenerStatus(
                    one.transport,
                    _hostport(one.host, one.port),
                    _hostport(one.advertised_host, one.advertised_port),
                    one.network,
                    connections.count(one),
                )
                for one in self.settings.listeners
            ],
            registrations=[
                RegistrationStatus(
                    one.site,
                    one.account,
                    person.name if (person := self.plans[one.site].person_of(one.account)) else "",
                    one.contact,
                    str(self.switch.flow_of(one) or "gone with a restart"),
                    one.user_agent,
                    one.expires_at - wall,
                )
                for one in self.registrar.all(wall)
                # A phone that a reload took away is as good as not registered.
                if one.site in self.plans and one.account in self.plans[one.site].phones
            ],
            calls=[
                CallStatus(
                    call.call_id.decode("utf-8", "replace"),
                    call.caller,
                    call.called,
                    "answered" if call.answered_at else "ringing",
                    wall - (call.answered_at or call.started_at),
                    call.label,
                )
                for call in core.calls
            ],
            relay=relay,
            counters={
                "messages in": counters.messages_in,
                "messages out": counters.messages_out,
                "malformed": counters.malformed,
                "bugs": counters.bugs,
                "transactions": len(self.switch.layer.servers) + len(self.switch.layer.clients),
            },
            alarms=list(self.alarms.values()),
        ).as_json()

    def why(self, request: dict[str, Any]) -> dict[str, Any]:
        """For `softswitch why`."""
        who, _, site = str(request.get("who", "")).partition("@")
        if not site and len(self.plans) == 1:
            site = next(iter(self.plans))
        plan = self.plans.get(site)
        if plan is None:
            raise ControlError(f"which site? There are {', '.join(self.plans)}: say 101@{next(iter(self.plans))}")
        wall = self.clock.wall()
        return why(plan, who, lambda account: self.registrar.bindings(plan.site, account, wall), wall).as_json()


def by_family(settings: Settings) -> Settings:
    """The settings with a network of IPv4 and IPv6 taken as two: the relay has one address for each."""
    ipv4 = {one.network for one in settings.relay.addresses if ":" not in one.bind}
    both = {one.network for one in settings.relay.addresses if ":" in one.bind} & ipv4

    def named(network: str, ipv6: bool) -> str:
        return f"{network} IPv6" if ipv6 and network in both else network

    relay = replace(
        settings.relay,
        addresses=tuple(replace(one, network=named(one.network, ":" in one.bind)) for one in settings.relay.addresses),
    )
    listeners = tuple(replace(one, network=named(one.network, one.ipv6)) for one in settings.listeners)
    return replace(settings, relay=relay, listeners=listeners)


class PeerDirectory:
    """Which addresses are listed peers."""

    def __init__(self, peers: Sequence[Peer]) -> None:
        from ipaddress import ip_address

        @lru_cache(10_000)
        def find(host: str) -> str | None:
            address = ip_address(host.partition("%")[0])
            for peer in peers:
                if address.version == peer.network.version and address in peer.network:
                    return peer.name
            return None

        self.peer: Callable[[str], str | None] = find if peers else lambda host: None


class FlowResolver:
    """Names into flows, by the asynchronous resolver; the proxy's `Resolver`."""

    def __init__(self, server: Server, resolver: Resolver) -> None:
        self._server = server
        self._resolver = resolver

    def resolve(self, uri: bytes, size_bytes: int, done: Callable[[Sequence[Flow]], None]) -> None:
        self._server.start_task(self._resolve(uri, size_bytes, done))

    async def _resolve(self, uri: bytes, size_bytes: int, done: Callable[[Sequence[Flow]], None]) -> None:
        try:
            parsed = parse_uri(uri)
        except PeerError:
            done(())
            return
        transport = parsed.param(b"transport")
        targets = await self._resolver.resolve(
            parsed.host.decode(),
            parsed.port,
            transport.decode("latin-1").upper() if transport else None,
            parsed.scheme == b"sips",
            ("TCP", "UDP", "TLS") if size_bytes > LARGE_BYTES else ("UDP", "TCP", "TLS"),
        )
        listeners = self._server.settings.listeners
        done([flow for target in targets if (flow := choose_flow(target, listeners)) is not None])


class SwitchLog(Log):
    """The pump's words, in the switch's log."""

    def note(self, call_id: bytes, event: str, **details: object) -> None:
        if log.info_on:
            words = {name: "; ".join(value) if isinstance(value, tuple) else value for name, value in details.items()}
            log.info(event, call_id=call_id, **words)

    def bug(self, error: BaseException, call_id: bytes) -> None:
        log.bug("a mistake of the switch; the request got 500", error, call_id=call_id)

    def dropped(self, flow: Flow, reason: str) -> None:
        if log.debug_on:
            log.debug("dropped what is no message", flow=str(flow), reason=reason)


async def _until(done: Callable[[], bool], seconds: float) -> None:
    """Wait for something that gives no notice, at most so long."""
    for _ in range(int(seconds / DRAIN_LOOK_SECONDS)):
        if done():
            return
        await asyncio.sleep(DRAIN_LOOK_SECONDS)


def _token_key(settings: Settings) -> bytes:
    """The key of the dialog tokens: kept beside the database, so that calls outlive a restart."""
    if settings.sqlite_file is None:
        return randomness.token_bytes(32)
    path = Path(f"{settings.sqlite_file}.key")
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(randomness.token_bytes(32))
    key = path.read_bytes()
    if len(key) < 16:
        raise CannotStart(f"{path} is damaged; remove it and start again (running calls will not be hung up properly)")
    return key[:64]


def _reason(error: Exception) -> str:
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    hint = "; `ss -lntup` shows by whom" if error.errno == errno.EADDRINUSE else ""
    return f"{error.strerror}{hint}" + (f": {error.filename}" if error.filename else "")


def _hostport(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _shown(listener: Listener) -> str:
    return f"{listener.transport.lower()}:{_hostport(listener.host, listener.port)}"
