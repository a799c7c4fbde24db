"""Notices of a message that could not be delivered, for senders who asked for one (RFC 5438, within RFC 3862)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import formatdate
from typing import NamedTuple
from xml.sax.saxutils import escape

from softswitch.errors import PeerError
from softswitch.ids import Ids
from softswitch.messaging.form import body_of, header_of
from softswitch.messaging.letter import LONGEST_TEXT
from softswitch.sip.address import parse_address

IMDN = "urn:ietf:params:imdn"


class Wanted(NamedTuple):
    """Which notice a sender asked for."""

    message_id: str
    sender: str
    """The value of From within the body, where the notice goes."""
    recipient: str
    """The value of To within the body."""
    sent: str
    """DateTime within the body, or ""."""


def failure_wanted(content_type: bytes, body: bytes) -> Wanted | None:
    """What is to be told should the message fail; None when nothing was asked for, or so that nobody can answer."""
    if content_type.partition(b";")[0].strip().lower() != b"message/cpim":
        return None
    head = body.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("utf-8", "replace")
    values: dict[str, str] = {}
    for line in head.split("\n"):
        name, _, value = line.partition(":")
        if name == "NS":
            prefix, _, uri = value.strip().rpartition(" ")
            if uri.strip("<>") == IMDN:
                values["prefix"] = f"{prefix.strip()}." if prefix.strip() else ""
        else:
            values.setdefault(name, value.strip())
    named = values.get("prefix")
    if named is None:
        return None
    asked = [word.partition(";")[0].strip() for word in values.get(f"{named}Disposition-Notification", "").split(",")]
    message_id = values.get(f"{named}Message-ID", "")
    if "negative-delivery" not in asked or not message_id or not _uri(values.get("From", "")):
        return None
    return Wanted(message_id, values["From"], values.get("To", ""), values.get("DateTime", ""))


def failed_body(wanted: Wanted, wall: float) -> bytes:
    """The CPIM body of the notice; of type message/cpim. It asks for no notice itself (RFC 5438 §7)."""
    sent = wanted.sent or datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    recipient = escape(_uri(wanted.recipient))
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?>\r\n'
        '<imdn xmlns="urn:ietf:params:xml:ns:imdn">\r\n'
        f"<message-id>{escape(wanted.message_id)}</message-id>\r\n"
        f"<datetime>{escape(sent)}</datetime>\r\n"
        f"<recipient-uri>{recipient}</recipient-uri>\r\n"
        f"<original-recipient-uri>{recipient}</original-recipient-uri>\r\n"
        "<delivery-notification><status><failed/></status></delivery-notification>\r\n"
        "</imdn>\r\n"
    ).encode()
    head = (
        f"From: {wanted.recipient}\r\nTo: {wanted.sender}\r\n"
        f"DateTime: {datetime.fromtimestamp(wall, UTC):%Y-%m-%dT%H:%M:%SZ}\r\n"
        f"NS: imdn <{IMDN}>\r\nimdn.Message-ID: failed-{wanted.message_id[:200]}\r\n\r\n"
        f"Content-Type: message/imdn+xml\r\nContent-Disposition: notification\r\nContent-Length: {len(xml)}\r\n\r\n"
    ).encode()
    return head + xml


class Notice(NamedTuple):
    """A message of ours to somebody whose message could not be delivered."""

    sender: str
    """Whom the message was for."""
    mark: str
    """See `Letter.mark`."""
    lines: tuple[bytes, ...]
    """Whole header lines."""
    body: bytes


def failure_notice(content: bytes, ids: Ids, site: str, wall: float) -> Notice | None:
    """The notice that the sender of a kept message asked for, from its recipient; None where there was no such wish."""
    wanted = failure_wanted(header_of(content, b"content-type"), body_of(content))
    if wanted is None:
        return None
    try:
        recipient = parse_address(header_of(content, b"to")).uri
        sender = parse_address(header_of(content, b"from")).uri
    except PeerError:
        return None  # nobody could answer that message either
    call_id, tag = ids.call_id(site.encode()), ids.tag()
    lines = (
        b"From: <%b>;tag=%b" % (recipient, tag),
        b"To: <%b>" % sender,
        b"Call-ID: " + call_id,
        b"CSeq: 1 MESSAGE",
        b"Date: " + formatdate(int(wall), usegmt=True).encode(),
        b"Content-Type: message/cpim",
    )
    mark = "\n".join((call_id.decode(), tag.decode(), "1"))
    return Notice(recipient.decode("utf-8", "replace")[:LONGEST_TEXT], mark, lines, failed_body(wanted, wall))


def _uri(address: str) -> str:
    """The URI in "Anna <sip:anna@acme.example>", or ""."""
    start, end = address.rfind("<"), address.rfind(">")
    return address[start + 1 : end] if 0 <= start < end else ""
