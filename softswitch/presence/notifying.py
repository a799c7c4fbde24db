"""NOTIFYs: a document made once for all who see the same, sent to whom it is another one (RFC 6665 §4.2.2)."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.dialplan.plan import Person
from softswitch.flow import Flow
from softswitch.presence.board import Board, Key
from softswitch.presence.document import Document
from softswitch.presence.letterhead import Letterhead
from softswitch.presence.packages.lists import resource_list
from softswitch.presence.packages.registry import PACKAGES, Asked, Subject
from softswitch.presence.permission import member_view
from softswitch.presence.ports import Ways
from softswitch.presence.roster import Roster
from softswitch.presence.subscription import (
    BROKEN,
    CHANGED,
    DEFERRED,
    DELIVERED,
    LOST,
    QUIET,
    REFUSED,
    SENDING,
    Subscription,
)
from softswitch.presence.wants import SHORTEST_INTERVAL, rate_text
from softswitch.sip.message import Response
from softswitch.transaction.layer import Layer

LONGEST_DEFERRAL = 60.0


class Notifying:
    """Tells watchers. See `subscription.Notifier`."""

    def __init__(
        self,
        layer: Layer,
        ways: Ways,
        board: Board,
        roster: Roster,
        asked: Asked,
        wall: Callable[[], float],
        over: Callable[[Subscription], None],
    ) -> None:
        """`over(subscription)`: it has come to its end."""
        self._layer = layer
        self._ways = ways
        self._board = board
        self._roster = roster
        self._asked = asked
        self._wall = wall
        self._over = over
        self._documents: dict[Key, dict[tuple[str, str, str, bool], Document]] = {}
        """Of a person or team by package, user part, view and whether as a list: once for all who see the same."""
        self._changed: tuple[Document, Document, Document] | None = None
        """The latest partial document: from which, to which."""

    @property
    def now(self) -> float:
        """Monotonic seconds of the input at hand."""
        return self._layer.now

    def forget(self, key: Key) -> None:
        """Nobody watches this person or team any more."""
        self._documents.pop(key, None)

    def forget_all(self) -> None:
        """The dialplan is another one."""
        self._documents.clear()

    def tell(self, key: Key, package: str = "") -> None:
        """The watchers of a person or team whose view changed, and no others."""
        watching = self._roster.about(key)
        if not watching:
            return
        known = self._documents.get(key)
        changed = False
        if known:
            for wanted, document in list(known.items()):
                if package and wanted[0] != package:
                    continue
                made = self._make(key, wanted)
                if made != document:
                    known[wanted] = made
                    changed = True
        for subscription in list(watching):
            if not package or subscription.package == package:
                # Who is told of something now may have been told the same before: then nothing is sent.
                if subscription.state == QUIET and not changed and self._document(subscription) is subscription.sent:
                    continue
                subscription.receive(CHANGED)

    def _document(self, subscription: Subscription) -> Document:
        key = subscription.site, subscription.key
        wanted = subscription.package, subscription.user, subscription.view, subscription.lists
        known = self._documents.setdefault(key, {})
        document = known.get(wanted)
        if document is None:
            document = known[wanted] = self._make(key, wanted)
        return document

    def _make(self, key: Key, wanted: tuple[str, str, str, bool]) -> Document:
        site, name = key
        package, user, view, lists = wanted
        plan = self._board.plans[site]
        who = plan.people.get(name) or plan.teams[name]
        make = PACKAGES[package].make
        if not lists or isinstance(who, Person):
            return make(self._asked, Subject(site, who, f"sip:{user}@{site}", view))
        members = []
        for member in [plan.people[one] for one in who.members]:
            uri = f"sip:{member.number or member.name}@{site}"
            members.append(
                (uri, member.display, make(self._asked, Subject(site, member, uri, member_view(who, member, view))))
            )
        return resource_list(f"sip:{user}@{site}", who.display, members)

    def deliver(self, subscription: Subscription, forced: bool) -> str:
        """See `subscription.Notifier`."""
        gone = not self._board.has(subscription.site, subscription.key)
        document = None if gone else self._document(subscription)
        if not forced and document is subscription.sent:
            return QUIET
        flow = self._way(subscription)
        if flow is None:
            return LOST
        dialog = subscription.dialog
        dialog.flow = flow
        branch = self._layer.ids.branch()
        letterhead = subscription.letterhead
        if letterhead is None or not letterhead.fits(dialog):
            event = subscription.package.encode()
            if subscription.event_id:
                event += b";id=" + subscription.event_id
            letterhead = subscription.letterhead = Letterhead.of(dialog, event)
        lines, body = self._subscription_state(subscription), b""
        if document is not None:
            told = document
            if subscription.partial and not forced and subscription.sent is not None and not subscription.lists:
                told = self._changes(subscription.package, subscription.sent, document)
            body = told.body(dialog.local_cseq)
            lines += b"\r\nContent-Type: " + document.content_type
            if subscription.lists:
                lines += b"\r\nRequire: eventlist"
        dialog.local_cseq += 1
        data = letterhead.request(branch, dialog.local_cseq, lines, body)
        subscription.sent = document
        subscription.next_at = self.now + subscription.interval
        sending = subscription.in_flight = _Sending(self, subscription, flow)
        self._layer.send_plain(b"NOTIFY", branch, data, flow, sending)
        return SENDING

    def _changes(self, package: str, before: Document, now: Document) -> Document:
        """What to tell who has `before`; made once for all who do."""
        changes = PACKAGES[package].changes
        if changes is None:
            return now
        if self._changed is None or self._changed[0] is not before or self._changed[1] is not now:
            self._changed = before, now, changes(before, now) or now
        return self._changed[2]

    def _subscription_state(self, subscription: Subscription) -> bytes:
        if subscription.reason:
            return b"Subscription-State: terminated;reason=" + subscription.reason
        left = max(1, round(subscription.expires_at - self._wall()))
        line = b"Subscription-State: active;expires=%d" % left
        if subscription.interval > SHORTEST_INTERVAL:
            line += b";max-rate=" + rate_text(subscription.interval)
        if subscription.longest:
            line += b";min-rate=" + rate_text(subscription.longest)
        return line

    def _way(self, subscription: Subscription) -> Flow | None:
        flow = subscription.dialog.flow
        if flow.host and self._ways.alive(flow):
            return flow
        return None if subscription.dialog.routes else self._ways.newest(subscription.dialog.target)

    def wake(self, subscription: Subscription, at: float) -> None:
        """See `subscription.Notifier`."""
        self._layer.wheel.arm(subscription, at)

    def answered(self, sending: _Sending, response: Response) -> None:
        """A NOTIFY was answered."""
        subscription = sending.subscription
        status = response.status
        if status < 200 or subscription.in_flight is not sending:
            return
        subscription.in_flight = None
        if status < 300:
            subscription.receive(DELIVERED)
            return
        after = (response.get(b"retry-after") or b"").partition(b";")[0].strip()
        if after.isdigit() and status not in (404, 481):
            subscription.next_at = self.now + min(float(after[:4]), LONGEST_DEFERRAL)
            subscription.sent = None
            subscription.receive(DEFERRED)
        else:
            subscription.receive(REFUSED)

    def unanswered(self, sending: _Sending, timed_out: bool) -> None:
        """A NOTIFY came to nothing. Over another way it may come through: a phone that moved has registered since."""
        subscription = sending.subscription
        if subscription.in_flight is not sending:
            return
        subscription.in_flight = None
        if timed_out:
            newest = self._ways.newest(subscription.dialog.target)
            if newest is None or newest == sending.flow or subscription.dialog.routes:
                subscription.receive(REFUSED)
                return
            subscription.dialog.flow = newest
        subscription.receive(BROKEN)

    def drop(self, subscription: Subscription) -> None:
        """See `subscription.Notifier`."""
        self._over(subscription)


class _Sending:
    """Who waits for the answer to one NOTIFY."""

    __slots__ = ("_notifying", "flow", "subscription")

    def __init__(self, notifying: Notifying, subscription: Subscription, flow: Flow) -> None:
        self._notifying = notifying
        self.subscription = subscription
        self.flow = flow

    def on_response(self, response: Response) -> None:
        self._notifying.answered(self, response)

    def on_no_answer(self, timed_out: bool) -> None:
        self._notifying.unanswered(self, timed_out)
