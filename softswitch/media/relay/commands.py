"""The ng commands, each a dictionary in and a dictionary out.

As rtpengine's, with additions: the flags "echo" and "talk" of an offer, which we then answer ourselves, or make where
it has no "sdp" (the answer to that has the flag "own"), playing "files", recording into a "file"; "music" in an offer,
a file for who is held; "status" in an error, the fitting SIP status; "state" in an answer, to be handed by "restore" to
a relay that was started anew. Of rtpengine's keys those below are read; others are passed over.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from ...errors import PeerError
from ..ng import Value
from .calls import Calls, Key, name_of
from .dtmf import KEYS
from .player import CannotPlay, load
from .port import Port
from .security import TRANSPORTS
from .session import Session
from .state import state_of
from .talker import Saying, Talker

_LISTED = 32
"""Calls in an answer to `list` unless a limit is given."""
_MAX_LISTED = 500
_LONGEST_KEY = 5000
_LONGEST_RECORDING = 3600
"""Seconds."""

Message = Mapping[str, Value]


def _text(message: Message, name: str, needed: bool = False) -> bytes:
    value = message.get(name, b"")
    if not isinstance(value, bytes) or len(value) > 60_000 or (needed and not value):
        raise PeerError(400, f"{name} is missing or no string")
    return value


def _strings(message: Message, name: str) -> list[bytes]:
    value = message.get(name, [])
    if not isinstance(value, list):
        raise PeerError(400, f"{name} is no list")
    return [item for item in value if isinstance(item, bytes)]


def _source(message: Message) -> str:
    """The address of `received-from`, which is a list of family and address."""
    given = _strings(message, "received-from")
    return given[1].decode("ascii", "replace") if len(given) == 2 else ""


def _transport(message: Message) -> str:
    """In which form an offer is wanted, as `security.TRANSPORTS`."""
    transport = "OSRTP" if b"offer" in _strings(message, "OSRTP") else _text(message, "transport-protocol").decode()
    if transport not in TRANSPORTS:
        raise PeerError(400, f"transport-protocol is none of {', '.join(filter(None, TRANSPORTS))}")
    return transport


def _sound(files: Sequence[str]) -> bytes:
    """All that is to be played, as A-law."""
    try:
        return b"".join(map(load, files))
    except CannotPlay as error:
        raise PeerError(404, str(error)) from None


class Commands:
    """What can be asked of the relay."""

    def __init__(
        self,
        calls: Calls,
        added: Sequence[int] = (),
        pinged: Callable[[Message], dict[str, Value]] = lambda message: {},
        longest: Callable[[], int] = lambda: 0,
    ) -> None:
        """`added` is the histogram of `Plane.added`; `pinged` tells of the process, and `longest` of its rounds."""
        self._longest = longest
        self._calls = calls
        self._pinged = pinged
        self._added = added
        self._known: dict[bytes, Callable[[Message, float], dict[str, Value]]] = {
            b"ping": self._ping,
            b"offer": self._offer,
            b"answer": self._answer,
            b"delete": self._delete,
            b"query": self._query,
            b"restore": self._restore,
            b"states": self._states,
            b"list": self._list,
            b"statistics": self._statistics,
            b"play media": self._play,
            b"stop media": self._stop,
            b"connect": self._connect,
            b"whisper": self._whisper,
            b"stop whisper": self._stop_whisper,
            b"play DTMF": self._press,
            b"block DTMF": self._take_keys,
            b"unblock DTMF": self._take_keys,
            b"start recording": self._record,
            b"stop recording": self._stop_recording,
        }

    def run(self, message: Message, now: float) -> dict[str, Value]:
        """Carry out one command; `now` in monotonic seconds. What the asker did wrong comes back as an error."""
        try:
            command = self._known.get(_text(message, "command", needed=True))
            if command is None:
                raise PeerError(400, "unknown command")
            return command(message, now)
        except PeerError as error:
            return {"result": "error", "error-reason": error.reason, "status": error.status}

    def _ping(self, message: Message, now: float) -> dict[str, Value]:
        return {"result": "pong", **self._pinged(message)}

    def _key(self, message: Message) -> Key:
        return Key(
            _text(message, "call-id", needed=True),
            _text(message, "from-tag", needed=True),
            _text(message, "to-tag"),
            _text(message, "via-branch"),
        )

    def _offer(self, message: Message, now: float) -> dict[str, Value]:
        network = _text(message, "to-interface").decode("utf-8", "replace")
        flags = _strings(message, "flags")
        if (b"echo" in flags or b"talk" in flags) and not message.get("sdp"):
            return self._propose(message, network, now)
        key, sdp, source = self._key(message), _text(message, "sdp", needed=True), _source(message)
        if b"echo" in flags:
            return self._placed(self._calls.echo(key, sdp, network, source, now))
        music = os.fsdecode(_text(message, "music"))
        if b"talk" in flags:
            return self._placed(self._calls.talk(key, sdp, network, source, now, music))
        transport, seed = _transport(message), _text(message, "key-seed")
        return self._placed(self._calls.offer(key, sdp, network, source, now, transport, seed, music))

    def _propose(self, message: Message, network: str, now: float) -> dict[str, Value]:
        echoes = b"echo" in _strings(message, "flags")
        sdp = self._calls.propose(self._key(message), network, echoes, now, _transport(message))
        return self._placed(sdp)

    def _answer(self, message: Message, now: float) -> dict[str, Value]:
        network = _text(message, "to-interface").decode("utf-8", "replace")
        sdp = _text(message, "sdp", needed=True)
        if b"own" in _strings(message, "flags"):
            self._calls.settle(self._key(message), sdp, _source(message), now)
            return self._placed(sdp)
        return self._placed(self._calls.answer(self._key(message), sdp, network, _source(message), now))

    def _placed(self, sdp: bytes) -> dict[str, Value]:
        """With the SDP the session's state, for `restore`."""
        session, self._calls.touched = self._calls.touched, None
        assert session is not None
        return {"result": "ok", "sdp": sdp, "session": name_of(session), "state": state_of(session)}

    def _restore(self, message: Message, now: float) -> dict[str, Value]:
        self._calls.restore(_text(message, "state", needed=True), now)
        return {"result": "ok"}

    def _states(self, message: Message, now: float) -> dict[str, Value]:
        states = self._calls.states(_text(message, "call-id", needed=True))
        return {"result": "ok", "states": [[name, state] for name, state in states.items()]}

    def _delete(self, message: Message, now: float) -> dict[str, Value]:
        call_id = _text(message, "call-id", needed=True)
        gone = self._calls.delete(call_id, _text(message, "from-tag"), _text(message, "via-branch"))
        quality = [one for quality in gone.values() for one in quality]
        return {"result": "ok", "sessions": len(gone), "ended": list(gone), "quality": quality}

    def _query(self, message: Message, now: float) -> dict[str, Value]:
        sessions = self._calls.sessions_of(_text(message, "call-id", needed=True))
        if not sessions:
            raise PeerError(404, "unknown call")
        return {"result": "ok", "sessions": [_describe(session, now) for session in sessions]}

    def _talking(self, message: Message, prefix: str = "") -> tuple[Session, Talker]:
        return self._calls.talking(
            _text(message, f"{prefix}call-id", needed=True), _text(message, f"{prefix}from-tag", needed=True)
        )

    def _say(self, message: Message, session: Session, talker: Talker, now: float) -> dict[str, Value]:
        files = [os.fsdecode(file) for file in _strings(message, "files")]
        sound = _sound(files)
        talker.say(Saying(files, message.get("repeat") == 1, round(now, 3)), sound)
        self._calls.tell_state(session)
        return {"result": "ok", "duration": len(sound) // 8}

    def _play(self, message: Message, now: float) -> dict[str, Value]:
        return self._say(message, *self._talking(message), now)

    def _connect(self, message: Message, now: float) -> dict[str, Value]:
        (theirs, other), (ours, talker) = self._talking(message, "other-"), self._talking(message)
        talker.connect(other)
        for session in (theirs, ours):
            self._calls.tell_state(session)
        return {"result": "ok"}

    def _whisper(self, message: Message, now: float) -> dict[str, Value]:
        _sound([os.fsdecode(file) for file in _strings(message, "files")])
        session = self._calls.whisper(self._key(message), _text(message, "sdp", needed=True), now)
        assert session.talker is not None
        return self._say(message, session, session.talker, now)

    def _stop_whisper(self, message: Message, now: float) -> dict[str, Value]:
        self._calls.stop_whisper(self._key(message))
        return {"result": "ok"}

    def _press(self, message: Message, now: float) -> dict[str, Value]:
        code, milliseconds = _text(message, "code", needed=True).decode("latin-1"), message.get("duration", 160)
        if len(code) != 1 or code not in KEYS:
            raise PeerError(400, "code is no key")
        if not isinstance(milliseconds, int) or not 40 <= milliseconds <= _LONGEST_KEY:
            raise PeerError(400, f"duration is no time from 40 to {_LONGEST_KEY} ms")
        keypad = self._calls.keypad(self._key(message))
        if keypad.events < 0:
            raise PeerError(488, "that party knows no telephone events")
        serial = message.get("serial", 0)
        keypad.press(code, milliseconds / 1000, now, serial if isinstance(serial, int) else 0)
        return {"result": "ok"}

    def _take_keys(self, message: Message, now: float) -> dict[str, Value]:
        session = self._calls.take_keys(self._key(message), message.get("command") == b"block DTMF")
        return {"result": "ok", "session": name_of(session), "state": state_of(session)}

    def _stop(self, message: Message, now: float) -> dict[str, Value]:
        session, talker = self._talking(message)
        talker.say(Saying([], False, now), b"")
        self._calls.tell_state(session)
        return {"result": "ok"}

    def _record(self, message: Message, now: float) -> dict[str, Value]:
        session, talker = self._talking(message)
        file = os.fsdecode(_text(message, "file", needed=True))
        seconds = message.get("seconds")
        if not isinstance(seconds, int) or not 0 < seconds <= _LONGEST_RECORDING:
            raise PeerError(400, "seconds is no number of seconds")
        if talker.recorder is None:  # else it is the same command once more
            try:
                talker.record(file, seconds)
            except OSError as error:
                raise PeerError(503, f"{file}: {error.strerror}") from None
            self._calls.tell_state(session)
        return {"result": "ok"}

    def _stop_recording(self, message: Message, now: float) -> dict[str, Value]:
        session, talker = self._talking(message)
        recorder = talker.stop_recording()
        self._calls.tell_state(session)
        if recorder is not None and recorder.failed:
            raise PeerError(503, recorder.failed)
        return {"result": "ok"}

    def _list(self, message: Message, now: float) -> dict[str, Value]:
        limit, first = message.get("limit", _LISTED), message.get("first", 0)
        if not isinstance(limit, int) or limit < 0 or not isinstance(first, int) or first < 0:
            raise PeerError(400, "limit or first is no number")
        found = self._calls.call_ids(min(limit, _MAX_LISTED), min(first, len(self._calls)))
        return {"result": "ok", "calls": found, "total": len(self._calls)}

    def _statistics(self, message: Message, now: float) -> dict[str, Value]:
        calls, pool = self._calls, self._calls.pairs.pool
        return {
            "result": "ok",
            "calls": len(calls),
            "sessions": calls.sessions,
            "sessions-opened": calls.opened,
            "timed-out": calls.timed_out,
            "pairs-taken": pool.taken,
            "pairs-free": pool.free,
            "added": self._added,
            "longest-round": self._longest(),
            **_kernel(self._calls),
        }


def _kernel(calls: Calls) -> dict[str, Value]:
    """How many directions of streams the kernel forwards, and why not more; nothing where that isn't wanted."""
    offload = calls.pairs.offload
    if offload is None:
        return {}
    return {
        "kernel-streams": offload.flows,
        "kernel-trouble": offload.reason or "",
        "kernel-note": offload.note,
    }


def _describe(session: Session, now: float) -> dict[str, Value]:
    return {
        "from-tag": session.from_tag,
        "to-tags": sorted(session.to_tags),
        "via-branch": session.via_branch,
        "age": int(now - session.created_at),
        "answered": int(session.answered),
        "quality": session.quality(),
        "streams": [
            [
                {"rtp": _counters(pair.rtp), "rtcp": _counters(pair.rtcp), "network": pair.network.name}
                if pair is not None
                else {}
                for pair in stream.pairs
            ]
            for stream in session.streams
        ],
    }


def _counters(port: Port) -> dict[str, Value]:
    latched = port.latched
    return {
        "port": port.sock.getsockname()[1],
        "latched": f"{latched[0]} {latched[1]}" if latched is not None else "",
        "packets": port.packets,
        "bytes": port.bytes,
        "dropped": port.dropped,
        "errors": port.errors,
    }
