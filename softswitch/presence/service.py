"""The presence agent: SUBSCRIBE and PUBLISH come in, NOTIFYs go out (RFC 3856, 3903, 6665)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from softswitch.dialog.dialog import Dialog
from softswitch.dialplan.availability import Presences
from softswitch.dialplan.plan import Person, Plan, Team
from softswitch.errors import PeerError
from softswitch.events import BindingChanged, Bus, OverrideChanged, PartChanged
from softswitch.flow import Flow, Listener
from softswitch.presence.board import Board, Key
from softswitch.presence.compose import State
from softswitch.presence.document import Document
from softswitch.presence.limits import PresenceLimits, Rate
from softswitch.presence.packages.lists import resource_list
from softswitch.presence.packages.registry import ALLOW_EVENTS, PACKAGES, Asked, Subject
from softswitch.presence.packages.winfo import Watcher
from softswitch.presence.permission import Watching, is_own, member_view, view_of
from softswitch.presence.pidf import read_pidf
from softswitch.presence.ports import FactsNow, Mailboxes, Moment, Verify, Ways
from softswitch.presence.publication import Publications
from softswitch.presence.stored import PresenceChange, PresenceStore, StoredPublication, StoredSubscription
from softswitch.presence.subscription import (
    BROKEN,
    CHANGED,
    DEFERRED,
    DELIVERED,
    END,
    ENDING,
    FOUND,
    LOST,
    OVER,
    QUIET,
    REFUSED,
    SENDING,
    SUBSCRIBE,
    Subscription,
)
from softswitch.presence.wants import check_accept, event_of, seconds_of, understands_lists
from softswitch.registrar.expiry import Expiry
from softswitch.registrar.flows import flow_from, flow_text
from softswitch.sip.address import parse_address
from softswitch.sip.message import Request, Response
from softswitch.transaction.layer import Layer, reply_flow
from softswitch.transaction.server_other import ServerOther
from softswitch.transaction.timers import Timer

AT_ONCE = 50
"""So many people are looked at in one moment; calls go on between two such moments."""
NEXT_LOOK_SECONDS = 1 / 64
LONGEST_DEFERRAL = 60.0
RESUMED_PER_SECOND = 500
"""NOTIFYs to watchers of an earlier run."""
CSEQ_PER_SECOND = 100
"""More than a subscription can have sent since it was stored; see `wants.SHORTEST_INTERVAL`."""

OnState = Callable[[str, str, State, State, str, float], None]
"""(site, person, before, now, cause, wall)."""


class Presence:
    """All subscriptions and publications of all sites. The pump sets `now` and `wall` by `enter`."""

    def __init__(
        self,
        *,
        plans: Mapping[str, Plan],
        layer: Layer,
        ways: Ways,
        store: PresenceStore,
        bus: Bus,
        listeners: Sequence[Listener],
        limits: PresenceLimits,
        mailboxes: Mailboxes,
        facts: FactsNow,
        moment: Moment,
        wall: Callable[[], float],
        verify: Verify,
        on_store_error: Callable[[BaseException], None],
        on_state: OnState = lambda site, person, before, now, cause, wall: None,
    ) -> None:
        """`wall` tells the moment of the input at hand; `on_state` is told of every change of somebody's state."""
        self._layer = layer
        self._ways = ways
        self._store = store
        self._listeners = listeners
        self._limits = limits
        self._moment = moment
        self._wall = wall
        self._verify = verify
        self._on_store_error = on_store_error
        self._on_state = on_state
        self.publications = Publications(lambda: layer.ids.tag().decode())
        self.board = Board(plans, ways, self.publications, facts)
        self._asked = Asked(self.board, mailboxes, self.watchers)
        self._by_dialog: dict[tuple[bytes, bytes], Subscription] = {}
        self._by_subject: dict[Key, dict[Subscription, None]] = {}
        self._by_watcher: dict[tuple[str, str], dict[Subscription, None]] = {}
        """By the watcher's site and phone, or "" and his address."""
        self._documents: dict[Key, dict[tuple[str, str, str, bool], Document]] = {}
        """Of a person or team by package, user part, view and whether as a list: once for all who see the same."""
        self._expiry: Expiry[Subscription] = Expiry(wall())
        self._rate = Rate(limits)
        self._looker = Timer(self._look)
        self._clock = Timer(self._schedule_due)
        bus.subscribe(BindingChanged, self._on_binding)
        bus.subscribe(PartChanged, self._on_part)
        bus.subscribe(OverrideChanged, self._on_override)

    def __len__(self) -> int:
        return len(self._by_dialog)

    @property
    def now(self) -> float:
        """Monotonic seconds of the input at hand."""
        return self._layer.now

    def start(self, subscriptions: Iterable[StoredSubscription], publications: Iterable[StoredPublication]) -> None:
        """Take over what an earlier run left, and tell its watchers how things stand; once, inside the pump."""
        wall = self.board.wall = self._wall()
        self.publications.load(publications, wall)
        number = 0
        for row in subscriptions:
            if row.expires_at <= wall:
                self._save(PresenceChange(row, gone=True))
                continue
            subscription = self._revived(row, wall)
            subscription.next_at = self.now + number / RESUMED_PER_SECOND
            number += 1
            self._hold(subscription)
            # A second crash, right after this one, goes on from here.
            self._save(PresenceChange(self._row(subscription, wall, row.flow)))
            subscription.hold()
        self._wake_looker()
        self._arm_clock()

    def use(self, plans: Mapping[str, Plan]) -> None:
        """Go by these plans from now on. Subscriptions to people who are gone end."""
        with self._moment():
            self.board.wall = self._wall()
            self.board.use(plans)
            self._documents.clear()
            for subscription in list(self._by_dialog.values()):
                if self._who(subscription) is None:
                    subscription.reason = b"noresource"
                    subscription.receive(END)
                else:
                    self._review(subscription)
                    subscription.receive(CHANGED)
            self._wake_looker()
            self._arm_clock()

    def presences(self, plan: Plan) -> Presences:
        """How those are of whom the rules of this plan ask, at this moment."""
        self.board.wall = self._wall()
        return self.board.presences(plan)

    # -- requests

    def on_subscribe(self, request: Request, plan: Plan, user: str, who: Person | Team, watching: Watching) -> None:
        """A SUBSCRIBE outside of a dialog, its sender known. Raises PeerError."""
        event = event_of(request)
        seconds = seconds_of(request, self._limits)
        lists = isinstance(who, Team) and not event.package.own and understands_lists(request)
        if not lists:
            check_accept(request, event.package.content_type)
        if isinstance(who, Team) and not event.package.teams:
            raise PeerError(489, headers=(ALLOW_EVENTS,))
        if event.package.own and not is_own(plan, who, watching):
            raise PeerError(403, "Only for Your Own Phones")
        watcher = (watching.site, watching.account or watching.address)
        self._admit(watcher)
        if seconds and len(self._by_watcher.get(watcher, ())) >= self._limits.subscriptions:
            raise PeerError(403, "Too Many Subscriptions")
        if self._layer.merged(request):
            raise PeerError(482)
        flow = reply_flow(request)
        server = self._layer.accept(request)
        assert isinstance(server, ServerOther)
        self._layer.remember(server)
        contact = b"<sip:presence@%b>" % flow.listener.uri
        try:
            dialog = Dialog.as_server(request, server.to_tag, contact, flow)
        except PeerError as error:
            server.reply(error.status, error.reason)
            return
        wall = self._wall()
        subscription = Subscription(
            self,
            dialog,
            site=plan.site,
            key=who.name,
            user=user,
            package=event.name,
            event_id=event.id,
            account=watching.account,
            watcher_site=watching.site,
            watcher=watching.address,
            lists=lists,
            expires_at=wall + seconds,
            interval=event.interval,
            longest=event.longest,
        )
        subscription.view = view_of(plan, who, watching)
        headers = self._accepting(request, subscription, seconds)
        if not seconds:
            server.reply(200, "", headers)
            self._settle(subscription)
            subscription.reason = b"timeout"
            subscription.receive(END)
            return

        def begin() -> None:
            server.reply(200, "", headers)
            self._settle(subscription)
            self._hold(subscription)
            subscription.receive(SUBSCRIBE)

        self._when_stored(PresenceChange(self._row(subscription, wall)), server, begin)

    def on_request(self, request: Request) -> bool:
        """A request within a dialog; False when the dialog is none of ours."""
        subscription = self._by_dialog.get((request.call_id, request.to.tag))
        if subscription is None or subscription.state in (ENDING, OVER) or not subscription.dialog.belongs(request):
            return False
        if request.flow.host != subscription.dialog.flow.host:
            # A phone that moved shows who it is.
            if not subscription.account:
                raise PeerError(403, "Not From Where You Subscribed")
            if self._verify(request, subscription.watcher_site) != subscription.account:
                raise PeerError(403, "Not Your Subscription")
        server = self._layer.accept(request)
        assert isinstance(server, ServerOther)
        try:
            if request.method != b"SUBSCRIBE":
                raise PeerError(405, headers=(b"Allow: SUBSCRIBE",))
            self._refresh(request, subscription, server)
        except PeerError as error:
            server.reply(error.status, error.reason, error.headers)
        return True

    def _refresh(self, request: Request, subscription: Subscription, server: ServerOther) -> None:
        event = event_of(request)
        if event.name != subscription.package or event.id != subscription.event_id:
            # Several subscriptions in one dialog are gone from the standard (RFC 6665 §4.5.2).
            raise PeerError(489, headers=(ALLOW_EVENTS,))
        seconds = seconds_of(request, self._limits)
        self._admit((subscription.watcher_site, subscription.account or subscription.watcher))
        dialog = subscription.dialog
        dialog.accept(request)
        dialog.flow = reply_flow(request)
        wall = self._wall()
        subscription.expires_at = wall + seconds
        subscription.interval, subscription.longest = event.interval, event.longest
        headers = self._accepting(request, subscription, seconds)
        if not seconds:
            server.reply(200, "", headers)
            subscription.reason = b"timeout"
            subscription.receive(END)
            return
        self._expiry.schedule(subscription, subscription.expires_at)

        def refreshed() -> None:
            server.reply(200, "", headers)
            self._settle(subscription)
            subscription.receive(SUBSCRIBE)

        self._when_stored(PresenceChange(self._row(subscription, wall)), server, refreshed)

    def on_publish(self, request: Request, plan: Plan, person: Person, watching: Watching) -> None:
        """A PUBLISH, its sender known. Raises PeerError."""
        event = event_of(request)
        if event.name != "presence":
            raise PeerError(489, headers=(ALLOW_EVENTS,))
        if not (is_own(plan, person, watching) or (watching.peer and self._speaks(plan, person, watching.address))):
            raise PeerError(403, "Only for Yourself")
        seconds = seconds_of(request, self._limits)
        if len(request.body) > self._limits.body_bytes:
            raise PeerError(413)
        self._admit((watching.site, watching.account or watching.address))
        content = None
        if request.body:
            kind = (request.get(b"content-type") or b"").partition(b";")[0].strip().lower()
            if kind != event.package.content_type:
                raise PeerError(415, headers=(b"Accept: " + event.package.content_type,))
            content = read_pidf(request.body)
        if self._layer.merged(request):
            raise PeerError(482)
        wall = self._wall()
        if_match = (request.get(b"sip-if-match") or b"").decode("latin-1")
        told = self.publications.apply(plan.site, person.name, watching.account, if_match, content, seconds, wall)
        server = self._layer.accept(request)
        assert isinstance(server, ServerOther)
        self._layer.remember(server)
        self.board.wall = wall
        if told.before is None or told.now is None or told.now[4:7] != told.before[4:7]:
            self.board.look_at(plan.site, person.name, "published")
        tag = told.now.etag if told.now is not None else layer_tag(self._layer)
        headers = (b"SIP-ETag: " + tag.encode(), b"Expires: %d" % seconds)
        if told.before is not None and told.now is not None:
            self._save(PresenceChange(told.before, gone=True))
        row = told.now or told.before
        if row is None:
            server.reply(200, "", headers)  # what was never there is gone
            return
        change = PresenceChange(row, gone=told.now is None)
        self._when_stored(change, server, lambda: server.reply(200, "", headers))
        # Nothing else follows from a PUBLISH, so there is nothing to gather it with.
        self._look(self.now)

    @staticmethod
    def _speaks(plan: Plan, person: Person, address: str) -> bool:
        user, _, site = address.partition("@")
        return site == plan.site and user in person.aliases

    def _admit(self, watcher: tuple[str, str]) -> None:
        if not self._rate.admit("@".join(watcher), self.now):
            raise PeerError(503, "Too Many Requests From You", headers=(b"Retry-After: 10",))

    def _accepting(self, request: Request, subscription: Subscription, seconds: int) -> tuple[bytes, ...]:
        """The lines of a 200 to a SUBSCRIBE."""
        routes = [line for line, key in zip(request.lines, request.keys, strict=True) if key == b"record-route"]
        lines = [*routes, b"Expires: %d" % seconds, b"Contact: " + subscription.dialog.contact]
        if subscription.lists:
            lines.append(b"Require: eventlist")
        return tuple(lines)

    # -- the store

    def _when_stored(self, change: PresenceChange, server: ServerOther, then: Callable[[], None]) -> None:
        """Go on once it is durable; 500 to the request where it can't be."""
        saved = self._store.save(change)
        if saved is None:
            then()
            return

        def done(saved: asyncio.Future[None]) -> None:
            error = asyncio.CancelledError() if saved.cancelled() else saved.exception()
            with self._moment():
                if error is None:
                    then()
                else:
                    self._on_store_error(error)
                    server.reply(500)

        saved.add_done_callback(done)

    def _save(self, change: PresenceChange) -> None:
        """Where nobody waits for it."""
        saved = self._store.save(change)
        if saved is not None:
            saved.add_done_callback(self._saved)

    def _saved(self, saved: asyncio.Future[None]) -> None:
        error = asyncio.CancelledError() if saved.cancelled() else saved.exception()
        if error is not None:
            self._on_store_error(error)

    def _row(self, one: Subscription, wall: float, flow: str = "") -> StoredSubscription:
        """As it is to be stored; `flow` where the one at hand stands in for one that is gone."""
        dialog = one.dialog
        return StoredSubscription(
            one.site, _text(dialog.call_id), _text(dialog.local_tag), one.key, one.user, one.package,
            _text(one.event_id), one.account, one.watcher_site, one.watcher, one.lists, _text(dialog.local),
            _text(dialog.remote), _text(dialog.remote_tag), _text(dialog.target),
            tuple([_text(route) for route in dialog.routes]), _text(dialog.contact), flow or flow_text(dialog.flow),
            dialog.local_cseq, dialog.remote_cseq, one.expires_at, one.interval, one.longest, wall,
        )  # fmt: skip

    def _revived(self, row: StoredSubscription, wall: float) -> Subscription:
        flow = flow_from(row.flow, self._listeners)
        if flow is None or flow.connection:
            # Its connection went with the restart; LOST until the phone is back. Any listener stands in for it.
            flow = Flow(flow.listener if flow is not None else self._listeners[0], "", 0)
        dialog = Dialog(
            call_id=_bytes(row.call_id),
            local=_bytes(row.local),
            local_tag=_bytes(row.local_tag),
            remote=_bytes(row.remote),
            remote_tag=_bytes(row.remote_tag),
            target=_bytes(row.target),
            routes=[_bytes(route) for route in row.routes],
            contact=_bytes(row.contact),
            flow=flow,
            # Versions and CSeq numbers only go up.
            local_cseq=row.local_cseq + int(CSEQ_PER_SECOND * (1 + max(0.0, wall - row.stored_at))),
            remote_cseq=row.remote_cseq,
        )
        subscription = Subscription(
            self,
            dialog,
            site=row.site,
            key=row.key,
            user=row.user,
            package=row.package,
            event_id=_bytes(row.event_id),
            account=row.account,
            watcher_site=row.watcher_site,
            watcher=row.watcher,
            lists=row.lists,
            expires_at=row.expires_at,
            interval=row.interval,
            longest=row.longest,
        )
        self._review(subscription)
        return subscription

    # -- the subscriptions held

    def _hold(self, subscription: Subscription) -> None:
        self._by_dialog[subscription.dialog.key] = subscription
        self._by_subject.setdefault((subscription.site, subscription.key), {})[subscription] = None
        self._by_watcher.setdefault(_watcher(subscription), {})[subscription] = None
        self._expiry.schedule(subscription, subscription.expires_at)
        self._watchers_changed(subscription)

    def drop(self, subscription: Subscription) -> None:
        """From the subscription: it is over."""
        if self._by_dialog.get(subscription.dialog.key) is not subscription:
            return  # a fetch, which was never held
        del self._by_dialog[subscription.dialog.key]
        subject = subscription.site, subscription.key
        for index, key in ((self._by_subject, subject), (self._by_watcher, _watcher(subscription))):
            held = index[key]
            held.pop(subscription, None)
            if not held:
                del index[key]
        if subject not in self._by_subject:
            self._documents.pop(subject, None)
        self._save(PresenceChange(self._row(subscription, self._wall()), gone=True))
        self._watchers_changed(subscription)

    def _watchers_changed(self, subscription: Subscription) -> None:
        """Who watches the watchers is told."""
        if subscription.package == "presence":
            self._tell((subscription.site, subscription.key), "presence.winfo")

    def watchers(self, site: str, person: str) -> list[Watcher]:
        """Who watches somebody's presence, those included who see nothing."""
        found = []
        for one in self._by_subject.get((site, person), ()):
            if one.package == "presence" and one.state != OVER:
                display = parse_address(one.dialog.remote).display.decode("utf-8", "replace")
                found.append(Watcher(_text(one.dialog.local_tag), f"sip:{one.watcher}", display))
        return found

    def watching(self, site: str, person: str) -> list[str]:
        """The addresses of all who watch a person's presence or lamp, once each."""
        found = self._by_subject.get((site, person), {})
        return sorted({one.watcher for one in found if one.package in ("presence", "dialog") and one.state != OVER})

    def _who(self, subscription: Subscription) -> Person | Team | None:
        plan = self.board.plans.get(subscription.site)
        if plan is None:
            return None
        return plan.people.get(subscription.key) or plan.teams.get(subscription.key)

    def _review(self, subscription: Subscription) -> None:
        """What he may see may have changed."""
        who = self._who(subscription)
        if who is not None:
            watching = Watching(subscription.watcher_site, subscription.account, subscription.watcher)
            subscription.view = view_of(self.board.plans[subscription.site], who, watching)

    # -- what happens

    def _on_binding(self, event: BindingChanged) -> None:
        with self._moment():
            self.board.wall = self._wall()
            person = self.board.binding_changed(event)
            if person and event.cause != "refreshed":
                self._tell((event.site, person), "reg")
            if self.board.dirty:
                self._wake_looker()
            if event.cause in ("registered", "refreshed"):
                for subscription in list(self._by_watcher.get((event.site, event.account), ())):
                    subscription.receive(FOUND)

    def _on_override(self, event: OverrideChanged) -> None:
        with self._moment():
            self.board.wall = self._wall()
            self.board.override_changed(event.site, event.person)
            self._wake_looker()
            self._arm_clock()

    def _on_part(self, event: PartChanged) -> None:
        with self._moment():
            self.board.wall = self._wall()
            self.board.part_changed(event)
            self._wake_looker()

    def mailbox_changed(self, site: str, person: str) -> None:
        """Something came into somebody's mailbox, or was heard or deleted."""
        with self._moment():
            self._tell((site, person), "message-summary")

    def sweep(self, wall: float) -> None:
        """Once a second: what has expired. The clock may have been set, so schedules are looked at too."""
        self.board.wall = wall
        for subscription in self._expiry.due(wall):
            if subscription.state == OVER:
                continue
            if subscription.expires_at > wall:
                self._expiry.schedule(subscription, subscription.expires_at)
            else:
                subscription.reason = b"timeout"
                subscription.receive(END)
        for row in self.publications.expire(wall):
            self._save(PresenceChange(row, gone=True))
            self.board.look_at(row.site, row.person, "publication expired")
        self._rate.forget(self.now)
        self._schedule_due(self.now)

    def _schedule_due(self, now: float) -> None:
        self.board.wall = self._wall()
        self.board.schedules_changed()
        if self.board.dirty:
            self._wake_looker()
        self._arm_clock()

    def _arm_clock(self) -> None:
        at = self.board.next_change()
        if at is not None:
            self._layer.wheel.arm(self._clock, self.now + max(0.0, at - self._wall()))

    def _wake_looker(self) -> None:
        if self._looker.due is None:
            self._layer.wheel.arm(self._looker, self.now)

    def _look(self, now: float) -> None:
        """Compose the states of those of whom something changed, and tell their watchers."""
        board = self.board
        board.wall = self._wall()
        teams: dict[Key, None] = {}
        for key, cause in board.take(AT_ONCE):
            self._update(key, cause)
            teams |= dict.fromkeys((key[0], team) for team in board.teams_of(*key))
        for key in teams:
            self._tell(key)
        if board.dirty:
            self._layer.wheel.arm(self._looker, now + NEXT_LOOK_SECONDS)

    def _update(self, key: Key, cause: str) -> None:
        before, after = self.board.update(*key)
        if before != after:
            self._on_state(*key, before, after, cause, self.board.wall)
        self._tell(key)

    def _settle(self, subscription: Subscription) -> None:
        """Who asks is told what is so, not what was so a moment ago."""
        who = self._who(subscription)
        if self.board.dirty and who is not None:
            self.board.wall = self._wall()
            for name in (who.name,) if isinstance(who, Person) else who.members:
                key = subscription.site, name
                cause = self.board.dirty.pop(key, "")
                if cause:
                    self._update(key, cause)
                    for team in self.board.teams_of(*key):
                        self._tell((subscription.site, team))

    # -- telling

    def _tell(self, key: Key, package: str = "") -> None:
        """The watchers of a person or team whose view changed, and no others."""
        watching = self._by_subject.get(key)
        if not watching:
            return
        known = self._documents.get(key)
        if known:
            for wanted, document in list(known.items()):
                if package and wanted[0] != package:
                    continue
                made = self._make(key, wanted)
                if made != document:
                    known[wanted] = made
        for subscription in list(watching):
            if not package or subscription.package == package:
                # Who is told of something now may have been told the same before: then nothing is sent.
                if subscription.state == QUIET and self._document(subscription) is subscription.sent:
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
        plan = self.board.plans[site]
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
        gone = self._who(subscription) is None
        document = None if gone else self._document(subscription)
        if not forced and document is subscription.sent:
            return QUIET
        flow = self._way(subscription)
        if flow is None:
            return LOST
        dialog = subscription.dialog
        dialog.flow = flow
        ids = self._layer.ids
        branch = ids.branch()
        event = subscription.package.encode()
        if subscription.event_id:
            event += b";id=" + subscription.event_id
        headers = [b"Event: " + event, self._subscription_state(subscription)]
        body = b""
        if document is not None:
            body = document.body(dialog.local_cseq)
            headers.append(b"Content-Type: " + document.content_type)
            if subscription.lists:
                headers.append(b"Require: eventlist")
        data = dialog.request(b"NOTIFY", branch, headers, body)
        subscription.sent = document
        subscription.next_at = self.now + subscription.interval
        sending = subscription.in_flight = _Sending(self, subscription, flow)
        self._layer.send_request(b"NOTIFY", branch, data, flow, sending)
        return SENDING

    def _subscription_state(self, subscription: Subscription) -> bytes:
        if subscription.reason:
            return b"Subscription-State: terminated;reason=" + subscription.reason
        left = max(1, round(subscription.expires_at - self._wall()))
        return b"Subscription-State: active;expires=%d" % left

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

    # -- deletion

    def forget(self, site: str, person: str) -> int:
        """End all subscriptions to a person and of her phones, drop what she published; how many they were."""
        plan = self.board.plans.get(site)
        accounts = [phone.name for phone in plan.phones.values() if phone.person == person] if plan is not None else []
        found = dict(self._by_subject.get((site, person), {}))
        for account in accounts:
            found |= self._by_watcher.get((site, account), {})
        for subscription in list(found):
            subscription.reason = b"deactivated"
            subscription.receive(END)
            if subscription.state != OVER:
                subscription.forget()
        self.publications.forget(site, person)
        self.board.look_at(site, person, "forgotten")
        self._wake_looker()
        return len(found)


class _Sending:
    """Who waits for the answer to one NOTIFY."""

    __slots__ = ("_presence", "flow", "subscription")

    def __init__(self, presence: Presence, subscription: Subscription, flow: Flow) -> None:
        self._presence = presence
        self.subscription = subscription
        self.flow = flow

    def on_response(self, response: Response) -> None:
        self._presence.answered(self, response)

    def on_no_answer(self, timed_out: bool) -> None:
        self._presence.unanswered(self, timed_out)


def layer_tag(layer: Layer) -> str:
    """An entity tag for what is gone; RFC 3903 §4.1 wants one in every 200."""
    return layer.ids.tag().decode()


def _watcher(one: Subscription) -> tuple[str, str]:
    return one.watcher_site, one.account or one.watcher


def _text(value: bytes) -> str:
    return value.decode("latin-1")


def _bytes(value: str) -> bytes:
    return value.encode("latin-1")
