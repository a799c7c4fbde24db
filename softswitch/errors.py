"""Whose fault it was: the peer's, the configuration's, or ours (then it is a plain exception)."""

from __future__ import annotations

from dataclasses import dataclass, field


class PeerError(Exception):
    """The peer asked for something it cannot have; becomes a SIP response.

    `headers` are whole extra header lines without line ends, e.g. b"Retry-After: 5".
    `message` is what could be read of the request, where anything could; None means: drop in silence.
    """

    def __init__(
        self, status: int, reason: str = "", headers: tuple[bytes, ...] = (), message: object | None = None
    ) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason
        self.headers = headers
        self.message = message


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file, as file:line:column (both counted from 1; 0 where unknown)."""

    file: str
    line: int
    column: int
    text: str
    severity: str = "error"
    """"error" prevents loading; "warning" does not."""

    def __str__(self) -> str:
        mark = "" if self.severity == "error" else f"{self.severity}: "
        return f"{self.file}:{self.line}:{self.column}: {mark}{self.text}"


@dataclass
class ConfigError(Exception):
    """Every problem found in a configuration or dialplan; nothing of it was applied."""

    problems: list[Problem] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)
