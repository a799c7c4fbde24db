"""SUBSCRIBE: who may, for how long, and the 200 once it is on disk (RFC 6665 §4.2.1, RFC 3856)."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.dialog.dialog import Dialog
from softswitch.dialplan.plan import Person, Plan, Team
from softswitch.errors import PeerError
from softswitch.presence.limits import Admission, PresenceLimits
from softswitch.presence.packages.registry import ALLOW_EVENTS
from softswitch.presence.permission import Watching, is_own, view_of
from softswitch.presence.ports import Verify
from softswitch.presence.roster import Roster, watcher_of
from softswitch.presence.rows import row_of
from softswitch.presence.saving import Saver
from softswitch.presence.stored import PresenceChange
from softswitch.presence.subscription import END, ENDING, OVER, SUBSCRIBE, Notifier, Subscription
from softswitch.presence.wants import check_accept, event_of, seconds_of, takes_partial, understands_lists
from softswitch.sip.message import Request
from softswitch.transaction.layer import Layer, reply_flow
from softswitch.transaction.server_other import ServerOther


class Subscribing:
    """Begins subscriptions, refreshes and ends them."""

    def __init__(
        self,
        layer: Layer,
        notifier: Notifier,
        roster: Roster,
        saver: Saver,
        limits: PresenceLimits,
        admission: Admission,
        wall: Callable[[], float],
        verify: Verify,
        settle: Callable[[Subscription], None],
    ) -> None:
        """`settle(subscription)`: whoever it is about is to be looked at before he is told."""
        self._layer = layer
        self._notifier = notifier
        self._roster = roster
        self._saver = saver
        self._limits = limits
        self._admission = admission
        self._wall = wall
        self._verify = verify
        self._settle = settle

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
        self._admission.admit(watcher)
        if seconds and len(self._roster.of(watcher)) >= self._limits.subscriptions:
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
            self._notifier,
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
        subscription.partial = takes_partial(request)
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
            self._roster.hold(subscription)
            subscription.receive(SUBSCRIBE)

        self._saver.when_stored(PresenceChange(row_of(subscription, wall)), server, begin)

    def on_request(self, request: Request) -> bool:
        """A request within a dialog; False when the dialog is none of ours."""
        subscription = self._roster.find(request.call_id, request.to.tag)
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
        self._admission.admit(watcher_of(subscription))
        dialog = subscription.dialog
        dialog.accept(request)
        dialog.flow = reply_flow(request)
        wall = self._wall()
        subscription.expires_at = wall + seconds
        subscription.interval, subscription.longest = event.interval, event.longest
        subscription.partial = takes_partial(request)
        headers = self._accepting(request, subscription, seconds)
        if not seconds:
            server.reply(200, "", headers)
            subscription.reason = b"timeout"
            subscription.receive(END)
            return
        self._roster.expiry.schedule(subscription, subscription.expires_at)

        def refreshed() -> None:
            server.reply(200, "", headers)
            self._settle(subscription)
            subscription.receive(SUBSCRIBE)

        self._saver.when_stored(PresenceChange(row_of(subscription, wall)), server, refreshed)

    def _accepting(self, request: Request, subscription: Subscription, seconds: int) -> tuple[bytes, ...]:
        """The lines of a 200 to a SUBSCRIBE."""
        routes = [line for line, key in zip(request.lines, request.keys, strict=True) if key == b"record-route"]
        lines = [*routes, b"Expires: %d" % seconds, b"Contact: " + subscription.dialog.contact]
        if subscription.lists:
            lines.append(b"Require: eventlist")
        return tuple(lines)
