"""What the control socket answers for `softswitch emergency`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from softswitch.bridge.alarm import shown_for
from softswitch.bridge.trial import Trial
from softswitch.dialplan.emergency import emergency_call
from softswitch.dialplan.plan import Person, Plan
from softswitch.dialplan.trunk import OutsideCall
from softswitch.ops.control import ControlError, Handler
from softswitch.server.running import Server


class EmergencyAnswers:
    """About one running switch."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def handlers(self) -> Mapping[str, Handler]:
        """By the command that is answered."""
        return {"emergency test": self.test, "emergency calls": self.calls}

    def calls(self, _: dict[str, Any]) -> dict[str, Any]:
        """For `softswitch emergency calls`: those of the last day."""
        wall = self._server.clock.wall()
        return {
            "calls": [
                {
                    "site": call.site,
                    "account": call.account,
                    "number": call.number,
                    "location": call.location,
                    "seconds_ago": wall - call.at,
                    "over": bool(call.ended_at),
                    "mailed": bool(call.mailed_at),
                }
                for call in self._server.switch.bridges.emergencies
            ]
        }

    async def test(self, request: dict[str, Any]) -> dict[str, Any]:
        """For `softswitch emergency test`: what a call for help from these phones would do; `call` has it tried."""
        plan, phones = self._phones(str(request.get("who", "")), str(request.get("site", "")))
        lines: list[str] = []
        good = True
        for account in phones:
            person = plan.person_of(account)
            call, reasons = emergency_call(plan, "", person.name if person is not None else "", account)
            lines.append(f"{account}, {person.display if person is not None else 'of nobody'}:")
            if call is None:
                good = False
                lines += (f"  {reason}" for reason in reasons)
                continue
            good = self._told(plan, call, lines) and good
            if request.get("call"):
                good = await self._call(plan, call, lines) and good
        return {"lines": lines, "good": good}

    def _phones(self, who: str, site: str) -> tuple[Plan, list[str]]:
        plans = [plan for plan in self._server.plans.values() if site in ("", plan.site)]
        for plan in plans:
            if who in plan.phones:
                return plan, [who]
            found = plan.lookup(who)
            if isinstance(found, Person):
                accounts = [account for place in found.places.values() for account in place.phones]
                if accounts:
                    return plan, accounts
                raise ControlError(f"{found.display} has no phone")
        raise ControlError(f'no person or phone is called "{who}"')

    def _told(self, plan: Plan, call: OutsideCall, lines: list[str]) -> bool:
        server = self._server
        found = server.switch.trunks.lines(plan.site, call)
        works = [line for line in found if line.state != "down"]
        shown = shown_for(plan, call.person, call.trunks)
        lines.append(f"  numbers: {', '.join(sorted(plan.emergency))}")
        lines.append("  over: " + ", ".join(f"{line.name} ({line.detail or line.state})" for line in found))
        lines.append(f"  place: {call.location.words if call.location is not None else 'not known, write location:'}")
        lines.append(f"  shows: {' or '.join(shown) or 'no number, write number: of the trunk'}")
        told = [*plan.emergencies.tell, *plan.emergencies.mail]
        lines.append(f"  told of it: {', '.join(told) or 'nobody, write emergency: tell:'}")
        if plan.emergencies.mail and server.settings.mail is None:
            lines.append("  the settings have no mail:, so nothing can be mailed")
            return False
        return bool(works) and call.location is not None and bool(shown)

    async def _call(self, plan: Plan, call: OutsideCall, lines: list[str]) -> bool:
        number = plan.emergencies.test
        if not number:
            raise ControlError("there is no number to call for a test: write test: under emergency:")
        server, finished = self._server, asyncio.Event()
        line = server.switch.trunks.lines(plan.site, call)[0]
        with server.switch.moment():
            trial = Trial(server.switch.bridges, line, number, finished.set, call.location)
            trial.start()
        await finished.wait()
        lines += (f"  {text}" for text in trial.lines)
        return trial.good
