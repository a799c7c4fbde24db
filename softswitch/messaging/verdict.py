"""What a phone's answer to a message means for the message (RFC 3428 §4, §8)."""

from __future__ import annotations

from enum import Enum

FEW_TRIES = 5


class Verdict(Enum):
    """`value` is how the log says it."""

    TAKEN = "taken"
    REFUSED = "refused"
    """This phone will never take this message."""
    LATER = "not now"
    """The phone cannot be reached or does not want to be disturbed: it is asked again until the message expires."""
    PERHAPS = "perhaps later"
    """It may be the phone or the message: after FEW_TRIES it is the message, and counts as refused."""


VERDICTS: dict[int, tuple[Verdict, str]] = {
    408: (Verdict.LATER, "no answer"),
    430: (Verdict.LATER, "the connection to the phone is gone"),
    480: (Verdict.LATER, "the phone is not to be disturbed"),
    486: (Verdict.LATER, "the phone is busy"),
    503: (Verdict.LATER, "the phone is overloaded, or just starting"),
    600: (Verdict.LATER, "the phone is busy"),
    404: (Verdict.PERHAPS, "the phone does not know who it is: it may be about to register anew"),
    410: (Verdict.PERHAPS, "as 404"),
    481: (Verdict.PERHAPS, "as 404, of some old phones"),
    487: (Verdict.PERHAPS, "the phone gave up"),
    491: (Verdict.PERHAPS, "the phone is in the middle of something"),
    500: (Verdict.PERHAPS, "the phone has a problem"),
    502: (Verdict.PERHAPS, "something behind the phone has a problem"),
    504: (Verdict.PERHAPS, "something behind the phone has a problem"),
}
"""By final status, and why. Any 2xx is TAKEN; whatever else there is, such as 405, 415, 488 or 603, is REFUSED."""

_WORST = (Verdict.REFUSED, Verdict.PERHAPS, Verdict.LATER, Verdict.TAKEN)


def verdict_of(status: int) -> Verdict:
    """What a final status means."""
    if 200 <= status < 300:
        return Verdict.TAKEN
    found = VERDICTS.get(status)
    return found[0] if found is not None else Verdict.REFUSED


def together(verdicts: list[Verdict]) -> Verdict:
    """Of several contacts of one phone: the most hopeful one counts."""
    return max(verdicts, key=_WORST.index)
