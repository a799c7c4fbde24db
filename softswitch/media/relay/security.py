"""One stream whose parties speak SRTP and RTP as each of them can: what their SDP says of it, and the locks.

A stream is bridged from the moment on at which an offer is to leave in another form than it came; until then SRTP
passes untouched, and the keys are none of ours. A bridged stream stays bridged.
"""

from __future__ import annotations

from ...errors import PeerError
from ...sip.sdp import Media
from .srtp import (
    OFFERED,
    SUITES,
    Crypto,
    Lock,
    Position,
    cryptos_of,
    is_secure,
    make_key,
    opening,
    sealing,
    write_cryptos,
)

TRANSPORTS = ("", "RTP/AVP", "RTP/SAVP", "OSRTP")
"""How an offer may be wanted: as it came; in the clear; encrypted; encrypted if the answerer can (RFC 8643)."""


def needs_bridge(media: Media, transport: str) -> bool:
    """Whether this offer has to be changed to be of the wanted form."""
    if transport == "RTP/SAVP":
        return b"SAVP" not in media.protocol.upper()
    return is_secure(media) if transport == "RTP/AVP" else transport == "OSRTP"


def _first(media: Media) -> Crypto | None:
    """The key that an offerer would like best; None in the clear. Raises PeerError(488) without one that we can use."""
    theirs = cryptos_of(media)
    if not theirs and b"SAVP" in media.protocol.upper():
        raise PeerError(488, "SDP: no key (SDES) of a suite that the media relay knows")
    return theirs[0] if theirs else None


class Security:
    """A bridged stream. Sides as in `Session`."""

    __slots__ = ("_made", "_seed", "local", "locks", "name", "offered", "profiles", "remote", "staged", "wanted")

    def __init__(self, seed: bytes, name: bytes) -> None:
        """Our keys follow from `seed`, which nobody else knows, and `name`, which no other stream has."""
        self._seed = seed
        self.name = name
        self.remote: list[Crypto | None] = [None, None]
        """By side: the key that the party sends with; None: in the clear."""
        self.local: list[Crypto | None] = [None, None]
        """By side: the key that we send with to that party."""
        self.locks: list[tuple[Lock | None, Lock | None]] = [(None, None), (None, None)]
        """By side: to open what comes from the party, to seal what goes to it."""
        self._made: dict[tuple[bool, Crypto], Lock] = {}
        """A key that stays keeps its lock: that counts packets (RFC 3711 §3.3.1)."""
        self.profiles = [b"", b""]
        """By side: the protocol of its own SDP."""
        self.wanted = ["", ""]
        """By side: the form in which offers go to it."""
        self.offered: list[list[Crypto]] = [[], []]
        """By side: what it may choose from."""
        self.staged: Crypto | None = None
        """The key in the last offer; it counts from the answer on."""

    def offer(self, side: int, media: Media, transport: str) -> None:
        """An offer of `side` is rewritten for the other one. Raises PeerError(488)."""
        theirs = _first(media)
        if theirs is None and self.remote[side] is not None:
            raise PeerError(488, "SDP: a stream that was encrypted can't go on in the clear")
        self.staged = theirs
        self.profiles[side] = media.protocol
        other = 1 - side
        wanted = self.wanted[other] = transport or self.wanted[other] or self._as_it_is(other)
        suites = OFFERED if wanted != "RTP/AVP" else ()
        self.offered[other] = [self._own(number, suite, other) for number, suite in enumerate(suites, 1)]
        self._write(media, self.offered[other], secure=wanted == "RTP/SAVP")

    def answer(self, side: int, media: Media) -> bool:
        """The answer of `side` is rewritten for the offerer; False when it isn't encrypted although it has to be."""
        offered, theirs, offerer = self.offered[side], cryptos_of(media), 1 - side
        chosen = next(
            ((own, one) for one in theirs for own in offered if (own.tag, own.suite) == (one.tag, one.suite)), None
        )
        if chosen is None and self.wanted[side] == "RTP/SAVP":
            return False
        self.local[side], self.remote[side] = chosen if chosen is not None else (None, None)
        self.profiles[side] = media.protocol
        media.protocol = self.profiles[offerer]
        self._reply(offerer, media)
        return True

    def take(self, offered: Media, answer: Media) -> None:
        """We answer side 0 ourselves, in the form in which it offered. Raises PeerError(488)."""
        self.staged = _first(offered)
        self.profiles[0] = offered.protocol
        self._reply(0, answer)

    def _reply(self, side: int, answer: Media) -> None:
        """Write our key for this side, whose offer was staged, and turn all locks that it needs."""
        theirs = self.remote[side] = self.staged
        own = self._own(theirs.tag, theirs.suite, side) if theirs is not None else None
        self.local[side] = own
        write_cryptos(answer, [own] if own is not None else [])
        self.turn()

    def turn(self) -> None:
        """Make the locks for the keys at hand."""
        for one in (0, 1):
            self.locks[one] = self._lock(self.remote[one], True), self._lock(self.local[one], False)

    def go_on(self, side: int, opened: list[Position], sealed: list[Position], reports: int) -> None:
        """Before `turn`: the keys at hand were in use elsewhere, and got so far."""
        theirs, own = self.remote[side], self.local[side]
        if theirs is not None:
            self._made[True, theirs] = opening(theirs, opened)
        if own is not None:
            self._made[False, own] = sealing(own, sealed, reports)

    @property
    def mark(self) -> tuple[object, ...]:
        """Another one when the positions should be told anew, see `Lock.mark`."""
        return tuple(lock.mark for locks in self.locks for lock in locks if lock is not None)

    def _as_it_is(self, side: int) -> str:
        """How this party has spoken so far."""
        if self.remote[side] is None:
            return "RTP/AVP"
        return "RTP/SAVP" if b"SAVP" in self.profiles[side].upper() else "OSRTP"

    def _own(self, tag: int, suite: bytes, side: int) -> Crypto:
        key = make_key(self._seed, self.name, b"%d" % side, suite)
        return Crypto(tag, suite, key[: SUITES[suite].length])

    def _write(self, media: Media, cryptos: list[Crypto], secure: bool) -> None:
        feedback = b"F" if media.protocol.upper().endswith(b"AVPF") else b""
        media.protocol = (b"RTP/SAVP" if secure else b"RTP/AVP") + feedback
        write_cryptos(media, cryptos)

    def _lock(self, crypto: Crypto | None, opens: bool) -> Lock | None:
        if crypto is None:
            return None
        made = self._made.get((opens, crypto))
        if made is None:
            made = self._made[opens, crypto] = opening(crypto) if opens else sealing(crypto)
        return made
