"""A mailbox: a person's messages in the order in which they came, and who has had which. Pure rules."""

from __future__ import annotations

from collections.abc import Collection
from typing import Generic, TypeVar

from softswitch.messaging.letter import Letter, Rules

CATCH_UP_SECONDS = 3 * 86_400.0
"""For so long a phone that was off is given what another phone of the same person took."""


class Item:
    """A letter in a mailbox."""

    __slots__ = ("kept", "letter", "tries")

    def __init__(self, letter: Letter, kept: bool) -> None:
        self.letter = letter
        self.kept = kept
        """Handed to the store; else its sender still waits for what the phones say."""
        self.tries: dict[str, int] = {}
        """How often a phone could not say what is wrong with it."""


Kept = TypeVar("Kept", bound=Item)


class Mailbox(Generic[Kept]):
    """One person's."""

    __slots__ = ("items",)

    def __init__(self) -> None:
        self.items: list[Kept] = []

    def next_for(self, account: str, wall: float) -> Kept | None:
        """The first message that this phone has not had: never a later one before it."""
        for item in self.items:
            if account not in item.letter.had and (not item.kept or item.letter.expires_at > wall):
                return item
        return None

    def same_as(self, mark: str) -> Kept | None:
        """The same message, if it came before."""
        return next((item for item in self.items if item.letter.mark == mark), None)

    def is_full(self, rules: Rules) -> bool:
        """Whether no more may wait. What at least one phone has taken does not count."""
        return bool(rules.count) and len(self.waiting()) >= rules.count

    def waiting(self) -> list[Kept]:
        """What is kept and no phone has taken yet."""
        return [item for item in self.items if item.kept and not item.letter.delivered_at]

    def surplus(self, rules: Rules) -> list[Kept]:
        """The oldest of those messages that one phone has taken and others not, where they are too many."""
        copies = [item for item in self.items if item.kept and item.letter.delivered_at]
        return copies[: max(0, len(copies) - rules.count)] if rules.count else []


def taken(letter: Letter, account: str, wall: float) -> Letter:
    """After a phone took it."""
    had = (*letter.had, account)
    if letter.delivered_at:
        return letter._replace(had=had)
    return letter._replace(had=had, delivered_at=wall, expires_at=min(letter.expires_at, wall + CATCH_UP_SECONDS))


def refused(letter: Letter, account: str) -> Letter:
    """After a phone refused it for good."""
    return letter._replace(had=(*letter.had, account))


def is_over(letter: Letter, phones: Collection[str], rules: Rules) -> bool:
    """Whether there is nobody left to give it to."""
    if letter.delivered_at and not rules.every_phone:
        return True
    return all(phone in letter.had for phone in phones)


NEVER_SECONDS = 100 * 365 * 86_400.0


def expiry(wall: float, expires: bytes | None, rules: Rules) -> float:
    """When a message that comes now is given up: by its own Expires (RFC 3428 §5), at the latest by the rules."""
    keep = rules.keep_seconds or NEVER_SECONDS
    if expires is not None and expires.isdigit() and len(expires) < 12:
        keep = min(keep, int(expires))
    return wall + keep
