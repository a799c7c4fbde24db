"""What the commands about stored things share: the file, the sites' times, and who is meant.

They read the SQLite file itself, whether the switch runs or not: what it writes is there a moment later, years of
calls can be read without the switch noticing, and the answer is the same after it has stopped.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from sqlite3 import Connection
from zoneinfo import ZoneInfo

from softswitch.cli.common import Refused, choose_plan, shown_path
from softswitch.dialplan.load import load_plans
from softswitch.dialplan.plan import Person, Plans
from softswitch.errors import ConfigError
from softswitch.settings import Settings
from softswitch.store.errors import StoreError
from softswitch.store.reading import reading
from softswitch.values import duration

MEMORY = "nothing is kept: the settings say store: memory"


@contextmanager
def store_of(settings: Settings) -> Iterator[Connection]:
    """The store, to read from. Raises Refused with a sentence for the operator."""
    if settings.sqlite_file is None:
        raise Refused(MEMORY)
    try:
        with reading(settings.sqlite_file) as connection:
            yield connection
    except StoreError as error:
        raise Refused(str(error)) from None


def plans_if_sound(settings: Settings) -> Plans:
    """The dialplans; none when they have mistakes, which is no reason not to show what was."""
    try:
        return load_plans([shown_path(path) for path in settings.dialplans])[0]
    except ConfigError:
        return {}


def zone_of(plans: Plans, site: str = "") -> tzinfo:
    """The time of a site, of all sites where they share one; else this machine's."""
    zones = {plan.timezone for plan in plans.values() if plan.site == site or not site}
    if len(zones) == 1:
        return ZoneInfo(zones.pop())
    local = datetime.now().astimezone().tzinfo
    assert local is not None
    return local


def since_moment(text: str, zone: tzinfo) -> float:
    """Seconds since 1970 UTC, of "2h" (ago), "8:00" (the latest), "today", "2026-11-23" or "2026-11-23 09:00".

    Raises Refused.
    """
    now = datetime.fromtimestamp(time.time(), zone)
    if text == "today":
        return now.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).timestamp()
    clock = re.fullmatch(r"(\d{1,2}):(\d{2})", text)
    if clock and int(clock[1]) < 24 and int(clock[2]) < 60:
        at = now.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0, fold=0)
        return (at if at <= now else at - timedelta(days=1)).timestamp()
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2})?)?", text):
        try:
            return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()
        except (ValueError, OverflowError) as error:
            raise Refused(f'--since "{text}": {error}') from None
    try:
        return now.timestamp() - duration(text)
    except ValueError:
        raise Refused(f'--since "{text}": write 2h or 7d, 8:00, today, 2026-11-23 or "2026-11-23 09:00"') from None


def person_meant(plans: Plans, who: str, site: str | None) -> tuple[str, str]:
    """(site, key) of whom an operator calls "anna", "101" or "anna@acme.example"; the site "" for any.

    Somebody who has left the dialplan is taken by name.
    """
    if not plans:
        user, _, domain = who.partition("@")
        return site or domain, user
    plan, user = choose_plan(plans, site, who)
    found = plan.lookup(user)
    return plan.site, found.name if isinstance(found, Person) else user


def path_of(settings: Settings) -> Path:
    """The store's file. Raises Refused where there is none."""
    if settings.sqlite_file is None:
        raise Refused(MEMORY)
    return settings.sqlite_file
