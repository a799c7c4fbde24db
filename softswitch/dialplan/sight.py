"""Who may see how somebody is: `seen by:` and `calls seen by:` of a person or of the whole site."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

FIRM, TEAM, PARTNERS, NOBODY = "firm", "team", "partners", "nobody"
WORDS = (FIRM, TEAM, PARTNERS, NOBODY)
_ADDRESS = re.compile(r"(\*|[^@\s*]+)@[A-Za-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class Sight:
    """Those who may see something. Her own phones always may."""

    firm: bool = False
    """Every phone of the firm."""
    team: bool = False
    """The phones of those who are in a team with her."""
    partners: bool = False
    """Every listed peer, and other firms on this switch."""
    people: frozenset[str] = frozenset()
    """Keys of people of the firm."""
    addresses: frozenset[str] = frozenset()
    """Of other firms, e.g. "bob@partner.example" or "*@partner.example"; in lower case."""

    def of_the_firm(self, person: str, mates: Iterable[str]) -> bool:
        """Whether a phone of this person may, "" being a phone of nobody; `mates` are those in a team with her."""
        return self.firm or person in self.people or (self.team and person != "" and person in mates)

    def from_outside(self, address: str) -> bool:
        """Whether somebody of another firm may."""
        address = address.lower()
        return self.partners or address in self.addresses or f"*@{address.rpartition('@')[2]}" in self.addresses


USUAL, USUAL_CALLS = Sight(firm=True), Sight(team=True)
"""Where nothing is said: the firm sees who is there and who talks, the team with whom."""


class People(Protocol):
    """Whom a name of the dialplan means."""

    def watched(self, name: str) -> tuple[str, ...]:
        """The keys of a person or of a team's members. Raises ValueError with a suggestion."""
        ...


def sight(texts: Iterable[str], people: People) -> Sight:
    """What the texts mean together. Raises ValueError in an operator's words."""
    words: set[str] = set()
    names: set[str] = set()
    addresses: set[str] = set()
    for text in texts:
        if text in WORDS:
            words.add(text)
        elif "@" in text:
            if not _ADDRESS.fullmatch(text):
                raise ValueError(
                    f'"{text}" is no address; write bob@partner.example, or *@partner.example for all there'
                )
            addresses.add(text.lower())
        else:
            names.update(people.watched(text))
    return Sight(FIRM in words, TEAM in words, PARTNERS in words, frozenset(names), frozenset(addresses))
