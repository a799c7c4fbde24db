"""Event package `message-summary`: what lies in somebody's mailbox (RFC 3842)."""

from __future__ import annotations

from softswitch.presence.document import Document
from softswitch.presence.ports import Messages

CONTENT_TYPE = b"application/simple-message-summary"


def summary(messages: Messages, entity: str) -> Document:
    """The text about the mailbox of `entity`."""
    waiting = "yes" if messages.new else "no"
    made = (
        f"Messages-Waiting: {waiting}\r\nMessage-Account: {entity}\r\n"
        f"Voice-Message: {messages.new}/{messages.old} ({messages.new_urgent}/{messages.old_urgent})\r\n"
    )
    return Document(CONTENT_TYPE, (made.encode(),))
