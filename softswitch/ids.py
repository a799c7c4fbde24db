"""Tags, branches and Call-IDs: unguessable in service, repeatable from a seed in tests (RFC 3261 §19.3, §8.1.1.7)."""

from __future__ import annotations

import random
import secrets


class Ids:
    """A source of identifiers.

    A random prefix of 64 bits made at start, then a counter: unique over restarts, cheap, and no one outside can
    forge a branch of ours without having seen the prefix and the moment.
    """

    def __init__(self, seed: int | None = None) -> None:
        source = random.Random(seed) if seed is not None else secrets.SystemRandom()
        self._prefix = f"{source.getrandbits(64):016x}".encode()
        self._source = source
        self._count = 0

    def branch(self) -> bytes:
        """A new Via branch, magic cookie included."""
        self._count += 1
        return b"z9hG4bK%s%x" % (self._prefix, self._count)

    def tag(self) -> bytes:
        """A new From or To tag; 64 random bits."""
        return b"%016x" % self._source.getrandbits(64)

    def call_id(self, host: bytes) -> bytes:
        """A new Call-ID."""
        return b"%032x@%s" % (self._source.getrandbits(128), host)
