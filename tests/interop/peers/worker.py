"""A client library in a Python process of its own, spoken to with one JSON object a line.

Its threads, forks and old habits stay out of the tests' process that way.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .process import Deadline, PeerFailed, Process


class Worker:
    """Starts a worker script of this folder, gives it commands and waits for its events."""

    def __init__(self, script: str, options: Mapping[str, Any], *, netns: str | None = None) -> None:
        # Unbuffered, which holds for the C library's standard output too: what a library logs comes when it happens.
        command = [sys.executable, "-u", Path(__file__).parent / script, json.dumps(options)]
        self._process = Process(command, netns=netns)
        self._next = 0

    def command(self, name: str, **parameters: Any) -> None:
        """Give a command; what comes of it are events."""
        self._process.write(json.dumps({"command": name, **parameters}) + "\n")

    def wait_event(self, name: str, seconds: float = 10.0, **fields: Any) -> dict[str, Any]:
        """The next event of this name whose `fields` are as given; earlier ones are passed over."""
        deadline = Deadline(seconds)
        while True:
            line = self._process.wait_next(rf'^\{{"event": "(?:{name}|failed)".*\}}$', deadline.left)[0]
            event: dict[str, Any] = json.loads(line)
            if event["event"] == "failed":
                raise PeerFailed(f"{event}\n{self._process.output[-6000:]}")
            if all(event.get(key) == value for key, value in fields.items()):
                return event

    @property
    def output(self) -> str:
        return self._process.output

    def kill(self) -> None:
        """Pull the plug."""
        self._process.signal(signal.SIGKILL)

    def stop(self) -> None:
        if self._process.running():
            self.command("quit")
            try:
                self._process.wait(4)
            except PeerFailed:
                pass  # it is ended by force next
        self._process.stop()
