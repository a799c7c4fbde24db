"""Conversations that an earlier run of the switch connected: their lamps burn on until they are over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from softswitch.dialplan.plan import Plan
from softswitch.events import PartChanged
from softswitch.records.record import CallRecord


def parts_of(record: CallRecord, plans: Mapping[str, Plan], state: str) -> Iterator[PartChanged]:
    """What the phones in such a call do; its tags went with the run, so nobody can pick it up."""
    for account, caller, other in (
        (record.caller_account, True, record.called),
        (record.answered_by, False, record.caller),
    ):
        site = _site_of(account, record.site, plans)
        if site:
            yield PartChanged(site, account, record.call_id, state, caller, other, "", "")


def _site_of(account: str, called: str, plans: Mapping[str, Plan]) -> str:
    """The firm whose phone it is, first of all the one that was called; "" for nobody's phone."""
    if not account:
        return ""
    sites = [called, *plans] if called in plans else list(plans)
    return next((site for site in sites if account in plans[site].phones), "")
