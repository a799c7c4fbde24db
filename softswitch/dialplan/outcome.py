"""Outcomes: what the attempt to reach somebody came to, in the operators' four words."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple


class Outcome(Enum):
    """Why a step of a route did not end in a conversation. `value` is how operators write it."""

    BUSY = "busy"
    NO_ANSWER = "no answer"
    UNREACHABLE = "unreachable"
    DECLINED = "declined"

    # By identity: an Enum hashes its name in Python, and decisions look outcomes up in dicts all day.
    __hash__ = object.__hash__


class Moved(NamedTuple):
    """What else a step may come to: the phone itself sends the call on (302, RFC 3261 §21.3.3)."""

    to: str
    """The user part within this firm."""

    @property
    def value(self) -> str:
        """How it reads in records and explanations."""
        return f"moved to {self.to}"


Came = Outcome | Moved
"""What a step came to."""

OUTCOMES_BY_STATUS: dict[int, tuple[Outcome, str]] = {
    408: (Outcome.UNREACHABLE, "no response; `no answer` when the phone had rung"),
    433: (Outcome.DECLINED, "the phone takes no anonymous calls (RFC 5079)"),
    486: (Outcome.BUSY, "the phone is in use, or its reject key was pressed: most phones send this then"),
    487: (Outcome.NO_ANSWER, "we ended the attempt because the ring time was over"),
    600: (Outcome.DECLINED, "busy everywhere: the phone speaks for all of its owner's phones"),
    603: (Outcome.DECLINED, "the call was refused"),
    607: (Outcome.DECLINED, "the call is unwanted (RFC 8197)"),
    608: (Outcome.DECLINED, "a machine refused the call for its owner (RFC 8688)"),
}
"""The statuses that say more than "it failed"; every other final status from 300 on is `unreachable`."""

OUTCOMES_BY_EVENT: dict[str, tuple[Outcome, str]] = {
    "nothing registered": (Outcome.UNREACHABLE, "no phone of the place is registered"),
    "no response": (Outcome.UNREACHABLE, "the phone is registered but sent nothing at all"),
    "moved": (Outcome.UNREACHABLE, "a 300, 301 or 302 to somebody of the firm sends the call there; else it counts so"),
    "on another call": (Outcome.BUSY, "of somebody with `busy when: on any call`; no phone rings"),
    "do not disturb": (Outcome.DECLINED, "set by the person; no phone rings"),
    "ring time over": (Outcome.NO_ANSWER, "the phone rang and nobody took the call"),
}
"""What can happen without a status from a phone."""

COMBINING: tuple[Outcome, ...] = (Outcome.DECLINED, Outcome.NO_ANSWER, Outcome.BUSY, Outcome.UNREACHABLE)
"""Of several phones at once, the first of these that any phone had is the outcome of all."""

FINAL_RESPONSES: dict[Outcome, tuple[int, str]] = {
    Outcome.BUSY: (486, "Busy Here"),
    Outcome.NO_ANSWER: (480, "Temporarily Unavailable"),
    Outcome.UNREACHABLE: (480, "Temporarily Unavailable"),
    Outcome.DECLINED: (603, "Decline"),
}
"""What the caller is told when the last step of a route ended so."""


def outcome_of(status: int, rang: bool = False) -> Outcome:
    """The outcome that a final SIP status from 300 to 699 stands for; `rang` says that a 180 came before it.

    Raises ValueError for a status that is no failure.
    """
    if not 300 <= status <= 699:
        raise ValueError(f"{status} is no failure")
    if status == 408 and rang:
        return Outcome.NO_ANSWER
    known = OUTCOMES_BY_STATUS.get(status)
    return known[0] if known else Outcome.UNREACHABLE


def combine(outcomes: Iterable[Outcome]) -> Outcome:
    """The one outcome of several phones or members; UNREACHABLE when there were none."""
    seen = set(outcomes)
    for outcome in COMBINING:
        if outcome in seen:
            return outcome
    return Outcome.UNREACHABLE


def outcome_named(text: str) -> Outcome:
    """The outcome that an operator calls so, e.g. "no answer".

    Raises ValueError naming the four words.
    """
    try:
        return Outcome(" ".join(text.replace("_", " ").lower().split()))
    except ValueError:
        words = ", ".join(f'"{outcome.value}"' for outcome in Outcome)
        raise ValueError(f'no outcome "{text}"; there are {words}') from None


def tables() -> str:
    """The tables of docs/outcomes.md, as Markdown."""
    lines = ["| status | outcome | meaning |", "|---|---|---|"]
    lines += [f"| {status} | {o.value} | {why} |" for status, (o, why) in OUTCOMES_BY_STATUS.items()]
    lines += ["| any other 3xx to 6xx | unreachable | the call could not be set up there |", ""]
    lines += ["| event | outcome | meaning |", "|---|---|---|"]
    lines += [f"| {event} | {o.value} | {why} |" for event, (o, why) in OUTCOMES_BY_EVENT.items()]
    lines += ["", "| last outcome | the caller gets |", "|---|---|"]
    lines += [f"| {o.value} | {status} {phrase} |" for o, (status, phrase) in FINAL_RESPONSES.items()]
    return "\n".join(lines) + "\n"
