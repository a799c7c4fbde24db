"""Feature codes: what somebody can dial to say where calls are to go, and what the switch then does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from softswitch.dialplan.facts import Facts
from softswitch.dialplan.outside import allowed, number_of
from softswitch.dialplan.override import AT, DO_NOT_DISTURB, FORWARD_ALL, FORWARDS, FORWARDS_AFTER, KINDS
from softswitch.dialplan.plan import Code, Person, Plan, Team
from softswitch.dialplan.step import Answer, Command, Reject


class Action(NamedTuple):
    """What a code does to the overrides of the person who dials it."""

    sets: str
    """The kind of override that it sets; "" for none."""
    ends: tuple[str, ...]
    """The kinds that are over with it."""
    said: str
    """The announcement that answers it; see sound/texts.yaml."""
    needs: str = ""
    """What has to be dialled with it: "number", "place" or nothing."""


ACTIONS: Mapping[str, Action] = {
    FORWARD_ALL: Action(FORWARD_ALL, (), "forwarding on", "number"),
    **{kind: Action(kind, (), "forwarding on", "number") for kind in FORWARDS_AFTER},
    "forward none": Action("", FORWARDS, "forwarding off"),
    DO_NOT_DISTURB: Action(DO_NOT_DISTURB, (), "do not disturb on"),
    "do not disturb off": Action("", (DO_NOT_DISTURB,), "do not disturb off"),
    # Who says where she is wants to be called there: what was said before must not stand against it.
    "I am at": Action(AT, (FORWARD_ALL, DO_NOT_DISTURB), "place chosen", "place"),
    "by my rules": Action("", KINDS, "by the rules"),
}
"""By how an operator writes it after a code."""

PARTS: Mapping[str, str] = {"number": r"\+?\d{1,15}", "place": r"\d{1,2}", "until": r"\d{3,4}"}
"""What can stand in braces in a code, and how it is dialled: `until` as 1800 for 18:00."""
_BRACES = re.compile(r"\{(\w*)\}")


def parse_code(text: str, action: Action | None) -> re.Pattern[str] | None:
    """The pattern of a code such as "*55{place}"; None where it has no braces and is dialled as it is.

    `action` is None for a code that is answered and sets nothing. Raises ValueError in an operator's words.
    """
    parts = _BRACES.findall(text)
    if not re.fullmatch(r"[\d*#]{1,15}", _BRACES.sub("", text)):
        raise ValueError(f'"{text}" can\'t be dialled; a code has digits, * and # only, and perhaps {{number}}')
    for part in parts:
        if part not in PARTS:
            known = ", ".join(f"{{{one}}}" for one in PARTS)
            raise ValueError(f'"{{{part}}}" means nothing in a code; there are {known}')
    if len(set(parts)) < len(parts):
        raise ValueError(f'"{text}" asks for the same twice')
    needs = action.needs if action is not None else ""
    if needs and needs not in parts:
        raise ValueError(f'"{text}" lacks its {{{needs}}}')
    can = {needs, "until" if action is not None and action.sets else ""}
    for part in parts:
        if part not in can:
            raise ValueError(f"{{{part}}} has nothing to do here")
    if not parts:
        return None
    pieces = _BRACES.split(text)
    return re.compile("".join(f"(?P<{one}>{PARTS[one]})" if n % 2 else re.escape(one) for n, one in enumerate(pieces)))


def dialled(plan: Plan, facts: Facts) -> Command | Answer | Reject | None:
    """What a code that was dialled with something in it asks for; None when it is no such code."""
    for code in plan.patterns:
        assert code.pattern is not None
        match = code.pattern.fullmatch(facts.called)
        if match is not None:
            return command(plan, code, facts, match.groupdict())
    return None


def command(plan: Plan, code: Code, facts: Facts, said: Mapping[str, str]) -> Command | Answer | Reject:
    """What comes of a code; `said` is what was dialled in the place of each of its braces."""
    if code.at_once is not None:
        return code.at_once
    person = plan.person_of(facts.caller_account)
    reason = f"{code.name} is the code for {code.what}"
    if person is None:
        return Reject(403, "Forbidden", (f"{reason}; only the phones of people here can use it",))
    target, until = "", 0.0
    if "place" in said:
        places = list(person.places)
        number = int(said["place"])
        if not 1 <= number <= len(places):
            return Reject(404, "No Such Place", (f"{reason}; {person.name} has no place number {number}",))
        target = places[number - 1]
    if "number" in said:
        target = said["number"]
        problem = not_forwarded_to(plan, person, target)
        if problem:
            return Reject(404, "Not Found", (f"{reason}; {problem}",))
    if "until" in said:
        try:
            until = next_time(said["until"], ZoneInfo(person.timezone or plan.timezone), facts.wall)
        except ValueError as error:
            return Reject(484, "No Such Time", (f"{reason}; {error}",))
    return Command(person.name, code.what, target, until, (reason,))


def not_forwarded_to(plan: Plan, person: Person, user: str) -> str:
    """Why a person's calls can't be forwarded to this number or name, in words; "" when they can."""
    destination = plan.destinations.get(user)
    if destination is None and plan.trunks:
        number = number_of(plan, user)
        destination = plan.destinations.get(number)
        if destination is None and number:
            if number in plan.emergency:
                return f"{number} is an emergency number"
            call, reasons = allowed(plan, number, person.name)
            return "" if call is not None else reasons[-1]
    if not isinstance(destination, Person | Team):
        return f'nobody is called "{user}"'
    return "that is the same person" if destination is person else ""


def next_time(text: str, zone: ZoneInfo, wall: float) -> float:
    """The next moment at which clocks of `zone` show "1800", "930" or "18:00"; seconds since 1970 UTC.

    Raises ValueError in words.
    """
    digits = text.replace(":", "").zfill(4)
    hour, minute = int(digits[:-2]), int(digits[-2:])
    if len(digits) > 4 or hour > 23 or minute > 59:
        raise ValueError(f"there is no time {text}")
    today = datetime.fromtimestamp(wall, UTC).astimezone(zone).date()
    for day in (today, today + timedelta(days=1)):
        moment = datetime.combine(day, time(hour, minute), zone).timestamp()
        if moment > wall:
            return moment
    raise AssertionError("a time comes within two days")
