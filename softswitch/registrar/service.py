"""The registrar: bindings of all accounts in memory, durable before they are acknowledged (RFC 3261 §10.3)."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from email.utils import formatdate
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from sys import intern

from softswitch.errors import PeerError
from softswitch.events import BindingChanged, Bus
from softswitch.flow import Flow
from softswitch.registrar.bindings import Binding, BindingChange, BindingStore
from softswitch.registrar.expiry import Expiry
from softswitch.registrar.flows import connection_of, flow_text, revived
from softswitch.registrar.ping import Pings
from softswitch.registrar.register import apply_register, response_headers
from softswitch.registrar.wishes import RegistrarLimits
from softswitch.sip.message import Request

Reply = Callable[[int, str, Sequence[bytes]], None]
"""(status, reason or "", whole header lines): answers the REGISTER."""

OnStoreError = Callable[[BaseException], None]

EXTENSIONS = frozenset((b"path",))
"""What a REGISTER may require."""


class _Entry:
    """One account that has bindings, or had them a moment ago."""

    __slots__ = ("account", "bindings", "durable", "pending", "site", "wake_at")

    def __init__(self, site: str, account: str) -> None:
        self.site = site
        self.account = account
        self.bindings: tuple[Binding, ...] = ()
        self.durable: tuple[Binding, ...] = ()
        """What is in the store for certain; what a failed save falls back to."""
        self.pending = 0
        """Saves under way."""
        self.wake_at = 0


class Registrar:
    """Applies REGISTERs, and tells who can be reached where. Its events are published once they are durable."""

    def __init__(
        self,
        store: BindingStore,
        bus: Bus,
        limits: RegistrarLimits,
        wall: float,
        ping_seconds: float = 25.0,
        on_store_error: OnStoreError | None = None,
        unpinged: Sequence[IPv4Network | IPv6Network] = (),
    ) -> None:
        """`wall`: now, seconds since 1970; `ping_seconds`, `unpinged`: see `Pings`.

        `on_store_error` is told why a save failed.
        """
        self._store = store
        self._bus = bus
        self._limits = limits
        self._on_store_error = on_store_error
        self._sites: dict[str, dict[str, _Entry]] = {}
        self._expiry: Expiry[_Entry] = Expiry(wall)
        self._pings = Pings(ping_seconds, unpinged)
        self._flows: dict[str, int] = {}
        # (listener index, connection number) -> accounts with a binding that hangs on it.
        self._connections: dict[tuple[int, int], set[tuple[str, str]]] = {}
        self._date_second = -1
        self._date = b""

    async def load(self, wall: float) -> int:
        """Take over what was stored before; how many bindings are still good. Once, before the first REGISTER."""
        collecting = gc.isenabled()
        # A hundred thousand objects that stay: each look for garbage among them would take longer than the last.
        gc.disable()
        try:
            return self._take_over(await self._store.load(), wall)
        finally:
            if collecting:
                gc.enable()

    def _take_over(self, stored: Iterable[Binding], wall: float) -> int:
        grouped: dict[tuple[str, str], list[Binding]] = {}
        count = 0
        for binding in stored:
            if binding.expires_at > wall:
                grouped.setdefault((binding.site, binding.account), []).append(revived(binding))
                count += 1
        for (site, account), bindings in grouped.items():
            entry = self._entry(site, account)
            entry.durable = tuple(bindings)
            self._hold(entry, entry.durable)
            self._schedule(entry)
            for binding in bindings:
                self._pings.watch(binding)
        return count

    def on_register(self, request: Request, site: str, account: str, flow: Flow, wall: float, reply: Reply) -> None:
        """Apply an authenticated REGISTER; `reply` is called once, as soon as what it says is durable.

        That is within this call where the store is memory, or nothing changed. That the account may register the
        To address is the caller's to check. Raises PeerError as `apply_register` does, and PeerError(420) for a
        required extension (§10.3 step 2); then nothing was changed and `reply` is not called.
        """
        if b"require" in request.first:
            unknown = [value for value in request.values(b"require") if value.lower() not in EXTENSIONS]
            if unknown:
                raise PeerError(420, headers=(b"Unsupported: " + b", ".join(unknown),))
        accounts = self._sites.get(site)
        entry = accounts.get(account) if accounts is not None else None
        if entry is None:
            before: tuple[Binding, ...] = ()
            site = intern(site)
        else:
            # One string for the name of an account, however often it registers.
            before, site, account = entry.bindings, entry.site, entry.account
        text = flow_text(flow)
        after = apply_register(before, request, account, site, text, self._limits, wall)
        headers = response_headers(request, after, wall)
        headers.append(self._date_line(wall))
        if b"contact" not in request.first or after == before:
            reply(200, "", headers)
            return
        if entry is None:
            entry = self._entry(site, account)
        if flow.connection:
            self._connections.setdefault((flow.listener.index, flow.connection), set()).add((site, account))
        self._change(entry, after, wall, reply, headers)

    def bindings(self, site: str, account: str, wall: float) -> tuple[Binding, ...]:
        """Where the phone can be reached now, preferred contacts first."""
        accounts = self._sites.get(site)
        entry = accounts.get(account) if accounts is not None else None
        if entry is None:
            return ()
        found = entry.bindings
        if len(found) == 1:
            return found if found[0].expires_at > wall else ()
        live = [binding for binding in found if binding.expires_at > wall]
        live.sort(key=lambda binding: -binding.q)
        return tuple(live)

    def all(self, wall: float) -> Iterator[Binding]:
        """Every live binding, for status pages."""
        for accounts in self._sites.values():
            for entry in accounts.values():
                for binding in entry.bindings:
                    if binding.expires_at > wall:
                        yield binding

    def knows(self, flow: Flow) -> bool:
        """Whether a phone is registered from just this address or connection."""
        return flow_text(flow) in self._flows

    def sweep(self, wall: float) -> None:
        """Drop what has expired; call it about once a second. Costs by what is due, not by what there is."""
        for entry in self._expiry.due(wall):
            live = tuple([binding for binding in entry.bindings if binding.expires_at > wall])
            if len(live) < len(entry.bindings):
                self._change(entry, live, wall)
            else:
                self._schedule(entry)

    def flow_closed(self, flow: Flow) -> None:
        """A TCP or TLS connection is gone, and at once nobody is reached over it.

        Out of memory only: the stored row stays until it expires or the account registers again. Connections also
        close because the switch stops; after its restart `flows.revived` says who can be connected to. A binding
        with a Path stays: its edge proxy is reached by address.
        """
        if not flow.connection:
            return
        closed = flow.listener.index, flow.connection
        for site, account in self._connections.pop(closed, ()):
            entry = self._sites.get(site, {}).get(account)
            if entry is not None:
                gone = [one for one in entry.bindings if not one.path and connection_of(one) == closed]
                self._drop(entry, gone, "closed")

    def pings_due(self, wall: float) -> list[Binding]:
        """The bindings to send an OPTIONS to now; tell `ping_answered` or `ping_missed` what came of each."""
        return self._pings.due(wall)

    def ping_answered(self, binding: Binding) -> None:
        """Any response came, whatever its status."""
        self._pings.answered(binding)

    def ping_missed(self, binding: Binding, wall: float) -> None:
        """No response came. The third time in a row the binding is dropped, from the store as well."""
        if not self._pings.missed(binding):
            return
        entry = self._sites.get(binding.site, {}).get(binding.account)
        if entry is None:
            return
        gone = [one for one in entry.bindings if one.contact == binding.contact]
        self._drop(entry, gone, "dead")
        self._change(entry, entry.bindings, wall)

    def remove(self, site: str, account: str, wall: float, reply: Reply) -> None:
        """Take away all that an account registered; `reply` as for `on_register`. The phone may register again."""
        # Also when memory has none: a stored row outlives the connection that it hung on.
        self._change(self._entry(site, account), (), wall, reply)

    def __len__(self) -> int:
        """How many accounts are registered."""
        return sum(len(accounts) for accounts in self._sites.values())

    def _hold(self, entry: _Entry, after: tuple[Binding, ...]) -> None:
        """Make these the account's bindings, and keep count of the flows that phones are registered from."""
        before = entry.bindings
        entry.bindings = after
        if len(before) == len(after) == 1 and before[0].flow == after[0].flow:
            return
        flows = self._flows
        for binding in after:
            flows[binding.flow] = flows.get(binding.flow, 0) + 1
        for binding in before:
            left = flows[binding.flow] - 1
            if left:
                flows[binding.flow] = left
            else:
                del flows[binding.flow]

    def _entry(self, site: str, account: str) -> _Entry:
        accounts = self._sites.setdefault(site, {})
        entry = accounts.get(account)
        if entry is None:
            entry = accounts[account] = _Entry(site, account)
        return entry

    def _schedule(self, entry: _Entry) -> None:
        bindings = entry.bindings
        if len(bindings) == 1:
            self._expiry.schedule(entry, bindings[0].expires_at)
        elif bindings:
            self._expiry.schedule(entry, min([binding.expires_at for binding in bindings]))

    def _change(
        self,
        entry: _Entry,
        after: tuple[Binding, ...],
        wall: float,
        reply: Reply | None = None,
        headers: Sequence[bytes] = (),
    ) -> None:
        """Replace the account's bindings now, store them, then publish what changed and reply with 200, or 500."""
        before = entry.bindings
        self._hold(entry, after)
        self._schedule(entry)
        saved = self._store.save(BindingChange(entry.site, entry.account, after))
        if saved is None:
            entry.durable = after
            self._settle(entry, before, after, wall)
            if reply is not None:
                reply(200, "", headers)
            return
        entry.pending += 1
        saved.add_done_callback(partial(self._saved, entry, before, after, wall, reply, headers))

    def _saved(
        self,
        entry: _Entry,
        before: tuple[Binding, ...],
        after: tuple[Binding, ...],
        wall: float,
        reply: Reply | None,
        headers: Sequence[bytes],
        saved: asyncio.Future[None],
    ) -> None:
        entry.pending -= 1
        error = asyncio.CancelledError() if saved.cancelled() else saved.exception()
        if error is None:
            entry.durable = after
            self._settle(entry, before, after, wall)
            if reply is not None:
                reply(200, "", headers)
            return
        if self._on_store_error is not None:
            self._on_store_error(error)
        if not entry.pending:
            # A later save that is still under way holds this change too, and decides about it.
            undone = entry.bindings
            self._hold(entry, entry.durable)
            self._schedule(entry)
            for binding in undone:
                if binding not in entry.bindings:
                    self._pings.forget(binding)
            self._forget_empty(entry)
        if reply is not None:
            reply(500, "", ())

    def _settle(self, entry: _Entry, before: tuple[Binding, ...], after: tuple[Binding, ...], wall: float) -> None:
        """Publish the difference, and have the pings follow it."""
        site, account = entry.site, entry.account
        now = entry.bindings
        if now is after and len(before) == 1 and len(after) == 1 and before[0].contact == after[0].contact:
            self._pings.refreshed(before[0], after[0])
            self._bus.publish(BindingChanged(site, account, after[0].contact, "refreshed"))
            return
        # Where it was stored in the background, a connection may have closed meanwhile.
        present = {binding.contact for binding in now}
        old = {binding.contact: binding for binding in before}
        new = {binding.contact: binding for binding in after}
        for contact, binding in old.items():
            if contact not in new:
                self._pings.forget(binding)
                cause = "expired" if binding.expires_at <= wall else "removed"
                self._bus.publish(BindingChanged(site, account, contact, cause))
        for contact, binding in new.items():
            known = old.get(contact)
            if contact not in present or known is binding:
                continue
            if known is None:
                self._pings.watch(binding)
                self._bus.publish(BindingChanged(site, account, contact, "registered"))
            else:
                self._pings.refreshed(known, binding)
                self._bus.publish(BindingChanged(site, account, contact, "refreshed"))
        self._forget_empty(entry)

    def _drop(self, entry: _Entry, gone: list[Binding], cause: str) -> None:
        """Take bindings out of memory at once."""
        if not gone:
            return
        self._hold(entry, tuple([binding for binding in entry.bindings if binding not in gone]))
        for binding in gone:
            self._pings.forget(binding)
            self._bus.publish(BindingChanged(entry.site, entry.account, binding.contact, cause))
        self._forget_empty(entry)

    def _forget_empty(self, entry: _Entry) -> None:
        if not entry.bindings and not entry.pending:
            accounts = self._sites.get(entry.site)
            if accounts is not None and accounts.get(entry.account) is entry:
                del accounts[entry.account]

    def _date_line(self, wall: float) -> bytes:
        """Old phones set their clock by it (RFC 3261 §10.3 step 8: SHOULD)."""
        second = int(wall)
        if second != self._date_second:
            self._date_second = second
            self._date = b"Date: " + formatdate(second, usegmt=True).encode()
        return self._date
