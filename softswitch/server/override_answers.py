"""What the control socket answers about overrides, for `softswitch override` and for pages."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from softswitch.dialplan.plan import Person, Plan
from softswitch.ops.control import ControlError, Handler
from softswitch.overrides.wish import person_named, wished
from softswitch.overrides.words import change_words, override_words
from softswitch.server.running import Server
from softswitch.store.errors import StoreError


class OverrideAnswers:
    """About one running switch."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def handlers(self) -> Mapping[str, Handler]:
        """By the command that is answered."""
        return {"override": self.set, "overrides": self.show}

    async def set(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out `action` for `who`, with `target` and `until` as written; `by` says who asks."""
        server = self._server
        plan, who = self._plan_of(request)
        wall = server.clock.wall()
        try:
            texts = [str(request.get(name, "")) for name in ("action", "target", "until")]
            wish = wished(plan, who, texts[0], texts[1], texts[2], wall)
        except ValueError as error:
            raise ControlError(str(error)) from error
        kept: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def done(problem: str) -> None:
            if not kept.done():  # whoever asked may be gone
                kept.set_result(problem)

        by = str(request.get("by", "")) or "the control socket"
        server.overrides.act(plan.site, wish.person, wish.action, wish.target, wish.until, by, wall, done)
        problem = await kept
        if problem:
            raise ControlError(f"nothing was set: {problem}")
        return self._held(plan, plan.people[wish.person])

    async def show(self, request: dict[str, Any]) -> dict[str, Any]:
        """What holds: of `who`, with its history where `history` is true, or of everybody."""
        server = self._server
        if not request.get("who"):
            people = [
                (plan, plan.people[name])
                for plan in server.plans.values()
                for name in server.overrides.of(plan.site)
                if name in plan.people
            ]
            held = [self._held(plan, person) for plan, person in people]
            return {"people": [one for one in held if one["lines"]]}
        plan, who = self._plan_of(request)
        try:
            person = person_named(plan, who)
        except ValueError as error:
            raise ControlError(str(error)) from error
        found = self._held(plan, person)
        if request.get("history"):
            try:
                changes = await server.override_store.history(plan.site, person.name)
            except StoreError as error:
                raise ControlError(str(error)) from error
            found["history"] = [change_words(one, _zone(plan, person)) for one in changes]
        return {"people": [found]}

    def _held(self, plan: Plan, person: Person) -> dict[str, Any]:
        held = self._server.overrides.of_person(plan.site, person.name, self._server.clock.wall())
        lines = [override_words(one, _zone(plan, person)) for one in held]
        return {"person": person.name, "display": person.display, "site": plan.site, "lines": lines}

    def _plan_of(self, request: dict[str, Any]) -> tuple[Plan, str]:
        plans = self._server.plans
        who, _, site = str(request.get("who", "")).partition("@")
        if not site and len(plans) == 1:
            site = next(iter(plans))
        if site not in plans:
            raise ControlError(f"which site? There are {', '.join(plans)}: say 101@{next(iter(plans))}")
        return plans[site], who


def _zone(plan: Plan, person: Person) -> ZoneInfo:
    return ZoneInfo(person.timezone or plan.timezone)
