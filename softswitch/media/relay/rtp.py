"""Where the payload of an RTP packet is (RFC 3550 §5.1)."""

from __future__ import annotations


def payload_of(packet: memoryview | bytes) -> memoryview | bytes:
    """Without header, sources, extension and padding; empty where the packet is cut off."""
    start = 12 + 4 * (packet[0] & 15)
    end = len(packet) - (packet[-1] if packet[0] & 0x20 else 0)
    if packet[0] & 0x10:
        if start + 4 > end:
            return packet[:0]
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
    return packet[start : max(start, end)]
