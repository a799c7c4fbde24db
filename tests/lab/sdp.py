"""Session descriptions of the laboratory's phones."""

from __future__ import annotations

import re


def sdp(host: str, port: int, direction: str = "sendrecv", version: int = 1, events: int = 0) -> bytes:
    """One audio stream; `events` is the payload type of telephone events."""
    family = "IP6" if ":" in host else "IP4"
    keys = f"a=rtpmap:{events} telephone-event/8000\r\n" if events else ""
    return (
        f"v=0\r\no=- 1 {version} IN {family} {host}\r\ns=-\r\nc=IN {family} {host}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 8 0{f' {events}' if events else ''}\r\n{keys}a={direction}\r\n"
    ).encode()


def media_of(body: bytes) -> str:
    """Where sound shall go, as "203.0.113.9:30002", or "" when the body does not say."""
    host = re.search(rb"c=IN IP[46] (\S+)", body)
    port = re.search(rb"m=audio ([0-9]+)", body)
    return f"{host[1].decode()}:{port[1].decode()}" if host and port else ""
