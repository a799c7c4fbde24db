"""All calls of the relay: which session an offer, an answer or a deletion is about, and when one is given up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeAlias

from ...errors import PeerError
from ...sip.sdp import Sdp
from ..ng import Value
from .echo import echo_answer
from .hold import loaded
from .keypad import Keypad
from .pairs import Pairs
from .session import Session
from .settings import RelaySettings
from .silence import Silence
from .state import read_state, restored, state_of
from .talk import codec_of, talk_answer
from .talker import Talker, Talkers

_SWEPT_AT_ONCE = 64
"""Sessions looked at in one sweep, so that no sweep delays a packet by more than some 100 µs."""


Quality: TypeAlias = "list[dict[str, Value]]"
"""As `Session.quality`."""


def name_of(session: Session) -> bytes:
    """What tells it from the others of its call."""
    return session.from_tag + b"|" + session.via_branch + (b"|echo" if session.echoes else b"")


@dataclass(frozen=True, slots=True)
class Key:
    """Whose SDP this is: as `MediaKey`, in bytes."""

    call_id: bytes
    from_tag: bytes
    to_tag: bytes = b""
    via_branch: bytes = b""


def _nobody(event: dict[str, Value]) -> None:
    """Takes an event and does nothing."""


class Calls:
    """Sessions by Call-ID. `now` is monotonic seconds throughout."""

    def __init__(
        self, settings: RelaySettings, pairs: Pairs, send: Callable[[dict[str, Value]], None] = _nobody
    ) -> None:
        """`send` takes the events."""
        self.pairs = pairs
        self._send = send
        self._silence = Silence(self.tell)
        self._settings = settings
        self._calls: dict[bytes, list[Session]] = {}
        self._rounds: deque[Session] = deque()
        self.talkers = Talkers()
        self._held: list[Session] = []
        """In which somebody waits for music."""
        self.touched: Session | None = None
        """The one that the last offer, answer or echo was about."""
        self.sessions = 0
        """Open now."""
        self.opened = 0
        self.timed_out = 0
        """Given up for silence since the start."""

    def offer(
        self,
        key: Key,
        sdp: bytes,
        network: str,
        source: str,
        now: float,
        transport: str = "",
        seed: bytes = b"",
        music: str = "",
    ) -> bytes:
        """The SDP to pass on to the answerer; raises PeerError(488) for the SDP, PeerError(503) without ports.

        `transport` is one of `security.TRANSPORTS`; of `seed`, if there is one, our keys for SRTP are made; `music` is
        played to who is held from now on, "" for none.
        """
        parsed, to = Sdp.parse(sdp), self.pairs.network(network)
        session = self._by_tags(key) if key.to_tag else self._by_branch(key)
        if session is not None:
            self.touched = session
            session.music = music
            return session.offer(session.side_of(key.from_tag) or 0, parsed, source, to, transport)
        session = self._new(key, now)
        session.music = music
        if seed:
            session.seed = seed
        placed = session.offer(0, parsed, source, to, transport)
        self._keep(session)
        self.touched = session
        return placed

    def answer(self, key: Key, sdp: bytes, network: str, source: str, now: float) -> bytes:
        """The SDP to pass on to the offerer; PeerError(503) when there was no such offer."""
        parsed, to = Sdp.parse(sdp), self.pairs.network(network)
        session = self._by_branch(key) or self._by_tags(key)
        if session is None and not key.via_branch:
            session = self._only_one_of(key)
        if session is None:
            raise PeerError(503, "no media session for this answer")
        offerer = session.side_of(key.from_tag) or 0
        if offerer == 0 and key.to_tag:
            session.to_tags.add(key.to_tag)
            session.to_tag = key.to_tag
        session.heard_at = now
        placed = session.answer(1 - offerer, parsed, source, to)
        if session.review_hold(now):
            self._held.append(session)
        self._silence.watch(session, now)
        self.touched = session
        return placed

    def echo(self, key: Key, sdp: bytes, network: str, source: str, now: float) -> bytes:
        """Our own answer to this offer; raises PeerError(488, 503) as `offer` does."""
        parsed, to = Sdp.parse(sdp), self.pairs.network(network)
        session = self._echo_of(key)
        if session is not None:
            if key.to_tag:
                session.to_tags.add(key.to_tag)
            placed = session.echo(parsed, echo_answer(parsed, int(session.created_at), int(now)), source, to)
        else:
            session = self._new(key, now)
            placed = session.echo(parsed, echo_answer(parsed, int(now), int(now)), source, to)
            self._keep(session)
        self._silence.watch(session, now)
        self.touched = session
        return placed

    def talk(self, key: Key, sdp: bytes, network: str, source: str, now: float, music: str = "") -> bytes:
        """Our own answer to this offer, as an end that plays and records; raises PeerError as `offer` does."""
        parsed, to = Sdp.parse(sdp), self.pairs.network(network)
        session = self._echo_of(key)
        if session is not None and session.talker is not None:
            if key.to_tag:
                session.to_tags.add(key.to_tag)
            answer, codec = talk_answer(parsed, int(session.created_at), int(now))
            placed = session.talk(parsed, answer, codec, session.talker, source, to)
            session.talker.hold(loaded(music) if music and not codec.heard else b"")
        else:
            session = self._new(key, now)
            answer, codec = talk_answer(parsed, int(now), int(now))
            talker = Talker(partial(self._told, session), (key.call_id, key.from_tag))
            placed = session.talk(parsed, answer, codec, talker, source, to)
            self.talkers.add(talker, now)
            self._keep(session)
        self._silence.watch(session, now)
        self.touched = session
        return placed

    def propose(self, key: Key, network: str, echoes: bool, now: float, transport: str = "") -> bytes:
        """An offer of our own, as an end that sends back or that plays and records; raises as `offer` does."""
        to = self.pairs.network(network)
        session = self._echo_of(key)
        if session is None:
            session = self._new(key, now)
            if not echoes:
                session.talker = Talker(partial(self._told, session), (key.call_id, key.from_tag))
            placed = session.propose(int(now), to, transport)
            self._keep(session)
        else:
            placed = session.propose(int(now), to, transport)
        self.touched = session
        return placed

    def settle(self, key: Key, sdp: bytes, source: str, now: float) -> None:
        """The answer to what `propose` made; raises PeerError(488), PeerError(503) where there is none."""
        session = self._echo_of(key)
        if session is None:
            raise PeerError(503, "no media session for this answer")
        silent = session.talker is not None and session.talker.codec is None
        session.settle(Sdp.parse(sdp), source)
        if silent and session.talker is not None:
            self.talkers.add(session.talker, now)
        session.heard_at = now
        self._silence.watch(session, now)
        self.touched = session

    def whisper(self, key: Key, sdp: bytes, now: float) -> Session:
        """Have somebody speak to the one who answered this offer so; raises PeerError(404, 488)."""
        session = self._by_branch(key) or self._by_tags(key)
        if session is None:
            raise PeerError(404, "unknown call")
        codec = codec_of(Sdp.parse(sdp))
        talker = Talker(partial(self._told, session))
        session.whisper(talker, codec)
        self.talkers.add(talker, now)
        return session

    def stop_whisper(self, key: Key) -> None:
        """Let the parties hear each other; raises PeerError(404)."""
        session = self._by_branch(key) or self._by_tags(key)
        if session is None:
            raise PeerError(404, "unknown call")
        session.stop_whisper()
        self.tell_state(session)

    def keypad(self, key: Key) -> Keypad:
        """That of the party with `from_tag` in its call with `to_tag`; raises PeerError(404) where there is none."""
        return self._keypad(*self._party(key))

    def take_keys(self, key: Key, takes: bool) -> Session:
        """Tell of this party's keys instead of passing them on, or no longer; raises PeerError(404)."""
        session, side = self._party(key)
        self._keypad(session, side).take(takes)
        return session

    def _party(self, key: Key) -> tuple[Session, int]:
        session = self._by_tags(key)
        if session is None:
            raise PeerError(404, "unknown call")
        return session, session.side_of(key.from_tag) or 0

    def _keypad(self, session: Session, side: int) -> Keypad:
        keypad = session.keypads[side]
        if keypad is None:
            keypad = session.keypads[side] = Keypad(self.talkers, partial(self._pressed, session, side))
        if not session.aim_keypad(side):
            raise PeerError(404, "there is no sound between two parties")
        return keypad

    def _pressed(self, session: Session, side: int, key: str) -> None:
        self.tell("dtmf", session, session.tag_of(side), key=key, branch=session.via_branch)

    def _told(self, session: Session, event: str, key: str) -> None:
        """From an end of our own, or from one that was whispered to."""
        tag = session.from_tag if session.echoes else session.to_tag
        self.tell(event, session, tag, key=key, branch=session.via_branch)
        if event == "played":
            self.tell_state(session)

    def talking(self, call_id: bytes, from_tag: bytes) -> tuple[Session, Talker]:
        """Where we speak to this offerer, and who does; raises PeerError(404) where nobody does."""
        for session in self._calls.get(call_id, ()):
            if session.talker is not None and session.from_tag == from_tag:
                return session, session.talker
        raise PeerError(404, "the switch is no end of this call")

    def tell_state(self, session: Session) -> None:
        """Tell what is to be kept of a session now, for `restore`."""
        session.told_mark = session.mark
        self.tell("state", session, b"", name=name_of(session), state=state_of(session))

    def restore(self, state: bytes, now: float) -> None:
        """Make a session again that another process had; nothing where it is there. Raises PeerError(400, 503)."""
        message = read_state(state)
        for one in self._calls.get(message["call-id"], ()):
            if (one.from_tag, one.via_branch, one.echoes) == (
                message["from-tag"],
                message["via-branch"],
                bool(message["echoes"]),
            ):
                return
        session = restored(message, self.pairs, self._settings.patience_seconds, now, self._told)
        session.heard_at = now
        self._keep(session)
        for side, takes in enumerate(message.get("takes", ())):
            with suppress(PeerError):
                if takes:
                    self._keypad(session, side).take(True)
        if session.review_hold(now):
            self._held.append(session)
        self._silence.watch(session, now)
        if session.talker is not None:
            self._speak_again(session, session.talker, now)

    def _speak_again(self, session: Session, talker: Talker, now: float) -> None:
        talker.key = (session.call_id, session.from_tag)
        if talker.codec is not None:
            self.talkers.add(talker, now)
        for other in [one.talker for one in self._calls.get(talker.wanted[0], ())] if talker.wanted else ():
            if other is not None and other.key == talker.wanted:
                talker.connect(other)  # else he comes later, and wants us

    def states(self, call_id: bytes) -> dict[bytes, bytes]:
        """What `restore` wants of each session of a call, by `name_of`."""
        return {name_of(session): state_of(session) for session in self._calls.get(call_id, ())}

    def delete(self, call_id: bytes, from_tag: bytes = b"", via_branch: bytes = b"") -> dict[bytes, Quality]:
        """Free a whole call, one party's dialogs in it, or one branch.

        The quality of each session that ended, by `name_of`.
        """
        gone = [
            session
            for session in self._calls.get(call_id, ())
            if (not from_tag or session.side_of(from_tag) is not None)
            and (not via_branch or session.via_branch == via_branch)
        ]
        quality = {}
        for session in gone:
            quality[name_of(session)] = session.quality()
            self._forget(session)
        return quality

    def sessions_of(self, call_id: bytes) -> list[Session]:
        return list(self._calls.get(call_id, ()))

    def call_ids(self, limit: int, first: int = 0) -> list[bytes]:
        """Some calls, the oldest first, without the first so many."""
        return list(islice(self._calls, first, first + limit))

    def __len__(self) -> int:
        return len(self._calls)

    def tell(self, name: str, session: Session, tag: bytes, /, **details: Value) -> None:
        """Send an event about a session, or one party in it; `details` go along, with hyphens in their names."""
        more = {key.replace("_", "-"): value for key, value in details.items()}
        self._send({"event": name, "call-id": session.call_id, "from-tag": session.from_tag, "tag": tag, **more})

    def look(self, now: float) -> None:
        """Tell who is not heard although he should be; music begins. To be called a few times a second."""
        self._silence.look(now)
        for session in self._held:
            talker = session.hold.look(now, session.music) if session.hold is not None else None
            if talker is not None:
                self.talkers.add(talker, now)
        self._held = [one for one in self._held if one.hold is not None and one.hold.waits]

    def sweep(self, now: float) -> list[Session]:
        """Look at the next few sessions in turn; those in which nobody spoke for too long are closed and returned."""
        silent = []
        for _ in range(min(len(self._rounds), _SWEPT_AT_ONCE)):
            session = self._rounds.popleft()
            if session.closed:
                continue
            packets = session.packets()
            if session.mark != session.told_mark:
                self.tell_state(session)
            if packets != session.heard_packets:
                session.heard_packets, session.heard_at = packets, now
            limit = self._settings.held_seconds if session.is_quiet else self._settings.silence_seconds
            if now - session.heard_at > limit:
                self._forget(session)
                self.timed_out += 1
                self.tell("gone", session, b"", name=name_of(session))
                silent.append(session)
            else:
                self._rounds.append(session)
        return silent

    def close(self) -> None:
        """Free everything."""
        for call_id in list(self._calls):
            self.delete(call_id)
        self._rounds.clear()

    def _new(self, key: Key, now: float) -> Session:
        session = Session(key.call_id, key.from_tag, key.via_branch, self.pairs, self._settings.patience_seconds, now)
        if key.to_tag:
            # The dialog is older than we are (the relay was started again), or began without an offer.
            session.to_tags.add(key.to_tag)
            session.to_tag = key.to_tag
        session.heard_at = now
        return session

    def _keep(self, session: Session) -> None:
        self._calls.setdefault(session.call_id, []).append(session)
        self._rounds.append(session)
        self.sessions += 1
        self.opened += 1

    def _forget(self, session: Session) -> None:
        session.close()
        self.touched = None
        self.sessions -= 1
        left = self._calls[session.call_id]
        left.remove(session)
        if not left:
            del self._calls[session.call_id]

    def _by_branch(self, key: Key) -> Session | None:
        for session in self._calls.get(key.call_id, ()):
            if session.from_tag == key.from_tag and session.via_branch == key.via_branch and not session.echoes:
                return session
        return None

    def _by_tags(self, key: Key) -> Session | None:
        for session in self._calls.get(key.call_id, ()):
            sides = session.side_of(key.from_tag), session.side_of(key.to_tag)
            if sides in ((0, 1), (1, 0)) and not session.echoes:
                return session
        return None

    def _echo_of(self, key: Key) -> Session | None:
        """Our own session with this offerer: by the branch of his first offer, then by the tags."""
        for session in self._calls.get(key.call_id, ()):
            if not session.echoes or session.from_tag != key.from_tag:
                continue
            if session.via_branch == key.via_branch or (key.to_tag and session.to_tags <= {key.to_tag}):
                return session
        return None

    def _only_one_of(self, key: Key) -> Session | None:
        """The session of this offerer, where he has no more than one."""
        sessions = self._calls.get(key.call_id, ())
        mine = [session for session in sessions if session.from_tag == key.from_tag and not session.echoes]
        return mine[0] if len(mine) == 1 else None
