"""Which port pairs are free: even numbers, the one given back longest ago first."""

from __future__ import annotations

import random
from collections import deque


class PortPool:
    """Numbers of port pairs. Late packets of an ended call find the next call on another port as long as possible."""

    def __init__(self, first: int, last: int, seed: int | None = None) -> None:
        numbers = list(range(first + first % 2, last, 2))
        random.Random(seed).shuffle(numbers)  # ports that can't be guessed are harder to spray
        self._free = deque(numbers)
        self._taken: set[int] = set()

    @property
    def free(self) -> int:
        """How many pairs can still be taken."""
        return len(self._free)

    @property
    def taken(self) -> int:
        return len(self._taken)

    def take(self) -> int | None:
        """The even number of a pair, or None when all are in use."""
        if not self._free:
            return None
        number = self._free.popleft()
        self._taken.add(number)
        return number

    def take_again(self, number: int) -> bool:
        """Take this very pair, as before a restart; False when it isn't free."""
        try:
            self._free.remove(number)
        except ValueError:
            return False
        self._taken.add(number)
        return True

    def give_back(self, number: int) -> None:
        """The pair is free again; a pair that was not taken is a mistake of ours."""
        self._taken.remove(number)
        self._free.append(number)
