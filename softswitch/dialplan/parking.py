"""What a code for parking says: how long a call waits there before it rings back, and what follows then."""

from __future__ import annotations

from typing import NamedTuple

from softswitch.dialplan.hours import parse_duration

PARK = "park"
UNTIL_TAKEN = "park until taken"
RING_BACK_SECONDS = 120.0
"""Where nothing is said."""


class Parking(NamedTuple):
    """One place's rules."""

    seconds: float = RING_BACK_SECONDS
    """After so long whoever parked the call is rung, and so on; 0 for never."""
    then: str = ""
    """What the switch does with the call when that one doesn't answer, e.g. "voicemail of anna"; "" to try again."""


def is_parking(what: str) -> bool:
    """Whether a code's text is about parking."""
    return what == PARK or what.startswith(PARK + " ")


def parking_of(what: str) -> Parking:
    """From "park", "park until taken", "park for 90s" or "park for 90s, then voicemail of anna".

    Raises ValueError in an operator's words.
    """
    text, _, then = what.partition(", then ")
    if text == PARK and not then:
        return Parking()
    if text == UNTIL_TAKEN and not then:
        return Parking(0.0)
    if not text.startswith("park for "):
        raise ValueError('write park, park until taken, park for 90s, or "park for 90s, then voicemail of anna"')
    return Parking(parse_duration(text.removeprefix("park for ")), then.strip())
