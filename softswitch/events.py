"""The event bus: what happened, for those who want to know, without anyone waiting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

E = TypeVar("E")


class BindingChanged(NamedTuple):
    """A phone came, moved or went. `cause`: "registered", "refreshed", "removed", "expired", "dead", "closed"."""

    site: str
    account: str
    contact: str
    cause: str


class CallChanged(NamedTuple):
    """A call started, was answered or ended. `state`: "ringing", "answered", "ended"."""

    site: str
    call_id: str
    state: str
    detail: str = ""


class PartChanged(NamedTuple):
    """What one phone does within one call changed."""

    site: str
    account: str
    call_id: str
    state: str
    """"trying" (it calls, nobody rings yet), "ringing", "answered", "ended"."""
    caller: bool
    """Whether this phone is the one that called."""
    other: str
    """The user part or number at the other end, as shown to this phone; "" if hidden."""
    local_tag: str
    """This phone's own tag, "" while it has none: with the Call-ID and the other it names the dialog."""
    remote_tag: str


class OverrideChanged(NamedTuple):
    """Somebody set where calls go, or ended it. `kind` is one of `dialplan/override.KINDS`."""

    site: str
    person: str
    kind: str
    sets: bool
    """Whether it holds from now on; else it is over."""
    by: str


class VoicemailChanged(NamedTuple):
    """Somebody's voicemail has other messages now, or others that were heard."""

    site: str
    person: str
    """The key in the dialplan."""
    new: int
    """Messages that were not heard yet."""
    old: int


class EmergencyCalled(NamedTuple):
    """Somebody calls an emergency number. `account` is the phone, or "" where the call was forwarded from outside."""

    site: str
    account: str
    number: str
    call_id: str = ""
    location: str = ""
    """In words; "" where it is not known."""


class EmergencyTested(NamedTuple):
    """Somebody tries out from a phone what an emergency call would do."""

    site: str
    account: str


class Bus:
    """Handlers by the event's type, called in order of subscription within `publish`."""

    def __init__(self) -> None:
        self._handlers: dict[type, list[Callable[[Any], None]]] = {}

    def subscribe(self, kind: type[E], handler: Callable[[E], None]) -> None:
        """Call `handler` with every event of exactly this type."""
        self._handlers.setdefault(kind, []).append(handler)

    def wanted(self, kind: type) -> bool:
        """Whether anyone listens: spares making the event."""
        return kind in self._handlers

    def publish(self, event: object) -> None:
        """Tell the subscribers; an exception of a handler is the publisher's."""
        for handler in self._handlers.get(type(event), ()):
            handler(event)
