"""Tags, branches and Call-IDs: unguessable in service, repeatable from a seed in tests (RFC 3261 §19.3, §8.1.1.7)."""

from __future__ import annotations

import random
import secrets

TAGS_AT_ONCE = 256


class Ids:
    """A source of identifiers.

    A random prefix of 64 bits made at start, then a counter: unique over restarts, cheap, and no one outside can
    forge a branch of ours without having seen the prefix and the moment.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed).randbytes if seed is not None else secrets.token_bytes
        self._prefix = self._random(8).hex().encode()
        self._count = 0
        self._pool = b""
        self._at = 0

    def branch(self) -> bytes:
        """A new Via branch, magic cookie included."""
        self._count += 1
        return b"z9hG4bK%s%x" % (self._prefix, self._count)

    def tag(self) -> bytes:
        """A new From or To tag; 64 random bits."""
        at = self._at
        if at >= len(self._pool):
            # Asking the system once for many is a system call less for each.
            self._pool = self._random(TAGS_AT_ONCE * 8).hex().encode()
            at = 0
        self._at = at + 16
        return self._pool[at : at + 16]

    def call_id(self, host: bytes) -> bytes:
        """A new Call-ID."""
        return b"%b%b@%b" % (self.tag(), self.tag(), host)
