"""One trunk as it is now: whether it works, how many calls it carries, what failed last."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from softswitch.dialplan.trunk import Trunk
from softswitch.flow import Flow
from softswitch.media.reach import is_private
from softswitch.sip.challenge import challenge_of
from softswitch.sip.message import Response
from softswitch.trunks.meter import Use

UNKNOWN, UP, DOWN = "unknown", "up", "down"
"""Nothing was heard yet; the last thing heard was good; it was not."""

SecretOf = Callable[[str], str | None]


class Channel:
    """One call's place on a trunk; given back once, however often it is said."""

    __slots__ = ("_line", "answered_at", "use")

    def __init__(self, line: Line, use: Use) -> None:
        self._line: Line | None = line
        self.use = use
        self.answered_at = 0.0
        """Wall clock; 0 while nobody has answered."""
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

    def refuses(self, emergency: bool = False) -> str:
        """Why it can't take a call now, in words; "" when it can. An emergency call is always tried."""
        if emergency:
            return ""
        limit = self.trunk.channels
        if limit and len(self.channels) >= limit:
            return f"all {limit} channels are taken"
        if self.state == DOWN:
            return self.detail or "it does not work"
        return ""

    def take(self, line: int = 0, person: str = "") -> Channel:
        """A channel for one call: by this line of `outside`, 0 for none, on behalf of this person."""
        return Channel(self, Use(self.site, line, person))

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
