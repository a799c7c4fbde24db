"""What the control socket answers for `softswitch presence`."""

from __future__ import annotations

from typing import Any

from softswitch.dialplan.plan import Person, Plan
from softswitch.ops.board import PersonStatus
from softswitch.ops.control import ControlError
from softswitch.presence.packages.dialog import Lamp
from softswitch.server.running import Server


class PresenceAnswers:
    """About the people of one running switch."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def presence(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """Everybody, or the one person that is asked for."""
        plans = self._server.plans
        site, who = str(request.get("site", "")), str(request.get("person", ""))
        if site and site not in plans:
            raise ControlError(f"which site? There are {', '.join(plans)}")
        with self._server.switch.moment():
            return [
                self._status(plan, person).as_json()
                for plan in plans.values()
                for person in plan.people.values()
                if (not site or plan.site == site) and (not who or person.name == who)
            ]

    def _status(self, plan: Plan, person: Person) -> PersonStatus:
        presence = self._server.switch.presence
        wall = self._server.clock.wall()
        presence.board.wall = wall
        state = presence.board.state(plan.site, person)
        since = presence.board.since.get((plan.site, person.name), self._server.started_at)
        accounts = [account for place in person.places.values() for account in place.phones]
        return PersonStatus(
            plan.site,
            person.name,
            person.display,
            person.number,
            *state,
            max(0.0, wall - since),
            [one for one in accounts if presence.board.reachable(plan.site, one)],
            [_call(lamp) for lamp in presence.board.lamps(plan.site, [person]) if lamp.state != "ended"],
            presence.watching(plan.site, person.name),
        )


def _call(lamp: Lamp) -> str:
    other = lamp.other or "somebody unknown"
    return f"{'to' if lamp.caller else 'from'} {other}" + ("" if lamp.state == "answered" else f", {lamp.state}")
