"""Everything that a switch stands on is opened in order; the stack closes it in the opposite one."""

from __future__ import annotations

import secrets as randomness
from contextlib import AsyncExitStack
from functools import partial

from softswitch.clock import Clock
from softswitch.configuration import Configuration, copies_of
from softswitch.events import Bus, EmergencyCalled
from softswitch.ids import Ids
from softswitch.media.client import RelayClient
from softswitch.media.pool import EnginePool
from softswitch.media.rtpengine import RtpengineClient
from softswitch.messaging.letter import Rules
from softswitch.ops.control import ControlServer
from softswitch.ops.interfaces import own_addresses
from softswitch.ops.limits import Limits
from softswitch.ops.log import log
from softswitch.overrides.service import OverrideService
from softswitch.presence.history import History
from softswitch.presence.limits import PresenceLimits
from softswitch.records.people import whose
from softswitch.records.recorder import Recorder
from softswitch.registrar.auth import Authenticator
from softswitch.registrar.service import Registrar
from softswitch.registrar.wishes import RegistrarLimits
from softswitch.server.alarmmail import AlarmMail
from softswitch.server.answers import Answers
from softswitch.server.families import ipv6_networks, straight_networks
from softswitch.server.mail import Mailer
from softswitch.server.outside import FlowResolver, PeerDirectory, SwitchLog
from softswitch.server.refresh import CalendarRefresher
from softswitch.server.relays import relay_parts, start_relay
from softswitch.server.running import Server
from softswitch.server.sounds import OwnSounds
from softswitch.server.tokenkey import token_key
from softswitch.server.voicemail import open_boxes
from softswitch.store.open import open_store
from softswitch.store.outside import KeptOutside
from softswitch.switch import Letters, Outside, Switch
from softswitch.transaction.timers import TimerValues
from softswitch.transport.certificate import ensure_certificate
from softswitch.transport.lookup import DnsCache
from softswitch.transport.manager import TransportManager
from softswitch.transport.resolve import Resolver
from softswitch.transport.tls import TlsContexts, TlsFiles


async def open_server(stack: AsyncExitStack, found: Configuration, clock: Clock) -> Server:
    """Open everything; `stack` closes it. Raises CannotStart, StoreError, ControlError and OSError."""
    server = Server(found, clock)
    bus = Bus()
    await _open_store(server, stack, bus)
    await _open_relay(server, stack)
    _wire(server, stack, bus)
    server.switch.core.bus.subscribe(EmergencyCalled, server.emergency_called)
    server.switch.trunks.on_change = server.trunk_changed
    server.switch.trunks.meter.on_stop = server.abroad_changed
    server.recall_alarms()
    watched = await server.presence.subscriptions(), await server.presence.publications()
    server.switch.start(*watched)
    await server.manager.start()
    stack.push_async_callback(server.manager.stop)
    stack.callback(server.stop_timers)
    control = ControlServer(server.settings.control, Answers(server).handlers())
    await control.start()
    stack.push_async_callback(control.stop)
    server.feed_watchdog()
    server.start_task(server.keep_records())
    _mail_messages(server)
    _mail_emergencies(server)
    server.boxes.recover()
    refresher = CalendarRefresher(
        copies_of(server.settings), lambda: server.plans.values(), server.reload_unasked, server.alarms
    )
    server.start_task(refresher.keep())
    return server


async def _open_store(server: Server, stack: AsyncExitStack, bus: Bus) -> None:
    """The registrar and the recorder, with what they knew before."""
    settings, clock = server.settings, server.clock
    stores = open_store(settings.store)
    stack.push_async_callback(stores.close)
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
        server.store_failed,
        settings.registrar.unpinged,
    )
    count = await server.registrar.load(clock.wall())
    if count:
        log.info("registrations from before", count=count)
    rules = Rules(**{name: getattr(settings.messages, name) for name in settings.messages.__slots__})
    server.letters = Letters(stores.messages, rules, await stores.messages.load(), server.message_failed)
    server.presence = stores.presence
    server.history_store = stores.history
    server.history = None
    if settings.presence.history != "off":
        server.history = History(stores.history, server.loop.call_later, server.presence_failed)
        stack.callback(server.history.flush)
    server.kept = await KeptOutside.load(stores.usage, stores.emergencies, clock.wall(), server.outside_failed)
    server.records = stores.records
    server.boxes = await open_boxes(stack, settings.voicemail.folder, stores.voicemail, bus)
    server.boxes.pin = lambda name: server.secrets.plain(name)
    server.recorder = Recorder(
        stores.records,
        server.loop.call_later,
        lambda site, user: whose(server.plans, site, user),
        server.record_failed,
    )
    server.overrides = OverrideService(stores.overrides, bus, server.override_failed)
    server.override_store = stores.overrides
    held = await server.overrides.load(clock.wall())
    if held:
        log.info("settings of people from before", count=held)
    # What is handed over now, the closing store still writes.
    stack.callback(server.recorder.flush)
    await server.recorder.resume(clock.wall())


