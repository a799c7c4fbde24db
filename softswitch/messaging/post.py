"""A message in a mailbox while the switch runs, with its sender's transaction as long as that waits for an answer."""

from __future__ import annotations

from softswitch.messaging.letter import Letter
from softswitch.messaging.mailbox import Item
from softswitch.sip.message import Request, Response
from softswitch.transaction.server_other import ServerOther
from softswitch.transaction.timers import Timer


class Post(Item):
    """One message for one person."""

    __slots__ = ("content", "gone", "hops", "refusals", "request", "server", "timer")

    def __init__(self, letter: Letter, kept: bool, timer: Timer) -> None:
        super().__init__(letter, kept)
        self.timer = timer
        """The sender's patience, later the message's expiry."""
        self.request: Request | None = None
        """As it came; None once it is kept."""
        self.server: ServerOther | None = None
        self.hops = 0
        """The Max-Forwards to send on."""
        self.refusals: list[Response] = []
        """To the sender's own request."""
        self.content: bytes | None = None
        """As it is kept, until that is durable."""
        self.gone = False
