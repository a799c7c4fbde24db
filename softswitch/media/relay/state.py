"""A session as a message, so that the switch can keep it for us: what a relay that died leaves behind is made again.

The ports are the same ones afterwards, SRTP goes on counting, and what was being said or
recorded goes on. Who the parties are is learnt anew from their next packets, by the rule of `latch`, and the figures of
their quality begin anew. It is JSON, which is written in a few microseconds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ...errors import PeerError
from .codecs import FIXED
from .measure import Codecs
from .pairs import Pairs
from .security import Security
from .session import Place, Said, Session, Stream
from .srtp import Crypto, Lock, Position
from .talk import Codec
from .talker import Talker
from .talkstate import talks_again, talks_of

_MOST_PACKETS = 1 << 26
"""Of one source: two weeks of sound. Counting further takes time."""


def state_of(session: Session) -> bytes:
    """Everything that `restored` wants. Its moments are of the machine's monotonic clock, which all processes share."""
    return _WRITER.encode(
        {
            "answered": int(session.answered),
            "call-id": session.call_id.decode("latin-1"),
            "created": round(session.created_at, 3),
            "echoes": int(session.echoes),
            "from-tag": session.from_tag.decode("latin-1"),
            "said": [_said(said) for said in session.said],
            "seed": session.seed.hex(),
            "music": session.music,
            "spoken": [_spoken(spoken) for spoken in session.spoken],
            "staged": [session.staged[0], _said(session.staged[1]), _spoken(session.staged[2])]
            if session.staged is not None
            else [],
            "streams": [_stream(stream) for stream in session.streams],
            "takes": [int(keypad is not None and keypad.takes) for keypad in session.keypads],
            "talks": talks_of(session.talker) if session.talker is not None else {},
            "to-tag": session.to_tag.decode("latin-1"),
            "to-tags": sorted(session.to_tags),
            "via-branch": session.via_branch.decode("latin-1"),
        }
    ).encode()


def read_state(state: bytes) -> dict[str, Any]:
    """What `restored` takes; raises PeerError(400)."""
    try:
        message: Any = json.loads(state, object_hook=_as_bytes)
        named = {name: message[name].encode("latin-1") for name in ("call-id", "from-tag", "via-branch", "to-tag")}
        return {**message, **named, "seed": bytes.fromhex(message["seed"]), "echoes": int(message["echoes"])}
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise PeerError(400, f"no state of a session: {error!r}") from None


def restored(
    message: Mapping[str, Any], pairs: Pairs, patience: float, now: float, tell: Callable[[Session, str, str], None]
) -> Session:
    """The session of this state, with its ports open; raises PeerError (400, or 503 where a port is taken).

    `tell` hears of what happens where we are an end.
    """
    session = Session(message["call-id"], message["from-tag"], message["via-branch"], pairs, patience, now)
    try:
        _fill(session, message, Talker(partial(tell, session)), now)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        session.close()
        raise PeerError(400, f"no state of a session: {error!r}") from None
    except PeerError:
        session.close()
        raise
    return session


def _fill(session: Session, message: Mapping[str, Any], talker: Talker, now: float) -> None:
    session.created_at = min(now, float(message["created"]))
    session.seed, session.to_tag = message["seed"], message["to-tag"]
    session.to_tags = set(message["to-tags"])
    session.answered, session.echoes = bool(message["answered"]), bool(message["echoes"])
    first, second = message["said"]
    session.said = [_said_again(first), _said_again(second)]
    if message["staged"]:
        side, said, spoken = message["staged"]
        session.staged = (side & 1, _said_again(said) or Said((), False, ""), _spoken_again(spoken))
    first, second = message["spoken"]
    session.music, session.spoken = str(message["music"]), [_spoken_again(first), _spoken_again(second)]
    for at, stream in enumerate(message["streams"]):
        session.streams.append(Stream())
        _open(session, at, stream)
    if message["talks"]:
        session.resume(*talks_again(talker, message["talks"], now))
    else:
        session.resume()


def _open(session: Session, at: int, message: Mapping[str, Any]) -> None:
    stream, pairs = session.streams[at], session.pairs
    *agreed, stream.mux.offered, stream.mux.asked = map(bool, message["mux"])
    stream.mux.agreed = [agreed[0], agreed[1]]
    if message["security"]:
        stream.security = _security_again(session.seed, message["security"])
    for side in (0, 1):
        number = message["reserved"][side]
        if number:
            stream.reserved[side] = pairs.reserve_again(number)
        number, network = message["numbers"][side], message["networks"][side]
        if number:
            stream.pairs[side] = pairs.open_again(pairs.network(network), number)


