"""Steps: what a decision tells the switch to do next with a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from softswitch.dialplan.trunk import OutsideCall


class Hop(NamedTuple):
    """Somebody on the way of a call through the dialplan."""

    name: str
    """The key of a person or team."""
    user: str
    """The number, or the key where there is none."""
    cause: str
    """Why the call went on from there, as RFC 5806 §4 names it, e.g. "no-answer"."""


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
    way: tuple[Hop, ...] = ()
    """Who was asked on the way to these phones, from the one called to the one whose rule or team rings."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse the call with this final response; there is no step after it."""

    status: int
    phrase: str
    reasons: tuple[str, ...] = ()
    said: str = ""
    """The announcement that a phone of the firm hears before; "" for none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The switch takes the call itself; there is no step after it."""

    what: str
    """"echo": send the caller's sound back."""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """Carry out for the caller what a feature code says, then answer in words; there is no step after it."""

    person: str
    """Key of the person whose phone dialled it."""
    action: str
    """One of `codes.ACTIONS`."""
    target: str = ""
    """The name of a place, or a name or number that is to be called."""
    until: float = 0.0
    """When it ends by itself, seconds since 1970 UTC; 0 for not at all."""
    reasons: tuple[str, ...] = ()


Step = Ring | Reject | Answer | Command
"""The closed union; match it with `assert_never`."""
