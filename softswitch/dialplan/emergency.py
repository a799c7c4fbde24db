"""Emergency numbers: which there are in a country, and over which trunks a call to one goes."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from phonenumbers import PhoneMetadata

from softswitch.dialplan.step import Answer, Reject, Ring, Step
from softswitch.dialplan.trunk import OutsideCall

if TYPE_CHECKING:
    from softswitch.dialplan.facts import Facts
    from softswitch.dialplan.location import Location
    from softswitch.dialplan.outcome import Came
    from softswitch.dialplan.plan import Plan

CALL_BACK_SECONDS = 1800.0
"""So long after an emergency call who calls back reaches the phone itself, if the dialplan says nothing else."""
CALL_BACK_RINGS_SECONDS = 60.0
TEST = "emergency test"
"""What a code for it does."""
SAYS_TEST = f"say {TEST}"
TEST_RINGS_SECONDS = 60.0
_EVERYWHERE = frozenset({"112", "911"})
_KNOWN: Mapping[str, frozenset[str]] = {
    "": _EVERYWHERE,
    "AT": frozenset({"112", "122", "133", "144"}),
    "CH": frozenset({"112", "117", "118", "144"}),
    "DE": frozenset({"110", "112"}),
    "FR": frozenset({"15", "17", "18", "112"}),
    "GB": frozenset({"112", "999"}),
    "US": frozenset({"911"}),
}
"""By country, "" where none is said; what these countries' own authorities publish."""


@dataclass(frozen=True, slots=True)
class Emergency:
    """What the dialplan says of emergency calls."""

    call_back_seconds: float = CALL_BACK_SECONDS
    tell: tuple[str, ...] = ()
    """Keys of the people who get a message."""
    mail: tuple[str, ...] = ()
    """The addresses that get a mail."""
    test: str = ""
    """The number that a test calls, E.164 or short; "" for none."""


NOTHING_SAID = Emergency()


@functools.cache
def emergency_numbers(country: str) -> frozenset[str]:
    """Those of a country ("DE"), none of which can be anybody's extension."""
    known = _KNOWN.get(country)
    if known is not None:
        return known
    metadata = PhoneMetadata.short_metadata_for_region(country, None)
    if metadata is None or metadata.emergency is None or not metadata.emergency.national_number_pattern:
        return _EVERYWHERE
    pattern = re.compile(metadata.emergency.national_number_pattern)
    digits = (f"{number:0{length}d}" for length in (2, 3, 4) for number in range(10**length))
    return frozenset(text for text in digits if pattern.fullmatch(text)) or _EVERYWHERE


def emergency_call(plan: Plan, number: str, person: str, account: str) -> tuple[OutsideCall | None, tuple[str, ...]]:
    """The call to an emergency number from a phone, and why it goes so; None only where there is no trunk at all.

    The line for where the phone stands goes first, then one that is for everywhere; and then any other trunk.
    """
    phone = plan.phones.get(account)
    location = phone.location if phone is not None else None
    lines = [line for line in plan.outside if line.emergency and (number in line.exact or not number)]
    here = [line for line in lines if line.within and _is_within(line.within, location)]
    line = next(iter(here or [line for line in lines if not line.within] or lines), None)
    first = line.trunks if line is not None else ()
    trunks = (*first, *(name for name in plan.trunks if name not in first))
    if not trunks:
        return None, (f"{number} is an emergency number, and there is no trunk to call it over",)
    where = f"; the phone is at {location.words}" if location is not None else "; nobody knows where the phone is"
    reasons = (f"{number} is an emergency number: it goes before everything else, over any trunk{where}",)
    call = OutsideCall(number, trunks, line.number if line else 0, (), person, True, location=location)
    return call._replace(preferred=len(first)), reasons


def drill(plan: Plan, facts: Facts, history: Sequence[Came]) -> Step:
    """What a phone that dials the code for a test gets: the provider's test number by the way of an emergency call.

    Without such a number only words.
    """
    account, test = facts.caller_account, plan.emergencies.test
    reason = f"{facts.called} is the code for {TEST}"
    if account not in plan.phones:
        return Reject(403, "Forbidden", (f"{reason}; only the phones of people here can use it",))
    if not test:
        return Answer(SAYS_TEST, (f"{reason}; there is no number for tests under emergency:",))
    person = plan.person_of(account)
    call, reasons = emergency_call(plan, "", person.name if person is not None else "", account)
    if history or call is None:
        return Reject(480, "Temporarily Unavailable", (reason, *reasons))
    return Ring((), TEST_RINGS_SECONDS, test, (reason,), "", (call._replace(number=test, drill=True),))


def called_back(plan: Plan, facts: Facts) -> Ring:
    """The phone that called for help rings first, past all rules and do-not-disturb; then all goes on as ever."""
    account = facts.called_back
    phone = plan.phones[account]
    label = f"{phone.person} at {phone.place}" if phone.person is not None else account
    return Ring((account,), CALL_BACK_RINGS_SECONDS, label, (f"{account} has called an emergency number before",))


def _is_within(within: frozenset[str], location: Location | None) -> bool:
    return location is not None and (location.name in within or location.country in within)
