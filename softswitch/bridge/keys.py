"""Keys in a bridged call: telephone events in the sound (RFC 4733) for who knows them, INFO for who doesn't.

A phone that tells of keys by INFO has them pressed into its sound where the other party knows telephone events. And
where one party doesn't know them, the other one's are taken out of the sound and told by INFO: then each of them is
offered what it is used to. What a trunk wants is its `style: keys:`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from softswitch.dialplan.trunk import EVENTS, INFO
from softswitch.errors import PeerError
from softswitch.legs.keys import key_of
from softswitch.media.anchor import sdp_of, with_sdp
from softswitch.media.engine import MediaFailed
from softswitch.sip.message import Request, Response
from softswitch.sip.sdp import Media, Sdp

if TYPE_CHECKING:
    from softswitch.bridge.bridge import Bridge
    from softswitch.bridge.end import End
    from softswitch.transaction.server_other import ServerOther

RELAY = b"Content-Type: application/dtmf-relay"
USUAL_SECONDS = 0.16
"""How long a key lasts of which nobody says it."""
_MILLISECONDS = re.compile(rb"^\s*Duration\s*=\s*([0-9]{1,5})\s*$", re.IGNORECASE | re.MULTILINE)
_NAME = b"telephone-event/8000"
_EVENTS = re.compile(rb"^a=rtpmap:([0-9]{1,3}) +telephone-event/8000", re.IGNORECASE | re.MULTILINE)
_USUAL = b"101"
_PLAIN = (b"0", b"8", b"9", b"18", b"3")
"""Payload types at 8 kHz that need no rtpmap."""


class Manner(NamedTuple):
    """How a party is about keys."""

    style: str = ""
    """The trunk's, see `dialplan/trunk.Style.keys`; "" for a phone."""
    info: bool = False
    """It knows INFO."""


def manner_of(message: Request | Response) -> Manner:
    """That of a phone, by its Allow."""
    return Manner("", any(b"INFO" in line.upper() for line in message.all(b"allow")))


def events_of(body: bytes) -> int:
    """The payload type of telephone events in this description; -1 for none."""
    if _NAME not in body.lower():
        return -1
    match = _EVENTS.search(body)
    return int(match[1]) if match is not None else -1


def for_offer(message: Request | Response, body: bytes, sender: Manner, to: Manner) -> bytes:
    """`body`, the offer in this message, as the other party gets it."""
    has = events_of(body) >= 0
    wanted = _wanted(has, sender, to)
    return body if wanted == has else _changed(message, body, _USUAL if wanted else b"")


def for_answer(message: Request | Response, body: bytes, sender: Manner, to: Manner, offered: int) -> bytes:
    """The same for an answer; `offered` is the payload type that was offered by who gets it, or -1."""
    has = events_of(body) >= 0
    wanted = offered >= 0 and _wanted(has, sender, to)
    return body if wanted == has else _changed(message, body, b"%d" % offered if wanted else b"")


def _wanted(has: bool, sender: Manner, to: Manner) -> bool:
    """Whether this party is to know of telephone events: then we can do with them what the sender wants."""
    if to.style == INFO:
        return False
    return has or sender.style == INFO or (not sender.style and sender.info and to.style == EVENTS)


def _changed(message: Request | Response, body: bytes, number: bytes) -> bytes:
    content_type = message.get(b"content-type") or b"application/sdp"
    sdp = sdp_of(content_type, body)
    if sdp is None:
        return body
    try:
        parsed = Sdp.parse(sdp)
    except PeerError:
        return body
    for media in parsed.media:
        if media.kind == b"audio" and media.port and media.is_rtp:
            _remove(media)
            if number:
                _add(media, number)
    return with_sdp(content_type, body, bytes(parsed))


def _remove(media: Media) -> None:
    numbers = [match[1] for line in media.lines if (match := _EVENTS.match(line)) is not None]
    if numbers:
        media.lines = [line for line in media.lines if not _is_about(line, numbers)]
        _write(media, [number for number in media.formats if number not in numbers])


def _is_about(line: bytes, numbers: list[bytes]) -> bool:
    name, _, rest = line.partition(b":")
    return name in (b"a=rtpmap", b"a=fmtp") and rest.partition(b" ")[0] in numbers


def _add(media: Media, number: bytes) -> None:
    mapped = {line[9:].partition(b" ")[0] for line in media.lines if line.startswith(b"a=rtpmap:")}
    mapped.update(media.formats)
    plain = any(one in _PLAIN for one in media.formats)
    if not plain and not any(b"/8000" in line for line in media.lines if line.startswith(b"a=rtpmap:")):
        return  # telephone events have the clock of the sound beside them
    if number in mapped:
        number = next(free for one in range(127, 95, -1) if (free := b"%d" % one) not in mapped)
    _write(media, [*media.formats, number])
    media.lines += [b"a=rtpmap:%b telephone-event/8000\r\n" % number, b"a=fmtp:%b 0-15\r\n" % number]


def _write(media: Media, formats: list[bytes]) -> None:
    media.formats = formats
    head = media.lines[0].split()[:3]
    media.lines[0] = b" ".join((*head, *formats)) + b"\r\n"


# Within a call


def agreed(bridge: Bridge) -> None:
    """Both parties have a description: whose keys are to be taken out of the sound from now on?"""
    for end in (bridge.a, bridge.b):
        other = bridge.other(end)
        takes = end.sees_events and other.events < 0
        if takes != end.keys_taken and bridge.bridges.anchors:
            end.keys_taken = takes
            bridge.bridges.media.take_keys(end.key(other, bridge.text), takes)


def pressed(bridge: Bridge, end: End, request: Request, server: ServerOther) -> bool:
    """Whether this INFO tells of a key that the other party hears as a telephone event; then it is answered here."""
    other = bridge.other(end)
    key = key_of(request.get(b"content-type") or b"", request.body)
    if not key or other.events < 0 or not bridge.bridges.anchors:
        return False
    match = _MILLISECONDS.search(request.body)
    seconds = min(max(int(match[1]) / 1000, 0.07), 3.0) if match is not None else USUAL_SECONDS

    def done(failed: MediaFailed | None) -> None:
        if failed is None:
            server.reply(200)
        else:  # such as an engine that can't: perhaps the other party can do something with it
            bridge.pass_on(end, request, server)

    bridge.bridges.media.press(end.key(other, bridge.text), key, seconds, done)
    return True


def heard(bridge: Bridge, tag: str, key: str) -> None:
    """The party with this tag has pressed a key of which the other one is to be told."""
    end = next((one for one in (bridge.a, bridge.b) if one.media_tag == tag), None)
    if end is not None and end.keys_taken and key:
        milliseconds = int(USUAL_SECONDS * 1000)
        body = b"Signal=%b\r\nDuration=%d\r\n" % (key.encode("latin-1"), milliseconds)
        bridge.other(end).send(b"INFO", (RELAY,), body)
