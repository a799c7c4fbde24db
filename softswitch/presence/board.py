"""The board: everybody's state as it is known now, and whose may have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from heapq import heappop, heappush
from zoneinfo import ZoneInfo

from softswitch.dialplan.availability import AVAILABILITIES, EVERYBODY_AVAILABLE, OFFLINE, Presences
from softswitch.dialplan.conditions import PresenceIs
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.override import AT, DO_NOT_DISTURB, Override
from softswitch.dialplan.plan import Person, Plan, Team
from softswitch.dialplan.reach import next_to
from softswitch.dialplan.schedule import Schedule
from softswitch.events import BindingChanged, PartChanged
from softswitch.presence import compose
from softswitch.presence.compose import Device, Known, Landing, Published, State
from softswitch.presence.dialoginfo import lamps_from
from softswitch.presence.landing import landing
from softswitch.presence.packages.dialog import Lamp
from softswitch.presence.ports import Ways
from softswitch.presence.publication import Publications
from softswitch.registrar.bindings import Binding

UNKNOWN = State("", "", "", "")
"""Of somebody who was not looked at yet."""
NOTHING_MOVES = frozenset(
    ("call trying", "call ringing", "call answered", "call ended", "published", "publication expired")
)
"""Causes after which somebody's next call lands where it did, unless rules ask how people are."""
Key = tuple[str, str]
"""Site and key of a person or team in the dialplan."""


