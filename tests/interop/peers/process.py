"""An outside program under test control: started, listened to, waited for with a deadline, ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

TAIL_LINES = 150

started: list[Process] = []
"""The programs of the running test, for the report when it fails (conftest)."""


class PeerFailed(AssertionError):
    """A program did not do in time what the test waited for; the text ends with what it said last."""


class Deadline:
    """A moment some seconds ahead; whoever waits in several steps shares one."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._end - time.monotonic())


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 5.0) -> None:
    """Look again until `holds()`, for things of other programs that tell nobody, such as a file that grows."""
    deadline = Deadline(seconds)
    while not holds():
        if not deadline.left:
            raise PeerFailed(f"no {what} within {seconds} s")
        threading.Event().wait(0.05)


class Process:
    """A running program whose output lines are kept and can be waited for."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        netns: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        """Start `command`, inside the network namespace `netns` when one is named."""
        inside = ["ip", "netns", "exec", netns] if netns else []
        self.name = Path(command[0]).name
        self.at = netns or ""
        self._lines: list[str] = []
        self._next = 0
        self._changed = threading.Condition()
        self._on_line = on_line
        self._process = subprocess.Popen(
            [*inside, *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name=f"read {self.name}", daemon=True)
        self._reader.start()
        started.append(self)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for raw in self._process.stdout:
            line = raw.decode(errors="replace").rstrip("\n")
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
            if self._on_line is not None:
                self._on_line(line)
        with self._changed:
            self._changed.notify_all()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        """Everything it said so far."""
        with self._changed:
            return "\n".join(self._lines)

    def running(self) -> bool:
        return self._process.poll() is None

    def write(self, text: str) -> None:
        """Type `text` into it."""
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode())
        self._process.stdin.flush()

    def wait_for(self, pattern: str, seconds: float = 10.0, since: int = 0) -> re.Match[str]:
        """The first match of `pattern` in a line from number `since` on; raises PeerFailed after `seconds`."""
        wanted, deadline, at = re.compile(pattern), Deadline(seconds), since
        with self._changed:
            while True:
                for number, line in enumerate(self._lines[at:], at):
                    if found := wanted.search(line):
                        self._next = number + 1
                        return found
                at = len(self._lines)
                if not self._reader.is_alive():
                    raise PeerFailed(f"{self.name} ended before {pattern!r}:\n{self._tail()}")
                # The reader's last notify may come just before it ends, so look again now and then.
                if not self._changed.wait(min(deadline.left, 0.5)) and not deadline.left:
                    raise PeerFailed(f"{self.name}: no {pattern!r} within {seconds} s:\n{self._tail()}")

    def wait_next(self, pattern: str, seconds: float = 10.0) -> re.Match[str]:
        """As `wait_for`, but only in lines after the one found last."""
        return self.wait_for(pattern, seconds, self._next)

    def _tail(self) -> str:
        return "\n".join(self._lines[-40:])

    def wait(self, seconds: float) -> int:
        """Its exit code once it ended by itself; raises PeerFailed after `seconds`."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise PeerFailed(f"{self.name} still runs after {seconds} s:\n{self._tail()}") from None
        self._reader.join(1)
        return code

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def stop(self, seconds: float = 3.0) -> int:
        """End it: SIGTERM, then SIGKILL to its whole process group; its exit code (negative: the signal)."""
        if self.running():
            self._process.terminate()
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            code = self._process.wait(seconds)
        self._reader.join(1)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass  # what was typed last was never read: the program is gone
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
