"""Hours of an ordinary week at which nobody can reach somebody, though no rule says that it shall be so."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from softswitch.dialplan import reach, spans
from softswitch.dialplan.decide import next_step
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.plan import Person, Plan
from softswitch.dialplan.source import Source
from softswitch.dialplan.step import Reject
from softswitch.dialplan.walk import NOTHING_LEFT

WEEK_OF = date(2001, 1, 1)
"""A Monday before anything that a dialplan of today says about dates."""
DAYS = 7


def warn_of_unreached(plan: Plan, sources: Iterable[Source]) -> None:
    """Warn where a person's rules end, at some hours, without having rung any phone."""
    written = {name: source for source in sources for name in source.model.people}
    for name, person in plan.people.items():
        hours = unreached(plan, person) if person.rules else ""
        if hours:
            words = "at any time" if hours == spans.ALWAYS else hours
            written[name].warn(f"nobody can reach {name} {words}: no phone rings then", "people", name)


def unreached(plan: Plan, person: Person) -> str:
    """When that is, in words; "" for never. A rule that rejects calls is meant so."""
    zone = ZoneInfo(plan.timezone)
    start, end = (datetime.combine(WEEK_OF + timedelta(days=n), time(), zone).timestamp() for n in (0, DAYS))
    moments = [start, *reach.changes(reach.schedules(plan, person), start, end)]
    found = []
    for moment, until in zip(moments, [*moments[1:], end], strict=True):
        step = next_step(plan, Facts(plan.site, person.name, wall=moment), ())
        if isinstance(step, Reject) and step.reasons and step.reasons[-1].startswith(NOTHING_LEFT):
            found.append((moment, until))
    return spans.in_words(found, zone, WEEK_OF, DAYS) if found else ""
