"""The presence agent: what happens anywhere marks people on the board, and their watchers are told (RFC 3856)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from softswitch.dialplan.availability import Presences
from softswitch.dialplan.plan import Person, Plan, Team
from softswitch.events import BindingChanged, Bus, OverrideChanged, PartChanged
from softswitch.flow import Listener
from softswitch.presence.board import Board, Key
from softswitch.presence.compose import State
from softswitch.presence.limits import Admission, PresenceLimits
from softswitch.presence.notifying import Notifying
from softswitch.presence.packages.registry import Asked
from softswitch.presence.permission import Watching, view_of
from softswitch.presence.ports import FactsNow, Mailboxes, Moment, Verify, Ways
from softswitch.presence.publication import Publications
from softswitch.presence.publishing import Publishing
from softswitch.presence.roster import Roster
from softswitch.presence.rows import revived, row_of
from softswitch.presence.saving import Saver
from softswitch.presence.stored import PresenceChange, PresenceStore, StoredPublication, StoredSubscription
from softswitch.presence.subscribing import Subscribing
from softswitch.presence.subscription import CHANGED, END, FOUND, OVER, Subscription
from softswitch.sip.message import Request
from softswitch.transaction.layer import Layer
from softswitch.transaction.timers import Timer

AT_ONCE = 50
"""So many people are looked at in one moment; calls go on between two such moments."""
NEXT_LOOK_SECONDS = 1 / 64
RESUMED_PER_SECOND = 500
"""NOTIFYs to watchers of an earlier run."""

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
        self._listeners = listeners
        self._moment = moment
        self._wall = wall
        self._on_state = on_state
        saver = self._saver = Saver(store, moment, on_store_error)
        self.publications = Publications(lambda: layer.ids.tag().decode())
        self.board = Board(plans, ways, self.publications, facts)
        roster = self._roster = Roster(wall(), self._watchers_changed)
        asked = Asked(self.board, mailboxes, roster.watchers)
        told = self._notifying = Notifying(layer, ways, self.board, roster, asked, wall, self._over)
        admission = self._admission = Admission(limits, lambda: layer.now)
        self._subscribing = Subscribing(layer, told, roster, saver, limits, admission, wall, verify, self._settle)
        self._publishing = Publishing(layer, self.board, self.publications, saver, limits, admission, wall, self._look)
        self._looker = Timer(self._look)
        self._clock = Timer(self._schedule_due)
        bus.subscribe(BindingChanged, self._on_binding)
        bus.subscribe(PartChanged, self._on_part)
        bus.subscribe(OverrideChanged, self._on_override)

    def __len__(self) -> int:
        return len(self._roster)

    def start(self, subscriptions: Iterable[StoredSubscription], publications: Iterable[StoredPublication]) -> None:
        """Take over what an earlier run left, and tell its watchers how things stand; once, inside the pump."""
        wall = self.board.wall = self._wall()
        self.publications.load(publications, wall)
        number = 0
        for row in subscriptions:
            if row.expires_at <= wall:
                self._saver.save(PresenceChange(row, gone=True))
                continue
            subscription = revived(row, self._notifying, self._listeners, wall)
            self._review(subscription)
            subscription.next_at = self._layer.now + number / RESUMED_PER_SECOND
            number += 1
            self._roster.hold(subscription)
            # A second crash, right after this one, goes on from here.
            self._saver.save(PresenceChange(row_of(subscription, wall, row.flow)))
            subscription.hold()
        self._wake_looker()
        self._arm_clock()

    def use(self, plans: Mapping[str, Plan]) -> None:
        """Go by these plans from now on. Subscriptions to people who are gone end."""
        with self._moment():
            self.board.wall = self._wall()
            self.board.use(plans)
            self._notifying.forget_all()
            for subscription in self._roster:
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
        self._subscribing.on_subscribe(request, plan, user, who, watching)

    def on_request(self, request: Request) -> bool:
        """A request within a dialog; False when the dialog is none of ours."""
        return self._subscribing.on_request(request)

    def on_publish(self, request: Request, plan: Plan, person: Person, watching: Watching) -> None:
        """A PUBLISH, its sender known. Raises PeerError."""
        self._publishing.on_publish(request, plan, person, watching)

    # -- the subscriptions held

    def _over(self, subscription: Subscription) -> None:
        """From the subscription: it is over."""
        if self._roster.drop(subscription):
            subject = subscription.site, subscription.key
            if not self._roster.about(subject):
                self._notifying.forget(subject)
            self._saver.save(PresenceChange(row_of(subscription, self._wall()), gone=True))

    def _watchers_changed(self, subscription: Subscription) -> None:
        """Who watches the watchers is told."""
        if subscription.package == "presence":
            self._notifying.tell((subscription.site, subscription.key), "presence.winfo")

    def watching(self, site: str, person: str) -> list[str]:
        """The addresses of all who watch a person's presence or lamp, once each."""
        return self._roster.watching(site, person)

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
                self._notifying.tell((event.site, person), "reg")
            if self.board.dirty:
                self._wake_looker()
            if event.cause in ("registered", "refreshed"):
                for subscription in list(self._roster.of((event.site, event.account))):
                    subscription.receive(FOUND)

    def _on_override(self, event: OverrideChanged) -> None:
        with self._moment():
            self.board.wall = self._wall()
            self.board.override_changed(event.site, event.person)
            self._wake_looker()
            self._arm_clock()

    def _on_part(self, event: PartChanged) -> None:
        # Calls change within a moment of the pump, always.
        self.board.wall = self._wall()
        self.board.part_changed(event, self._watched)
        if self.board.dirty:
            self._wake_looker()

    def _watched(self, key: Key) -> bool:
        about = self._roster.about
        return bool(about(key)) or any(about((key[0], team)) for team in self.board.teams_of(*key))

    def mailbox_changed(self, site: str, person: str) -> None:
        """Something came into somebody's mailbox, or was heard or deleted."""
        with self._moment():
            self._notifying.tell((site, person), "message-summary")

    def sweep(self, wall: float) -> None:
        """Once a second: what has expired. The clock may have been set, so schedules are looked at too."""
        self.board.wall = wall
        for subscription in self._roster.expiry.due(wall):
            if subscription.state == OVER:
                continue
            if subscription.expires_at > wall:
                self._roster.expiry.schedule(subscription, subscription.expires_at)
            else:
                subscription.reason = b"timeout"
                subscription.receive(END)
        for row in self.publications.expire(wall):
            self._saver.save(PresenceChange(row, gone=True))
            self.board.look_at(row.site, row.person, "publication expired")
        self._admission.forget()
        self._schedule_due(self._layer.now)

    def _schedule_due(self, now: float) -> None:
        self.board.wall = self._wall()
        self.board.schedules_changed()
        if self.board.dirty:
            self._wake_looker()
        self._arm_clock()

    def _arm_clock(self) -> None:
        at = self.board.next_change()
        if at is not None:
            self._layer.wheel.arm(self._clock, self._layer.now + max(0.0, at - self._wall()))

    def _wake_looker(self) -> None:
        if self._looker.due is None:
            self._layer.wheel.arm(self._looker, self._layer.now)

    def _look(self, now: float) -> None:
        """Compose the states of those of whom something changed, and tell their watchers."""
        board = self.board
        board.wall = self._wall()
        teams: dict[Key, None] = {}
        for key, cause in board.take(AT_ONCE):
            self._update(key, cause)
            teams |= dict.fromkeys((key[0], team) for team in board.teams_of(*key))
        for key in teams:
            self._notifying.tell(key)
        if board.dirty:
            self._layer.wheel.arm(self._looker, now + NEXT_LOOK_SECONDS)

    def _update(self, key: Key, cause: str) -> None:
        before, after = self.board.update(*key)
        if before != after:
            self._on_state(*key, before, after, cause, self.board.wall)
        self._notifying.tell(key)

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
                        self._notifying.tell((subscription.site, team))

    # -- deletion

    def forget(self, site: str, person: str) -> int:
        """End all subscriptions to a person and of her phones, drop what she published; how many they were."""
        plan = self.board.plans.get(site)
        accounts = [phone.name for phone in plan.phones.values() if phone.person == person] if plan is not None else []
        found = dict(self._roster.about((site, person)))
        for account in accounts:
            found |= self._roster.of((site, account))
        for subscription in list(found):
            subscription.reason = b"deactivated"
            subscription.receive(END)
            if subscription.state != OVER:
                subscription.forget()
        self.publications.forget(site, person)
        self.board.look_at(site, person, "forgotten")
        self._wake_looker()
        return len(found)
