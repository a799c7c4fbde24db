"""What the proxy needs from elsewhere, as it sees it. Answers that take time come by call-back, inside the pump."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from softswitch.dialplan.availability import Presences
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.override import Overrides
from softswitch.dialplan.plan import Person, Plan, Team
from softswitch.dialplan.step import Command, Reject
from softswitch.flow import Flow
from softswitch.presence.permission import Watching
from softswitch.records.diary import Diary
from softswitch.registrar.bindings import Binding
from softswitch.sip.message import Request
from softswitch.transaction.server_invite import ServerInvite
from softswitch.transaction.server_other import ServerOther

if TYPE_CHECKING:
    from softswitch.dialplan.trunk import OutsideCall
    from softswitch.proxy.branch import Branch
    from softswitch.proxy.firms import Caller
    from softswitch.proxy.fork import Fork


class Contacts(Protocol):
    """Who is registered where."""

    def bindings(self, site: str, account: str, wall: float) -> Sequence[Binding]:
        """The live bindings of a phone, highest q first."""
        ...

    def flow_of(self, binding: Binding) -> Flow | None:
        """The way to this contact, or None when there is none any more."""
        ...

    def alive(self, flow: Flow) -> bool:
        """Whether this way still exists: its connection is open, or it needs none."""
        ...

    def newest(self, contact: bytes) -> Flow | None:
        """The way to the phone with this Contact URI as it registered last; it may have connected anew."""
        ...

    def knows(self, flow: Flow) -> bool:
        """Whether a phone is registered from just this address."""
        ...


class Resolver(Protocol):
    """RFC 3263, off the message path."""

    def resolve(self, uri: bytes, size_bytes: int, done: Callable[[Sequence[Flow]], None]) -> None:
        """Ways to a SIP URI in order of preference, none when it cannot be reached.

        A request of `size_bytes` that is too large for UDP gets the streams first (RFC 3261 §18.1.1).
        """
        ...


class Directory(Protocol):
    """Which sources are served without a password."""

    def peer(self, host: str) -> str | None:
        """The operator's name of the peer with this address, or None for everyone else."""
        ...


class Verifier(Protocol):
    """Digest authentication."""

    def verify(self, request: Request, site: str, now: float, proxy: bool) -> str:
        """The account that sent the request. Raises PeerError(401 or 407)."""
        ...


class RegisterHandler(Protocol):
    """The registrar, for requests whose sender is known."""

    def on_register(self, request: Request, site: str, account: str, server: ServerOther) -> None: ...


class MessageHandler(Protocol):
    """Text messages to people, now or later."""

    def on_message(self, request: Request, called: str, plan: Plan, caller: Caller, hops: int) -> bool:
        """A MESSAGE whose sender is known, for `called` in this firm; False when that is nobody with a mailbox."""
        ...


class LegHandler(Protocol):
    """Calls that the switch takes itself."""

    def answer(self, request: Request, server: ServerInvite, what: str, plan: Plan, facts: Facts) -> None:
        """Take the call as `what`, e.g. "echo"."""
        ...

    def refuse(
        self, request: Request, server: ServerInvite, step: Reject, plan: Plan, done: Callable[[], None]
    ) -> bool:
        """Say why a call is refused, then refuse it; `done` comes after that. False where it can't be said."""
        ...

    def on_request(self, request: Request) -> bool:
        """A request within a dialog of ours; False when there is no such dialog."""
        ...


class OutsideHandler(Protocol):
    """Calls over trunks: two dialogs of our own each."""

    def attempt(self, fork: Fork, call: OutsideCall, hops: int) -> Branch:
        """A branch of this fork to a number of the public network, not started yet."""
        ...

    def on_invite(self, request: Request, hops: int) -> bool:
        """An INVITE from outside any dialog; False when it comes from no trunk. Raises PeerError."""
        ...

    def on_request(self, request: Request) -> bool:
        """A request within a dialog; False when it is none of such a call."""
        ...

    def take_over(self, request: Request, site: str, account: str) -> bool:
        """An INVITE with Replaces, of a known phone; False when what it replaces is none of ours. Raises PeerError."""
        ...

    def is_trunk(self, host: str) -> bool:
        """Whether a trunk's calls come from this address."""


class OverrideHandler(Protocol):
    """What people have set for their calls."""

    def of(self, site: str) -> Overrides:
        """All that holds at this firm; some may have ended by themselves meanwhile."""
        ...

    def obey(self, site: str, command: Command, by: str, wall: float, done: Callable[[str], None]) -> None:
        """Change what a person has set; `by` is the phone. `done` is told "" once that is kept, else why it isn't."""
        ...


class PresenceHandler(Protocol):
    """Subscriptions to people and teams of ours, and what is published of them."""

    def presences(self, plan: Plan) -> Presences:
        """How those are of whom the rules of this plan ask, at this moment."""
        ...

    def on_subscribe(self, request: Request, plan: Plan, user: str, who: Person | Team, watching: Watching) -> None:
        """A SUBSCRIBE outside of a dialog to whom `user` means. Raises PeerError."""
        ...

    def on_publish(self, request: Request, plan: Plan, person: Person, watching: Watching) -> None:
        """A PUBLISH about a person. Raises PeerError."""
        ...

    def on_request(self, request: Request) -> bool:
        """A request within a dialog of ours; False when there is no such dialog. Raises PeerError."""
        ...

    def use(self, plans: Mapping[str, Plan]) -> None:
        """Go by these plans from now on."""
        ...


class CallLog(Protocol):
    """Who wants to read what becomes of calls. Called seldom: never for a message that just passes."""

    def note(self, call_id: bytes, event: str, **details: object) -> None:
        """What is worth a line whatever happens."""
        ...

    def detail(self, call_id: bytes, event: str, **details: object) -> None:
        """An ordinary step of a call, for who looks closely: the line at its end tells it once more."""
        ...

    def over(self, diary: Diary) -> None:
        """A call is over: the one line about it."""
        ...
