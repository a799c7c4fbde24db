"""The calendars that a dialplan names: read, checked, and reported where they stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from softswitch.dialplan.busy import BusyTimes
from softswitch.dialplan.icalendars import mistakes, ready
from softswitch.dialplan.source import Part, Source

CopyOf = Callable[[str], str | None]
"""The calendar of an address as it was fetched last, None when it never was; or that of a file, where another than the
one that lies there counts. Raises OSError or ValueError."""
MAX_BYTES = 5_000_000


def is_address(text: str) -> bool:
    """Whether this is meant as an address and not as a file."""
    return "://" in text


def read_file(path: Path) -> str:
    """A calendar file. Raises OSError, or ValueError in an operator's words."""
    with path.open("rb") as file:
        return decoded(file.read(MAX_BYTES + 1))


def decoded(content: bytes) -> str:
    """The text of a calendar. Raises ValueError in an operator's words."""
    if len(content) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"no UTF-8 text at byte {error.start}") from None


@dataclass(slots=True)
class Calendars:
    """Reads each calendar once."""

    copy_of: CopyOf | None
    wall: float | None
    known: dict[str, BusyTimes | None] = field(default_factory=dict)
    """By file or address; None for one with mistakes, which were reported."""

    def read(self, names: Sequence[str], zone: ZoneInfo, source: Source, *path: Part) -> tuple[BusyTimes, ...]:
        """The busy times of these files, which are looked for beside the dialplan, and addresses.

        What is wrong is reported, in the line of the calendar where that can be said.
        """
        found: list[BusyTimes] = []
        for index, name in enumerate(names):
            place = name if is_address(name) else str(Path(source.file).parent / name)
            if place not in self.known:
                self.known[place] = self._read(name, place, zone, source, *path, index)
            busy = self.known[place]
            if busy is not None:
                ready(busy, zone, self.wall)
                found.append(busy)
        return tuple(found)

    def _read(self, name: str, place: str, zone: ZoneInfo, source: Source, *path: Part) -> BusyTimes | None:
        if is_address(name):
            if not name.startswith("https://"):
                source.error(f'"{name}" must begin with https://', *path)
                return None
            read = self.copy_of or (lambda _: None)
        else:
            read = self._beside
        try:
            text = read(place)
        except OSError as error:
            source.error(f"{place} cannot be read: {error.strerror}", *path)
            return None
        except ValueError as error:
            source.error(f"{place}: {error}", *path)
            return None
        if text is None:
            source.warn_here("this calendar was not fetched yet; until then it has no busy times", *path)
            return BusyTimes(name, "")
        wrong = mistakes(text, zone, self.wall)
        for line, what in wrong:
            source.error_in(place, line, what)
        return None if wrong else BusyTimes(name, text)

    def _beside(self, place: str) -> str:
        kept = self.copy_of(place) if self.copy_of is not None else None
        return read_file(Path(place)) if kept is None else kept
