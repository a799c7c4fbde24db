"""A small part of a large matrix in which every two values still meet once."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations, product

Case = tuple[str, ...]
Pair = tuple[tuple[int, str], tuple[int, str]]


def pairs_of(case: Case) -> set[Pair]:
    """Every two values of a case, each with the place of its factor."""
    return set(combinations(enumerate(case), 2))


def cover(factors: Sequence[Sequence[str]], tries: int = 30) -> list[Case]:
    """Cases in which every two values of different factors are together at least once; always the same ones.

    Each time the case is taken in which most is new. Which of several alike is left to chance, and the shortest of some
    tries wins.
    """
    chance = random.Random(1)
    found: list[list[Case]] = []
    for _ in range(tries):
        cases = list(product(*factors))
        chance.shuffle(cases)
        wanted = set[Pair]().union(*map(pairs_of, cases))
        chosen: list[Case] = []
        while wanted:
            best = max(cases, key=lambda case: len(pairs_of(case) & wanted))
            wanted -= pairs_of(best)
            chosen.append(best)
        found.append(chosen)
    return sorted(min(found, key=len))
