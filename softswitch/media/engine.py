"""The media engine as signalling sees it: SDP in, SDP out, and ports that come back.

The keys are those of rtpengine's ng protocol, so that an engine may be our own relay or rtpengine. Calls are
asynchronous by call-back, never by await: the protocol core stays without a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from .quality import Told


@dataclass(frozen=True, slots=True)
class MediaKey:
    """Which offer or answer of which call this is."""

    call_id: str
    from_tag: str
    """The tag of who sent the offer, for the offer and for its answer alike."""
    to_tag: str = ""
    """The tag of who answers; empty in the first offer."""
    via_branch: str = ""
    """The branch of a forked first offer: each branch has ports of its own."""


@dataclass(frozen=True, slots=True)
class MediaFailed:
    """The engine could not do it. `status` is a fitting SIP status (488 for SDP, 503 for ports or engine)."""

    status: int
    reason: str


class MediaEvent(NamedTuple):
    """Something that the engine noticed by itself."""

    name: str
    """Such as "silence"."""
    call_id: str
    from_tag: str
    """The tag of who made the first offer of these streams, as in `MediaKey`."""
    tag: str
    """The party that it is about; "" when it is about all of them."""
    details: Mapping[str, Any]
    """What else the event has; strings are bytes."""


Done = Callable[[bytes | MediaFailed], None]
Heard = Callable[[MediaEvent], None]
Did = Callable[[MediaFailed | None], None]
"""Gets None when it was done."""


class MediaEngine(Protocol):
    """An engine that puts itself between two parties."""

    def offer(
        self,
        key: MediaKey,
        sdp: bytes,
        to_network: str,
        source: str,
        done: Done,
        transport: str = "",
        music: str = "",
    ) -> None:
        """Anchor an offer: `done` gets the SDP to pass on to the other side.

        `transport` is the form that it is wanted in: "RTP/AVP" in the clear, "RTP/SAVP" encrypted, "OSRTP" encrypted if
        the other side can (RFC 8643), "" as it is, or as it was before in this call.

        `music` is the WAV file (A-law, 8 kHz) that whoever is held in this call hears from now on; "" for none.

        `to_network` is the name of the network the offer leaves to; `source` the address the message came from
        ("" when unknown), for SDP that carries a private address behind NAT.
        """
        ...

    def answer(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done) -> None:
        """Anchor the answer to the offer with the same call_id, from_tag and via_branch."""
        ...

    def echo(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done) -> None:
        """Answer this offer ourselves and send back whatever arrives: `done` gets the answer's SDP."""
        ...

    def talk(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done, music: str = "") -> None:
        """Answer this offer as an end of our own, silent at first: `done` gets the answer's SDP.

        `music` is what the party that this one is connected with hears while it holds, as for `offer`.

        Its events are "dtmf", with the "key" that was pressed, and "played": nothing is left to say.
        """
        ...

    def propose(self, key: MediaKey, to_network: str, echoes: bool, done: Done, transport: str = "") -> None:
        """Make the offer ourselves, for an end of our own: `done` gets its SDP. `transport` is as in `offer`.

        Until `settle` nothing is heard of a new one, and an old one stays as it is. The key is as for `talk`.
        """
        ...

    def settle(self, key: MediaKey, sdp: bytes, source: str, done: Did) -> None:
        """The other side's answer to what we proposed."""
        ...

    def play(self, key: MediaKey, files: Sequence[str], repeat: bool, done: Did) -> None:
        """Say these WAV files (A-law, 8 kHz) one after the other, instead of what is being said; none is silence.

        The end is that of `talk`, by call_id and from_tag. `repeat` begins again and again.
        """
        ...

    def connect(self, key: MediaKey, other: MediaKey, done: Did) -> None:
        """Have the parties of two ends of our own hear each other."""
        ...

    def whisper(self, key: MediaKey, sdp: bytes, files: Sequence[str], done: Did) -> None:
        """Say these again and again to who answered the offer of `key` with `sdp`, and hear its keys.

        Meanwhile the two parties don't hear each other. The event "dtmf" has the offer's "branch" beside the "key".
        """
        ...

    def stop_whisper(self, key: MediaKey) -> None:
        """Let them hear each other."""
        ...

    def press(self, key: MediaKey, digit: str, seconds: float, done: Did) -> None:
        """Have `key.to_tag` hear a key of `key.from_tag` as a telephone event (RFC 4733)."""
        ...

    def take_keys(self, key: MediaKey, takes: bool) -> None:
        """Tell of the telephone events of `key.from_tag` by "dtmf" instead of passing them on, or no longer."""
        ...

    def record(self, key: MediaKey, file: str, seconds: float, done: Did) -> None:
        """Write what is heard at this end into a new WAV file, at most so many seconds."""
        ...

    def stop_recording(self, key: MediaKey, done: Did) -> None:
        """Finish the file; `done` is called when it is whole."""
        ...

    def delete(self, call_id: str, from_tag: str = "", via_branch: str = "", told: Told | None = None) -> None:
        """Free the ports of a call, or of one forked branch of it. Never fails; unknown calls are nothing.

        `told` gets the quality of what was freed, once that is known; it is not called where the engine is silent.
        """
        ...

    def query(self, call_id: str, told: Told) -> None:
        """`told` gets the quality of a call so far; nothing of an unknown one."""
        ...

    def subscribe(self, name: str, heard: Heard) -> None:
        """Have `heard` told of each event of this name from now on; an engine may have none."""
        ...