async def _open_relay(server: Server, stack: AsyncExitStack) -> None:
    relay = server.settings.relay
    server.relays = relay_parts(server.settings, stack)
    own = server.relays[0].client
    server.engine = own
    file = server.settings.sqlite_file
    server.sounds = OwnSounds((file.parent if file is not None else server.settings.control.parent) / "sounds")
    await server.sounds.prepare(server.plans.values())
    if relay.use == "never":
        return
    for part in server.relays:
        await start_relay(part, server.settings, stack, server.relay_changed)
        part.client.subscribe("ports", partial(server.ports_changed, part))
        part.client.subscribe("kernel", partial(server.kernel_changed, part))
    with_6 = ipv6_networks(server.settings)
    members: list[tuple[RelayClient, int]] = [
        (RtpengineClient(one.host, one.port, ipv6_networks=with_6), one.weight) for one in relay.engine
    ]
    if len(server.relays) > 1:
        members = [(part.client, 1) for part in server.relays]
    if members:
        pool = server.engine = EnginePool(members, own, server.engine_changed)
        pool.open()
        pool.recall()
        stack.callback(pool.close)
    if any(part.keeper is not None and part.keeper.took_over for part in server.relays):
        log.info("media relay taken over", calls=sum(len(part.client.memory) for part in server.relays))


def _wire(server: Server, stack: AsyncExitStack, bus: Bus) -> None:
    """The switch and the sockets it will have, each knowing the other."""
    settings = server.settings
    directory = PeerDirectory(settings.peers)
    server.manager = TransportManager(
        settings.listeners,
        lambda data, flow: server.switch.receive(data, flow),
        server.flow_closed,
        _tls(server),
        Limits(
            **{name: getattr(settings.limits, name) for name in settings.limits.__slots__},
            body_bytes=settings.max_body_bytes,
        ),
        on_framing_error=server.framing_error,
        exempt=lambda host: directory.peer(host) is not None,
        urgent=server.is_urgent,
    )
    dns = DnsCache()
    stack.callback(dns.close)
    resolver = FlowResolver(Resolver(dns), settings.listeners, server.start_task)
    server.switch = Switch(
        Outside(
            server.clock,
            server.manager.send,
            server.engine,
            resolver,
            directory,
            SwitchLog(),
            server.wake,
            server.manager.is_open,
            server.manager.keep,
            server.secret_of,
        ),
        plans=server.plans,
        listeners=settings.listeners,
        registrar=server.registrar,
        overrides=server.overrides,
        verifier=Authenticator(
            server.credentials,
            settings.digest.algorithms,
            settings.digest.nonce_seconds,
            randomness.token_bytes(32),
            server.auth_failed,
        ),
        ids=Ids(),
        token_key=token_key(settings),
        bus=bus,
        timers=TimerValues(
            settings.transactions.t1_seconds,
            settings.transactions.t2_seconds,
            settings.transactions.t4_seconds,
            settings.transactions.timer_c_seconds,
        ),
        anchors=settings.relay.use != "never",
        straight_networks=straight_networks(settings),
        outside_domains=settings.outside_domains,
        own_hosts=own_addresses(),
        recorder=server.recorder,
        letters=server.letters,
        presence_store=server.presence,
        presence_limits=PresenceLimits(
            int(settings.presence.minimum_seconds),
            int(settings.presence.default_seconds),
            int(settings.presence.maximum_seconds),
            settings.presence.subscriptions,
        ),
        on_store_error=server.presence_failed,
        own_sound=server.sounds.find,
        boxes=server.boxes,
        history=server.history,
        kept=server.kept,
    )


def _mail_emergencies(server: Server) -> None:
    """Have mails sent about emergency calls."""
    settings = server.settings.mail
    mails = AlarmMail(
        settings,
        lambda: server.secrets.plain(settings.password) if settings is not None else None,
        server.switch.bridges.emergencies,
        lambda: server.plans,
        server.alarms,
    )
    server.switch.core.bus.subscribe(EmergencyCalled, lambda event: mails.look())
    server.start_task(mails.keep())


def _mail_messages(server: Server) -> None:
    """Have messages sent to people who want them so."""
    settings = server.settings.mail
    if settings is None:
        return
    mailer = Mailer(
        settings,
        lambda: server.secrets.plain(settings.password),
        server.boxes,
        lambda: server.plans,
        server.clock.wall,
        server.alarms,
    )
    server.boxes.arrived = mailer.add
    server.start_task(mailer.keep())


def _tls(server: Server) -> TlsContexts | None:
    if all(listener.transport != "TLS" for listener in server.settings.listeners):
        return None
    files = server.settings.tls
    names = [*server.plans, *(listener.advertised_host for listener in server.settings.listeners)]
    warning = ensure_certificate(files.certificate, files.key, names, server.clock.wall())
    if warning:
        log.warning(warning)
    return TlsContexts(TlsFiles(files.certificate, files.key, files.authorities))
