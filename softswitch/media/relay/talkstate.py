"""An end of ours as part of a session's state: what it says goes on where it would be, and so does a recording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .player import CannotPlay, load
from .recorder import Recorder
from .talk import Codec
from .talker import Recording, Saying, Talker


def talks_of(talker: Talker) -> dict[str, Any]:
    """Everything that `talks_again` wants."""
    saying, recording, partner = talker.saying, talker.recording, talker.partner
    return {
        "codec": list(talker.codec or ()),
        "partner": list(partner.key) if partner is not None else [],
        "recording": list(recording) if recording is not None else [],
        "saying": list(saying) if saying is not None else [],
        "source": list(talker.source),
    }


def talks_again(talker: Talker, message: Mapping[str, Any], now: float) -> tuple[Talker, Codec | None]:
    """`talker`, who says and records what the one of this state did, and his codec; `now` in monotonic seconds."""
    codec = Codec(*message["codec"]) if message["codec"] else None
    ssrc, number, timestamp, at = message["source"]
    talker.go_on(ssrc, number, timestamp, at, codec.samples if codec is not None else 160, now)
    talker.wanted = tuple(message["partner"])
    if message["saying"]:
        saying = Saying(*message["saying"])
        try:
            sound = b"".join(map(load, saying.files))
        except CannotPlay:
            sound = b""  # deleted meanwhile: it ends at once
        talker.say(saying, sound, int(8000 * max(0.0, now - saying.since)))
    if message["recording"]:
        recording = Recording(*message["recording"])
        talker.recording = recording
        try:
            talker.recorder = Recorder(recording.path, recording.seconds, now - recording.since)
        except OSError:
            talker.recording = None  # its file is gone, and with it who wants it
    return talker, codec
