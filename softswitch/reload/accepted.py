"""The last accepted plan, in a file beside the database: what the switch starts with when the dialplan is refused.

Its texts are kept and not the plan made of them, so that the next version of the switch can read them too; with them
the holidays and calendars that it was checked with. A file and not a table, because it is read before anything is
opened, belongs to this machine's own configuration, and is replaced as a whole.
It is JSON, and an operator can read it.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from softswitch.configuration import Texts
from softswitch.dialplan import holiday
from softswitch.dialplan.calendars import is_address, read_file
from softswitch.dialplan.holiday import Days
from softswitch.dialplan.plan import Plan
from softswitch.settings import Settings

FORMAT = 1
YEARS_BACK = 1
YEARS_AHEAD = 10


@dataclass(frozen=True, slots=True)
class Accepted:
    """All that the plan can be made of again."""

    texts: Texts
    """The files, as (name, content)."""
    holidays: Days
    calendars: dict[str, str]
    """The texts of the calendars, by file or address."""
    at: float = 0.0
    """When it was accepted, seconds since 1970 UTC; 0 is never."""

    def same(self, other: Accepted | None) -> bool:
        """Whether both make the same plan."""
        return other is not None and replace(self, at=0.0) == replace(other, at=0.0)


def accepted_now(texts: Texts, plans: Iterable[Plan], wall: float) -> Accepted:
    """All that these plans, made of these texts, were checked with."""
    calendars: dict[str, str] = {}
    for busy in [one for plan in plans for schedule in plan.schedules.values() for one in schedule.calendars]:
        if is_address(busy.name):
            calendars[busy.name] = busy.text
            continue
        for place in {str(Path(file).parent / busy.name) for file, _ in texts}:
            # In another folder there may be another calendar of this name.
            with contextlib.suppress(OSError, ValueError):
                if read_file(Path(place)) == busy.text:
                    calendars[place] = busy.text
    return Accepted(texts, holiday.known(years_around(wall)), calendars, wall)


def accepted_file(settings: Settings) -> Path | None:
    """Where it is kept; None where nothing is to outlive a restart."""
    return None if settings.sqlite_file is None else Path(f"{settings.sqlite_file}.dialplan")


def years_around(wall: float) -> range:
    """The years whose holidays are kept with a plan that is accepted now."""
    year = datetime.fromtimestamp(wall, UTC).year
    return range(year - YEARS_BACK, year + YEARS_AHEAD + 1)


def read_accepted(path: Path) -> Accepted | None:
    """What is kept there; None where there is nothing, or nothing that can be read."""
    try:
        found = json.loads(path.read_bytes())
        if found["format"] != FORMAT:
            return None
        return Accepted(
            tuple((str(one["name"]), str(one["text"])) for one in found["files"]),
            {
                (str(one["country"]), str(one["region"]), int(year)): frozenset(map(date.fromisoformat, days))
                for one in found["holidays"]
                for year, days in one["years"].items()
            },
            {str(place): str(text) for place, text in found["calendars"].items()},
            float(found["accepted_at"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_accepted(path: Path, accepted: Accepted) -> None:
    """Keep it, durably and as a whole, for the switch's own user. Raises OSError."""
    places = sorted({(country, region) for country, region, _ in accepted.holidays})
    data = {
        "format": FORMAT,
        "accepted_at": accepted.at,
        "files": [{"name": name, "text": text} for name, text in accepted.texts],
        "calendars": accepted.calendars,
        "holidays": [
            {
                "country": country,
                "region": region,
                "years": {
                    year: sorted(map(str, days))
                    for (a, b, year), days in accepted.holidays.items()
                    if (a, b) == (country, region)
                },
            }
            for country, region in places
        ],
    }
    with _replacing(path) as file:
        file.write_text(json.dumps(data, indent=1, ensure_ascii=False), encoding="utf-8")


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A new file, mode 0600, that takes the old one's place in one step once it is on the disk."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        yield Path(name)
        os.fsync(handle)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    finally:
        os.close(handle)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
