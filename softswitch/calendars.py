"""Calendars from addresses: fetched aside, the last good copy kept, so that loading waits for no network."""

from __future__ import annotations

import hashlib
import os
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from softswitch.dialplan.calendars import MAX_BYTES, decoded, is_address, read_file
from softswitch.dialplan.icalendars import mistakes
from softswitch.dialplan.plan import Plan

Fetch = Callable[[str], bytes]
"""What brings the contents of an https address; raises OSError or ValueError."""
PATIENCE_SECONDS = 20.0


def addresses(plans: Iterable[Plan]) -> list[str]:
    """The addresses that these plans take calendars from, each once."""
    busy = (one.name for plan in plans for schedule in plan.schedules.values() for one in schedule.calendars)
    return list(dict.fromkeys(name for name in busy if is_address(name)))


def fetch(address: str) -> bytes:
    """What an https address has, one byte more than a calendar may have at most. It blocks: for a thread or a process.

    Raises OSError, or ValueError for an address that leads elsewhere.
    """
    with urllib.request.urlopen(address, timeout=PATIENCE_SECONDS) as response:
        if not response.url.startswith("https://"):
            raise ValueError(f"{address} leads to {response.url}, which is not https")
        content: bytes = response.read(MAX_BYTES + 1)
        return content


@dataclass(frozen=True, slots=True)
class Copies:
    """The last good copies, one file for each address; loading a dialplan never waits for a network."""

    folder: Path

    def get(self, address: str) -> str | None:
        """The copy; None when there never was a good one."""
        try:
            return read_file(self._file(address))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def refresh(self, address: str, fetch: Fetch) -> bool:
        """Fetch it anew; whether that changed it. The dialplan is to be loaded again then.

        The old copy stays when this raises OSError, or ValueError in an operator's words for what is no calendar.
        """
        text = decoded(fetch(address))
        wrong = mistakes(text, ZoneInfo("UTC"))
        if wrong:
            line, what = wrong[0]
            raise ValueError(f"{address}:{line}: {what}")
        if self.get(address) == text:
            return False
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self._file(address)
        new = file.with_suffix(".new")
        with new.open("wb") as out:
            out.write(text.encode())
            out.flush()
            os.fsync(out.fileno())
        new.replace(file)
        return True

    def _file(self, address: str) -> Path:
        return self.folder / f"{hashlib.sha256(address.encode()).hexdigest()[:32]}.ics"
