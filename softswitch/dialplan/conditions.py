"""Forwarding conditions: what a rule may ask of a call. To add one, write a class and a line in CONDITIONS."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from softswitch.dialplan.availability import Asked, split_words
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.schedule import Schedule

_OUTSIDE = re.compile(r"\+\d+\*?|\+\*")


class Condition(Protocol):
    """One thing that must be so for a rule to fit."""

    @property
    def words(self) -> str:
        """How it reads when it is so, e.g. "within office hours"; "not " before it is the opposite."""
        ...

    @property
    def schedules(self) -> tuple[Schedule, ...]:
        """What it asks of time: between two changes of these the answer for the same caller stays the same."""
        ...

    def fits(self, facts: Facts) -> bool:
        """Whether it is so for this call."""
        ...


class Names(Protocol):
    """What the rest of the dialplan defines, as a condition asks for it. Each raises ValueError with a suggestion."""

    def schedule(self, name: str) -> Schedule:
        """The schedule of this name, on the clocks of the person whose rule this is."""
        ...

    def callers(self, name: str) -> Sequence[str]:
        """The numbers of a list, or every name and number of a person or team of our own."""
        ...

    def called(self, name: str) -> Sequence[str]:
        """Every user part that calls this person, team or number."""
        ...

    def watched(self, name: str) -> Sequence[str]:
        """The keys of a person or of a team's members; "" is the person whose rule this is."""
        ...


@dataclass(frozen=True, slots=True)
class When:
    """`when: office hours`: the call started within one of the schedules."""

    words: str
    schedules: tuple[Schedule, ...]

    def fits(self, facts: Facts) -> bool:
        wall = facts.wall
        # any() with a generator costs as much as the question itself.
        for schedule in self.schedules:  # noqa: SIM110
            if schedule.contains(wall):
                return True
        return False


@dataclass(frozen=True, slots=True)
class From:
    """`from: customers`: the caller is one of a list, one of ours, or has such a number."""

    words: str
    exact: frozenset[str]
    prefixes: tuple[str, ...]
    anonymous: bool
    schedules: ClassVar[tuple[Schedule, ...]] = ()

    def fits(self, facts: Facts) -> bool:
        caller = facts.caller
        if not caller:
            return self.anonymous
        if caller in self.exact or facts.caller_account in self.exact:
            return True
        number = plain_number(caller)
        return number in self.exact or number.startswith(self.prefixes)


@dataclass(frozen=True, slots=True)
class To:
    """`to: 101`: which of the person's names and numbers was dialled."""

    words: str
    called: frozenset[str]
    schedules: ClassVar[tuple[Schedule, ...]] = ()

    def fits(self, facts: Facts) -> bool:
        return facts.called in self.called


@dataclass(frozen=True, slots=True)
class PresenceIs:
    """`presence: dario is offline`: how somebody is at the moment the call comes in."""

    words: str
    asked: tuple[Asked, ...]
    schedules: ClassVar[tuple[Schedule, ...]] = ()

    def fits(self, facts: Facts) -> bool:
        return any(one.holds(facts.presences) for one in self.asked)


def plain_number(text: str) -> str:
    """A number without spaces and signs, an international 00 as +; text that is no number comes back as it is."""
    if not re.fullmatch(r"\+?[\d\s()/.-]+\*?", text):
        return text
    bare = re.sub(r"[^\d+*]", "", text)
    return "+" + bare[2:] if bare.startswith("00") else bare


def is_outside_number(text: str) -> bool:
    """Whether this is written like a number of the public network, or like the beginning of one and a star."""
    return _OUTSIDE.fullmatch(plain_number(text)) is not None or text.replace(" ", "") == "+*"


def _when(texts: Sequence[str], names: Names) -> Condition:
    return When("within " + " or ".join(texts), tuple(names.schedule(text) for text in texts))


def _from(texts: Sequence[str], names: Names) -> Condition:
    numbers: list[str] = []
    for text in texts:
        if is_outside_number(text):
            numbers.append(text)
        elif text != "anonymous":
            numbers += names.callers(text)
    bare = ["+" if number.replace(" ", "") == "+*" else plain_number(number) for number in numbers]
    prefixes = tuple(number.rstrip("*") for number in bare if number.endswith("*") or number == "+")
    exact = frozenset(number for number in bare if not number.endswith("*") and number != "+")
    return From("from " + " or ".join(texts), exact, prefixes, "anonymous" in texts)


def _to(texts: Sequence[str], names: Names) -> Condition:
    return To("to " + " or ".join(texts), frozenset(user for text in texts for user in names.called(text)))


def _presence(texts: Sequence[str], names: Names) -> Condition:
    asked = []
    for text in texts:
        who, availability, negated = split_words(text)
        asked.append(Asked(tuple(names.watched(who)), availability, negated))
    return PresenceIs("while " + " or ".join(texts), tuple(asked))


CONDITIONS: Mapping[str, Callable[[Sequence[str], Names], Condition]] = {
    "when": _when,
    "from": _from,
    "to": _to,
    "presence": _presence,
}
"""By the key in a rule: what makes the condition from the text or texts after it."""
