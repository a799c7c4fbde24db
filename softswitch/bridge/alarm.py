"""An emergency call in words, and those who are told of it by a text on their phones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from softswitch.dialplan.emergency import emergency_call
from softswitch.dialplan.plan import Plan
from softswitch.events import Bus, EmergencyCalled, EmergencyTested

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


_TEST = {
    "en": "Test, no emergency call. {account} would show the number {number}, over {trunks}, and this place: {place}",
    "de": "Test, kein Notruf. Von {account} würde die Nummer {number} gezeigt, über {trunks}, und dieser Ort: {place}",
    "es": "Prueba, no es una emergencia. {account} mostraría el número {number}, por {trunks}, y este lugar: {place}",
}


def shown_for(plan: Plan, person: str, trunks: Sequence[str]) -> tuple[str, ...]:
    """The numbers that an emergency call of this person may show: her own, else those of the trunks."""
    own = plan.shown.get(person, "")
    numbers = [plan.trunks[name].number for name in trunks if name in plan.trunks]
    return (own,) if own else tuple(dict.fromkeys(number for number in numbers if number))


def test_in_words(plan: Plan, account: str) -> str:
    """What an emergency call from this phone would tell."""
    person = plan.person_of(account)
    call, _ = emergency_call(plan, "", person.name if person is not None else "", account)
    trunks = call.trunks if call is not None else ()
    place = call.location.words if call is not None and call.location is not None else _NOWHERE[plan.language]
    number = next(iter(shown_for(plan, person.name if person is not None else "", trunks)), "-")
    return _TEST[plan.language].format(account=account, number=number, trunks=", ".join(trunks) or "-", place=place)


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
        bus.subscribe(EmergencyTested, self._tested)

    def _tested(self, event: EmergencyTested) -> None:
        plan = self._plan_at(event.site)
        person = plan.person_of(event.account) if plan is not None else None
        if plan is not None and person is not None:
            self._tell(plan.site, person.name, test_in_words(plan, event.account))

    def _called(self, event: EmergencyCalled) -> None:
        plan = self._plan_at(event.site)
        if plan is None:
            return
        text = in_words(plan, event.account, event.number, event.location, self._wall())
        for person in plan.emergencies.tell:
            self._tell(plan.site, person, text)
