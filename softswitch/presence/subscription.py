"""One subscription as its notifier sees it: a table of states, and what the watcher is still owed (RFC 6665 §4.2).

Only one NOTIFY is under way at a time. What changes meanwhile is owed, and the next NOTIFY tells the newest state: so
a slow watcher costs nobody else anything, and nothing is ever queued.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from softswitch.dialog.dialog import Dialog
from softswitch.presence.document import Document
from softswitch.presence.letterhead import Letterhead

QUIET, SENDING, HELD, LOST, ENDING, OVER = "quiet", "sending", "held", "lost", "ending", "over"
"""LOST: there is no way to the watcher now; his phone may register again."""
SUBSCRIBE, CHANGED, TIMER = "SUBSCRIBE", "changed", "timer"
DELIVERED, REFUSED, DEFERRED, BROKEN = "2xx", "failed", "later", "transport error"
FOUND, END = "registered again", "end"

TABLE: dict[str, dict[str, str]] = {
    QUIET: {
        SUBSCRIBE: "send", CHANGED: "send_or_hold", TIMER: "send", DELIVERED: "ignore", REFUSED: "ignore",
        DEFERRED: "ignore", BROKEN: "ignore", FOUND: "ignore", END: "finish",
    },
    SENDING: {
        SUBSCRIBE: "send", CHANGED: "owe", TIMER: "ignore", DELIVERED: "settle", REFUSED: "drop",
        DEFERRED: "hold", BROKEN: "send_again", FOUND: "ignore", END: "finish",
    },
    HELD: {
        SUBSCRIBE: "send", CHANGED: "ignore", TIMER: "send_owed", DELIVERED: "ignore", REFUSED: "ignore",
        DEFERRED: "ignore", BROKEN: "ignore", FOUND: "ignore", END: "finish",
    },
    LOST: {
        SUBSCRIBE: "send", CHANGED: "send", TIMER: "ignore", DELIVERED: "ignore", REFUSED: "ignore",
        DEFERRED: "ignore", BROKEN: "ignore", FOUND: "send", END: "finish",
    },
    ENDING: {
        SUBSCRIBE: "ignore", CHANGED: "ignore", TIMER: "ignore", DELIVERED: "forget", REFUSED: "forget",
        DEFERRED: "forget", BROKEN: "forget", FOUND: "ignore", END: "ignore",
    },
    OVER: {
        SUBSCRIBE: "ignore", CHANGED: "ignore", TIMER: "ignore", DELIVERED: "ignore", REFUSED: "ignore",
        DEFERRED: "ignore", BROKEN: "ignore", FOUND: "ignore", END: "ignore",
    },
}  # fmt: skip

MOST_RETRIES = 2
"""A NOTIFY whose way broke is sent so often over another one before the watcher counts as lost."""


class Notifier(Protocol):
    """Who sends for all subscriptions."""

    @property
    def now(self) -> float:
        """Monotonic seconds of the input at hand."""
        ...

    def deliver(self, subscription: Subscription, forced: bool) -> str:
        """Send what he is to see; the state that follows: SENDING, LOST, or QUIET when it is what he saw last.

        `forced`: also when it is.
        """
        ...

    def wake(self, subscription: Subscription, at: float) -> None:
        """Have its `fire` called at this monotonic time."""
        ...

    def drop(self, subscription: Subscription) -> None:
        """Forget it: it is over."""
        ...


class Subscription:
    """What one watcher is told of one person or team."""

    __slots__ = (
        "account",
        "dialog",
        "due",
        "event_id",
        "expires_at",
        "in_flight",
        "interval",
        "key",
        "letterhead",
        "lists",
        "longest",
        "next_at",
        "notifier",
        "owed",
        "package",
        "partial",
        "reason",
        "retries",
        "sent",
        "site",
        "slot",
        "state",
        "user",
        "view",
        "wake_at",
        "watcher",
        "watcher_site",
    )

    def __init__(
        self,
        notifier: Notifier,
        dialog: Dialog,
        *,
        site: str,
        key: str,
        user: str,
        package: str,
        event_id: bytes,
        account: str,
        watcher_site: str,
        watcher: str,
        lists: bool,
        expires_at: float,
        interval: float,
        longest: float,
    ) -> None:
        self.notifier = notifier
        self.dialog = dialog
        self.site = site
        self.key = key
        """Of the person or team."""
        self.user = user
        """The user part that was subscribed to; documents speak of it."""
        self.package = package
        self.event_id = event_id
        """The Event header's id parameter, b"" for none."""
        self.account = account
        """The watching phone; "" for a peer."""
        self.watcher_site = watcher_site
        self.watcher = watcher
        """His address."""
        self.lists = lists
        """Whether he understands resource lists (RFC 4662)."""
        self.partial = False
        """Whether partial documents are safe with this watcher; after a restart not before he refreshes."""
        self.view = ""
        """One of `view`."""
        self.expires_at = expires_at
        """Wall clock."""
        self.interval = interval
        """Seconds between two NOTIFYs, at least (RFC 6446)."""
        self.longest = longest
        """Seconds between two NOTIFYs, at most; 0 for no such wish."""
        self.state = QUIET
        self.reason = b""
        """Why it ends, once it does."""
        self.sent: Document | None = None
        self.letterhead: Letterhead | None = None
        """The notifier's."""
        self.owed = False
        self.in_flight: object = None
        """What waits for the answer to the latest NOTIFY."""
        self.retries = 0
        self.next_at = 0.0
        """Monotonic: before that no NOTIFY but to a SUBSCRIBE."""
        self.wake_at = 0
        self.due: float | None = None
        self.slot = 0

    def receive(self, what: str) -> None:
        """Something happened; see TABLE."""
        ACTIONS[self.state][what](self)

    def fire(self, now: float) -> None:
        """From the wheel."""
        self.receive(TIMER)

    # -- actions

    def ignore(self) -> None:
        """Absorbed."""

    def send(self) -> None:
        self.retries = 0
        self._deliver(True)

    def send_owed(self) -> None:
        self._deliver(False)

    def send_or_hold(self) -> None:
        if self.notifier.now < self.next_at:
            self.hold()
        else:
            self._deliver(False)

    def send_again(self) -> None:
        self.retries += 1
        if self.retries > MOST_RETRIES:
            self.state = LOST
        else:
            self._deliver(True)

    def owe(self) -> None:
        self.owed = True

    def settle(self) -> None:
        self.state = QUIET
        self.retries = 0
        if self.owed:
            self.send_or_hold()
        elif self.longest:
            self.notifier.wake(self, self.notifier.now + self.longest)

    def hold(self) -> None:
        self.state = HELD
        self.notifier.wake(self, self.next_at)

    def finish(self) -> None:
        """The last NOTIFY; there may be no way for it any more."""
        if self.notifier.deliver(self, True) == SENDING:
            self.state = ENDING
            self.due = None
        else:
            self.forget()

    def drop(self) -> None:
        """He does not know of it any more (RFC 6665 §4.2.2)."""
        self.forget()

    def forget(self) -> None:
        self.state = OVER
        self.due = None
        self.in_flight = None
        self.notifier.drop(self)

    def _deliver(self, forced: bool) -> None:
        self.owed = False
        self.state = self.notifier.deliver(self, forced)
        if self.state == QUIET and self.longest:
            self.notifier.wake(self, self.notifier.now + self.longest)


ACTIONS: dict[str, dict[str, Callable[[Subscription], None]]] = {
    state: {event: getattr(Subscription, action) for event, action in row.items()} for state, row in TABLE.items()
}
