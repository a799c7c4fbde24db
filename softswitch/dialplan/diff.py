"""What a new dialplan changes for callers: a comparison of decisions over the weeks ahead, not of text.

Both plans are asked whenever a schedule of either begins or ends, for each kind of caller that their rules tell apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from softswitch.dialplan import reach, spans
from softswitch.dialplan.conditions import Condition, From, To
from softswitch.dialplan.decide import MAX_STEPS, Outcome, Ring, next_step
from softswitch.dialplan.explain import in_words
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.plan import Code, Destination, Phone, Plan
from softswitch.dialplan.schedule import Schedule

WEEKS = 2
MAX_CALLERS = 40
"""So many kinds of callers are told apart for one person."""
COMPARED_DEPTH = 2
"""Up to so many outcomes every sequence is compared; further on, the same outcome again and again."""
ANYBODY = ""

Course = dict[tuple[Outcome, ...], str]
"""What happens after each history of outcomes, in words; it ends where nothing can follow. Shortest first."""
Differing = tuple[tuple[Outcome, ...], str, str]
"""The first history after which two courses differ, and what either does then."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that becomes different for callers."""

    who: str
    """Who is called, e.g. "anna (101)"."""
    callers: tuple[str, ...]
    """Whose calls, e.g. "+4930*"; empty for everybody's."""
    hours: str
    """E.g. "mon-fri 17:00-18:00"; "always"."""
    after: tuple[Outcome, ...]
    """Up to these outcomes the two plans do the same."""
    old: str
    """What the old plan does then."""
    new: str

    @property
    def words(self) -> str:
        """A line for the operator, without who is called."""
        parts = [f"from {', '.join(self.callers)}" if self.callers else "", self.hours]
        parts.append(f"after {', '.join(outcome.value for outcome in self.after)}" if self.after else "")
        return f"{', '.join(part for part in parts if part)}: {self.old} → {self.new}"


Timeline = list[tuple[float, float, tuple[bool, ...]]]
"""Stretches of time, and which schedules they are within: those with the same are decided alike."""


def report(old: Plan, new: Plan, wall: float, weeks: int = WEEKS) -> list[str]:
    """What the new plan changes, in words; a line each, empty when no call goes another way.

    `wall` is now; whole days from the present one on are compared.
    """
    lines: list[str] = []
    who = ""
    for change in changes(old, new, wall, weeks):
        if change.who != who:
            who = change.who
            lines.append(f"{who}:")
        lines.append(f"  {change.words}")
    lines += _phones(old.phones, new.phones)
    if old.timezone != new.timezone:
        lines.append(f"the clocks are those of {new.timezone}, no longer of {old.timezone}")
    return lines


def changes(old: Plan, new: Plan, wall: float, weeks: int = WEEKS) -> Iterator[Change]:
    """Every change of a decision within so many weeks, in the order of the plans."""
    zone = ZoneInfo(new.timezone)
    first = datetime.fromtimestamp(wall, UTC).astimezone(zone).date()
    days = 7 * weeks
    start, end = (datetime.combine(first + timedelta(days=n), time(), zone).timestamp() for n in (0, days))
    timelines: dict[tuple[int, ...], Timeline] = {}
    for users in _called(old, new):
        before, after = old.lookup(users[0]), new.lookup(users[0])
        if _alike(old, before, new, after):
            continue
        asked = _Asked(old, new, before, after)
        same = tuple(map(id, asked.schedules))
        if same not in timelines:
            timelines[same] = _timeline(asked.schedules, start, end)
        for user in _told_apart(users, asked.conditions):
            yield from _of_user(asked, user, timelines[same], zone, first, days)


def _timeline(schedules: list[Schedule], start: float, end: float) -> Timeline:
    moments = [start, *reach.changes(schedules, start, end), end]
    return [(since, until, tuple(one.contains(since) for one in schedules)) for since, until in pairwise(moments)]


def _called(old: Plan, new: Plan) -> list[list[str]]:
    """The user parts of both plans, those together that mean the same person in either; numbers first."""
    groups: dict[tuple[str, str], list[str]] = {}
    for user in dict.fromkeys((*new.destinations, *old.destinations)):
        key = (_owner(old.lookup(user)), _owner(new.lookup(user)))
        if "" in key and (user in old.phones or user in new.phones):
            continue  # an account that comes or goes is told as a phone
        groups.setdefault(key, []).append(user)
    return [sorted(users, key=lambda user: not user.isdecimal()) for users in groups.values()]


def _owner(destination: Destination | None) -> str:
    return f"{type(destination).__name__} {destination.name}" if destination else ""


