"""A letter: one text message for one person, as it is kept; and the store that keeps it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

LONGEST_TEXT = 255
"""Who sent it is cut to this many characters; nothing longer is read by people."""

Done = Callable[[BaseException | None], None]
"""Told once that something is durable (None), or why it is not."""


class Letter(NamedTuple):
    """What is known of a message without its content. Moments are wall clock, seconds since 1970 UTC."""

    site: str
    """The domain of the recipient's firm."""
    person: str
    """The recipient's key in the dialplan."""
    number: int
    """Goes up with every message: the order of delivery. Unique."""
    sender: str
    """The address that it shows, e.g. "sip:carla@acme.example"."""
    sender_person: str
    """Who sent it, e.g. "carla@acme.example"; "" for a peer, or a phone without a person."""
    mark: str
    """Call-ID, From tag and CSeq, a line each: the same message sent again has the same."""
    received_at: float
    expires_at: float
    secure: bool
    """It was sent to a sips: address: every hop is to be TLS."""
    size_bytes: int
    """Of the body."""
    had: tuple[str, ...] = ()
    """The phones that are done with it: they took it, refused it, or sent it."""
    delivered_at: float = 0.0
    """When the first phone took it; 0 as long as it waits."""

    @property
    def call_id(self) -> str:
        return self.mark.partition("\n")[0]


@dataclass(frozen=True, slots=True)
class Rules:
    """The firm's limits; 0 is without limit."""

    keep_seconds: float = 30 * 86_400.0
    """A message that waited for so long is given up."""
    size_bytes: int = 65_536
    """A longer one is refused."""
    count: int = 200
    """So many may wait for one person."""
    every_phone: bool = True
    """Whether a phone that was off gets what another of the person's phones took meanwhile."""


class MessageStore(Protocol):
    """What outlives a crash. `store` implements it; the contract tests run on every engine.

    Changes are made in the order in which they are asked for. What goes wrong is told to `done`; nothing is raised.
    """

    async def load(self) -> list[Letter]:
        """Every letter, by number. Raises StoreError."""
        ...

    def add(self, letters: Sequence[Letter], content: bytes, done: Done) -> None:
        """Keep letters with one content, all of them or none."""
        ...

    def update(self, letter: Letter, done: Done) -> None:
        """Store what has changed: who had it, when it was delivered, when it expires."""
        ...

    def remove(self, letters: Sequence[Letter], done: Done) -> None:
        """Forget letters; their contents are overwritten."""
        ...

    def fetch(self, letter: Letter, done: Callable[[bytes | None], None]) -> None:
        """To `done`: the content, or None when it cannot be read. Once `add` has told that it is durable."""
        ...

    async def forget(self, site: str, person: str) -> int:
        """Forget all that waits for a person, or was sent by her; how many letters. Raises StoreError."""
        ...
