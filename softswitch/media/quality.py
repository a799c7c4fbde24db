"""How well a call is heard: the figures of one party's sound, and what people would say of it (ITU-T G.107)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

ADDED_BOUNDS_MS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
"""Upper bounds of the histogram of added delays; one more bucket holds what is above."""

_IMPAIRMENT: dict[str, tuple[float, float]] = {
    "PCMU": (0.0, 25.1),
    "PCMA": (0.0, 25.1),
    "G729": (11.0, 19.0),
    "G723": (15.0, 16.1),
    "GSM-EFR": (5.0, 10.0),
    "iLBC": (11.0, 32.0),
}
"""By codec: what it costs by itself (Ie) and how well it bears loss (Bpl), with loss concealment (G.113 appendix I)."""
_USUAL = (0.0, 25.1)
"""For codecs that the table of G.113 doesn't have; for wideband ones the figure is a lower bound."""


class StreamQuality(NamedTuple):
    """The sound (or picture) of one party on its way to the other."""

    party: str
    """Whose it is: from an engine the tag, in a record the number and phone."""
    kind: str
    """"audio", "video"."""
    codec: str
    packets: int
    """That came from the party."""
    lost: int
    """That were missing among them."""
    jitter_ms: float
    """Between the party and us (RFC 3550 appendix A.8)."""
    reported_loss: float
    """What the other party said it missed, a share from 0 to 1, both ways together; -1 where it said nothing."""
    round_trip_ms: float
    """From us to the party and back, by its RTCP reports; -1 where it sends none."""
    mos: float
    """What the other party heard: 1 (bad) to 4.5 (excellent); 0 where there is nothing to say, as for a picture."""
    added: tuple[int, ...]
    """How often the delay that we added lay within each of `ADDED_BOUNDS_MS`; a sample of the packets."""

    @property
    def loss(self) -> float:
        """The share of packets that never came to us, 0 to 1."""
        expected = self.packets + self.lost
        return self.lost / expected if expected else 0.0


Told = Callable[[Sequence[StreamQuality]], None]


def mos(codec: str, loss: float, jitter_ms: float, round_trip_ms: float) -> float:
    """The mean opinion score by the simplified E-model (docs/media.md has the formula).

    `loss` is a share from 0 to 1; `round_trip_ms` is from phone to phone and back.
    """
    delay = round_trip_ms / 2 + 2 * jitter_ms + 20.0
    delay_impairment = 0.024 * delay + (0.11 * (delay - 177.3) if delay > 177.3 else 0.0)
    base, robustness = _IMPAIRMENT.get(codec, _USUAL)
    percent = 100.0 * loss
    equipment = base + (95.0 - base) * percent / (percent + robustness)
    rating = 93.2 - delay_impairment - equipment
    if rating <= 0.0:
        return 1.0
    return min(4.5, max(1.0, 1.0 + 0.035 * rating + 7e-6 * rating * (rating - 60.0) * (100.0 - rating)))


def added_ms(counts: Sequence[int], share: float) -> float:
    """The bound below which this share of the added delays lay; 0 without any, infinite above the last bound."""
    total, seen = sum(counts), 0
    for count, bound in zip(counts, (*ADDED_BOUNDS_MS, float("inf")), strict=False):
        seen += count
        if total and seen >= share * total:
            return bound
    return 0.0


def told(one: StreamQuality) -> str:
    """In words."""
    name = "sound" if one.kind == "audio" else one.kind
    words = [f"{name} of {one.party}: {one.codec}, {one.packets} packets, {100 * one.loss:.1f} % lost"]
    words.append(f"jitter {one.jitter_ms:.1f} ms")
    if one.reported_loss >= 0:
        words.append(f"{100 * one.reported_loss:.1f} % missed by the other party")
    if one.round_trip_ms >= 0:
        words.append(f"round trip {one.round_trip_ms:.0f} ms")
    if one.mos:
        words.append(f"MOS {one.mos:.1f}")
    if any(one.added):
        words.append(f"the relay added {_bound(one.added, 0.5)}, for 99 % {_bound(one.added, 0.99)}")
    return ", ".join(words)


def _bound(counts: Sequence[int], share: float) -> str:
    found = added_ms(counts, share)
    return f"under {found:g} ms" if found != float("inf") else f"over {ADDED_BOUNDS_MS[-1]:g} ms"


def as_message(one: StreamQuality, tag: bytes) -> dict[str, Any]:
    """For the ng protocol, which has whole numbers only."""
    return {
        "tag": tag,
        "kind": one.kind,
        "codec": one.codec,
        "packets": one.packets,
        "lost": one.lost,
        "jitter-us": round(1e3 * one.jitter_ms),
        "reported-loss-ppm": round(1e6 * one.reported_loss) if one.reported_loss >= 0 else -1,
        "round-trip-us": round(1e3 * one.round_trip_ms) if one.round_trip_ms >= 0 else -1,
        "mos-hundredths": round(100 * one.mos),
        "added": list(one.added),
    }


def from_message(message: Mapping[str, Any]) -> StreamQuality:
    """The opposite; raises KeyError, TypeError, AttributeError or ValueError for anything else."""

    def share(name: str, unit: float) -> float:
        value = int(message[name])
        return value / unit if value >= 0 else -1.0

    return StreamQuality(
        message["tag"].decode("latin-1"),
        message["kind"].decode("ascii", "replace"),
        message["codec"].decode("ascii", "replace"),
        int(message["packets"]),
        int(message["lost"]),
        int(message["jitter-us"]) / 1e3,
        share("reported-loss-ppm", 1e6),
        share("round-trip-us", 1e3),
        int(message["mos-hundredths"]) / 100,
        tuple(map(int, message["added"])),
    )
