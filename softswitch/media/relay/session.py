"""One dialog's streams: what each party said, and the ports that face it (RFC 3264).

Side 0 is who made the first offer, side 1 who answered it; a later offer may come from either. Each stream is a media
line, by its place, and keeps its ports on both sides as long as the session lives: through hold, a new codec, a
refused and a revived line. The ports facing a party are opened when there is an SDP to write them into; the numbers
for both sides are reserved with the offer, so that an answer never fails for want of ports.

What a later offer says about its sender counts from its answer on: a re-INVITE may be refused, and then nothing has
changed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ...errors import PeerError
from ...sip.sdp import Media, Sdp, is_unspecified
from ..ng import Value
from ..quality import as_message
from .codecs import codecs_of, events_of
from .hold import Hold, answer_inactive, offer_to_hear
from .keypad import Keypad
from .latch import expect
from .measure import Codecs, quality_of
from .mux import Mux
from .mux import write as write_mux
from .pairs import Pair, Pairs
from .port import RTCP_BYTES, RTP_BYTES, Port, nowhere
from .security import Security, needs_bridge
from .settings import Network
from .srtp import is_secure
from .talk import Codec, codec_of, line_of, own_offer
from .talker import Talker


class Stream:
    """One media line's ports, by side."""

    __slots__ = ("masked", "mux", "pairs", "reserved", "security")

    def __init__(self) -> None:
        self.pairs: list[Pair | None] = [None, None]
        self.reserved: list[int | None] = [None, None]
        self.security: Security | None = None
        """Where one party speaks SRTP and the other something else."""
        self.mux = Mux()
        self.masked = False
        """The last offer wanted nothing sent; it was passed on as if we sent."""


class Place(NamedTuple):
    """Where a party wants one stream."""

    host: str
    """A literal address or a name; "" when there is none, for a refused stream."""
    port: int
    """0 for a refused stream."""
    rtcp_host: str
    rtcp_port: int
    is_rtp: bool
    is_secure: bool
    """SRTP: its RTCP can't be read."""
    kind: str
    """"audio", "video", "image"."""
    codecs: Codecs
    sends: bool
    """Whether the party may send on this stream (RFC 3264 §5.1)."""
    hears: bool


@dataclass(frozen=True, slots=True)
class Said:
    """What a party's SDP says of where it is."""

    places: tuple[Place, ...]
    held: bool
    """It doesn't want to hear anything, on no stream."""
    source: str
    """Where the message came from; "" when unknown."""

    @classmethod
    def read(cls, sdp: Sdp, source: str) -> Said:
        """From an SDP as it came, before it is rewritten."""
        places, live, heard = [], False, False
        for media in sdp.media:
            host = sdp.host(media) or ""
            rtcp_host, rtcp_port = media.rtcp
            direction = sdp.direction(media)
            hears = direction in (b"sendrecv", b"recvonly") and not is_unspecified(host)
            if media.port:
                live, heard = True, heard or hears
            places.append(
                Place(
                    host,
                    media.port,
                    rtcp_host or host,
                    rtcp_port,
                    media.is_rtp,
                    b"SAVP" in media.protocol.upper(),
                    media.kind.decode("ascii", "replace"),
                    codecs_of(media),
                    direction in (b"sendrecv", b"sendonly"),
                    hears,
                )
            )
        return cls(tuple(places), live and not heard, source)


def _is_webrtc(media: Media) -> bool:
    return b"/TLS/" in media.protocol.upper() and any(line.startswith(b"a=ice-ufrag:") for line in media.lines)


