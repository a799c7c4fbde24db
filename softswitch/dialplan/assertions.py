"""Assertions: what the operator expects of the dialplan, checked each time it is loaded.

All phones are taken to be registered and idle, everybody to be available, and the caller to be unknown unless the
assertion says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from softswitch.dialplan.availability import supposed
from softswitch.dialplan.conditions import plain_number
from softswitch.dialplan.decide import next_step
from softswitch.dialplan.explain import caller_meant, has_date, in_words, parse_moment
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.models import AssertionModel
from softswitch.dialplan.names import ANNOUNCEMENT, VOICEMAIL_OF
from softswitch.dialplan.outcome import Outcome
from softswitch.dialplan.outside import number_of
from softswitch.dialplan.plan import Code, Person, Place, Plan, Team
from softswitch.dialplan.source import Part, Source, suggestion
from softswitch.dialplan.step import Answer, Command, Reject, Ring, Step

NOBODY = "nobody"
"""What an assertion expects of a call that is refused."""
_PLAIN_WEEKS_FROM = date(2001, 1, 1)
"""A Monday before anything that a dialplan of today says about dates."""
_PLAIN_WEEKS = 52


def check_assertions(plan: Plan, sources: Iterable[Source], wall: float | None = None) -> None:
    """Report every assertion that fails, or can't be understood, where it stands.

    Warns of those on a date before `wall`, if it is given: they say nothing about any call to come.
    """
    for source in sources:
        for index, assertion in enumerate(source.model.assertions):
            _check(plan, source, assertion, ("assertions", index), wall)


def _check(plan: Plan, source: Source, assertion: AssertionModel, path: tuple[Part, ...], wall: float | None) -> None:
    facts = _facts(plan, source, assertion, path, wall)
    if facts is None:
        return
    if wall is not None and has_date(assertion.at) and facts.wall < wall:
        source.warn_here("this date is in the past; the assertion says nothing about calls to come", *path, "at")
    history: tuple[Outcome, ...] = ()
    expectations = [("rings", "", assertion.rings)]
    expectations += [(key, key.removeprefix("then if "), texts) for key, texts in assertion.then.items()]
    for key, word, texts in expectations:
        if word:
            outcome = next((one for one in Outcome if one.value == word), None)
            if outcome is None:
                near = suggestion(word, [one.value for one in Outcome])
                source.error_at_key(f'no outcome "{word}"{near}', *path, key)
                return
            history += (outcome,)
        try:
            step = next_step(plan, facts, history)
            as_expected = _is(step, texts, plan)
        except ValueError as error:
            source.refuse(error, *path, key)
            return
        if not as_expected:
            said = f"{in_words(step)}, not {' and '.join(texts)}"
            source.error("; ".join(["this does not hold: " + said, *step.reasons]), *path, key)
            return


def _facts(
    plan: Plan, source: Source, assertion: AssertionModel, path: tuple[Part, ...], wall: float | None
) -> Facts | None:
    zone = ZoneInfo(plan.timezone)
    try:
        at = parse_moment(assertion.at, zone, 0.0)
        if not has_date(assertion.at):
            at = _on_plain_day(plan, at, zone)
    except ValueError as error:
        source.refuse(error, *path, "at")
        return None
    try:
        caller = caller_meant(plan, assertion.caller)
    except ValueError as error:
        source.refuse(error, *path, "from")
        return None
    called = assertion.to if assertion.to in plan.destinations else plain_number(assertion.to)
    try:
        presences = supposed(assertion.presence or (), plan.people_by_user())
    except ValueError as error:
        source.refuse(error, *path, "presence")
        return None
    return Facts(plan.site, called, caller, caller if caller in plan.phones else "", at, presences=presences)


def _on_plain_day(plan: Plan, at: float, zone: ZoneInfo) -> float:
    """The same weekday and time on a day that is no holiday and no exception of any schedule."""
    wanted = datetime.fromtimestamp(at, UTC).astimezone(zone)
    first = _PLAIN_WEEKS_FROM + timedelta(days=wanted.weekday())
    days = [first + timedelta(weeks=week) for week in range(_PLAIN_WEEKS)]
    day = next((day for day in days if not any(one.excepts(day) for one in plan.schedules.values())), first)
    return datetime.combine(day, time(wanted.hour, wanted.minute), zone).timestamp()


def _is(step: Step, texts: list[str], plan: Plan) -> bool:
    """Whether the step does what is expected.

    A place must ring with all of its phones; of a person or a team any may. Raises ValueError for unknown names.
    """
    if texts == [NOBODY]:
        return isinstance(step, Reject)
    codes = [*plan.patterns, *(one for one in plan.destinations.values() if isinstance(one, Code))]
    if texts[0] in {code.what for code in codes}:
        what = step.what if isinstance(step, Answer) else step.action if isinstance(step, Command) else ""
        return texts == [what]
    if texts[0].startswith((ANNOUNCEMENT, VOICEMAIL_OF)):
        return isinstance(step, Answer) and texts == [step.what]
    expected = [_phones(text, plan) for text in texts]
    if not isinstance(step, Ring):
        return False
    ringing = frozenset((*step.phones, *(call.number for call in step.numbers)))
    all_of_them = frozenset[str]().union(*(phones for phones, _ in expected))
    each = all(phones <= ringing if whole else phones & ringing for phones, whole in expected)
    return bool(each) and ringing <= all_of_them


def _phones(text: str, plan: Plan) -> tuple[frozenset[str], bool]:
    """The phones meant, and whether all of them must ring."""
    who, at, place = text.rpartition(" at ")
    destination = plan.lookup(who if at else text)
    match destination:
        case Person() if at and place in destination.places:
            return frozenset(_of(destination.places[place])), True
        case Person() if not at:
            return frozenset(phone for one in destination.places.values() for phone in _of(one)), False
        case Team() if not at:
            members = [plan.people[name] for name in destination.members]
            return frozenset(p for one in members for place in one.places.values() for p in _of(place)), False
    if plan.trunks and (number := number_of(plan, text)):
        return frozenset((number,)), True
    places = [f"{person.name} at {name}" for person in plan.people.values() for name in person.places]
    known = [*places, *plan.destinations, NOBODY]
    raise ValueError(f'no place, person or team "{text}"{suggestion(text, known)}')


def _of(place: Place) -> tuple[str, ...]:
    """What rings at a place: its phones, or the outside number."""
    return (*place.phones, place.dial) if place.dial else place.phones
