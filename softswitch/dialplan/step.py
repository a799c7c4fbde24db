"""Steps: what a decision tells the switch to do next with a call."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.dialplan.trunk import OutsideCall


@dataclass(frozen=True, slots=True)
class Ring:
    """Ring these phones at once; whatever comes of it is told to the next decision as an outcome."""

    phones: tuple[str, ...]
    """Account names, each once."""
    seconds: float
    """How long to ring before the outcome is `no answer`."""
    label: str
    """In the operators' words, e.g. "anna at office"."""
    reasons: tuple[str, ...] = ()
    turn: str = ""
    """The team whose next call begins with the next member, now that this is carried out; "" for none."""
    numbers: tuple[OutsideCall, ...] = ()
    """Numbers of the public network that ring beside the phones; with no phone there is at least one."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse the call with this final response; there is no step after it."""

    status: int
    phrase: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The switch takes the call itself; there is no step after it."""

    what: str
    """"echo": send the caller's sound back."""
    reasons: tuple[str, ...] = ()


Step = Ring | Reject | Answer
"""The closed union; match it with `assert_never`."""
