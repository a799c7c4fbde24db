"""sipp: runs one of the scenarios of tests/interop/sipp and says how its calls ended."""

from __future__ import annotations

import csv
import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..office import DOMAIN, Account
from .process import PeerFailed, Process, wait_until

SCENARIOS = Path(__file__).parent.parent / "sipp"
_MODES = {"udp": "u1", "tcp": "t1"}


@dataclass(frozen=True, slots=True)
class Counts:
    """How the calls of a scenario ended."""

    successful: int
    failed: int


class Sipp:
    """One sipp process: one account's phone on one port."""

    def __init__(
        self,
        folder: Path,
        scenario: str,
        server: str,
        account: Account,
        *,
        port: int,
        transport: str = "udp",
        via: str = "",
        called: str = "",
        password: str = "",
        calls: int = 1,
        rate: int = 10,
        milliseconds: int = 200,
        expires: int = 120,
        incoming: str = "",
        seconds: int = 12,
        address: str = "127.0.0.1",
        netns: str | None = None,
        keys: Mapping[str, str] | None = None,
        echoes: bool = False,
    ) -> None:
        """Start `scenario` ("call") against `server` (host:port).

        `via` is the transport named in the messages when a tunnel carries them over another one; `password` a
        wrong one; `keys` are more words for the scenario; `milliseconds` the pause of scenarios that have one;
        `incoming` the scenario for calls that come in while `scenario` runs; `seconds` the limit for everything.
        With `echoes` all sound is sent back.
        """
        folder.mkdir(parents=True)
        self._folder, self._scenario, self._seconds = folder, scenario, seconds
        credentials = f"[authentication username={account.name} password={password or account.password}]"
        users = folder / "users.csv"
        users.write_text(f"SEQUENTIAL\n{account.person};{credentials};{called};{account.name};\n")
        command: list[str | Path] = [
            "sipp", server, "-sf", SCENARIOS / f"{scenario}.xml", "-inf", users,
            "-i", address, "-p", str(port), "-t", _MODES[transport], "-m", str(calls), "-r", str(rate),
            "-l", "50", "-d", str(milliseconds), "-timeout", f"{seconds}s", "-timeout_error", "-nostdin",
            "-recv_timeout", f"{seconds * 1000}",
            "-key", "via", (via or transport).upper(), "-key", "expires", str(expires),
            "-trace_err", "-error_file", folder / "errors.log", "-trace_msg", "-message_file", folder / "messages.log",
            "-trace_stat", "-stf", folder / "counts.csv", "-fd", "1", "-auth_uri", DOMAIN, "-aa",
        ]  # fmt: skip
        for name, value in (keys or {}).items():
            command += ["-key", name, value]
        if echoes:
            command += ["-rtp_echo", "-mp", str(port + 1)]
        if incoming:
            command += ["-oocsf", SCENARIOS / f"{incoming}.xml"]
        self._process = Process(command, cwd=folder, netns=netns)

    def finish(self) -> Counts:
        """Wait for its end; raises PeerFailed unless every call went as the scenario says."""
        code = self._process.wait(self._seconds + 3)
        counts = self.counts()
        if code or counts.failed or not counts.successful:
            raise PeerFailed(
                f"sipp {self._scenario} ended with {code}, {counts}:\n{self.errors()}\n{self.messages()[-6000:]}"
            )
        return counts

    def succeeded(self) -> None:
        """Wait until a call of one that goes on has ended as the scenario says; raises PeerFailed."""
        wait_until(lambda: self.counts().successful > 0, f"end of a call at sipp {self._scenario}: {self.errors()}", 8)
        if self.counts().failed:
            raise PeerFailed(f"sipp {self._scenario}: {self.errors()}\n{self.messages()[-6000:]}")

    def wait_message(self, pattern: str, seconds: float = 5.0) -> None:
        """Wait until a message that it sent or received matches, e.g. "SIP/2.0 200"."""
        wait_until(
            lambda: re.search(pattern, self.messages()) is not None, f"{pattern!r} at sipp {self._scenario}", seconds
        )

    def counts(self) -> Counts:
        """From the last line of its statistics."""
        path = self._folder / "counts.csv"
        rows: Sequence[dict[str, str]] = []
        if path.exists():
            with path.open(newline="") as file:
                rows = list(csv.DictReader(file, delimiter=";"))
        if not rows:
            return Counts(0, 0)
        return Counts(int(rows[-1]["SuccessfulCall(C)"]), int(rows[-1]["FailedCall(C)"]))

    def errors(self) -> str:
        path = self._folder / "errors.log"
        return path.read_text(errors="replace") if path.exists() else self._process.output[-2000:]

    def messages(self) -> str:
        """Every message sent and received so far."""
        path = self._folder / "messages.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def kill(self) -> None:
        """As if its plug were pulled."""
        self._process.signal(signal.SIGKILL)
        self._process.wait(2)

    def stop(self) -> None:
        self._process.stop()
