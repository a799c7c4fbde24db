"""Digest nonces: proven ours without memory, each nonce count accepted once (RFC 7616 §3.3, §3.4, §5.12).

A nonce is its time, a counter and a keyed hash over both. So giving one out costs no memory, whatever strangers ask
for; only a nonce that came back with the right response gets an entry, by nonce and user name. Two phones never
share a nonce, and should someone use another's nonce, it is under their own name and disturbs nobody.
"""

from __future__ import annotations

from hashlib import blake2b
from hmac import compare_digest
from itertools import count

WINDOW = 64
"""Counts that come late, by so many at most, still pass once: UDP may swap two requests."""

_MASK = (1 << WINDOW) - 1
_SPENT = (1 << 33) << WINDOW
_TICKS = 4


class Nonces:
    """Makes and judges nonces. Time comes in as `now`, monotonic seconds.

    Memory is bounded: entries live in two generations of one lifetime each. When a generation is full before its
    time, the older one goes at once, and with it the right to use any nonce as old as its entries.
    """

    def __init__(self, key: bytes, lifetime: float, limit: int = 200_000) -> None:
        """`key`: 16 to 64 random bytes, of this run of the process only. `lifetime`: seconds. `limit`: entries."""
        self._hash = blake2b(key=key, digest_size=8)
        self._lifetime = lifetime
        self._limit = max(1, limit // 2)
        self._serial = count(1)
        # nonce + user -> highest count << WINDOW | bit n set: the count `highest - n` was used.
        self._used: dict[bytes, int] = {}
        self._used_before: dict[bytes, int] = {}
        self._began_at: float | None = None
        self._oldest = 0.0

    def issue(self, now: float) -> bytes:
        """A new nonce: 32 hex digits."""
        head = b"%08x%08x" % (int(now * _TICKS) & 0xFFFFFFFF, next(self._serial) & 0xFFFFFFFF)
        return head + self._seal(head)

    def _seal(self, head: bytes) -> bytes:
        hashed = self._hash.copy()
        hashed.update(head)
        return hashed.hexdigest().encode()

    def accept(self, nonce: bytes, user: bytes, nc: int, now: float) -> bool:
        """Whether this use is the first: of count `nc`, or with 0 (a client without qop) of the nonce at all.

        Ask only when the response was right, for the use is remembered. False means stale: the nonce is too old, or
        not of this run, or its count was used, is negative, or lies `WINDOW` or more behind.
        """
        head = nonce[:16]
        if len(nonce) != 32 or not compare_digest(self._seal(head), nonce[16:]):
            return False
        issued_at = int(head[:8], 16) / _TICKS
        if issued_at < self._oldest or issued_at + self._lifetime < now:
            return False
        if self._began_at is None:
            self._began_at = now
        elif now - self._began_at >= self._lifetime or len(self._used) >= self._limit:
            if self._used_before:
                # What is forgotten was used before `_began_at`, so it is of nonces issued before that.
                self._oldest = self._began_at
            self._used_before = self._used
            self._used = {}
            self._began_at = now
            if issued_at < self._oldest:
                return False
        key = nonce + user
        seen = self._used.get(key) or self._used_before.get(key, 0)
        after = _after(seen, nc)
        if after:
            self._used[key] = after
        return after > 0

    def __len__(self) -> int:
        """How many nonces in use are remembered."""
        return len(self._used) + len(self._used_before)


def _after(seen: int, nc: int) -> int:
    """The entry after count `nc` was used, or 0 when that is not allowed."""
    if nc == 0:
        return _SPENT if seen == 0 else 0
    if nc < 0:
        return 0
    highest = seen >> WINDOW
    if nc > highest:
        shift = nc - highest
        bits = (seen & _MASK) << shift & _MASK if shift < WINDOW else 0
        return nc << WINDOW | bits | 1
    behind = highest - nc
    if behind >= WINDOW or seen >> behind & 1:
        return 0
    return seen | 1 << behind
