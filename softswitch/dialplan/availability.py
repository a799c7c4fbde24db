"""How somebody is: the words of the dialplan and of presence, and what a rule asks with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from softswitch.suggest import did_you_mean

AVAILABLE, ON_THE_PHONE, BUSY, AWAY = "available", "on the phone", "busy", "away"
DO_NOT_DISTURB, OFFLINE = "do not disturb", "offline"
AVAILABILITIES = (AVAILABLE, ON_THE_PHONE, BUSY, AWAY, DO_NOT_DISTURB, OFFLINE)

Presences = Mapping[str, str]
"""By key of a person; who is not in it counts as available."""
EVERYBODY_AVAILABLE: Presences = {}
"""What simulations and assertions begin with."""


class Asked(NamedTuple):
    """One thing that a rule asks."""

    people: tuple[str, ...]
    """Keys; of a team its members: it is enough that one of them is so."""
    availability: str
    negated: bool

    def holds(self, presences: Presences) -> bool:
        """Whether it is so."""
        return any(presences.get(one, AVAILABLE) == self.availability for one in self.people) is not self.negated


def split_words(text: str) -> tuple[str, str, bool]:
    """(who, availability, negated) of "dario is not available"; who is "" in "offline".

    Raises ValueError in an operator's words.
    """
    who, middle, what = text.rpartition(" is ")
    if not middle:
        who, what = "", text
    negated = what.startswith("not ")
    what = what.removeprefix("not ").strip()
    if what not in AVAILABILITIES:
        known = ", ".join(AVAILABILITIES[:-1])
        raise ValueError(f'"{what}" is no presence; there are {known} and {AVAILABILITIES[-1]}{_near(what)}')
    return who.strip(), what, negated


def _near(what: str) -> str:
    return did_you_mean(what, AVAILABILITIES)


def supposed(texts: Sequence[str], people: Mapping[str, str]) -> Presences:
    """What is to be supposed by ["dario is offline"]; `people`: every name or number of a person to her key.

    Raises ValueError in an operator's words.
    """
    found: dict[str, str] = {}
    for text in texts:
        who, what, negated = split_words(text)
        if not who or negated:
            raise ValueError(f'"{text}" does not say who is how; write dario is offline')
        if who not in people:
            raise ValueError(f'no person "{who}"{did_you_mean(who, people)}')
        found[people[who]] = what
    return found
