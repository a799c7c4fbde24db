"""What one REGISTER does to an account's bindings, and what it is told (RFC 3261 §10.3 steps 6 to 8, RFC 3327)."""

from __future__ import annotations

import re
from sys import intern

from softswitch.errors import PeerError
from softswitch.registrar.bindings import Binding
from softswitch.registrar.wishes import RegistrarLimits, wishes
from softswitch.sip.address import parse_address
from softswitch.sip.message import Request
from softswitch.sip.uri import parse_uri, same_uri

_INSTANCE = re.compile(r""";[ \t]*\+sip\.instance[ \t]*=[ \t]*"([^"]*)\"""", re.IGNORECASE)
_REG_ID = re.compile(r""";[ \t]*reg-id[ \t]*=[ \t]*([0-9]+)""", re.IGNORECASE)

_LONGEST_AGENT = 100
_LONGEST_PATH = 2048


def apply_register(
    current: tuple[Binding, ...],
    request: Request,
    account: str,
    site: str,
    flow: str,
    limits: RegistrarLimits,
    wall: float,
) -> tuple[Binding, ...]:
    """The account's bindings after this REGISTER, which came by `flow` (as `registrar.flows` writes it).

    `current` itself when nothing changes. Expired bindings go. `wall` is seconds since 1970.
    Raises, and then nothing of the request counts: PeerError(400) for a malformed one; 423 when an expiry is too
    brief; 403 when there would be more contacts than allowed; 500 when the request is older than a binding it
    would change: same Call-ID and no higher CSeq (§10.3 step 7 says "fails"; 500 is what §12.2.2 answers to a
    CSeq out of order, and it doesn't make a phone give up as a 4xx does).
    """
    live = current
    for binding in current:
        if binding.expires_at <= wall:
            live = tuple([binding for binding in current if binding.expires_at > wall])
            break
    if b"contact" not in request.first:
        return live
    wanted = wishes(request, limits, live[0].contact if live else "")
    call_id = request.call_id.decode("utf-8", "replace")
    cseq = request.cseq[0]
    if wanted is None:
        for binding in live:
            _check_order(binding, call_id, cseq)
        return ()
    if len(wanted) > limits.contacts + len(live):
        raise PeerError(403, "Too Many Contacts")
    path = _path(request) if b"path" in request.first else ()
    result = list(live)
    for wish in wanted:
        old = _same_contact(result, wish.contact)
        same_call = old is not None and old.call_id == call_id
        # Of a contact that is in this request twice the later one counts.
        if same_call and old is not None and cseq <= old.cseq and any(old is binding for binding in live):
            raise PeerError(500, "CSeq Out of Order")
        if not wish.seconds:
            if old is not None:
                result.remove(old)
            continue
        new = Binding(
            site,
            account,
            wish.contact,
            wish.params,
            wish.q,
            wall + wish.seconds,
            call_id,
            cseq,
            flow,
            path,
            # The Call-ID changes when a phone restarts, so with it the software may.
            old.user_agent if old is not None and same_call else _user_agent(request),
            old.registered_at if old is not None else wall,
        )
        if old is not None:
            result[result.index(old)] = new
        else:
            result.append(new)
        if wish.params:
            _drop_stale(result, live, new)
    if len(result) > limits.contacts and len(result) > len(live):
        raise PeerError(403, "Too Many Contacts")
    return tuple(result)


def _user_agent(request: Request) -> str:
    text = request.get(b"user-agent")
    return intern(text[:_LONGEST_AGENT].decode("utf-8", "replace")) if text else ""


def _check_order(binding: Binding, call_id: str, cseq: int) -> None:
    if binding.call_id == call_id and cseq <= binding.cseq:
        raise PeerError(500, "CSeq Out of Order")


def _same_contact(bindings: list[Binding], contact: str) -> Binding | None:
    for binding in bindings:
        if binding.contact == contact:
            return binding
    wanted = contact.encode()
    for binding in bindings:
        if same_uri(binding.contact.encode(), wanted):
            return binding
    return None


def _drop_stale(result: list[Binding], live: tuple[Binding, ...], new: Binding) -> None:
    """Remove what the same phone registered before under another contact, so that its dead addresses don't pile up.

    The same phone: the same +sip.instance. With reg-id its flows are told apart by that (RFC 5626 §6); without, only
    those on the same listener replace each other, for a phone may be registered over UDP and TLS at once.
    """
    identity = _identity(new)
    if identity is None:
        return
    for binding in live:
        if binding in result and _identity(binding) == identity:
            _check_order(binding, new.call_id, new.cseq)
            result.remove(binding)


def _identity(binding: Binding) -> tuple[str, str] | None:
    instance = _INSTANCE.search(binding.params)
    if instance is None:
        return None
    reg_id = _REG_ID.search(binding.params)
    which = reg_id[1] if reg_id else "|".join(binding.flow.split("|")[:2])
    return instance[1].lower(), which


def _path(request: Request) -> tuple[str, ...]:
    values = request.values(b"path")
    if sum(map(len, values)) > _LONGEST_PATH:
        raise PeerError(400, "Path Too Long")
    for value in values:
        try:
            parse_uri(parse_address(value).uri)
        except PeerError:
            raise PeerError(400, "Malformed Path") from None
    try:
        return tuple([value.decode() for value in values])
    except UnicodeDecodeError:
        raise PeerError(400, "Malformed Path") from None


def response_headers(request: Request, bindings: tuple[Binding, ...], wall: float) -> list[bytes]:
    """The lines of a 200: every binding with the seconds it has left, and the Path where the phone knows what it is.

    Path is stored from anyone; it is returned to phones that say `Supported: path` (RFC 3327 §5.3).
    """
    lines = []
    for binding in bindings:
        q = f";q={binding.q / 1000:g}" if binding.q != 1000 else ""
        left = max(1, round(binding.expires_at - wall))
        lines.append(f"Contact: <{binding.contact}>{binding.params}{q};expires={left}".encode())
    if b"path" in request.first and b"path" in [value.lower() for value in request.values(b"supported")]:
        lines += [b"Path: " + value for value in request.values(b"path")]
    return lines
