"""An emergency call in words, and those who are told of it by a text on their phones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from softswitch.dialplan.plan import Plan
from softswitch.events import Bus, EmergencyCalled

_WORDS = {
    "en": "Emergency call: {who} called {number} at {when}, {place}.",
    "de": "Notruf: {who} hat um {when} die {number} angerufen, {place}.",
    "es": "Llamada de emergencia: {who} llamó al {number} a las {when}, {place}.",
}
_NOWHERE = {
    "en": "from a place that the switch does not know",
    "de": "von einem Ort, den die Telefonanlage nicht kennt",
    "es": "desde un lugar que la centralita no conoce",
}


def in_words(plan: Plan, account: str, number: str, location: str, wall: float) -> str:
    """For people who are to be alarmed; `wall` is when it was."""
    person = plan.person_of(account)
    who = f"{person.display} ({person.number or person.name}, {account})" if person is not None else account
    when = datetime.fromtimestamp(wall, UTC).astimezone(ZoneInfo(plan.timezone))
    place = location or _NOWHERE[plan.language]
    return _WORDS[plan.language].format(who=who, number=number, when=f"{when:%H:%M}", place=place)


class Alarm:
    """Has everybody told whom the dialplan names. The messages are kept until a phone takes them."""

    def __init__(
        self,
        bus: Bus,
        plan_at: Callable[[str], Plan | None],
        tell: Callable[[str, str, str], None],
        wall: Callable[[], float],
    ) -> None:
        """`tell` gets site, person and text."""
        self._plan_at = plan_at
        self._tell = tell
        self._wall = wall
        bus.subscribe(EmergencyCalled, self._called)

    def _called(self, event: EmergencyCalled) -> None:
        plan = self._plan_at(event.site)
        if plan is None:
            return
        text = in_words(plan, event.account, event.number, event.location, self._wall())
        for person in plan.emergencies.tell:
            self._tell(plan.site, person, text)