@dataclass(eq=False, slots=True)
class Session:
    """The streams of one dialog, or of one branch of a forked call before there is a dialog."""

    call_id: bytes
    from_tag: bytes
    via_branch: bytes
    pairs: Pairs
    patience: float
    created_at: float
    seed: bytes = field(default_factory=lambda: os.urandom(32))
    """Our keys for SRTP follow from it."""
    to_tags: set[bytes] = field(default_factory=set)
    """Of everybody who answered; several when the branch was forked again further on."""
    to_tag: bytes = b""
    """Of who answered last."""
    streams: list[Stream] = field(default_factory=list)
    answered: bool = False
    echoes: bool = False
    """We are the other side."""
    talker: Talker | None = None
    """Who speaks for us then, or whispers to who answered; None for an echo."""
    said: list[Said | None] = field(default_factory=lambda: [None, None])
    """By side: what counts now."""
    heard_at: float = 0.0
    """When somebody was last found to have sent a packet."""
    heard_packets: int = 0
    watch: int = 0
    """Counts the answers: which `Silence` look at it is still due."""
    closed: bool = False
    keypads: list[Keypad | None] = field(default_factory=lambda: [None, None])
    """By side: how this party's keys reach the other one, where that is another way than they come."""
    told_mark: tuple[object, ...] = ()
    """What `mark` was when the state was told last."""
    music: str = ""
    """The file that is played to who is held; "" for none."""
    spoken: list[tuple[int, Codec] | None] = field(default_factory=lambda: [None, None])
    """By side: the stream on which it hears G.711 in the clear to us, and how."""
    hold: Hold | None = None
    """Of the party that is held."""
    staged: tuple[int, Said, tuple[int, Codec] | None] | None = None
    """The side that offered last and what it said: it counts from the answer on."""

    def side_of(self, tag: bytes) -> int | None:
        """0 or 1 for a tag of this dialog."""
        return 0 if tag == self.from_tag else 1 if tag in self.to_tags else None

    @property
    def is_quiet(self) -> bool:
        """Whether silence is to be expected: it rings, somebody holds, or listens to us."""
        if self.talker is not None:
            return True
        return not self.answered or any(said is not None and said.held for said in self.said)

    def offer(self, side: int, sdp: Sdp, source: str, network: Network, transport: str = "") -> bytes:
        """An offer from `side`: the same with the ports that face the other side, on `network`.

        `transport` is one of `security.TRANSPORTS`. Raises PeerError(503) without ports, PeerError(488) for a stream
        that can't be had in this form; then nothing has changed. `sdp` is used up.
        """
        if any(map(_is_webrtc, sdp.media)):
            raise PeerError(488, "WebRTC (ICE and DTLS) wants rtpengine: relay: engine: in softswitch.yaml")
        said = Said.read(sdp, source)
        kept = len(self.streams)
        self.streams += [Stream() for _ in range(len(sdp.media) - kept)]
        reserved: list[tuple[Stream, int]] = []
        try:
            for stream, media in zip(self.streams, sdp.media, strict=False):
                for one in (0, 1) if media.port else ():
                    if stream.pairs[one] is None and stream.reserved[one] is None:
                        stream.reserved[one] = self.pairs.reserve()
                        reserved.append((stream, one))
            for at, (stream, media) in enumerate(zip(self.streams, sdp.media, strict=False)):
                if media.port and media.is_rtp:
                    self._secure(at, stream, side, media, transport)
            spoken = self._in_the_clear(sdp)
            self._let_hear(side, sdp)
            placed = self._place(1 - side, sdp, network)
        except PeerError:
            for stream, one in reserved:
                self._free(stream, one)
            del self.streams[kept:]
            raise
        self.staged = (side, said, spoken)
        mux = [stream.mux.offer(side, media) for stream, media in zip(self.streams, sdp.media, strict=False)]
        return self._write(sdp, placed, network, mux, offer=True)

    def answer(self, side: int, sdp: Sdp, source: str, network: Network) -> bytes:
        """The answer of `side` to the offer: the same with the ports that face the other side, on `network`.

        The same answer again (183, then 200) changes nothing. Raises PeerError(488) for one that has more streams
        than were offered. `sdp` is used up.
        """
        if len(sdp.media) > len(self.streams):
            raise PeerError(488, "SDP: more media lines in the answer than in the offer")
        said, spoken, offered = Said.read(sdp, source), self._in_the_clear(sdp), self._offered_by(1 - side)
        secured = []
        for stream, media in zip(self.streams, sdp.media, strict=False):
            if stream.security is not None and media.port and media.is_rtp:
                secured.append(stream)
                if not stream.security.answer(side, media):
                    media.port = 0  # refused: sound in the clear is not what was asked for
        for at, (stream, media) in enumerate(zip(self.streams, sdp.media, strict=False)):
            if stream.masked:
                answer_inactive(sdp, media)
            elif self.music and offered is not None and at < len(offered.places) and offered.places[at].hears:
                self._mask(1 - side, at, sdp, media)
        mux = [stream.mux.answer(side, media) for stream, media in zip(self.streams, sdp.media, strict=False)]
        placed = self._place(1 - side, sdp, network)
        for stream in secured:
            self._lock(stream)
        if self.staged is not None:
            offerer, earlier, codec = self.staged
            self.staged = None
            self._hear(offerer, earlier, codec)
        self._hear(side, said, spoken)
        self.answered = True
        self.aim_keypad(0)
        self.aim_keypad(1)
        return self._write(sdp, placed, network, mux)

    def _offered_by(self, side: int) -> Said | None:
        """What this side has said last, if only in an offer."""
        return self.staged[1] if self.staged is not None and self.staged[0] == side else self.said[side]

    def _let_hear(self, side: int, sdp: Sdp) -> None:
        """Of an offer: where nothing is to be sent, the other side is told that we send, for there will be music."""
        for at, (stream, media) in enumerate(zip(self.streams, sdp.media, strict=False)):
            stream.masked = False
            if self.music and self.answered:
                stream.masked = self._mask(1 - side, at, sdp, media)

    def _mask(self, hearer: int, at: int, sdp: Sdp, media: Media) -> bool:
        spoken = self.spoken[hearer] if self.staged is None or self.staged[0] != hearer else self.staged[2]
        return bool(spoken is not None and spoken[0] == at and media.port and offer_to_hear(sdp, media))

    def review_hold(self, now: float) -> bool:
        """After an answer: whether somebody is held who was not; else what there was goes on, or ends."""
        found = self._holding() if self.music else None
        if found is not None and self.hold is not None and self.hold.faces(*found[:3]):
            return False
        if self.hold is not None:
            self.hold.end()
        self.hold = None
        if found is not None:
            self.hold = Hold(*found, now)
            self.hold.begin()
        return found is not None

    def _holding(self) -> tuple[Port, Port, Codec, Codecs, bool] | None:
        """The ports that face who holds and who is held, what the latter hears, what the former speaks, and whether."""
        for holder in (0, 1):
            said, spoken = self.said[holder], self.spoken[1 - holder]
            if said is None or spoken is None or not spoken[1].heard or spoken[0] >= len(said.places):
                continue
            at, codec = spoken
            place, stream = said.places[at], self.streams[at]
            theirs, ours = stream.pairs[holder], stream.pairs[1 - holder]
            if place.port and not place.hears and theirs is not None and ours is not None:
                speaks = place.sends and not is_unspecified(place.host)
                return theirs.rtp, ours.rtp, codec, place.codecs, speaks
        return None

    def _in_the_clear(self, sdp: Sdp) -> tuple[int, Codec] | None:
        """Where this party hears G.711, unless with keys that pass us by."""
        spoken = line_of(sdp)
        if spoken is None or (self.streams[spoken[0]].security is None and is_secure(sdp.media[spoken[0]])):
            return None
        return spoken

    def echo(self, offer: Sdp, answer: Sdp, source: str, network: Network) -> bytes:
        """Answer for ourselves: `answer`, with the ports that face side 0, from which all RTP goes back."""
        placed = self._own(offer, answer, source, network)
        self._reflect(placed)
        return self._write(answer, placed, network, self._agreed)

    @staticmethod
    def _reflect(placed: Iterable[Pair | None]) -> None:
        for port in [port for pair in placed if pair is not None for port in pair.ports]:
            port.echo()

    def talk(self, offer: Sdp, answer: Sdp, codec: Codec, talker: Talker, source: str, network: Network) -> bytes:
        """Answer for ourselves, with `talker` at the port that faces side 0."""
        placed = self._own(offer, answer, source, network)
        self.talker = talker
        (pair,) = [pair for pair in placed if pair is not None]
        talker.use(pair.rtp, codec)
        return self._write(answer, placed, network, self._agreed)

    def propose(self, version: int, network: Network, transport: str) -> bytes:
        """An offer of our own to side 0, whose answer `settle` takes; as `offer` otherwise.

        What side 0 said before stays true until then (RFC 3264 §8).
        """
        said = self.said[0]
        places = said.places if said is not None else ()
        chosen = next((at for at, stream in enumerate(self.streams) if stream.pairs[0] is not None), 0)
        known = places[chosen].codecs if places else {}
        events = next((n for n, codec in known.items() if codec == ("telephone-event", 8000)), 0)
        events = events or next(n for n in (101, *range(96, 128)) if n not in known)
        kinds = [(place.kind.encode(), place.is_rtp) for place in places]
        offer = own_offer(int(self.created_at), version, kinds, chosen, events)

        def secure(at: int, stream: Stream, media: Media) -> None:
            self._secure(at, stream, 1, media, transport)

        placed = self._open(offer, network, secure)
        self.echoes = True
        if self.talker is not None:
            (pair,) = [pair for pair in placed if pair is not None]
            self.talker.use(pair.rtp, self.talker.codec)
        else:
            self._reflect(placed)
        mux = [stream.mux.propose() for stream in self.streams]
        return self._write(offer, placed, network, mux, offer=True)

    @property
    def _agreed(self) -> list[bool]:
        """Of each stream, whether who faces us as an end has RTP and RTCP on one port."""
        return [stream.mux.agreed[0] for stream in self.streams]

    def settle(self, answer: Sdp, source: str) -> None:
        """The answer of side 0 to `propose`. Raises PeerError(488); then nothing has changed."""
        if len(answer.media) > len(self.streams):
            raise PeerError(488, "SDP: more media lines in the answer than in the offer")
        said = Said.read(answer, source)
        codec = codec_of(answer) if self.talker is not None else None
        for stream, media in zip(self.streams, answer.media, strict=False):
            if stream.security is not None and media.port and not stream.security.answer(0, media):
                raise PeerError(488, "SDP: a stream that has to be encrypted is answered in the clear")
        for stream, media in zip(self.streams, answer.media, strict=False):
            stream.mux.settle(media)
        for stream in self.streams:
            self._lock(stream)
        self._hear(0, said)
        self.answered = True
        if self.talker is not None:
            self.talker.codec = codec

    def whisper(self, talker: Talker, codec: Codec) -> None:
        """Have `talker` speak to who answered and hear it; meanwhile the parties don't hear each other.

        Raises PeerError(404) where there is no sound between two parties.
        """
        for stream in self.streams:
            asked, other = stream.pairs[1], stream.pairs[0]
            if asked is not None and other is not None and asked.rtp.least:
                self.stop_whisper()
                self.talker = talker
                talker.speak_to(asked.rtp, codec)
                asked.rtp.tap, other.rtp.tap = talker.hear, nowhere
                asked.rtp.aim()
                other.rtp.aim()
                return
        raise PeerError(404, "there is nobody to whisper to")

    def stop_whisper(self) -> None:
        """The parties hear each other again."""
        if self.talker is None or self.echoes:
            return
        self.talker.close()
        self.talker = None
        for port in [pair.rtp for stream in self.streams for pair in stream.pairs if pair is not None]:
            if port.tap is not None:
                port.tap = None
                if port.peer is not None:
                    port.peer.aim()
        self.aim_keypad(0)
        self.aim_keypad(1)

    def aim_keypad(self, side: int) -> bool:
        """Put the keypad of the party on this side where its sound is now; False where there is none between two."""
        keypad, mine, other = self.keypads[side], self.said[side], self.said[1 - side]
        if keypad is None or mine is None or other is None or self.echoes or self.talker is not None:
            return False
        for stream, place, facing in zip(self.streams, mine.places, other.places, strict=False):
            source, to = stream.pairs[side], stream.pairs[1 - side]
            if source is not None and to is not None and place.kind == "audio" and place.port and facing.port:
                keypad.use(source.rtp, to.rtp, events_of(place.codecs), events_of(facing.codecs))
                return True
        return False

    def _own(self, offer: Sdp, answer: Sdp, source: str, network: Network) -> list[Pair | None]:
        """Be the other side ourselves: the ports that face side 0, for each media line that we accept."""

        def secure(at: int, stream: Stream, media: Media) -> None:
            if stream.security is not None or is_secure(offer.media[at]):
                stream.security = stream.security or Security(self.seed, self._name(at))
                stream.security.take(offer.media[at], media)

        placed = self._open(answer, network, secure)
        for stream, media in zip(self.streams, offer.media, strict=False):
            stream.mux.take(media)
        for stream in self.streams:
            self._lock(stream)
        self._hear(0, Said.read(offer, source))
        self.answered = self.echoes = True
        return placed

    def _open(self, own: Sdp, network: Network, secure: Callable[[int, Stream, Media], None]) -> list[Pair | None]:
        """The ports that face side 0 for this SDP of ours, each stream made secure as it has to be."""
        kept = len(self.streams)
        self.streams += [Stream() for _ in range(len(own.media) - kept)]
        try:
            for at, (stream, media) in enumerate(zip(self.streams, own.media, strict=False)):
                if media.port:
                    if stream.pairs[0] is None and stream.reserved[0] is None:
                        stream.reserved[0] = self.pairs.reserve()
                    secure(at, stream, media)
            return self._place(0, own, network)
        except PeerError:
            for stream in self.streams[kept:]:
                self._free(stream, 0)
            del self.streams[kept:]
            raise

    def _secure(self, at: int, stream: Stream, side: int, media: Media, transport: str) -> None:
        if stream.security is None and needs_bridge(media, transport):
            stream.security = Security(self.seed, self._name(at))
        if stream.security is not None:
            stream.security.offer(side, media, transport)

    def _name(self, at: int) -> bytes:
        return b"|".join((self.call_id, self.from_tag, self.via_branch, b"%d" % at))

    def _lock(self, stream: Stream) -> None:
        """Have the ports speak as the security of the stream says."""
        for pair, locks in zip(stream.pairs, stream.security.locks if stream.security else (), strict=False):
            if pair is not None:
                opening, sealing = locks
                pair.rtp.lock(opening.rtp if opening else None, sealing.rtp if sealing else None)
                pair.rtcp.lock(opening.rtcp if opening else None, sealing.rtcp if sealing else None)

    def _place(self, side: int, sdp: Sdp, network: Network) -> list[Pair | None]:
        """For each media line the pair that faces `side` on `network`, opened if need be; None for a refused one."""
        return [self._facing(side, at, network) if media.port else None for at, media in enumerate(sdp.media)]

    def _facing(self, side: int, at: int, network: Network) -> Pair | None:
        stream = self.streams[at]
        pair, number = stream.pairs[side], stream.reserved[side]
        if pair is not None and pair.network is network:
            return pair
        if pair is not None:
            # The party has moved to another network, where its ports are new ones.
            self._free(stream, side)
            number = self.pairs.reserve()
        if number is None:
            return None  # answered although it was not offered
        stream.reserved[side] = None
        pair = stream.pairs[side] = self.pairs.open(network, number)
        other = stream.pairs[1 - side]
        if other is not None:
            pair.join(other)
        self._lock(stream)
        self._tell(side, at)
        return pair

    def _hear(self, side: int, said: Said, spoken: tuple[int, Codec] | None = None) -> None:
        """From now on this counts."""
        self.said[side], self.spoken[side] = said, spoken
        for at in range(len(said.places)):
            self._tell(side, at)

    def _tell(self, side: int, at: int) -> None:
        """Tell the ports that face `side` where it is on one stream, as far as that is known."""
        said, pair = self.said[side], self.streams[at].pairs[side]
        if said is None or pair is None or at >= len(said.places) or said.places[at].port == 0:
            return
        place, bind = said.places[at], pair.network.bind
        pair.rtp.speak(RTP_BYTES if place.is_rtp else 0)
        pair.rtcp.speak(RTCP_BYTES if place.is_rtp else 0)
        measure, opened = pair.measure, self.streams[at].security is not None
        measure.kind, measure.codecs, measure.readable = (
            place.kind,
            place.codecs,
            opened or not place.is_secure,
        )
        if is_unspecified(place.host) and pair.rtp.expected is not None:
            return  # held the old way: it is where it was
        muxed = self.streams[at].mux.agreed[side]
        pair.rtp.mix(pair.rtcp if muxed and place.is_rtp else None)
        pair.rtp.tell(expect(place.host, place.port, said.source, bind), self.patience)
        if not muxed:
            pair.rtcp.tell(expect(place.rtcp_host, place.rtcp_port, said.source, bind), self.patience)

    def _write(
        self, sdp: Sdp, placed: list[Pair | None], network: Network, mux: Sequence[bool], offer: bool = False
    ) -> bytes:
        sdp.remove_ice()
        sdp.remove_shared_ports()
        ports = []
        for pair, muxed in zip(placed, mux, strict=False):
            # An offer names both, for who can't have them on one (RFC 5761 §5.1.1).
            ports.append((pair.number, pair.number + (0 if muxed and not offer else 1)) if pair else None)
        sdp.place(network.advertised, ports)
        for media, muxed in zip(sdp.media, mux, strict=False):
            write_mux(media, muxed)
        return bytes(sdp)

    def packets(self) -> int:
        """How many packets both parties have sent so far."""
        return sum(
            port.packets for stream in self.streams for pair in stream.pairs if pair is not None for port in pair.ports
        )

    def resume(self, talker: Talker | None = None, codec: Codec | None = None) -> None:
        """Have the ports go on after a restart of the process, with who spoke for us."""
        for at, stream in enumerate(self.streams):
            mine, other = stream.pairs
            if mine is not None and other is not None:
                mine.join(other)
            for port in mine.ports if mine is not None and self.echoes and talker is None else ():
                port.echo()
            if mine is not None and self.echoes and talker is not None:
                self.talker = talker
                talker.use(mine.rtp, codec)
            self._lock(stream)
            for side in (0, 1):
                self._tell(side, at)
        if talker is not None and codec is not None and not self.echoes:
            self.whisper(talker, codec)

    @property
    def mark(self) -> tuple[object, ...]:
        """Another one when so much has been encrypted that the state should be told anew."""
        return tuple(stream.security.mark for stream in self.streams if stream.security is not None)

    def tag_of(self, side: int) -> bytes:
        """The tag of the party on this side; "" for ourselves."""
        return self.to_tag if side else self.from_tag

    def is_missing(self, side: int) -> bool:
        """Whether sound is to be expected from this party, and nothing has come since it said where it is."""
        mine, other = self.said[side], self.said[1 - side]
        if mine is None or (other is None and not self.echoes):
            return False
        waited = False
        for at, (place, stream) in enumerate(zip(mine.places, self.streams, strict=False)):
            wanted = other is None or (at < len(other.places) and other.places[at].port and other.places[at].hears)
            pair = stream.pairs[side]
            if place.port and place.kind == "audio" and place.sends and wanted and pair is not None:
                if pair.rtp.latched is not None:
                    return False
                waited = True
        return waited

    def quality(self) -> list[dict[str, Value]]:
        """The figures of each party's sound and picture so far, as `StreamQuality` has them; none where none came."""
        found = []
        for stream in self.streams:
            for side in (0, 1):
                pair = stream.pairs[side]
                if pair is not None and pair.rtp.least == RTP_BYTES and pair.rtp.packets:
                    self.pairs.count(pair)
                    found.append(as_message(quality_of(pair.measure, pair.rtp.packets), self.tag_of(side)))
        return found

    def _free(self, stream: Stream, side: int) -> None:
        pair, number = stream.pairs[side], stream.reserved[side]
        stream.pairs[side] = stream.reserved[side] = None
        if pair is not None:
            self.pairs.close(pair)
        if number is not None:
            self.pairs.release(number)

    def close(self) -> None:
        """Give all ports back."""
        self.closed = True
        if self.hold is not None:
            self.hold.end()
            self.hold = None
        if self.talker is not None:
            self.talker.close()
            self.talker = None
        for keypad in self.keypads:
            if keypad is not None:
                keypad.close()
        self.keypads = [None, None]
        for stream in self.streams:
            self._free(stream, 0)
            self._free(stream, 1)
        self.streams = []
