"""One trunk as it is now: whether it works, how many calls it carries, what failed last."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from softswitch.dialplan.trunk import OutsideCall, Trunk
from softswitch.flow import Flow
from softswitch.media.reach import is_private
from softswitch.sip.challenge import challenge_of
from softswitch.sip.message import Response
from softswitch.trunks.usage import Use

UNKNOWN, UP, DOWN = "unknown", "up", "down"
"""Nothing was heard yet; the last thing heard was good; it was not."""

SecretOf = Callable[[str], str | None]


class Channel:
    """One call's place on a trunk; given back once, however often it is said."""

    __slots__ = ("_line", "answered_at", "begun_at", "call_id", "give_way", "use")

    def __init__(self, line: Line, use: Use) -> None:
        self._line: Line | None = line
        self.use = use
        self.begun_at = 0.0
        """Wall clock; 0 for a call that no limit counts."""
        self.call_id = ""
        self.answered_at = 0.0
        """Wall clock; 0 while nobody has answered."""
        self.give_way: Callable[[], None] | None = None
        """Ends the call, for an emergency; None where it may not be ended, being one itself."""
        line.channels.append(self)

    def release(self) -> None:
        """The call is over."""
        line, self._line = self._line, None
        if line is not None:
            line.channels.remove(self)
            line.on_release(self)


class Line:
    """A trunk at work."""

    def __init__(self, site: str, country: str, trunk: Trunk, secret_of: SecretOf) -> None:
        self.site = site
        self.country = country
        self.trunk = trunk
        self.state = UNKNOWN
        self.channels: list[Channel] = []
        """Taken by calls of both directions; shared with the lines that this one follows."""
        self.flows: Sequence[Flow] = ()
        """Where it is reached, as found out last; in order of preference."""
        self.hosts: frozenset[str] = frozenset()
        """The addresses of its host: calls from there are its calls."""
        self.seen: tuple[str, int] = ("", 0)
        """Where our requests come from, as its registrar sees it."""
        self.last_failure = ""
        """In words; "" for none."""
        self.last_failure_at = 0.0
        """Wall clock."""
        self.detail = ""
        """More about the state, in words."""
        self.calls_out = self.calls_in = self.calls_failed = self.refused_strangers = 0
        """Since the start."""
        self.on_release: Callable[[Channel], None] = lambda channel: None
        self._secret_of = secret_of

    def follow(self, before: Line) -> None:
        """Be that line from now on, described anew: its calls go on, and count."""
        self.channels = before.channels
        self.calls_out, self.calls_in, self.calls_failed = before.calls_out, before.calls_in, before.calls_failed
        self.refused_strangers = before.refused_strangers
        self.last_failure, self.last_failure_at = before.last_failure, before.last_failure_at

    @property
    def name(self) -> str:
        return self.trunk.name

    @property
    def uri(self) -> bytes:
        """Where it is to be looked up."""
        transport = f";transport={self.trunk.transport}" if self.trunk.transport else ""
        return f"sip:{self.trunk.host}{transport}".encode()

    def contact_host(self, flow: Flow) -> bytes:
        """Under which address we are reached from there: our own, or what it sees of us where ours means nothing."""
        listener = flow.listener
        host, port = self.seen
        if listener.reliable or not host or not is_private(listener.advertised_host) or is_private(host):
            return listener.uri
        return (b"[%b]:%d" if ":" in host else b"%b:%d") % (host.encode(), port)

    @property
    def is_full(self) -> bool:
        """Whether all channels are taken."""
        return bool(self.trunk.channels) and len(self.channels) >= self.trunk.channels

    def refuses(self, emergency: bool = False) -> str:
        """Why it can't take a call now, in words; "" when it can. An emergency call is always tried."""
        if emergency:
            return ""
        if self.is_full:
            return f"all {self.trunk.channels} channels are taken"
        if self.state == DOWN:
            return self.detail or "it does not work"
        return ""

    def make_room(self) -> bool:
        """End a call for an emergency where all channels are taken: one that nobody has answered, else the youngest.

        Whether one was ended; without one the limit is exceeded, for it may be too low.
        """
        if not self.is_full:
            return False
        ordinary = [channel for channel in self.channels if channel.give_way is not None]
        if not ordinary:
            return False
        chosen = next((one for one in reversed(ordinary) if not one.answered_at), None)
        chosen = chosen or max(ordinary, key=lambda one: one.answered_at)
        assert chosen.give_way is not None
        chosen.give_way()
        return True

    def take(self, call: OutsideCall | None = None) -> Channel:
        """A channel for one call out; None for one that comes in, or is a test."""
        if call is None or call.emergency:
            return Channel(self, Use(self.site, self.name))
        return Channel(self, Use(self.site, self.name, call.line, call.person, call.country, call.abroad))

    def answer(self, response: Response, method: bytes, uri: bytes, cnonce: bytes) -> bytes | None:
        """Our credentials for a challenge of the provider's; see `invitation.Login`."""
        challenge = challenge_of(response)
        password = self._secret_of(self.trunk.secret) if self.trunk.secret else None
        if challenge is None or password is None:
            return None
        return challenge.answer(self.trunk.login, password, method, uri, cnonce)

    def failed(self, words: str, wall: float) -> None:
        """A call could not be made over it."""
        self.calls_failed += 1
        self.last_failure, self.last_failure_at = words, wall
