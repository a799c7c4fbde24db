"""The rota of teams: whose turn it is, and who has been without a call for longest."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stood when a call started; a call keeps it, whatever others do meanwhile."""

    turns: Mapping[str, int] = field(default_factory=dict, hash=False)
    """How many calls each team has rung in turn; none where it isn't named."""
    idle_since: Mapping[str, float] = field(default_factory=dict, hash=False)
    """When each person's last call ended, seconds since 1970 UTC; infinity within a call, missing for none ever."""


FROM_THE_TOP = Standing()
"""Nobody had a call yet: what simulations and assertions begin with."""


def _all_the_same(team: str, members: Sequence[str], standing: Standing, seed: int) -> Sequence[str]:
    return members


def _in_turn(team: str, members: Sequence[str], standing: Standing, seed: int) -> Sequence[str]:
    first = standing.turns.get(team, 0) % len(members)
    return [*members[first:], *members[:first]]


def _longest_idle(team: str, members: Sequence[str], standing: Standing, seed: int) -> Sequence[str]:
    return sorted(members, key=lambda name: standing.idle_since.get(name, 0.0))


def _at_random(team: str, members: Sequence[str], standing: Standing, seed: int) -> Sequence[str]:
    # The same call gets the same order each time it is asked, today and when its record is looked at.
    return sorted(members, key=lambda name: hashlib.blake2b(f"{seed} {team} {name}".encode()).digest())


ORDERS: Mapping[str, Callable[[str, Sequence[str], Standing, int], Sequence[str]]] = {
    "all": _all_the_same,
    "in order": _all_the_same,
    "in turn": _in_turn,
    "longest idle": _longest_idle,
    "at random": _at_random,
}
"""By the word in a team's `ring`: its members (never none) in the order in which this call rings them."""
IN_TURN = "in turn"
LONGEST_IDLE = "longest idle"


@dataclass(slots=True)
class Rota:
    """The running switch's memory of it, for all sites. It begins anew when the switch does."""

    _standing: dict[str, Standing] = field(default_factory=dict)
    _talking: dict[tuple[str, str], int] = field(default_factory=dict)
    """In how many calls a person is, by site and person."""

    def standing(self, site: str) -> Standing:
        """How things stand now."""
        return self._standing.get(site, FROM_THE_TOP)

    def rang(self, site: str, team: str) -> None:
        """The team rang somebody in turn: the next call begins with the next."""
        now = self.standing(site)
        self._standing[site] = replace(now, turns={**now.turns, team: now.turns.get(team, 0) + 1})

    def took(self, site: str, person: str) -> None:
        """The person took a call."""
        self._talking[site, person] = self._talking.get((site, person), 0) + 1
        self._idle_from(site, person, math.inf)

    def ended(self, site: str, person: str, wall: float) -> None:
        """A call that the person took is over."""
        left = self._talking.pop((site, person), 1) - 1
        if left > 0:
            self._talking[site, person] = left
        else:
            self._idle_from(site, person, wall)

    def _idle_from(self, site: str, person: str, wall: float) -> None:
        now = self.standing(site)
        self._standing[site] = replace(now, idle_since={**now.idle_since, person: wall})
