"""The subscriptions that run: found by their dialog, by whom they are about, by who watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from softswitch.presence.board import Key
from softswitch.presence.packages.winfo import Watcher
from softswitch.presence.subscription import OVER, Subscription
from softswitch.registrar.expiry import Expiry
from softswitch.sip.address import parse_address

WatcherKey = tuple[str, str]
"""The watcher's site and phone, or "" and his address."""
_NONE: Mapping[Subscription, None] = {}


class Roster:
    """All of them."""

    def __init__(self, wall: float, changed: Callable[[Subscription], None]) -> None:
        """`changed(subscription)`: it came, or is gone."""
        self._by_dialog: dict[tuple[bytes, bytes], Subscription] = {}
        self._about: dict[Key, dict[Subscription, None]] = {}
        self._of: dict[WatcherKey, dict[Subscription, None]] = {}
        self._changed = changed
        self.expiry: Expiry[Subscription] = Expiry(wall)

    def __len__(self) -> int:
        return len(self._by_dialog)

    def __iter__(self) -> Iterator[Subscription]:
        return iter(list(self._by_dialog.values()))

    def find(self, call_id: bytes, tag: bytes) -> Subscription | None:
        """By Call-ID and our own tag."""
        return self._by_dialog.get((call_id, tag))

    def about(self, key: Key) -> Mapping[Subscription, None]:
        """All that are about this person or team."""
        return self._about.get(key, _NONE)

    def of(self, watcher: WatcherKey) -> Mapping[Subscription, None]:
        """All of this watcher."""
        return self._of.get(watcher, _NONE)

    def hold(self, subscription: Subscription) -> None:
        """It runs from now on."""
        self._by_dialog[subscription.dialog.key] = subscription
        self._about.setdefault((subscription.site, subscription.key), {})[subscription] = None
        self._of.setdefault(watcher_of(subscription), {})[subscription] = None
        self.expiry.schedule(subscription, subscription.expires_at)
        self._changed(subscription)

    def drop(self, subscription: Subscription) -> bool:
        """It is over; False for one that was never held, a fetch."""
        if self._by_dialog.get(subscription.dialog.key) is not subscription:
            return False
        del self._by_dialog[subscription.dialog.key]
        subject, watcher = (subscription.site, subscription.key), watcher_of(subscription)
        about = self._about[subject]
        about.pop(subscription, None)
        if not about:
            del self._about[subject]
        of = self._of[watcher]
        of.pop(subscription, None)
        if not of:
            del self._of[watcher]
        self._changed(subscription)
        return True

    def watchers(self, site: str, person: str) -> list[Watcher]:
        """Who watches somebody's presence, those included who see nothing."""
        found = []
        for one in self.about((site, person)):
            if one.package == "presence" and one.state != OVER:
                display = parse_address(one.dialog.remote).display.decode("utf-8", "replace")
                found.append(Watcher(one.dialog.local_tag.decode("latin-1"), f"sip:{one.watcher}", display))
        return found

    def watching(self, site: str, person: str) -> list[str]:
        """The addresses of all who watch a person's presence or lamp, once each."""
        found = self.about((site, person))
        return sorted({one.watcher for one in found if one.package in ("presence", "dialog") and one.state != OVER})


def watcher_of(one: Subscription) -> WatcherKey:
    """Who watches."""
    return one.watcher_site, one.account or one.watcher