def _alike(old: Plan, before: Destination | None, new: Plan, after: Destination | None) -> bool:
    """Whether nothing that decides these calls was rewritten; then there is nothing to try out."""
    if before is None or after is None or isinstance(before, Code) or isinstance(after, Code):
        return before == after
    return reach.reached(old, before) == reach.reached(new, after)


class _Asked:
    """Both plans, with what decides the calls to one destination."""

    def __init__(self, old: Plan, new: Plan, before: Destination | None, after: Destination | None) -> None:
        self.plans = (old, new)
        found = [(old, before), (new, after)]
        self.conditions: list[Condition] = []
        self.schedules: list[Schedule] = []
        for plan, destination in found:
            if destination is not None:
                self.conditions += reach.conditions(plan, destination)
                self.schedules += reach.schedules(plan, destination)
        self.known: dict[tuple[str, str, tuple[bool, ...]], Differing | None] = {}

    def differing(self, user: str, caller: str, wall: float, within: tuple[bool, ...]) -> Differing | None:
        """Where the plans part for this call; worked out once for all moments `within` the same schedules."""
        key = (user, caller, within)
        if key not in self.known:
            old, new = (_course(plan, _facts(plan, user, caller, wall)) for plan in self.plans)
            parting = (history for history in (*old, *new) if old.get(history) != new.get(history))
            history = min(parting, key=len, default=None)
            nothing = "the call has ended"
            self.known[key] = (
                None if history is None else (history, old.get(history, nothing), new.get(history, nothing))
            )
        return self.known[key]


def _of_user(asked: _Asked, user: str, timeline: Timeline, zone: ZoneInfo, first: date, days: int) -> Iterator[Change]:
    found: dict[tuple[str, Differing], list[str]] = {}
    callers = _callers(asked.conditions)
    for caller, words in callers.items():
        own: dict[Differing, list[tuple[float, float]]] = {}
        for start, end, within in timeline:
            differing = asked.differing(user, caller, start, within)
            if differing is not None:
                own.setdefault(differing, []).append((start, end))
        for differing, stretches in own.items():
            found.setdefault((spans.in_words(stretches, zone, first, days), differing), []).append(words)
    old, new = asked.plans
    destination = new.lookup(user) or old.lookup(user)
    assert destination is not None
    who = destination.name if destination.name == user else f"{destination.name} ({user})"
    for (hours, (after, before, then)), whose in found.items():
        everybody = len(whose) == len(callers)
        yield Change(who, () if everybody else tuple(whose), hours, after, before, then)


def _course(plan: Plan, facts: Facts) -> Course:
    course: Course = {}
    waiting: list[tuple[Outcome, ...]] = [()]
    for history in waiting:  # grows while it is read
        step = next_step(plan, facts, history)
        course[history] = in_words(step)
        if isinstance(step, Ring) and len(history) < MAX_STEPS:
            again = len(history) >= COMPARED_DEPTH
            follow = [history[-1]] if again and len(set(history)) == 1 else [] if again else list(Outcome)
            waiting += ((*history, outcome) for outcome in follow)
    return course


def _facts(plan: Plan, user: str, caller: str, wall: float) -> Facts:
    return Facts(plan.site, user, caller, caller if caller in plan.phones else "", wall)


def _callers(conditions: Iterable[Condition]) -> dict[str, str]:
    """One caller of each kind that the conditions tell apart, and how to name it."""
    asked = [condition for condition in conditions if isinstance(condition, From)]
    names = {ANYBODY: "others"}
    for condition in asked:
        names |= {prefix + "00000000": f"{prefix}*" for prefix in condition.prefixes}
        names |= {one: one for one in sorted(condition.exact)}
    names.setdefault("+0", "others outside")
    kinds: dict[tuple[bool, ...], str] = {}
    for caller in names:
        kinds.setdefault(tuple(condition.fits(Facts("", "", caller)) for condition in asked), caller)
        if len(kinds) == MAX_CALLERS:
            break
    return {caller: names[caller] for caller in kinds.values()}


def _told_apart(users: list[str], conditions: Iterable[Condition]) -> list[str]:
    """One of the user parts for each way in which the conditions see them."""
    asked = [condition for condition in conditions if isinstance(condition, To)]
    kinds: dict[tuple[bool, ...], str] = {}
    for user in users:
        kinds.setdefault(tuple(condition.fits(Facts("", user)) for condition in asked), user)
    return list(kinds.values())


def _phones(old: dict[str, Phone], new: dict[str, Phone]) -> Iterator[str]:
    for name in dict.fromkeys((*new, *old)):
        if name not in old:
            yield f"the phone {name} is new"
        elif name not in new:
            yield f"the phone {name} is gone and can register no more"
        elif old[name].secret != new[name].secret:
            yield f"the phone {name} has another secret"
