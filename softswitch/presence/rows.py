"""Subscriptions as they are on disk, and made again out of that (RFC 6665 §4.2)."""

from __future__ import annotations

from collections.abc import Sequence

from softswitch.dialog.dialog import Dialog
from softswitch.flow import Flow, Listener
from softswitch.presence.stored import StoredSubscription
from softswitch.presence.subscription import Notifier, Subscription
from softswitch.registrar.flows import flow_from, flow_text

CSEQ_PER_SECOND = 100
"""More than a subscription can have sent since it was stored; see `wants.SHORTEST_INTERVAL`."""


def row_of(one: Subscription, wall: float, flow: str = "") -> StoredSubscription:
    """As it is to be stored; `flow` where the one at hand stands in for one that is gone."""
    dialog = one.dialog
    return StoredSubscription(
        one.site, _text(dialog.call_id), _text(dialog.local_tag), one.key, one.user, one.package,
        _text(one.event_id), one.account, one.watcher_site, one.watcher, one.lists, _text(dialog.local),
        _text(dialog.remote), _text(dialog.remote_tag), _text(dialog.target),
        tuple([_text(route) for route in dialog.routes]), _text(dialog.contact), flow or flow_text(dialog.flow),
        dialog.local_cseq, dialog.remote_cseq, one.expires_at, one.interval, one.longest, wall,
    )  # fmt: skip


def revived(row: StoredSubscription, notifier: Notifier, listeners: Sequence[Listener], wall: float) -> Subscription:
    """The subscription of an earlier run; what its watcher may see is not looked up yet."""
    flow = flow_from(row.flow, listeners)
    if flow is None or flow.connection:
        # Its connection went with the restart; LOST until the phone is back. Any listener stands in for it.
        flow = Flow(flow.listener if flow is not None else listeners[0], "", 0)
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
    return Subscription(
        notifier,
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


def _text(value: bytes) -> str:
    return value.decode("latin-1")


def _bytes(value: str) -> bytes:
    return value.encode("latin-1")
