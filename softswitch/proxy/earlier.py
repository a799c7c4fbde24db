"""Conversations that an earlier run of the switch connected: their lamps burn on until they are over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from softswitch.dialplan.plan import Plan
from softswitch.events import PartChanged
from softswitch.proxy.liveness import Conversation, Party
from softswitch.records.record import CallRecord


def parts_of(record: CallRecord, plans: Mapping[str, Plan], state: str) -> Iterator[PartChanged]:
    """What the phones in such a call do."""
    call_id, caller_tag, tag = record.dialog
    for account, caller, other, own, its in (
        (record.caller_account, True, record.called, caller_tag, tag),
        (record.answered_by, False, record.caller, tag, caller_tag),
    ):
        site = _site_of(account, record.site, plans)
        if site:
            yield PartChanged(site, account, call_id or record.call_id, state, caller, other, own, its)


def conversation_of(record: CallRecord, plans: Mapping[str, Plan]) -> Conversation:
    """Whom to ask whether it goes on."""
    parts = parts_of(record, plans, "answered")
    parties = [Party(one.site, one.account, one.local_tag, one.remote_tag) for one in parts if one.local_tag]
    return Conversation(record.dialog[0], tuple(parties))


def _site_of(account: str, called: str, plans: Mapping[str, Plan]) -> str:
    """The firm whose phone it is, first of all the one that was called; "" for nobody's phone."""
    if not account:
        return ""
    sites = [called, *plans] if called in plans else list(plans)
    return next((site for site in sites if account in plans[site].phones), "")