def _stream(stream: Stream) -> dict[str, Any]:
    return {
        "mux": [*map(int, (*stream.mux.agreed, stream.mux.offered, stream.mux.asked))],
        "networks": [pair.network.name if pair is not None else "" for pair in stream.pairs],
        "numbers": [pair.number if pair is not None else 0 for pair in stream.pairs],
        "reserved": [number or 0 for number in stream.reserved],
        "security": _security(stream.security) if stream.security is not None else {},
    }


def _said(said: Said | None) -> dict[str, Any]:
    if said is None:
        return {}
    return {"held": int(said.held), "places": [_place(place) for place in said.places], "source": said.source}


def _said_again(message: Mapping[str, Any]) -> Said | None:
    if not message:
        return None
    places = tuple(_place_again(place) for place in message["places"])
    return Said(places, bool(message["held"]), message["source"])


def _spoken(spoken: tuple[int, Codec] | None) -> list[Any]:
    return [spoken[0], *spoken[1]] if spoken is not None else []


def _spoken_again(message: Sequence[Any]) -> tuple[int, Codec] | None:
    return (int(message[0]), Codec(*message[1:])) if message else None


def _place(place: Place) -> list[Any]:
    # Names differ where a phone gives a number of the table another meaning; the usual ones need no words.
    codecs = [[number, *codec] for number, codec in place.codecs.items() if FIXED.get(number) != codec]
    return [*place[:7], codecs, place.sends, place.hears]


def _place_again(message: Sequence[Any]) -> Place:
    host, port, rtcp_host, rtcp_port, is_rtp, is_secure, kind, codecs, sends, hears = message
    known: Codecs = FIXED | {number: (name, rate) for number, name, rate in codecs}
    return Place(
        host,
        port,
        rtcp_host,
        rtcp_port,
        bool(is_rtp),
        bool(is_secure),
        kind,
        known,
        bool(sends),
        bool(hears),
    )


def _security(security: Security) -> dict[str, Any]:
    return {
        "counts": [[*map(_count, locks)] for locks in security.locks],
        "local": [_crypto(crypto) for crypto in security.local],
        "name": security.name,
        "offered": [[_crypto(crypto) for crypto in cryptos] for cryptos in security.offered],
        "profiles": security.profiles,
        "remote": [_crypto(crypto) for crypto in security.remote],
        "staged": _crypto(security.staged),
        "wanted": security.wanted,
    }


def _security_again(seed: bytes, message: Mapping[str, Any]) -> Security:
    security = Security(seed, message["name"])
    security.profiles = list(message["profiles"])
    security.wanted = list(message["wanted"])
    security.offered = [[Crypto(*crypto) for crypto in cryptos] for cryptos in message["offered"]]
    security.staged = _crypto_again(message["staged"])
    security.remote = [_crypto_again(crypto) for crypto in message["remote"]]
    security.local = [_crypto_again(crypto) for crypto in message["local"]]
    for side, (opened, sealed) in enumerate(message["counts"]):
        security.go_on(side, _positions(opened), _positions(sealed), sealed[0] if sealed else 0)
    security.turn()
    return security


def _count(lock: Lock | None) -> list[Any]:
    """How far a key has been used: reports, then source and index of each."""
    return [lock.reports, *map(list, lock.positions)] if lock is not None else []


def _positions(message: Sequence[Any]) -> list[Position]:
    found = [Position(bytes(ssrc), int(index)) for ssrc, index in message[1:]]
    if any(len(one.ssrc) != 4 or not 0 <= one.at <= _MOST_PACKETS for one in found):
        raise ValueError("a position that cannot be")
    return found


def _crypto(crypto: Crypto | None) -> list[Any]:
    return list(crypto) if crypto is not None else []


def _crypto_again(message: Sequence[Any]) -> Crypto | None:
    return Crypto(*message) if message else None


def _as_text(value: object) -> dict[str, str]:
    """Bytes, which JSON has not."""
    assert isinstance(value, bytes)
    return {"bytes": value.decode("latin-1")}


def _as_bytes(message: dict[str, Any]) -> Any:
    return message["bytes"].encode("latin-1") if message.keys() == {"bytes"} else message


_WRITER = json.JSONEncoder(default=_as_text, separators=(",", ":"))
