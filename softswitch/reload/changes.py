"""What a reload changes, in words: which calls go another way, and which settings want a restart."""

from __future__ import annotations

from dataclasses import asdict

from softswitch.dialplan.diff import report
from softswitch.dialplan.plan import Plans
from softswitch.settings import Settings

RELOADED = ("file", "dialplans", "secrets")
"""Settings that a reload takes over."""
WRITTEN = {"listeners": "listen", "max_body_bytes": "max_body"}
"""Settings that the file calls otherwise."""
MOST_LINES = 200
"""Who changes more has changed everything, and knows it."""


def restart_needed(old: Settings, new: Settings) -> list[str]:
    """The names, as in the file, of settings that differ and that only a restart takes over."""
    # As dicts: two readings of the same listener are two listeners, for the switch tells them by identity.
    before, after = asdict(old), asdict(new)
    return [WRITTEN.get(name, name) for name in before if name not in RELOADED and before[name] != after[name]]


def plan_changes(old: Plans, new: Plans, wall: float) -> list[str]:
    """What is different for callers from `wall` (now) on; empty when every call goes the way it went."""
    sites = [*old, *(site for site in new if site not in old)]
    lines: list[str] = []
    for site in sites:
        if site not in old:
            lines.append(f"the site {site} is new")
        elif site not in new:
            lines.append(f"the site {site} is gone: its phones are served no more")
        elif found := report(old[site], new[site], wall):
            lines += [f"at {site}:"] if len(sites) > 1 else []
            lines += found
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [f"and {len(lines) - MOST_LINES} lines more"]
    return lines
