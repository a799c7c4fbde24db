"""Which phones encrypt their sound, and in which form an offer goes to each: `srtp:` in the dialplan."""

from __future__ import annotations

from typing import NamedTuple

from softswitch.dialplan.plan import Plan

_OFFERS = {"require": "RTP/SAVP", "prefer": "OSRTP", "never": "RTP/AVP", "": ""}
"""By `srtp:` of a phone, the `transport` of an offer to it."""


class Transports(NamedTuple):
    """How offers are made, see `MediaEngine.offer`."""

    to_caller: str = ""
    to_callee: str = ""


def srtp_of(plan: Plan | None, account: str) -> str:
    """The word for this phone; "" for any other destination."""
    phone = plan.phones.get(account) if plan is not None else None
    return phone.srtp if phone is not None else ""


def transports(caller: str, callee: str) -> Transports:
    """For a call between two phones with these words.

    A phone without one gets what the other offers, unless that one has a word for encryption: then it is asked
    whether it can too, in the form that any phone understands (RFC 8643).
    """
    return Transports(_offer(caller, callee), _offer(callee, caller))


def _offer(to: str, other: str) -> str:
    return _OFFERS[to] or ("OSRTP" if other in ("require", "prefer") else "")


def fault(word: str, sdp: bytes | None) -> str:
    """Why a phone with this word can't call with this offer; "" when it can."""
    if sdp is None:
        return ""
    secure = b"/SAVP" in sdp or b"\na=crypto:" in sdp
    if word == "require" and not secure:
        return "This Phone Has to Encrypt"
    return "This Phone Must Not Encrypt" if word == "never" and b"/SAVP" in sdp else ""
