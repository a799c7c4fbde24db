"""Whom a call out shows as its caller, and where each provider wants to read it (RFC 3261 §20.20, 3325, 3323, 5806)."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.dialplan.facts import Facts
from softswitch.dialplan.plan import Plan
from softswitch.dialplan.telephone import international
from softswitch.dialplan.trunk import OutsideCall, Trunk
from softswitch.errors import PeerError
from softswitch.sip.message import Request
from softswitch.sip.uri import escape, parse_uri

ANONYMOUS = b'"Anonymous" <sip:anonymous@anonymous.invalid>'
_HIDING = (b"id", b"user", b"header", b"critical")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls, as far as it concerns the outside; numbers are E.164, "" for none."""

    number: str
    """The caller's."""
    forwarder: str = ""
    """Whose calls are forwarded there, where the call is a forwarded one; "" where that has no number outside."""
    hidden: bool = False
    """The caller wants to stay unknown to the callee; the provider learns the number all the same."""
    forwarded: bool = False


def is_hidden(request: Request) -> bool:
    """Whether the caller asked for privacy (RFC 3323 §4.2), or shows nobody."""
    wishes = [wish.strip().lower() for line in request.all(b"privacy") for wish in line.replace(b",", b";").split(b";")]
    if any(wish in _HIDING for wish in wishes):
        return True
    try:
        uri = parse_uri(request.from_.uri)
    except PeerError:
        return False
    return uri.host == b"anonymous.invalid" or uri.user_text.lower() == "anonymous"


def identity_of(plan: Plan, facts: Facts, request: Request, call: OutsideCall) -> Identity:
    """Of a call that goes out, be it dialled by a phone or forwarded."""
    caller = plan.person_of(facts.caller_account) if facts.caller_account else None
    own = plan.shown.get(caller.name, "") if caller is not None else ""
    hidden = is_hidden(request) and not call.emergency  # who is to be helped is to be found (RFC 3323 §4.2 "none")
    if not facts.caller_account:
        own = international(facts.caller, plan.country) if facts.caller else ""
        hidden = hidden or not facts.caller
    if not facts.caller_account or (call.person and (caller is None or caller.name != call.person)):
        return Identity(own, plan.shown.get(call.person, ""), hidden, True)
    return Identity(own, "", hidden)


def lines_for(identity: Identity, trunk: Trunk, country: str) -> tuple[bytes, tuple[bytes, ...]]:
    """The From value without its tag, and the further lines, as the style of this trunk wants them."""
    style = trunk.style
    main = trunk.number
    forwarder = identity.forwarder or main
    forwarded = identity.forwarded
    caller = identity.number
    if forwarded and style.forwards == "own number":
        caller = forwarder
    own = caller or main
    account = trunk.user or (trunk.written(main, country) if main else "")
    lines: list[bytes] = []
    shown = trunk.written(own, country) if own else account
    if style.sender == "account" and account:
        sender = _address(account, trunk)
    else:
        sender = _address(shown or "anonymous", trunk)
    for field in style.identity:
        if shown:
            value = _address(shown, trunk)
            match field:
                case "p-asserted-identity":
                    lines.append(b"P-Asserted-Identity: " + value)
                case "p-preferred-identity":
                    lines.append(b"P-Preferred-Identity: " + value)
                case _:
                    privacy = b"full" if identity.hidden else b"off"
                    lines.append(b"Remote-Party-ID: " + value + b";party=calling;screen=yes;privacy=" + privacy)
    if forwarded and forwarder and style.forwards in ("diversion", "history-info"):
        value = _address(trunk.written(forwarder, country), trunk)
        if style.forwards == "diversion":
            lines.append(b"Diversion: " + value + b";reason=unconditional;counter=1")
        else:
            lines.append(b"History-Info: " + value + b";index=1")
    if identity.hidden:
        lines.append(b"Privacy: id")
        if style.sender != "account" or style.identity:
            sender = ANONYMOUS if style.identity else sender
    return sender, tuple(lines)


def _address(user: str, trunk: Trunk) -> bytes:
    return b"<sip:%b@%b>" % (escape(user.encode()), trunk.domain.encode())
