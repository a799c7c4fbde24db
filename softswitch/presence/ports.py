"""What presence needs from elsewhere, as it sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from softswitch.dialplan.facts import Facts
from softswitch.flow import Flow
from softswitch.registrar.bindings import Binding
from softswitch.sip.message import Request


class Ways(Protocol):
    """Who is registered where, and how one is reached."""

    def bindings(self, site: str, account: str, wall: float) -> Sequence[Binding]:
        """The live bindings of a phone, highest q first."""
        ...

    def flow_of(self, binding: Binding) -> Flow | None:
        """The way to this contact, or None when there is none any more."""
        ...

    def alive(self, flow: Flow) -> bool:
        """Whether this way still exists."""
        ...

    def newest(self, contact: bytes) -> Flow | None:
        """The way to the phone with this Contact URI as it registered last."""
        ...


class Messages(NamedTuple):
    """What lies in a mailbox (RFC 3842 §5.2)."""

    new: int
    old: int
    new_urgent: int = 0
    old_urgent: int = 0


class Mailboxes(Protocol):
    """The voicemail, as far as presence asks it."""

    def messages(self, site: str, person: str) -> Messages | None:
        """How many lie there; None for somebody without a mailbox."""
        ...


class NoMailboxes:
    """A switch without voicemail: nobody has a mailbox."""

    def messages(self, site: str, person: str) -> Messages | None:
        return None


Verify = Callable[[Request, str], str]
"""(request, site) to the account that signed it; raises PeerError(401 or 407)."""

FactsNow = Callable[[str], Facts]
"""(site) to the facts of a call by nobody in particular at this moment."""

Moment = Callable[[], AbstractContextManager[object]]
"""Around everything that comes from outside the pump."""
