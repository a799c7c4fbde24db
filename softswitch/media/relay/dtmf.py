"""Keys pressed, out of telephone events (RFC 4733 §2.3)."""

from __future__ import annotations

from .rtp import payload_of

KEYS = "0123456789*#ABCD"
"""By the event's number."""


class Keys:
    """Tells each key once: its event comes in many packets, all with the timestamp of its beginning."""

    __slots__ = ("_last", "_ssrc")

    def __init__(self) -> None:
        self._last = 0
        self._ssrc = b""

    def heard(self, packet: memoryview | bytes) -> str:
        """The key that this RTP packet is the first to tell of; "" for none."""
        payload = payload_of(packet)
        if len(payload) < 4:
            return ""
        timestamp, ssrc = int.from_bytes(packet[4:8], "big"), bytes(packet[8:12])
        if ssrc == self._ssrc and not 0 < (timestamp - self._last) & 0xFFFFFFFF < 0x80000000:
            return ""  # the same one, or one that is late
        self._last, self._ssrc = timestamp, ssrc
        event = payload[0]
        return KEYS[event] if event < len(KEYS) else ""