class Board:
    """What presence knows. It tells nobody: `dirty` holds whose state is to be looked at again, and why."""

    def __init__(
        self, plans: Mapping[str, Plan], ways: Ways, publications: Publications, facts: Callable[[str], Facts]
    ) -> None:
        """`facts(site)`: of a call by nobody in particular at this moment."""
        self._ways = ways
        self._facts = facts
        self.publications = publications
        self.wall = 0.0
        """The moment of the input at hand."""
        self.dirty: dict[Key, str] = {}
        """Person to the cause of the latest change, in the order in which they changed."""
        self._lamps: dict[Key, dict[str, Lamp]] = {}
        """By site and account, then Call-ID."""
        self._ended: dict[Key, list[Lamp]] = {}
        """By person: the calls that ended with the latest change."""
        self._states: dict[Key, State] = {}
        self.since: dict[Key, float] = {}
        """By person: when she became what she is, wall clock."""
        self._reached: dict[Key, bool] = {}
        """By site and account: whether a call could reach the phone when it was looked at last."""
        self._landings: dict[Key, Landing] = {}
        """By person where her next call lands, as long as nothing happened that it depends on."""
        self.use(plans)

    # -- the dialplan

    def use(self, plans: Mapping[str, Plan]) -> None:
        """Go by these plans from now on; everybody is to be looked at."""
        self.plans = dict(plans)
        self._teams: dict[Key, list[str]] = {}
        self._callers: dict[Key, set[Key]] = {}
        """Whose calls may be sent on to this person or team directly, or whose rules ask how they are."""
        self._depend: dict[Key, list[str]] = {}
        """Memory of `_dependents`."""
        self._changes: list[tuple[float, int, str, Schedule | str]] = []
        """When, whatever orders two of the same moment, the site, and whose hours begin or end: all of those who go by
        a schedule, or the one person whose override ends."""
        self._fresh: list[tuple[str, Schedule | str]] = []
        for site, plan in self.plans.items():
            for team in plan.teams.values():
                for member in team.members:
                    self._teams.setdefault((site, member), []).append(team.name)
            everybody: list[Person | Team] = [*plan.people.values(), *plan.teams.values()]
            for one in everybody:
                for name in [other.name for other in next_to(plan, one)] + _asks(one):
                    self._callers.setdefault((site, name), set()).add((site, one.name))
            schedules = {
                id(one): one
                for person in plan.people.values()
                for rule in person.rules
                for condition, _ in rule.checks
                for one in condition.schedules
            }
            self._fresh += [(site, one) for one in schedules.values()]
            self._fresh += [(site, person) for person in self._facts(site).overrides]
            self.look_at_all(site, "dialplan")

    def look_at_all(self, site: str, cause: str) -> None:
        """Everybody's state may be another now."""
        plan = self.plans.get(site)
        for person in plan.people if plan is not None else ():
            self._look_at_too((site, person), cause)

    def next_change(self) -> float | None:
        """When a schedule begins or ends next, seconds since 1970 UTC."""
        if self._fresh:
            self._schedule(self._fresh)
            self._fresh = []
        return self._changes[0][0] if self._changes else None

    def schedules_changed(self) -> None:
        """Look at those whose schedules began or ended by now."""
        while (at := self.next_change()) is not None and at <= self.wall:
            _, _, site, whose = heappop(self._changes)
            self._schedule([(site, whose)])
            if isinstance(whose, str):
                self.override_changed(site, whose)
            else:
                self.look_at_all(site, "schedule")

    def _schedule(self, found: Iterable[tuple[str, Schedule | str]]) -> None:
        for site, whose in found:
            at = self._override_end(site, whose) if isinstance(whose, str) else whose.next_change(self.wall)
            if at is not None:
                heappush(self._changes, (at, id(whose), site, whose))

    def _override_end(self, site: str, person: str) -> float | None:
        held = self._facts(site).overrides.get(person, {}).values()
        return min((one.until for one in held if one.until > self.wall), default=None)

    # -- what happens

    def binding_changed(self, event: BindingChanged) -> str:
        """A phone came or went; whose it is, "" for nobody's."""
        site, account = event.site, event.account
        person = self.person_of(site, account)
        if not person:
            return ""
        before, now = self._reached.get((site, account), False), self.reachable(site, account)
        if event.cause == "refreshed" and before == now:
            return person  # the usual case, and no news
        self._reached[site, account] = now
        self.look_at(site, person, event.cause)
        if before != now:
            for other in self._dependents((site, person)):
                self._look_at_too((site, other), event.cause)
        return person

    def _dependents(self, key: Key) -> list[str]:
        """The people whose next call may land with this one."""
        known = self._depend.get(key)
        if known is None:
            found, waiting = {key}, [key]
            while waiting:
                new = self._callers.get(waiting.pop(), set()) - found
                found |= new
                waiting += new
            people = self.plans[key[0]].people
            known = self._depend[key] = [name for _, name in found if name in people and name != key[1]]
        return known

    def override_changed(self, site: str, person: str) -> None:
        """Somebody set where calls go, or it ended."""
        self.look_at(site, person, "override")
        for other in self._dependents((site, person)):
            self._look_at_too((site, other), "override")
        self._fresh.append((site, person))

    def part_changed(self, event: PartChanged, watched: Callable[[Key], bool]) -> None:
        """A phone's part in a call changed. `watched(person)`: whether anybody sees her lamp."""
        site, account, call_id, state, caller, *_ = event
        lamps = self._lamps.setdefault((site, account), {})
        before = lamps.get(call_id)
        lamp = Lamp(account, call_id, state, caller, event.other, event.local_tag, event.remote_tag)
        key = site, self.person_of(site, account)
        if key not in self.dirty:
            self._ended.pop(key, None)
        if state == "ended":
            lamps.pop(call_id, None)
            if not lamps:
                del self._lamps[site, account]
        else:
            lamps[call_id] = lamp
        seen = key[1] and watched(key)
        if state == "ended" and seen:
            self._ended.setdefault(key, []).append(lamp)
        # What only rings changes no state.
        if seen or (key[1] and (before is not None and before.talks) != (state != "ended" and lamp.talks)):
            self.look_at(*key, f"call {state}")

    def look_at(self, site: str, person: str, cause: str) -> None:
        """Somebody's state may be another now."""
        key = site, person
        self.dirty.pop(key, None)
        self.dirty[key] = cause
        if cause not in NOTHING_MOVES:
            self._landings.pop(key, None)

    def _look_at_too(self, key: Key, cause: str) -> None:
        """The same, of somebody whose own doing it is not: a cause of hers counts for more."""
        self.dirty.setdefault(key, cause)
        self._landings.pop(key, None)

    def take(self, at_most: int) -> list[tuple[Key, str]]:
        """The next of those to be looked at, with the causes."""
        found = [(key, self.dirty[key]) for key in list(self.dirty)[:at_most]]
        for key, _ in found:
            del self.dirty[key]
        return found

    # -- what is known

    def person_of(self, site: str, account: str) -> str:
        """Whose phone it is, "" for nobody's."""
        plan = self.plans.get(site)
        person = plan.person_of(account) if plan is not None else None
        return person.name if person is not None else ""

    def has(self, site: str, key: str) -> bool:
        """Whether the dialplan has this person or team."""
        plan = self.plans.get(site)
        return plan is not None and (key in plan.people or key in plan.teams)

    def teams_of(self, site: str, person: str) -> list[str]:
        """The teams that a person is in."""
        return self._teams.get((site, person), [])

    def update(self, site: str, person: str) -> tuple[State, State]:
        """Compose somebody's state anew: (before, now)."""
        before = self._states.get((site, person), UNKNOWN)
        plan = self.plans.get(site)
        someone = plan.people.get(person) if plan is not None else None
        if plan is None or someone is None:
            self._states.pop((site, person), None)
            return before, UNKNOWN
        now = self._states[site, person] = compose.compose(self._known(plan, someone))
        if now.availability != before.availability:
            self.since[site, person] = self.wall
        if now.availability != before.availability and person in plan.asked:
            for other in self._dependents((site, person)):
                self._look_at_too((site, other), f"{person} {now.availability}")
        return before, now

    def presences(self, plan: Plan) -> Presences:
        """How those are of whom the rules of this plan ask, at this moment."""
        if not plan.asked:
            return EVERYBODY_AVAILABLE
        people = [plan.people[name] for name in plan.asked]
        return {one.name: compose.availability_of(self._devices(plan, one)) for one in people}

    def state(self, site: str, person: Person) -> State:
        """How a person is."""
        known = self._states.get((site, person.name))
        return known if known is not None else self.update(site, person.name)[1]

    def state_of_all(self, site: str, people: Iterable[Person]) -> State:
        """How several people are as one: the first of the words that is true of any of them."""
        found = {self.state(site, one).availability for one in people}
        return State(next((one for one in AVAILABILITIES if one in found), OFFLINE), "", "", "")

    def lamps(self, site: str, people: Iterable[Person]) -> list[Lamp]:
        """The calls of these people's phones, those that just ended last."""
        running: list[Lamp] = []
        ended: list[Lamp] = []
        for person in people:
            for account in _phones(person):
                running += self._lamps.get((site, account), {}).values()
            for published in self.publications.of(site, person.name):
                running += lamps_from(published.lamps)
            ended += self._ended.get((site, person.name), ())
        return running + ended

    def bindings(self, site: str, person: Person) -> list[Binding]:
        """The live bindings of all phones of a person."""
        return [one for account in _phones(person) for one in self._ways.bindings(site, account, self.wall)]

    def reachable(self, site: str, account: str) -> bool:
        """Whether a call could reach the phone now."""
        return any(self._ways.flow_of(one) is not None for one in self._ways.bindings(site, account, self.wall))

    def _known(self, plan: Plan, person: Person) -> Known:
        """All that her state is made of."""
        return self._devices(plan, person)._replace(landing=self._landing(plan, person))

    def _devices(self, plan: Plan, person: Person) -> Known:
        """The same but for where her next call lands."""
        site = plan.site
        devices = []
        for place in person.places.values():
            for account in place.phones:
                there = self._reached[site, account] = self.reachable(site, account)
                devices.append(Device(account, place.name, there, self._talks(site, account)))
        published = [
            Published(one.account, one.open, one.activity, one.note, one.published_at)
            for one in self.publications.of(site, person.name)
            if one.package == "presence" or one.activity  # a phone that is in no call says nothing by that
        ]
        held = self._facts(site).overrides.get(person.name, {})
        silent, at = _holding(held, DO_NOT_DISTURB, self.wall), _holding(held, AT, self.wall)
        said = silent or at
        note = f"until {_clock(said.until, person.timezone or plan.timezone)}" if said and said.until else ""
        return Known(devices, published, silent is not None, at.target if at else "", note)

    def _landing(self, plan: Plan, person: Person) -> Landing:
        key = plan.site, person.name
        found = self._landings.get(key) if not plan.asked else None
        if found is None:
            facts = self._facts(plan.site)._replace(presences=self.presences(plan))
            found = landing(plan, person, facts, lambda account: self.reachable(plan.site, account))
            self._landings[key] = found
        return found

    def _talks(self, site: str, account: str) -> bool:
        lamps = self._lamps.get((site, account))
        return lamps is not None and any(one.talks for one in lamps.values())


def _holding(held: Mapping[str, Override], kind: str, wall: float) -> Override | None:
    """The override of this kind, as long as it holds."""
    found = held.get(kind)
    return found if found is not None and found.holds(wall) else None


def _clock(wall: float, zone: str) -> str:
    return f"{datetime.fromtimestamp(wall, ZoneInfo(zone)):%H:%M}"


def _phones(person: Person) -> list[str]:
    return [account for place in person.places.values() for account in place.phones]


def _asks(one: Person | Team) -> list[str]:
    """The people of whom the rules of this person ask how they are."""
    rules = one.rules if isinstance(one, Person) else ()
    conditions = [condition for rule in rules for condition, _ in rule.checks]
    return [name for one in conditions if isinstance(one, PresenceIs) for asked in one.asked for name in asked.people]
