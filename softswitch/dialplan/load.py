"""Loading dialplans: files in, plans out, or every problem of all files in one go."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from softswitch.dialplan.assertions import check_assertions
from softswitch.dialplan.build import build_plan
from softswitch.dialplan.calendars import CopyOf
from softswitch.dialplan.plan import Plan, Plans
from softswitch.dialplan.source import Source, TooManyProblems, read_source
from softswitch.dialplan.unreached import warn_of_unreached
from softswitch.errors import ConfigError, Problem

__all__ = ["Plan", "Plans", "load_plans", "load_texts"]

_DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,62})(\.[a-z0-9]([a-z0-9-]{0,62}))*")


def load_plans(
    paths: Sequence[Path], *, copy_of: CopyOf | None = None, wall: float | None = None
) -> tuple[Plans, list[Problem]]:
    """The plans of all sites in these files, and the warnings.

    Files with the same `site.domain` are one site. `copy_of` has the calendars of addresses, without it they are empty;
    `wall` (seconds since 1970 UTC) is now, without it nothing is told of the past. Raises ConfigError with every
    problem, warnings too, when there is any error.
    """
    return _plans([(path, str(path)) for path in paths], copy_of, wall)


def load_texts(
    texts: Iterable[tuple[str, str]],
    *,
    copy_of: CopyOf | None = None,
    wall: float | None = None,
    sounds_needed: bool = True,
) -> tuple[Plans, list[Problem]]:
    """The same for files in memory, as (name, content).

    `sounds_needed=False`: a sound file that can't be used is a warning, for a dialplan that was accepted before.
    """
    return _plans([(content, name) for name, content in texts], copy_of, wall, sounds_needed)


def _plans(
    files: list[tuple[Path | str, str]], copy_of: CopyOf | None, wall: float | None, sounds_needed: bool = True
) -> tuple[Plans, list[Problem]]:
    problems: list[Problem] = []
    sources: list[Source] = []
    for content, name in files:
        try:
            sources.append(read_source(content, name))
        except ConfigError as error:
            problems += error.problems
    sites: dict[str, list[Source]] = {}
    for source in sources:
        sites.setdefault(_domain(source), []).append(source)
    plans: Plans = {}
    for domain, of_site in sites.items():
        try:
            plans[domain] = build_plan(of_site, copy_of, wall, sounds_needed)
            if not any(problem.severity == "error" for source in of_site for problem in source.problems):
                check_assertions(plans[domain], of_site, wall)
                warn_of_unreached(plans[domain], of_site)
        except TooManyProblems:
            continue
    if not files:
        problems.append(Problem("", 0, 0, "there is no dialplan"))
    for source in sources:
        problems += source.problems
    problems.sort(key=lambda problem: (problem.file, problem.line, problem.column))
    if any(problem.severity == "error" for problem in problems):
        raise ConfigError(problems)
    return plans, problems


def _domain(source: Source) -> str:
    site = source.model.site
    if site is None:
        if not source.was_dropped("site"):
            source.error("which firm is this? write site: with domain: and timezone:")
        return ""
    if not _DOMAIN.fullmatch(site.domain):
        source.error(f'"{site.domain}" can\'t be a domain; write it like acme.example', "site", "domain")
    return site.domain
