"""What the control socket answers, for `softswitch status` and its neighbours."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from softswitch import __version__
from softswitch.bridge.trial import Trial
from softswitch.dialplan.outside import number_of
from softswitch.errors import ConfigError
from softswitch.ops.control import ControlError, Handler
from softswitch.ops.log import log
from softswitch.ops.status import CallStatus, ListenerStatus, RegistrationStatus, Status
from softswitch.ops.trunks import trunk_statuses
from softswitch.ops.why import why
from softswitch.records.people import accounts_of
from softswitch.reload.apart import CheckFailed
from softswitch.server.emergency_answers import EmergencyAnswers
from softswitch.server.outside_answers import OutsideAnswers
from softswitch.server.override_answers import OverrideAnswers
from softswitch.server.presence_answers import PresenceAnswers
from softswitch.server.relays import figures
from softswitch.server.running import Server
from softswitch.server.texts import hostport
from softswitch.store.errors import StoreError
from softswitch.voicemail.message import Message


class Answers:
    """About one running switch; `ops/control` says what goes over the socket."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def handlers(self) -> Mapping[str, Handler]:
        """By the command that is answered."""
        return {
            "status": self.status,
            "why": self.why,
            "trunks": self.trunks,
            "trunk test": self.trunk_test,
            "reload": self.reload,
            "reload secrets": self.reload_secrets,
            "forget person": self.forget_person,
            "delete voicemail": self.delete_voicemail,
            **OverrideAnswers(self._server).handlers(),
            **OutsideAnswers(self._server).handlers(),
            **EmergencyAnswers(self._server).handlers(),
            "presence": PresenceAnswers(self._server).presence,
        }

    async def reload(self, request: dict[str, Any]) -> dict[str, Any]:
        """For `softswitch reload`: dialplans and secrets anew."""
        try:
            return (await self._server.reloader.reload(str(request.get("shown_from", "")))).as_json()
        except CheckFailed as error:
            raise ControlError(f"{error}; nothing was changed") from error

    async def reload_secrets(self, _: dict[str, Any]) -> dict[str, Any]:
        """For `softswitch phone add`: read the secrets file again."""
        try:
            count = await self._server.reloader.reload_secrets()
        except ConfigError as error:
            raise ControlError(str(error)) from error
        return {"entries": count}

    async def forget_person(self, request: dict[str, Any]) -> dict[str, Any]:
        """For `softswitch person forget`: how much of each kind is gone, by its name."""
        site, person = str(request.get("site", "")), str(request.get("person", ""))
        plan, wall = self._server.plans.get(site), self._server.clock.wall()
        removed = 0
        for account in accounts_of(plan, person) if plan is not None else ():
            removed += await self._remove_registrations(site, account, wall)
        try:
            calls = await self._server.records.forget(site, person)
            messages = await self._forget_messages(site, person)
            settings = await self._server.override_store.forget(site, person)
            outside = await self._server.kept.usage.forget(site, person)
            presence = await self._forget_presence(site, person)
        except StoreError as error:
            raise ControlError(str(error)) from error
        self._server.overrides.forgotten(site, person)
        voicemails = self._server.boxes.messages(site, person)
        await self._delete_voicemails(voicemails)
        self._server.boxes.remove_greetings(site, person)
        gone = {
            "registrations": removed,
            "call records": calls,
            "messages": messages,
            "settings": settings,
            "calls outside": outside,
            "voicemails": len(voicemails),
            "presence": presence,
        }
        log.info("forgot a person", site=site, **{what.replace(" ", "_"): count for what, count in gone.items()})
        return gone

    async def delete_voicemail(self, request: dict[str, Any]) -> dict[str, Any]:
        """For `softswitch voicemail delete`."""
        message = self._server.boxes.by_id(str(request.get("message", "")))
        if message is None:
            raise ControlError("there is no such message; `softswitch voicemail list` has those that are")
        await self._delete_voicemails([message])
        return {}

    async def _delete_voicemails(self, messages: Sequence[Message]) -> None:
        if not messages:
            return
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._server.boxes.delete(messages, lambda ok: None if done.done() else done.set_result(ok))
        if not await done:
            raise ControlError("the messages could not be deleted; the log says why")

    async def _forget_messages(self, site: str, person: str) -> int:
        with self._server.switch.moment():
            if self._server.switch.messaging is not None:
                self._server.switch.messaging.forget(site, person)
        return await self._server.letters.store.forget(site, person)

    async def _forget_presence(self, site: str, person: str) -> int:
        server = self._server
        with server.switch.moment():
            server.switch.presence.forget(site, person)
        if server.history is not None:
            server.history.flush()
        plan = server.plans.get(site)
        accounts = accounts_of(plan, person) if plan is not None else []
        return await server.presence.forget(site, person, accounts) + await server.history_store.forget(site, person)

    async def _remove_registrations(self, site: str, account: str, wall: float) -> int:
        count = len(self._server.registrar.bindings(site, account, wall))
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def removed(status: int, reason: str, headers: Sequence[bytes]) -> None:
            if not done.done():  # whoever asked may be gone
                done.set_result(status)

        with self._server.switch.moment():
            self._server.registrar.remove(site, account, wall, removed)
        if await done != 200:
            raise ControlError("the registrations could not be removed; the log says why")
        return count

    async def status(self, _: dict[str, Any]) -> dict[str, Any]:
        """For `softswitch status`."""
        server = self._server
        core, wall = server.switch.core, server.clock.wall()
        connections = [connection.flow.listener for connection in server.manager.connections()]
        relay: dict[str, Any] = {"state": "off"}
        if server.relays[0].keeper is not None:
            engines = {one.client.name: "works" if one.works else "does not answer" for one in server.engines}
            relay = {**engines, **await figures(server.relays)}
        quality = await server.quality()
        counters = server.switch.counters
        return Status(
            version=__version__,
            pid=os.getpid(),
            uptime_seconds=wall - server.started_at,
            time=datetime.fromtimestamp(wall, UTC).isoformat(timespec="seconds"),
            listeners=[
                ListenerStatus(
                    one.transport,
                    hostport(one.host, one.port),
                    hostport(one.advertised_host, one.advertised_port),
                    one.network,
                    connections.count(one),
                )
                for one in server.settings.listeners
            ],
            registrations=[
                RegistrationStatus(
                    one.site,
                    one.account,
                    person.name if (person := server.plans[one.site].person_of(one.account)) else "",
                    one.contact,
                    str(server.switch.flow_of(one) or "gone with a restart"),
                    one.user_agent,
                    one.expires_at - wall,
                )
                for one in server.registrar.all(wall)
                # A phone that a reload took away is as good as not registered.
                if one.site in server.plans and one.account in server.plans[one.site].phones
            ],
            calls=[
                CallStatus(
                    call.call_id.decode("utf-8", "replace"),
                    call.caller,
                    call.called,
                    "answered" if call.answered_at else "ringing",
                    wall - (call.answered_at or call.started_at),
                    call.label,
                    list(call.diary.remarks.values()),
                    [one._replace(party=call.party(one.party))._asdict() for one in quality.get(call.call_id, ())],
                )
                for call in core.calls
            ],
            relay=relay,
            messages=server.switch.messaging.counts() if server.switch.messaging is not None else {},
            counters={
                "messages in": counters.messages_in,
                "messages out": counters.messages_out,
                "malformed": counters.malformed,
                "bugs": counters.bugs,
                "transactions": len(server.switch.layer.servers) + len(server.switch.layer.clients),
            },
            alarms=list(server.alarms.values()),
        ).as_json()

    def trunks(self, _: dict[str, Any]) -> dict[str, Any]:
        """For `softswitch trunks`."""
        return {"trunks": trunk_statuses(self._server.switch.trunks, self._server.clock.wall())}

    async def trunk_test(self, request: dict[str, Any]) -> dict[str, Any]:
        """For `softswitch trunk test`."""
        server = self._server
        name, site, number = (str(request.get(key, "")) for key in ("name", "site", "number"))
        found = [line for line in server.switch.trunks if line.name == name and site in ("", line.site)]
        if len(found) != 1:
            known = ", ".join(f"{line.name} of {line.site}" for line in server.switch.trunks) or "none"
            raise ControlError(f'which trunk is "{name}"? There are: {known}')
        (line,) = found
        plan = server.plans[line.site]
        called = number_of(plan, number) if number else ""
        if called in plan.emergency or (number and not called):
            raise ControlError(f"{number} is not called: it is an emergency number, or none at all")
        finished = asyncio.Event()
        trial = Trial(server.switch.bridges, line, called, finished.set)
        with server.switch.moment():
            trial.start()
        await finished.wait()
        return {"lines": trial.lines, "good": trial.good}

    def why(self, request: dict[str, Any]) -> dict[str, Any]:
        """For `softswitch why`."""
        plans = self._server.plans
        who, _, site = str(request.get("who", "")).partition("@")
        if not site and len(plans) == 1:
            site = next(iter(plans))
        plan = plans.get(site)
        if plan is None:
            raise ControlError(f"which site? There are {', '.join(plans)}: say 101@{next(iter(plans))}")
        wall = self._server.clock.wall()
        registrar, overrides = self._server.registrar, self._server.overrides.of(plan.site)
        presences = self._server.switch.presence.presences(plan)
        return why(
            plan, who, lambda one: registrar.bindings(plan.site, one, wall), wall, overrides, presences
        ).as_json()
