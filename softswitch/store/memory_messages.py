"""Messages in memory alone: they wait for as long as the switch runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from softswitch.messaging.letter import Done, Letter


class MemoryMessageStore:
    """Every change is made at once."""

    def __init__(self) -> None:
        self._rows: dict[int, tuple[Letter, bytes]] = {}

    async def load(self) -> list[Letter]:
        return [self._rows[number][0] for number in sorted(self._rows)]

    def add(self, letters: Sequence[Letter], content: bytes, done: Done) -> None:
        for letter in letters:
            self._rows[letter.number] = (letter, content)
        done(None)

    def update(self, letter: Letter, done: Done) -> None:
        found = self._rows.get(letter.number)
        if found is not None:
            self._rows[letter.number] = (letter, found[1])
        done(None)

    def remove(self, letters: Sequence[Letter], done: Done) -> None:
        for letter in letters:
            self._rows.pop(letter.number, None)
        done(None)

    def fetch(self, letter: Letter, done: Callable[[bytes | None], None]) -> None:
        found = self._rows.get(letter.number)
        done(found[1] if found is not None else None)

    async def forget(self, site: str, person: str) -> int:
        gone = [
            number
            for number, (letter, _) in self._rows.items()
            if (letter.site, letter.person) == (site, person) or letter.sender_person == f"{person}@{site}"
        ]
        for number in gone:
            del self._rows[number]
        return len(gone)
